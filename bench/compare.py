"""
What has moved between two reports, beyond the noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bench.results import FigureResult, Report
from bench.series import Series, moved
from bench.table import number

NOTHING = "nothing has moved beyond the noise"


class Change(NamedTuple):
    """
    One figure that has moved.

    @ivar change: the part by which it is more, or less if negative; less is
        better.
    """

    row: str
    unit: str
    before: float
    after: float
    change: float

    def __str__(self) -> str:
        word = "worse" if self.change > 0 else "better"
        return f"{word:<7}{self.row}, {self.unit}: {number(self.before)} -> {number(self.after)} ({self.change:+.0%})"


def telling(figure: FigureResult) -> tuple[Series, str]:
    """
    What of a figure tells most: how it stood to the other side, which the
    same machine had measured at the same time, or else its own value.
    """
    if figure.ratios:
        return Series(tuple(figure.ratios)), f"{figure.unit}, times the other side's"
    return Series(tuple(figure.values)), figure.unit


def changes(before: Report, after: Report) -> Iterator[Change]:
    """
    What has moved, row by row.
    """
    known = {(row.name, figure.key): figure for row in before.rows for figure in row.figures}
    for row in after.rows:
        for figure in row.figures:
            other = known.get((row.name, figure.key))
            if other is None:
                continue
            (old, unit), (new, newUnit) = telling(other), telling(figure)
            if unit == newUnit and old.values and new.values and (change := moved(old, new)):
                yield Change(row.name, unit, old.median, new.median, change)


def comparison(before: Report, after: Report) -> str:
    """
    The same for people.
    """
    lines = [f"Against {before.commit}, {before.date}:"]
    if before.quick != after.quick:
        lines.append("one of the two was quick: sizes differ, and with them the figures")
    found = sorted(changes(before, after), key=lambda one: -abs(one.change))
    return "\n".join([*lines, *(map(str, found) if found else [NOTHING])]) + "\n"
