"""
The order of a person's private conversations in memory.  As in
L{imtw.persistence.recent}, a message notes at most that its conversation is
not settled, and who looks settles what came since it last did.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from imtw.persistence.memorylog import Log
from imtw.persistence.rules import NEVER

MANY = 50  # to settle one by one costs more than to sort all, where that is less than so many times as much


class Recent:
    """
    A person's private conversations, and those in which something may wait.

    @ivar fresh: by number, those that have got rows since they were settled.
    @ivar waiting: numbers of settled ones: all in which something waits for
        the devices without a name, and perhaps others.
    """

    __slots__ = ("_order", "_places", "fresh", "waiting")

    def __init__(self) -> None:
        self.fresh: dict[int, Log] = {}
        self.waiting: set[int] = set()
        self._places: dict[int, tuple[int, int]] = {}
        self._order: list[tuple[int, int]] = []  # time and negative number, the oldest first

    def settle(self) -> dict[int, Log]:
        """
        Bring the order up to date.

        @return: what was fresh.
        """
        fresh, self.fresh = self.fresh, {}
        places, order = self._places, self._order
        one = MANY * len(fresh) < len(order)
        for number, log in fresh.items():
            log.isNoted = False
            if one and number in places:
                del order[bisect_left(order, places[number])]
            places[number] = place = (log.ts, -number)
            if one:
                insort(order, place)
        if fresh and not one:
            self._order = sorted(places.values())
        self.waiting.update(fresh)
        return fresh

    def newest(self, before: int | None, behind: int | None) -> Iterator[tuple[int, int]]:
        """
        The settled ones behind a place in the list: negative time, and
        number, in their order.
        """
        order = self._order
        end = len(order)
        if before is not None:
            end = bisect_left(order, (before, -NEVER if behind is None else -behind))
        for at in range(end - 1, -1, -1):
            ts, number = order[at]
            yield -ts, -number
