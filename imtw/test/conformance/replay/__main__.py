"""
Replay recorded conversations against a running chat server and compare.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from .play import QUIET, Case, Server, verdict


def arguments() -> argparse.Namespace:
    """
    What is asked for.
    """
    parser = argparse.ArgumentParser(prog="replay", description=(__doc__ or "").strip())
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASE", help="a case file, or a folder of them")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--second-port", type=int, default=0, help="default: the port behind --port")
    parser.add_argument("--only", default="*", metavar="GLOB", help="play the cases whose name matches")
    parser.add_argument("--twice", action="store_true", help="play them all, then all once more")
    parser.add_argument("--settle", type=float, default=QUIET, metavar="SECONDS", help="quiet time that ends a step")
    return parser.parse_args()


def chosen(paths: list[Path], only: str) -> list[Case]:
    """
    The cases to play, in the order named.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    cases = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return [case for case in cases if fnmatchcase(case["name"], only)]


def judged(case: Case, server: Server) -> bool:
    """
    Play a case and print the verdict.
    """
    wrong = asyncio.run(verdict(case, server))
    print(f"FAIL {case['name']}\n{wrong}" if wrong else f"ok  {case['name']}", flush=True)
    return not wrong


def main() -> int:
    """
    Play them all.

    @return: the exit status.
    """
    args = arguments()
    server = Server(args.host, args.port, args.settle, args.second_port)
    cases = chosen(args.cases, args.only)
    if not cases:
        print("no case was chosen; see --only", file=sys.stderr)
    verdicts = [judged(case, server) for _ in range(1 + args.twice) for case in cases]
    print(f"{sum(verdicts)} passed, {verdicts.count(False)} failed")
    return 0 if verdicts and all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
