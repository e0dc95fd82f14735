"""
How far private conversations were told on this node.

A group is live while somebody is in it here, and knows that itself
(L{imtw.groups.LiveGroup}).  A private conversation is nothing but its rows:
so the ones that had a row lately are remembered, a bounded number of them.
"""

from __future__ import annotations

from imtw.model import Message
from imtw.told import Told

KEPT = 10_000  # private conversations, of about 0.3 KB


class Place(Told):
    """
    A private conversation.

    @ivar first: the first row that was told since it is remembered.
    @ivar isUnsure: nobody looked yet whether a row before that was not.
    @ivar ts: of the last row, ms.
    """

    __slots__ = ("first", "isUnsure", "ts")

    def __init__(self, first: int) -> None:
        super().__init__(first - 1)
        self.first = first
        self.isUnsure = first > 1
        self.ts = 0


class Places:
    """
    The private conversations that had a row lately.

    @ivar forgotten: no row that was told in one that is not among them any
        more is later than this, ms.
    """

    def __init__(self) -> None:
        self._places: dict[int, Place] = {}
        self.forgotten = 0

    def of(self, message: Message) -> Place:
        """
        That of a row.
        """
        number = message.conversation
        place = self._places.pop(number, None)
        if place is None:
            place = Place(message.seq)
            if len(self._places) >= KEPT:
                oldest = self._places.pop(next(iter(self._places)))
                self.forgotten = max(self.forgotten, oldest.ts)
        self._places[number] = place
        place.ts = max(place.ts, message.ts)
        return place

    def drop(self, message: Message) -> None:
        """
        Nobody is here whom it concerns.
        """
        self._places.pop(message.conversation, None)
