"""
What a server has done so far: plain numbers, read by the admin listener.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence


class Counters:
    """
    The counts of one server, from its start.

    @ivar committed: messages stored; repeats are not.
    @ivar commits: how many commits that took.
    @ivar refused: answers that refused something, by status.
    @ivar evicted: connections cut for not reading.
    @ivar turnedAway: connections not taken, past the limit.
    """

    __slots__ = ("commits", "committed", "evicted", "refused", "turnedAway")

    def __init__(self) -> None:
        self.committed = 0
        self.commits = 0
        self.evicted = 0
        self.turnedAway = 0
        self.refused: Counter[int] = Counter()


class Spread:
    """
    How some values are spread: how many lie between bounds, and their sum.

    @ivar bounds: upper ends, each belonging to what is below it.
    @ivar counts: how many values each has; the last is what lies above all.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def note(self, value: float) -> None:
        """
        One more.
        """
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class CommitSpreads:
    """
    What commits were like.

    @ivar sizes: changes in one, messages among them.
    @ivar times: seconds from its beginning to when it is on disk.
    """

    __slots__ = ("sizes", "times")

    def __init__(self) -> None:
        self.sizes = Spread((1, 2, 4, 8, 16, 32, 64, 128, 256, 512))
        self.times = Spread((0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0))
