"""
What some rounds say: a middle, a spread, and how two sides compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple


class Series(NamedTuple):
    """
    One number of one side, a value a round.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """
        The middle.
        """
        return median(self.values)

    @property
    def low(self) -> float:
        """
        The least.
        """
        return min(self.values)

    @property
    def high(self) -> float:
        """
        The most.
        """
        return max(self.values)


def over(ours: Series, theirs: Series) -> Series:
    """
    Ratios, round by round: what slowed the machine down slowed both sides of
    a round.
    """
    return Series(tuple(one / other for one, other in zip(ours.values, theirs.values, strict=True) if other))


#: Below this part of it no change is believed, with so many rounds.
FLOORS = ((1, 0.3), (2, 0.2), (4, 0.1))
FLOOR = 0.05


def floorOf(rounds: int) -> float:
    """
    The least change that is believed with so many rounds.
    """
    return next((floor for most, floor in FLOORS if rounds <= most), FLOOR)


def moved(before: Series, after: Series) -> float:
    """
    By which part a number has changed, if that is more than noise: no round
    of the one is within the rounds of the other, and the change is not small.

    @return: 0.1 for ten in a hundred more; 0 for noise.
    """
    if after.low <= before.high and before.low <= after.high:
        return 0.0
    if not before.median:
        return 0.0
    change = after.median / before.median - 1
    rounds: Sequence[int] = (len(before.values), len(after.values))
    return change if abs(change) > floorOf(min(rounds)) else 0.0
