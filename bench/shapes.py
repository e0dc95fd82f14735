"""
What a row of the benchmark is made of.

A row has sides, measured in turns, some rounds: first imtw's, and beside it
mostly the baseline's.  Each time a side gives numbers by name; the row's
figures say which of them count, and how good they have to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bench.servers import Servable
from bench.stage import Stage

OF_IT = " of its speed"
#: What one side gave in one round, by name.
Numbers = Mapping[str, float]


class Unsound(Exception):
    """
    A round counts for nothing: messages were lost, clients cut, and so on.
    """


class Measure(Protocol):
    """
    One side of a row: a dataclass.

    @ivar server: what is measured.
    """

    @property
    def server(self) -> Servable: ...

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.

        @raise Unsound: something went wrong that must not.
        """


@dataclass(frozen=True)
class AtMost:
    """
    The first side's number must not be above this.
    """

    bound: float

    def judge(self, value: float, ratio: float | None) -> bool:
        """
        Is it reached?
        """
        return value <= self.bound

    def __str__(self) -> str:
        return f"at most {self.bound:g}"


@dataclass(frozen=True)
class Times:
    """
    It must not be above so many times the other side's.
    """

    bound: float

    def judge(self, value: float, ratio: float | None) -> bool:
        """
        Is it reached?

        @param ratio: of the first side's number to the other's.
        """
        return ratio is not None and ratio <= self.bound

    def __str__(self) -> str:
        return f"at most {self.bound:g} times"


@dataclass(frozen=True)
class Share:
    """
    The other side's number must be at least so many times the first's: with
    CPU time, this much of the other's speed.
    """

    bound: float

    def judge(self, value: float, ratio: float | None) -> bool:
        """
        Is it reached?

        @param ratio: of the first side's number to the other's.
        """
        return ratio is not None and ratio > 0 and 1 / ratio >= self.bound

    def __str__(self) -> str:
        return f"{self.bound:g}{OF_IT}"


Target = AtMost | Times | Share


@dataclass(frozen=True)
class Figure:
    """
    A number that counts.

    @ivar key: its name in L{Numbers}.  Of all of them less is better.
    @ivar unit: what one of it is.
    """

    key: str
    unit: str
    target: Target | None = None


@dataclass(frozen=True)
class Row:
    """
    One comparison.

    @ivar name: for the command line.
    @ivar title: what is done, for people.
    @ivar sides: what is measured, by the names people see, imtw's first.
    """

    name: str
    title: str
    sides: Mapping[str, Measure]
    figures: tuple[Figure, ...]
