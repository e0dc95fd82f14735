"""
What a server has done so far: plain numbers, read by the admin listener.
"""

from __future__ import annotations

from collections import Counter


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
