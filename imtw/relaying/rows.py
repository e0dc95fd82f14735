"""
What other nodes have stored, on its way to sessions here.

A notice may be lost.  A row carries its place in the log, so that a
conversation that is told of row 9 after row 7 reads row 8 from the store: as
soon as anything else of it comes, and at no other time.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from imtw.delivery import Delivery
from imtw.faults import report
from imtw.groups import LiveGroup, LiveGroups
from imtw.interfaces import IStore
from imtw.model import Fact, Message, Scope
from imtw.numbers import Numbers
from imtw.relaying.places import Place, Places
from imtw.sessions import Sessions
from imtw.telling import eventOf

GAP_PAGE = 500  # rows read at once


class Rows:
    """
    Tells each row once, and after what comes before it.
    """

    log = Logger()

    def __init__(
        self, store: IStore, sessions: Sessions, groups: LiveGroups, numbers: Numbers, delivery: Delivery
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._groups = groups
        self._numbers = numbers
        self._delivery = delivery
        self._places = Places()
        self._reading: dict[LiveGroup | Place, list[Message]] = {}  # and what comes meanwhile

    def note(self, message: Message) -> None:
        """
        A row was stored, and is told, on this node.
        """
        if message.pair.scope is Scope.PRIVATE:  # a group knows it
            self._places.of(message).note(message.seq)

    def hear(self, message: Message) -> None:
        """
        Tell a row to whom it concerns here: once, and after what comes
        before it.
        """
        place = self._placeOf(message)
        if place is None:
            return
        if place.has(message.seq):
            if message.repeat:  # which an old client's recipients are told of again
                self._tell(place, message)
        elif place in self._reading:
            late = self._reading[place]
            late[GAP_PAGE - 1 :] = [message]  # beyond that the log has what is in front of the last
        elif place.isNext(message.seq) and not self._isUnsure(place) and self._areKnown(message):
            self._tell(place, message)
        else:
            self._reading[place] = []
            inBackground(self.log, self._repair(place, message), "reading what another node said")

    def _placeOf(self, message: Message) -> LiveGroup | Place | None:
        """
        How far a row's conversation was told here; L{None} where there is
        nobody to be told.
        """
        pair = message.pair
        if pair.scope is Scope.GROUP:
            return self._groups.get(pair.a)
        if self._sessions.online(pair.a) or self._sessions.online(pair.b):
            return self._places.of(message)
        self._places.drop(message)
        return None

    def _isUnsure(self, place: LiveGroup | Place) -> bool:
        """
        May something be missing that came before the first row told here?
        """
        return isinstance(place, Place) and place.isUnsure

    async def _repair(self, place: LiveGroup | Place, message: Message) -> None:
        """
        Read what was missed in front of a row, as far as the log has it, then
        tell all of it.
        """
        try:
            await self._learn([message])
            after = self._beginOf(place)
            while after < message.seq - 1:
                rows = await self._store.walk(message.pair, after, GAP_PAGE)
                missed = [row for row in rows if row.seq < message.seq and self._isMissed(place, row)]
                await self._learn(missed)
                for row in missed:
                    isRecall = row.fact is Fact.RECALL and isinstance(place, Place)
                    if isRecall and not await self._delivery.isHeard(row.sender, row.pair):
                        row = replace(row, unheard=True)
                    self._tell(place, row, isLate=True)
                if not rows:
                    break
                after = rows[-1].seq
            place.giveUp(message.seq)
            if isinstance(place, Place):
                place.isUnsure = False
        finally:
            late = self._reading.pop(place)
        if not place.has(message.seq):
            self._tell(place, message)
        for row in late:
            self.hear(row)

    def _beginOf(self, place: LiveGroup | Place) -> int:
        """
        Behind which row something may have been missed: where nobody looked
        yet, within a page before the first that was told.
        """
        if isinstance(place, Place) and place.isUnsure:
            return max(0, place.first - 1 - GAP_PAGE)
        return min(place.missed, default=place.head + 1) - 1

    def _isMissed(self, place: LiveGroup | Place, row: Message) -> bool:
        """
        Was a row not told here, as far as that is remembered?
        """
        if isinstance(place, Place) and row.seq < place.first:
            return place.isUnsure and row.ts > self._places.forgotten
        return not place.has(row.seq)

    def _tell(self, place: LiveGroup | Place, row: Message, isLate: bool = False) -> None:
        """
        Tell a row.
        """
        if isinstance(place, LiveGroup):
            place.post(eventOf(row))
        else:
            place.note(row.seq)
            self._delivery.tellPair(eventOf(row), isLate=isLate)

    # whom some dialects know by numbers

    def meet(self, message: Message, goOn: Callable[[], None]) -> None:
        """
        Go on once a message's people have their numbers, where that matters.
        """
        if self._areKnown(message):
            goOn()
        else:
            inBackground(self.log, self._meetFirst(message, goOn), "learning numbers")

    async def _meetFirst(self, message: Message, goOn: Callable[[], None]) -> None:
        await self._learn([message])
        goOn()

    def _areKnown(self, message: Message) -> bool:
        if not self._numbers.isWanted:
            return True
        return all(self._numbers.known(user) is not None for user in peopleOf([message]))

    async def _learn(self, messages: Iterable[Message]) -> None:
        if self._numbers.isWanted:
            await self._numbers.learn(peopleOf(messages))


def inBackground(log: Logger, work: Coroutine[Any, Any, None], name: str) -> None:
    """
    Do something that nobody waits for; what goes wrong is logged.
    """
    Deferred.fromCoroutine(work).addErrback(lambda failure: report(log, failure, name))


def peopleOf(messages: Iterable[Message]) -> set[str]:
    """
    Who has to be known where messages are told.
    """
    return {
        user
        for message in messages
        for user in ([message.sender] if message.pair.scope is Scope.GROUP else message.pair[1:])
    }
