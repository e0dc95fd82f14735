"""
C{bench/run}: what it takes, and what it leaves.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import MsgspecError

from bench.compare import comparison
from bench.driver import measureAll
from bench.results import Report, dump, load
from bench.rows import ROWS
from bench.shapes import Row
from bench.stage import HERE, CannotMeasure, Stage, tell
from bench.table import markdown

ROUNDS = 5


def parser() -> argparse.ArgumentParser:
    """
    The options.
    """
    made = argparse.ArgumentParser(
        prog="bench/run",
        description="Measure imtw beside a baseline in C. All of it takes about 25 minutes on a "
        "machine that does nothing else, with --quick two.",
    )
    made.add_argument("--quick", action="store_true", help="one round with small sizes: every row, roughly")
    made.add_argument("--row", action="append", metavar="NAME", help="only rows whose names begin so; again for more")
    made.add_argument("--list", action="store_true", help="list the rows")
    made.add_argument("--rounds", type=int, metavar="N", help=f"rounds for each row [{ROUNDS}, quick 1]")
    made.add_argument("--out", type=Path, default=Path("."), metavar="DIR", help="where bench.json and bench.md go [.]")
    made.add_argument("--compare", type=Path, metavar="FILE", help="say what has moved since an earlier bench.json")
    made.add_argument("--against", type=Path, metavar="FILE", help="with --compare: compare these two, measure nothing")
    inFolder(made)
    return made


def inFolder(parser: argparse.ArgumentParser) -> None:
    """
    The option that all programs of the benchmark have.
    """
    parser.add_argument(
        "--cache",
        type=Path,
        default=HERE / "build",
        metavar="DIR",
        help="where programs and large databases are kept [bench/build]",
    )


def chosen(names: Sequence[str] | None) -> list[Row]:
    """
    The rows that are asked for.

    @raise CannotMeasure: there are none of this name.
    """
    for name in names or ():
        if not any(row.name.startswith(name) for row in ROWS):
            raise CannotMeasure(f"no row begins with {name!r}; there are {', '.join(row.name for row in ROWS)}")
    return [row for row in ROWS if not names or row.name.startswith(tuple(names))]


def reportIn(file: Path) -> Report:
    """
    An earlier report.

    @raise CannotMeasure: there is none.
    """
    try:
        return load(file.read_bytes())
    except (OSError, MsgspecError) as error:
        raise CannotMeasure(f"{file} is no report: {error}") from error


def run(arguments: Sequence[str] | None = None) -> None:
    """
    Do what is asked for.

    @raise CannotMeasure: it cannot be done.
    """
    options = parser().parse_args(arguments)
    rows = chosen(options.row)
    if options.list:
        print(*(f"{row.name:<22}{row.title}" for row in rows), sep="\n")
        return
    before = reportIn(options.compare) if options.compare else None
    if options.against:
        if before is None:
            raise CannotMeasure("--against wants --compare")
        print(comparison(before, reportIn(options.against)), end="")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    with Stage.open(options.cache, options.quick) as stage:
        for report in measureAll(rows, stage, rounds):  # whoever interrupts it has what was measured
            text = markdown(report)
            (options.out / "bench.json").write_bytes(dump(report))
            (options.out / "bench.md").write_text(text, "utf-8")
    print(text, end="")
    if before is not None:
        print("\n" + comparison(before, report), end="")


def main(work: Callable[[Sequence[str] | None], None], name: str) -> int:
    """
    Run one of the programs.

    @return: the exit status.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that our servers end with us
    try:
        work(None)
    except CannotMeasure as problem:
        tell(f"{name}: {problem}")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0
