"""
What the nodes of a cluster tell each other: which rows were stored, and what
is not stored at all.

A notice may be lost.  A row carries its place in the log, so a group that is
told of row 9 after row 7 reads row 8 from the store.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from imtw.attendance import Attendance
from imtw.delivery import eventOf
from imtw.events import Admitted, Agreed, Event, Expelled, Invited, Joined, Left, Logged, Read, Revoked, Typed
from imtw.faults import report
from imtw.groups import LiveGroup, LiveGroups
from imtw.interfaces import IRelay, IStore
from imtw.model import Invitation, Membership, Message, Scope, User
from imtw.sessions import Sessions

GAP_PAGE = 500  # rows read at once


class RowNotice(Struct, tag="row"):
    """
    A row was stored.
    """

    message: Message


class VisitNotice(Struct, tag="visit"):
    """
    Somebody came into a group, or went.
    """

    group: str
    user: User
    came: bool


class TypingNotice(Struct, tag="typing"):
    """
    Somebody is writing.
    """

    user: str
    to: str | None
    group: str | None


class ReadNotice(Struct, tag="read"):
    """
    Somebody has read.
    """

    user: str
    to: str | None
    group: str | None
    seq: int
    id: str | None = None
    alone: bool = False


class ExpelledNotice(Struct, tag="expelled"):
    """
    Somebody is in a group no more.
    """

    user: str
    group: str


class AdmittedNotice(Struct, tag="admitted"):
    """
    Somebody was taken into a group.
    """

    user: str
    group: str
    name: str
    by: str


class RevokedNotice(Struct, tag="revoked"):
    """
    A device or a token counts no more; or nothing of a user's.
    """

    user: str
    device: str
    token: bytes


class InvitedNotice(Struct, tag="invited"):
    """
    Somebody was invited, or has agreed.
    """

    invitation: Invitation


Notice = (
    RowNotice
    | VisitNotice
    | TypingNotice
    | ReadNotice
    | AdmittedNotice
    | ExpelledNotice
    | RevokedNotice
    | InvitedNotice
)

_decode = msgspec.msgpack.Decoder(Notice).decode
_encode = msgspec.msgpack.Encoder().encode


def noticeOf(event: Event) -> Notice | None:
    """
    What other nodes are told of an event.
    """
    if isinstance(event, Logged):
        return None if event.own else RowNotice(event.message)
    if isinstance(event, Joined):
        return VisitNotice(event.group, event.user, not isinstance(event, Left))
    if isinstance(event, Typed):
        return TypingNotice(event.user, event.to, event.group)
    if isinstance(event, Read):
        return ReadNotice(event.user, event.to, event.group, event.seq, event.id, event.alone)
    if isinstance(event, Admitted):
        return AdmittedNotice(event.user, event.group, event.name, event.by)
    if isinstance(event, Expelled):
        return ExpelledNotice(event.user, event.group)
    if isinstance(event, Revoked):
        return RevokedNotice(event.user, event.device, event.token)
    if isinstance(event, Invited):
        return InvitedNotice(event.invitation)
    return None


class Relaying:
    """
    One node's ear and mouth.
    """

    log = Logger()

    def __init__(
        self, relay: IRelay, store: IStore, sessions: Sessions, groups: LiveGroups, attendance: Attendance
    ) -> None:
        self._relay = relay
        self._store = store
        self._sessions = sessions
        self._groups = groups
        self._attendance = attendance
        self._reading: dict[LiveGroup, list[Message]] = {}
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

    def tell(self, event: Event) -> None:
        """
        Let the other nodes know.
        """
        notice = noticeOf(event)
        if notice is not None:
            self._relay.publish(_encode(notice))

    def hear(self, data: bytes) -> None:
        """
        Another node said something; what cannot be understood is logged.
        """
        try:
            notice: Any = _decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self.log.warn("a notice of another node cannot be read: {error}", error=error)
            return
        if isinstance(notice, RowNotice):
            self._row(notice.message)
        elif isinstance(notice, VisitNotice):
            kind = Joined if notice.came else Left
            self._toGroup(notice.group, kind(notice.group, notice.user))
        elif isinstance(notice, ReadNotice):
            event = Read(notice.user, notice.to, notice.group, notice.seq, notice.id, notice.alone)
            for user in event.people:
                self._toUser(user, event)
        elif isinstance(notice, AdmittedNotice):
            Deferred.fromCoroutine(self._admitted(notice)).addErrback(
                lambda failure: report(self.log, failure, "admitting {user}", user=notice.user)
            )
        elif isinstance(notice, ExpelledNotice):
            self._admitting.discard((notice.user, notice.group))
            self._attendance.expelled(notice.user, notice.group)
        elif isinstance(notice, RevokedNotice):
            self._attendance.cut(notice.user, notice.device, notice.token)
        elif isinstance(notice, InvitedNotice):
            self._invited(notice.invitation)
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
            self._attendance.admitted(Admitted(*place, notice.name, notice.by), membership)
        self._admitting.discard(place)

    def _invited(self, invitation: Invitation) -> None:
        """
        Tell whom an invitation is news for.
        """
        if invitation.agreed:
            self._toUser(invitation.user, Agreed(invitation))
        else:
            self._toUser(invitation.friend, Invited(invitation))

    def _toUser(self, user: str, event: Event) -> None:
        for session in self._sessions.of(user):
            session.tell(event)

    def _toGroup(self, id: str, event: Event) -> None:
        group = self._groups.get(id)
        if group is not None:
            group.post(event)

    def _row(self, message: Message) -> None:
        """
        Tell a row to whom it concerns here.
        """
        if message.pair.scope is Scope.PRIVATE:
            partner = message.pair.partnerOf(message.sender)
            if not message.unheard:
                self._toUser(partner, eventOf(message))
            if partner != message.sender:
                mine = eventOf(message, own=True)
                for session in self._sessions.echoed(message.sender):
                    session.tell(mine)
            return
        group = self._groups.get(message.pair.a)
        if group is None or message.seq <= group.head:
            return
        if group in self._reading:
            self._reading[group].append(message)
        elif message.seq == group.head + 1:
            group.post(eventOf(message))
        else:
            self._reading[group] = [message]
            Deferred.fromCoroutine(self._repair(group, message)).addErrback(
                lambda failure: report(self.log, failure, "reading what {group} missed", group=group.id)
            )

    async def _repair(self, group: LiveGroup, message: Message) -> None:
        """
        Read what was missed in front of a row, as far as the log has it, then
        tell all of it.
        """
        try:
            while group.head + 1 < message.seq:
                rows = await self._store.walk(message.pair, group.head, GAP_PAGE)
                missed = [row for row in rows if group.head < row.seq < message.seq]
                if not missed:
                    break
                for row in missed:
                    group.post(eventOf(row))
        finally:
            late = self._reading.pop(group)
        if group.head < message.seq:
            group.post(eventOf(message))
        for row in late[1:]:
            self._row(row)
