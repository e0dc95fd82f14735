"""
What clients that name a device do beyond J-IM: confirm, read on, watch.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace
from zope.interface import implementer

from imtw.commands import (
    DEVICES,
    PRESENCE,
    RECEIVED,
    SYNC,
    Devices,
    Nothing,
    Present,
    Received,
    Reply,
    Status,
    Sync,
    Synced,
    SyncState,
    WatchPresence,
)
from imtw.errors import CommandRefused
from imtw.handlers.chat import addressee, asker
from imtw.interfaces import ICommandHandler
from imtw.model import Message, Pair, Scope, isId
from imtw.server import Core
from imtw.sessions import Session


def conversationOf(session: Session, to: str | None, group: str | None) -> tuple[str, Pair]:
    """
    This session's user, and which of its conversations is meant.

    @raise CommandRefused: nobody is logged in, or none is meant.
    """
    user = asker(session).id
    pair = addressee(user, to, group, session.realm)
    if pair is None:
        raise CommandRefused(Status.BAD_REQUEST)
    return user, pair


async def readableOf(core: Core, session: Session, to: str | None, group: str | None) -> tuple[str, Pair]:
    """
    The same, for who wants to read there.

    @raise CommandRefused: nor may that.
    """
    user, pair = conversationOf(session, to, group)
    if pair.scope is Scope.GROUP:
        await core.members.mayRead(session.user, pair.a)
    return user, pair


def shownTo(user: str, rows: Iterable[Message]) -> list[Message]:
    """
    Rows as a user may see them: on which device others speak is their own
    business.
    """
    return [row if row.sender == user or not row.device else replace(row, device="") for row in rows]


@implementer(ICommandHandler)
class ReceivedHandler:
    """
    Moves the cursor of the device that confirms.
    """

    command = RECEIVED

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: Received, session: Session) -> Reply:
        user, pair = conversationOf(session, request.to, request.group)
        if not await self._core.store.received(user, session.device, pair, request.seq):
            raise CommandRefused(Status.NOT_FOUND)
        self._core.trail.confirmed(pair, user, session.device, request.seq)
        return Reply(Status.OK)


@implementer(ICommandHandler)
class SyncHandler:
    """
    Gives the rows after the ones that a client has.
    """

    command = SYNC

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: Sync, session: Session) -> Reply:
        user, pair = await readableOf(self._core, session, request.to, request.group)
        store = self._core.store
        head = await store.head(pair)
        if request.after > head:
            return Reply(Status.OK, Synced(SyncState.RESET, head, []))
        found: list[Message] = await store.walk(pair, request.after, request.limit)
        rows = shownTo(user, self._core.limits.fitting(found))
        reached = rows[-1].seq if rows else request.after
        if reached < head:
            return Reply(Status.OK, Synced(SyncState.GAP, head, rows, reached + 1))
        return Reply(Status.OK, Synced(SyncState.COMPLETE, reached, rows))


@implementer(ICommandHandler)
class DevicesHandler:
    """
    Lists the devices that a user has named.
    """

    command = DEVICES

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: Nothing, session: Session) -> Reply:
        return Reply(Status.OK, Devices(await self._core.store.devices(asker(session).id)))


@implementer(ICommandHandler)
class PresenceHandler:
    """
    Says who is online, and goes on saying it for a while.
    """

    command = PRESENCE

    def __init__(self, core: Core) -> None:
        self._core = core

    def handle(self, request: WatchPresence, session: Session) -> Reply:
        asker(session)
        users = dict.fromkeys(user for user in request.users if isId(user, session.realm))
        ends = self._core.watches.watch(session, users)
        online = [user for user in users if self._core.sessions.online(user)]
        return Reply(Status.OK, Present(online, int(ends * 1000)))
