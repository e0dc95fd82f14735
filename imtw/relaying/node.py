"""
One node among others: its ear and its mouth.

What another node says may be lost.  A row carries its place in the log, so
that a conversation that is told of row 9 after row 7 reads row 8 from the
store: as soon as anything else of it comes, and at no other time.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from imtw.attendance import Attendance
from imtw.delivery import Delivery, eventOf
from imtw.events import Admitted, Agreed, Event, Invited, Joined, Left, Logged, Pushed, Read, Typed, Whispered
from imtw.faults import report
from imtw.groups import LiveGroup, LiveGroups
from imtw.interfaces import IRelay, IStore
from imtw.members import Members
from imtw.model import Fact, Invitation, Membership, Message, Scope
from imtw.numbers import Numbers
from imtw.relaying.notices import (
    AdmittedNotice,
    ExpelledNotice,
    InvitedNotice,
    PushNotice,
    ReadNotice,
    RevokedNotice,
    RowNotice,
    VisitNotice,
    WhisperNotice,
    decode,
    encode,
    noticeOf,
)
from imtw.relaying.places import Place, Places
from imtw.sessions import Sessions

GAP_PAGE = 500  # rows read at once


class Relaying:
    """
    Tells the other nodes, and hears them.
    """

    log = Logger()

    def __init__(
        self,
        relay: IRelay,
        store: IStore,
        sessions: Sessions,
        groups: LiveGroups,
        numbers: Numbers,
        delivery: Delivery,
        members: Members,
        attendance: Attendance,
    ) -> None:
        self._relay = relay
        self._store = store
        self._sessions = sessions
        self._groups = groups
        self._members = members
        self._attendance = attendance
        self._numbers = numbers
        self._delivery = delivery
        self._places = Places()
        self._reading: dict[LiveGroup | Place, list[Message]] = {}  # and what comes meanwhile
        self._admitting: set[tuple[str, str]] = set()  # users and groups that the store is being asked about

    def start(self) -> Deferred[None]:
        """
        Listen.
        """
        return self._relay.start(self.hear)

    def stop(self) -> Deferred[None]:
        """
        Listen no more.
        """
        return self._relay.stop()

    def tell(self, event: Event, user: str | None = None, group: str | None = None) -> None:
        """
        Let the other nodes know; see L{imtw.delivery.Relay}.
        """
        if isinstance(event, Logged) and event.message.pair.scope is Scope.PRIVATE and not event.own:
            self._places.of(event.message).note(event.message.seq)
        notice = noticeOf(event, user, group)
        if notice is not None:
            self._relay.publish(encode(notice))

    def hear(self, data: bytes) -> None:
        """
        Another node said something; what cannot be understood is logged.
        """
        try:
            notice: Any = decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self.log.warn("a notice of another node cannot be read: {error}", error=error)
            return
        if isinstance(notice, RowNotice):
            self._row(notice.message)
        elif isinstance(notice, WhisperNotice):
            self._meet([notice.message], lambda: self._whispered(notice.message))
        elif isinstance(notice, PushNotice):
            self._pushed(notice)
        elif isinstance(notice, VisitNotice):
            kind = Joined if notice.came else Left
            self._toGroup(notice.group, kind(notice.group, notice.user))
        elif isinstance(notice, ReadNotice):
            event = Read(notice.user, notice.to, notice.group, notice.seq, notice.id, notice.alone)
            for user in event.people:
                self._toUser(user, event)
        elif isinstance(notice, AdmittedNotice):
            self._inBackground(self._admitted(notice), "admitting somebody")
        elif isinstance(notice, ExpelledNotice):
            self._admitting.discard((notice.user, notice.group))
            self._members.expelled(notice.user, notice.group)
        elif isinstance(notice, RevokedNotice):
            self._attendance.cut(notice.user, notice.device, notice.token)
        elif isinstance(notice, InvitedNotice):
            self._inBackground(self._invited(notice.invitation), "an invitation")
        elif notice.group:
            self._toGroup(notice.group, Typed(notice.user, None, notice.group))
        else:
            self._toUser(notice.to or "", Typed(notice.user, notice.to, None))

    async def _admitted(self, notice: AdmittedNotice) -> None:
        """
        Let a user's sessions here take part in a group, and tell them,
        unless it is taken out again meanwhile.
        """
        place = notice.user, notice.group
        self._admitting.add(place)
        membership: Membership | None = await self._store.membership(*place)
        if membership is not None and place in self._admitting:
            self._members.admitted(Admitted(*place, notice.name, notice.by), membership)
        self._admitting.discard(place)

    async def _invited(self, invitation: Invitation) -> None:
        """
        Tell whom an invitation is news for.
        """
        kind = Agreed if invitation.agreed else Invited
        await self._delivery.tellInvitation(kind(invitation))

    def _whispered(self, message: Message) -> None:
        """
        Tell a message that nobody keeps.
        """
        if message.pair.scope is Scope.GROUP:
            self._toGroup(message.pair.a, Whispered(message))
        else:
            self._toUser(message.pair.partnerOf(message.sender), Whispered(message))

    def _pushed(self, notice: PushNotice) -> None:
        """
        Tell what an application's command has to say.
        """
        event = Pushed(notice.code, notice.data)
        if notice.group is not None:
            self._toGroup(notice.group, event)
        elif notice.user is not None:
            self._toUser(notice.user, event)

    def _toUser(self, user: str, event: Event) -> None:
        for session in self._sessions.of(user):
            session.tell(event)

    def _toGroup(self, id: str, event: Event) -> None:
        group = self._groups.get(id)
        if group is not None:
            group.post(event)

    def _row(self, message: Message) -> None:
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
        elif place.isNext(message.seq) and not self._isUnsure(place) and self._areKnown([message]):
            self._tell(place, message)
        else:
            self._reading[place] = []
            self._inBackground(self._repair(place, message), "reading what another node said")

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
            self._row(row)

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

    def _meet(self, messages: list[Message], goOn: Callable[[], None]) -> None:
        """
        Go on once these messages' people have their numbers, where that
        matters.
        """
        if self._areKnown(messages):
            goOn()
        else:
            self._inBackground(self._metAll(messages, goOn), "learning numbers")

    async def _metAll(self, messages: list[Message], goOn: Callable[[], None]) -> None:
        await self._learn(messages)
        goOn()

    def _areKnown(self, messages: Iterable[Message]) -> bool:
        if not self._numbers.isWanted:
            return True
        return all(self._numbers.known(user) is not None for user in peopleOf(messages))

    async def _learn(self, messages: Iterable[Message]) -> None:
        if self._numbers.isWanted:
            await self._numbers.learn(peopleOf(messages))

    def _inBackground(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """
        Do something that nobody waits for; what goes wrong is logged.
        """
        Deferred.fromCoroutine(work).addErrback(lambda failure: report(self.log, failure, name))


def peopleOf(messages: Iterable[Message]) -> set[str]:
    """
    Who has to be known where messages are told.
    """
    return {
        user
        for message in messages
        for user in ([message.sender] if message.pair.scope is Scope.GROUP else message.pair[1:])
    }
