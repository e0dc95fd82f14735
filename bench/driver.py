"""
Runs rows: the sides of each in turns, some rounds.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic

from bench.results import Report, RowResult, rowResult
from bench.shapes import Numbers, Row, Unsound
from bench.stage import HERE, Stage, tell
from bench.table import rowLines

TRIES = 2  # for each round: one that is unsound is tried once more


def measureRow(row: Row, stage: Stage, rounds: int) -> RowResult:
    """
    Measure one row.
    """
    began = monotonic()
    found: list[Mapping[str, Numbers]] = []
    unsound: list[str] = []
    for number in range(rounds):
        for _ in range(TRIES):
            try:
                found.append(measureRound(row, stage, number))
                break
            except Unsound as problem:
                unsound.append(str(problem))
    result = rowResult(row, found, unsound)
    for text in rowLines(result):
        tell(text)
    busy = f", other programs had the server's core {result.others:.0%} of the time" if result.others else ""
    tell(f"    {monotonic() - began:.0f} s{busy}")
    return result


def measureRound(row: Row, stage: Stage, number: int) -> Mapping[str, Numbers]:
    """
    Measure each side once, those behind first in every second round.

    @raise Unsound: one of them did not go as it has to.
    """
    sides = list(row.sides.items())
    found = {}
    for name, measure in sides[:: -1 if number % 2 else 1]:
        try:
            found[name] = measure(stage)
        except Unsound as problem:
            raise Unsound(f"{name}: {problem}") from problem
    return {name: found[name] for name in row.sides}


def measureAll(rows: Sequence[Row], stage: Stage, rounds: int) -> Iterator[Report]:
    """
    Measure rows one after the other.

    @return: after each row a report of all so far.
    """
    began = monotonic()
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    results: list[RowResult] = []
    for number, row in enumerate(rows, 1):
        tell(f"{number} of {len(rows)}: {row.name}")
        results.append(measureRow(row, stage, rounds))
        yield Report(date, commit(), machine(), stage.quick, rounds, monotonic() - began, results)


def commit() -> str:
    """
    Which imtw it is, with a plus where files were changed since.
    """
    words = ["git", "-C", str(HERE), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine() -> dict[str, str]:
    """
    What it runs on.
    """
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        models = [line.partition(":")[2].strip() for line in stream if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }
