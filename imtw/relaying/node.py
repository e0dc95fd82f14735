"""
One node among others: its ear and its mouth.
"""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from imtw.attendance import Attendance
from imtw.delivery import Delivery
from imtw.events import Admitted, Agreed, Event, Invited, Joined, Left, Logged, Pushed, Read, Typed, Whispered
from imtw.groups import LiveGroups
from imtw.interfaces import IRelay, IStore
from imtw.members import Members
from imtw.model import Invitation, Membership, Message, Scope
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
from imtw.relaying.rows import Rows, inBackground
from imtw.sessions import Sessions


class Relaying:
    """
    Tells the other nodes, and hears them.

    @ivar rows: what they have stored, on its way to sessions here.
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
        self._delivery = delivery
        self.rows = Rows(store, sessions, groups, numbers, delivery)
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
        Let the other nodes know; see L{imtw.telling.Relay}.
        """
        if isinstance(event, Logged) and not event.own:
            self.rows.note(event.message)
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
            self.rows.hear(notice.message)
        elif isinstance(notice, WhisperNotice):
            self.rows.meet(notice.message, lambda: self._whispered(notice.message))
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
            inBackground(self.log, self._admitted(notice), "admitting somebody")
        elif isinstance(notice, ExpelledNotice):
            self._admitting.discard((notice.user, notice.group))
            self._members.expelled(notice.user, notice.group)
        elif isinstance(notice, RevokedNotice):
            self._attendance.cut(notice.user, notice.device, notice.token)
        elif isinstance(notice, InvitedNotice):
            inBackground(self.log, self._invited(notice.invitation), "an invitation")
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
