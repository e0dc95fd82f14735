"""
The life of a message: accept, store, acknowledge, fan out.

::

    handler -> accept -> store.append ... committed
                                             |
                1 the event to the sender's own connection, where it is told
                2 the answer                (1 and 2 in one turn)
                3 the event to everybody else
                4 the relay

Nothing is told and nothing is acknowledged before the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from imtw.commands import ChatResult, Reply, Status
from imtw.cork import Cork
from imtw.counters import Counters
from imtw.cursors import Cursors
from imtw.errors import CommandRefused, StoreBusy
from imtw.events import Event, Whispered
from imtw.filters import Filters
from imtw.gates import Gate
from imtw.groups import LiveGroup, LiveGroups
from imtw.interfaces import IAppended, IChatFilter, IDelivery, IStore
from imtw.limits import Limits
from imtw.model import Draft, Fact, Message, Scope
from imtw.numbers import Numbers
from imtw.sessions import Session, Sessions
from imtw.slots import Slot, refusalOf
from imtw.telling import Telling, eventOf
from imtw.trail import Trail

T = TypeVar("T")

# An attribute of an enumeration costs ten times as much as a name of the module's.
_GROUP = Scope.GROUP
_EDIT = Fact.EDIT
_SENT = Status.SENT
_OFFLINE = Status.OFFLINE

LARGE = 4096  # bytes of a draft that is weighed; the number of the others is bound enough


@implementer(IAppended)
class ChatSlot(Slot):
    """
    The one object that a message costs here: it waits for the commit and is
    the place of the answer.
    """

    __slots__ = ("delivery", "session")

    def __init__(self, delivery: Delivery, session: Session) -> None:
        super().__init__()
        self.delivery = delivery
        self.session = session

    def appended(self, message: Message | None) -> None:
        """
        The message is committed, or there is no such conversation.
        """
        self.delivery.committed(self, message)

    def refused(self, error: Exception) -> None:
        """
        The message is not stored, and never acknowledged.
        """
        self.delivery.settled(self)
        if isinstance(error, CommandRefused):
            self.fill(refusalOf(error))
        else:
            self.fill(Reply(Status.BUSY if isinstance(error, StoreBusy) else Status.NOT_STORED))


@implementer(IDelivery)
class Delivery(Telling):
    """
    Takes messages on and brings them to their people.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        store: IStore,
        sessions: Sessions,
        groups: LiveGroups,
        cursors: Cursors,
        cork: Cork,
        limits: Limits,
        counters: Counters,
        numbers: Numbers,
        trail: Trail,
    ) -> None:
        super().__init__(store, sessions, groups, cursors, numbers, trail)
        self._counters = counters
        self._clock = clock
        self._commitQueue = limits.commitQueue
        self._commitBytes = limits.commitBytes
        self._large: dict[Slot, int] = {}  # what waits for a commit and is large: its bytes
        self._largeBytes = 0
        self._full = Gate()
        self._cork = cork
        self._filters = Filters(clock)
        store.onCommit(cork.push, self._committedBatch)

    def useFilters(self, filters: Sequence[tuple[str, IChatFilter]]) -> None:
        """
        Show every message to these first, in this order.
        """
        self._filters = Filters(self._clock, filters)

    def accept(self, session: Session, draft: Draft) -> Slot | Deferred[Slot]:
        """
        Take a message on.
        """
        if self._numbers.isWanted and not self._areKnown(draft):
            return Deferred.fromCoroutine(self._introduced(session, draft))
        if self._filters.seats and draft.fact is not Fact.RECALL:
            return Deferred.fromCoroutine(self._filtered(session, draft, self._append))
        return self._append(session, draft)

    def _areKnown(self, draft: Draft) -> bool:
        """
        Have its people their numbers?
        """
        known = self._numbers.known
        pair = draft.pair
        return known(draft.sender) is not None and (
            pair.scope is _GROUP or known(pair.partnerOf(draft.sender)) is not None
        )

    async def _introduced(self, session: Session, draft: Draft) -> Slot:
        """
        The same, once its people have their numbers.
        """
        pair = draft.pair
        await self._numbers.learn([draft.sender] if pair.scope is _GROUP else [pair.a, pair.b])
        if self._filters.seats and draft.fact is not Fact.RECALL:
            return await self._filtered(session, draft, self._append)
        return self._append(session, draft)

    async def whisper(self, session: Session, draft: Draft) -> Slot:
        """
        Tell a message to who is online, and keep nothing of it.
        """
        await self._store.maySpeak(draft.sender, draft.pair)
        return await self._filtered(session, draft, self._whisper)

    def _whisper(self, session: Session, draft: Draft) -> Slot:
        """
        Tell it.
        """
        slot = Slot()
        message = Message(0, 0, 0, draft.created, draft.pair, draft.id, draft.sender, draft.content, draft.created,
                          draft.kind, draft.device, draft.extras)
        if draft.pair.scope is _GROUP:
            self.tellGroup(draft.pair.a, Whispered(message))
            slot.gate = self._gateOf(draft.pair.a)
        else:
            self.tellUser(draft.pair.partnerOf(draft.sender), Whispered(message))
        slot.fill(Reply(Status.SENT, ChatResult(draft.id, 0, draft.created)), session.waiting())
        return slot

    def _gateOf(self, group: str) -> Gate | None:
        """
        Where those who speak in a group have to wait, if they do.
        """
        live = self._groups.get(group)
        return live.gate if live is not None and live.isFull else None

    def committed(self, slot: ChatSlot, message: Message | None) -> None:
        """
        The store has a message, or knows of nobody to keep it for.
        """
        if self._large:
            self.settled(slot)
        if message is None:
            slot.fill(Reply(Status.SENT))
            return
        if not message.repeat:
            self._counters.committed += 1
        if message.pair.scope is _GROUP:
            self._toGroup(slot, message)
        else:
            self._toPair(slot, message)

    def _append(self, session: Session, draft: Draft) -> Slot:
        """
        Queue a message for the next commit.
        """
        slot = ChatSlot(self, session)
        store = self._store
        if draft.weight > LARGE:
            self._large[slot] = draft.weight
            self._largeBytes += draft.weight
        store.append(draft, slot)
        if store.waiting >= self._commitQueue >> 1 or self._largeBytes >= self._commitBytes:
            slot.gate = self._full
        elif draft.pair.scope is _GROUP:
            slot.gate = self._gateOf(draft.pair.a)
        return slot

    def settled(self, slot: Slot) -> None:
        """
        A draft does not wait any more.
        """
        self._largeBytes -= self._large.pop(slot, 0)

    def _committedBatch(self) -> None:
        """
        All results of a commit are told.
        """
        self._counters.commits += 1
        self._cork.pull()
        if not self._cork.tight:  # else nothing has gone anywhere yet
            self._trail.flushed()
        if self._store.waiting < self._commitQueue >> 2 and self._largeBytes <= self._commitBytes >> 1:
            self._full.open()

    def _toGroup(self, slot: ChatSlot, message: Message) -> None:
        """
        Answer the sender, and leave the others to the next sweep.
        """
        before = b""
        if not (message.repeat and message.device):
            event = eventOf(message)
            live = self._groups.get(message.pair.a)
            if live is not None:
                before = self._postFrom(slot.session, live, event)
            self.relay(event)
        slot.fill(_answerTo(message, True), before)

    def _postFrom(self, speaking: Session, live: LiveGroup, event: Event) -> bytes:
        """
        Tell a group; what the speaking session is told is returned.
        """
        member = speaking.members.get(live.id)
        if member is None:
            live.post(event)
            return b""
        if speaking.isEchoed:
            live.post(event)
            return member.take()
        before = member.take()
        live.post(event)
        member.skip()
        return before

    def _toPair(self, slot: ChatSlot, message: Message) -> None:
        """
        Tell both sides' sessions; the sender's own connection is told in
        front of its answer.
        """
        online = self._sessions.online(message.pair.partnerOf(message.sender))
        before = b""
        if not (message.repeat and message.device):
            event = eventOf(message)
            before = self.tellPair(event, slot.session)
            self.relay(event)
        slot.fill(_answerTo(message, online), before)

    async def _filtered(self, session: Session, draft: Draft, goOn: Callable[[Session, Draft], T]) -> T:
        """
        Show a message to every filter, then go on with what they left of it.
        """
        return goOn(session, await self._filters.show(draft))


def _answerTo(message: Message, online: bool) -> Reply:
    """
    The answer to who wrote a row.
    """
    status = _SENT if online else _OFFLINE
    if message.fact is _EDIT:
        status = Status.OK
    return Reply(status, ChatResult(message.id, message.seq, message.ts))
