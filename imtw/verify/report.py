"""
What came of it: results, and the table of them.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, TextIO
from unicodedata import east_asian_width

from msgspec import Struct


class Verdict(Enum):
    """
    How a row ended.
    """

    PASS = "pass"
    FAIL = "FAIL"
    SKIP = "skip"


class Result(Struct):
    """
    One line of the table.

    @ivar id: the row, such as C{D1}.
    @ivar guarantee: what is held to be so.
    @ivar runs: how often it was put to the test, in words.
    @ivar figure: what was measured.
    @ivar target: what was wanted.
    @ivar note: what else is worth knowing, or why it was skipped.
    """

    id: str
    guarantee: str
    runs: str
    figure: str
    target: str
    verdict: Verdict
    note: str = ""
    seed: int = 0
    seconds: float = 0.0


def judged(id: str, guarantee: str, runs: str, figure: str, target: str, holds: bool, note: str = "") -> Result:
    """
    A result that passes or fails.
    """
    return Result(id, guarantee, runs, figure, target, Verdict.PASS if holds else Verdict.FAIL, note)


def skipped(id: str, guarantee: str, why: str) -> Result:
    """
    A row that could not be put to the test.
    """
    return Result(id, guarantee, "0", "-", "-", Verdict.SKIP, why)


HEADS = ("row", "guarantee", "runs", "figure", "target", "verdict", "seed")


def table(results: Iterable[Result]) -> str:
    """
    All of them, for people.
    """
    rows: list[Sequence[str]] = [HEADS]
    notes = []
    for one in results:
        rows.append((one.id, one.guarantee, one.runs, one.figure, one.target, one.verdict.value, str(one.seed)))
        if one.note:
            notes.append(f"{one.id}: {one.note}")
    widths = [max(width(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = ["  ".join(padded(cell, size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * size for size in widths))
    return "\n".join([*lines, "", *notes] if notes else lines)


def summary(results: Sequence[Result]) -> str:
    """
    How many of each verdict.
    """
    counts = {verdict: sum(one.verdict is verdict for one in results) for verdict in Verdict}
    return f"{counts[Verdict.PASS]} passed, {counts[Verdict.FAIL]} failed, {counts[Verdict.SKIP]} skipped"


def writeJSON(stream: TextIO, results: Sequence[Result], plan: dict[str, Any]) -> None:
    """
    All of them, for programs.
    """
    json.dump(
        {
            "plan": plan,
            "machine": {"platform": platform.platform(), "python": sys.version.split()[0]},
            "results": [
                {name: getattr(one, name) for name in one.__struct_fields__ if name != "verdict"}
                | {"verdict": one.verdict.name.lower()}
                for one in results
            ],
        },
        stream,
        ensure_ascii=False,
        indent=2,
    )
    stream.write("\n")


def width(text: str) -> int:
    """
    The columns that a text takes.
    """
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)


def padded(text: str, size: int) -> str:
    """
    A text with blanks up to a width.
    """
    return text + " " * (size - width(text))
