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

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from imtw.commands import ChatResult, Reply, Status
from imtw.cork import Cork
from imtw.counters import Counters
from imtw.cursors import Cursors
from imtw.errors import CommandRefused, StoreBusy
from imtw.events import Agreed, Edited, Event, Invited, Logged, Recalled, Said, Whispered
from imtw.filters import Filters
from imtw.gates import Gate
from imtw.groups import LiveGroup, LiveGroups
from imtw.interfaces import IAppended, IChatFilter, IDelivery, IStore
from imtw.limits import Limits
from imtw.model import Draft, Fact, Message, Pair, Scope
from imtw.numbers import Numbers
from imtw.sessions import Session, Sessions
from imtw.slots import Slot, refusalOf
from imtw.trail import Trail

T = TypeVar("T")


class Relay(Protocol):
    """
    What other nodes are told with.
    """

    def __call__(self, event: Event, user: str | None = None, group: str | None = None) -> None:
        """
        Let them know; where the event does not say whom it is for, that is
        all sessions of C{user}, or in C{group}.
        """


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
class Delivery:
    """
    Takes messages on and brings them to their people.

    @ivar relay: called with what other nodes have to know, too.
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
        self._numbers = numbers
        self._trail = trail
        self._counters = counters
        self._clock = clock
        self._store = store
        self._sessions = sessions
        self._groups = groups
        self._cursors = cursors
        self._commitQueue = limits.commitQueue
        self._commitBytes = limits.commitBytes
        self._large: dict[Slot, int] = {}  # what waits for a commit and is large: its bytes
        self._largeBytes = 0
        self._full = Gate()
        self._cork = cork
        self._filters = Filters(clock)
        self.relay: Relay = nobodyElse
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

    def tellUser(self, user: str, event: Event) -> None:
        """
        Tell all sessions of a user something that is not stored.
        """
        for session in self._sessions.of(user):
            session.tell(event)
        self.relay(event, user=user)

    def tellGroup(self, group: str, event: Event) -> None:
        """
        Tell all sessions in a group something that is not stored.
        """
        live = self._groups.get(group)
        if live is not None:
            live.post(event)
        self.relay(event, group=group)

    async def isHeard(self, user: str, pair: Pair) -> bool:
        """
        Would others in a conversation be told what this user says?
        """
        try:
            await self._store.maySpeak(user, pair)
        except CommandRefused:
            return False
        return True

    async def tellInvitation(self, event: Invited) -> None:
        """
        Tell those of this node whom an invitation is news for.  Where none
        of its sessions has a word for it, and reads, it stays news for the
        next one that does.
        """
        invitation = event.invitation
        if self._numbers.isWanted:
            await self._numbers.learn([invitation.user, invitation.friend])
        user = invitation.user if isinstance(event, Agreed) else invitation.friend
        hearing = [session for session in self._sessions.of(user) if session.hears(event)]
        for session in hearing:
            session.tell(event)
        if hearing:
            await self._store.told([invitation])

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

    def tellPair(self, event: Logged, speaking: Session | None = None, isLate: bool = False) -> bytes:
        """
        Tell a row of a private conversation to both sides' sessions here;
        what the speaking one is told is returned.

        @param isLate: it was stored a while ago: who came later has found it
            then.
        """
        message = event.message
        sender = message.sender
        partner = message.pair.partnerOf(sender)
        told = self._sessions.of(partner)
        online = bool(told)
        before = b""
        if online and not message.unheard:
            if isLate:
                told = [session for session in told if session.since < message.ts]
            before = self._tellSide(speaking, told, event)
            self._cursors.pushed(partner, message.conversation, message.seq)
            self._trail.told(told, message.conversation, message.pair, message.seq)
        echoed = self._sessions.echoed(sender, speaking)
        if echoed and partner != sender:
            mine = eventOf(message, own=True)
            mine.reached = online
            if isLate:
                echoed = [session for session in echoed if session.since < message.ts]
            before += self._tellSide(speaking, echoed, mine)
        return before

    def _tellSide(self, speaking: Session | None, sessions: Iterable[Session], event: Event) -> bytes:
        """
        Tell a user's sessions; what the speaking one is told is returned.
        """
        before = b""
        for session in sessions:
            if session is speaking and not session.isEchoed:
                continue
            if session is speaking and not session.lagging:
                before = event.bytesFor(session.form)
            else:
                session.tell(event)
        return before

    async def _filtered(self, session: Session, draft: Draft, goOn: Callable[[Session, Draft], T]) -> T:
        """
        Show a message to every filter, then go on with what they left of it.
        """
        return goOn(session, await self._filters.show(draft))


def nobodyElse(event: Event, user: str | None = None, group: str | None = None) -> None:
    """
    The relay of a single node.
    """


def _answerTo(message: Message, online: bool) -> Reply:
    """
    The answer to who wrote a row.
    """
    status = _SENT if online else _OFFLINE
    if message.fact is _EDIT:
        status = Status.OK
    return Reply(status, ChatResult(message.id, message.seq, message.ts))


def eventOf(message: Message, own: bool = False) -> Logged:
    """
    What a row of the log is told as.
    """
    return _KINDS[message.fact](message, own)


_KINDS = {Fact.MESSAGE: Said, Fact.RECALL: Recalled, Fact.EDIT: Edited}
