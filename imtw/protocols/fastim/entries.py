"""
Rooms as lists of rooms show them, each read once for all lists.

How many messages a room has, and when the last one was said, is kept for
every room that a list shows; that message only while there is space for it.
What was not shown for longest is dropped, and read again when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imtw.model import Tally, groupPair
from imtw.protocols.fastim.forms import chatOf
from imtw.protocols.fastim.house import House
from imtw.protocols.fastim.texts import entry, entryUnquoted, sizeOf

CHUNK = 200  # rooms asked for at once; the store bounds how much their messages take
KEPT = 16 * 1024 * 1024  # bytes of all texts


class Room:
    """
    How a room stands.

    @ivar mark: another number for another text that lists show.
    @ivar isRead: as it stands now, or will when the store has answered.
    """

    __slots__ = ("isRead", "mark", "total", "ts", "uses")

    def __init__(self) -> None:
        self.uses = 0
        self.total = 0
        self.ts = 0
        self.mark = 0
        self.isRead = False


class Entries:
    """
    The rooms that any list shows.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._store = house.core.store
        self._entry = entryUnquoted if house.options.strict else entry
        self._rooms: dict[str, Room] = {}
        self._texts: dict[str, str] = {}  # what was used last stands last
        self._size = 0

    def use(self, rooms: Iterable[str], before: Iterable[str]) -> None:
        """
        A list shows these rooms now, and not those of before; what none shows
        is forgotten.
        """
        for id in rooms:
            self._rooms.setdefault(id, Room()).uses += 1
        for id in before:
            room = self._rooms[id]
            room.uses -= 1
            if not room.uses:
                del self._rooms[id]
                self._drop(id)

    def ring(self, ids: Iterable[str]) -> None:
        """
        Something has changed there: read it again.
        """
        for id in ids:
            if id in self._rooms:
                self._rooms[id].isRead = False
                self._drop(id)

    def stand(self, id: str) -> Room:
        """
        How a room stands that a list shows.
        """
        return self._rooms[id]

    async def read(self, ids: Iterable[str]) -> None:
        """
        Read how these rooms stand, where that is not known.
        """
        wanted = [id for id in ids if not self._rooms[id].isRead]
        while wanted:
            wanted = await self._fetch(wanted[:CHUNK]) + wanted[CHUNK:]
            self._trim()

    async def texts(self, ids: Sequence[str], space: int) -> list[str]:
        """
        What lists show of the first of these rooms, as many as have that
        space.

        @param space: bytes.
        """
        found: list[str] = []
        for at, id in enumerate(ids):
            if id not in self._texts:
                await self._fetch([one for one in ids[at : at + CHUNK] if one not in self._texts])
            text = self._texts.pop(id, None)
            if text is None:  # no list shows it any more: its last one went meanwhile
                continue
            self._texts[id] = text
            space -= sizeOf(text)
            if space < 0:
                break
            found.append(text)
        self._trim()
        return found

    async def _fetch(self, ids: Sequence[str]) -> list[str]:
        """
        Ask the store about rooms, the first of which gets an answer.

        @return: those for which there was no space.
        """
        left = dict.fromkeys(ids)
        self._mark(left, True)  # what rings from here on may be missing in the answer
        try:
            tallies: list[Tally] = await self._store.newest([groupPair(id) for id in ids], 1)
            for id, tally in zip(ids, tallies, strict=True):
                if tally.messages or not tally.total:
                    del left[id]
                    self._note(id, tally)
        finally:
            self._mark(left, False)
        return [id for id in left if id in self._rooms]

    def _mark(self, ids: Iterable[str], isRead: bool) -> None:
        for id in ids:
            if id in self._rooms:
                self._rooms[id].isRead = isRead

    def _note(self, id: str, tally: Tally) -> None:
        """
        Keep how a room stands.  A message that no list has space for is not
        shown.
        """
        room = self._rooms.get(id)
        if room is None:
            return
        last = tally.messages[-1] if tally.messages else None
        room.total, room.ts = tally.total, 0 if last is None else last.ts
        text = self._entry(None if last is None else chatOf(last, self._house.realm), tally.total)
        if sizeOf(text) > self._house.core.limits.answer:
            text = self._entry(None, tally.total)
        room.mark = hash(text)
        self._drop(id)
        self._texts[id] = text
        self._size += sizeOf(text)

    def _trim(self) -> None:
        """
        Drop what was not used for longest.
        """
        while self._size > KEPT:
            self._drop(next(iter(self._texts)))

    def _drop(self, id: str) -> None:
        """
        Forget what a room's entry says.
        """
        self._size -= sizeOf(self._texts.pop(id, ""))
