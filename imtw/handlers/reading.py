"""
What a user has read, and what there is to read.
"""

from __future__ import annotations

from msgspec import UNSET
from zope.interface import implementer

from imtw.commands import (
    CONVERSATIONS,
    HISTORY,
    PASSPORT,
    READ,
    AskPassport,
    Conversations,
    GetHistory,
    HistoryPage,
    ListConversations,
    MessagePassport,
    ReadMark,
    Reply,
    Status,
)
from imtw.commands import Read as MarkRead
from imtw.errors import CommandRefused
from imtw.events import Read
from imtw.handlers.chat import addressee, asker
from imtw.handlers.sync import conversationOf, readableOf, shownTo
from imtw.interfaces import ICommandHandler
from imtw.model import Message, Pair, Passport, Scope, Standing, User
from imtw.server import Core
from imtw.sessions import Session


@implementer(ICommandHandler)
class ReadHandler:
    """
    Notes how far a user has read, and tells its partner and its other
    devices.  In a group nobody else is told: that would be the square of its
    size.  Nor is a partner who takes no messages of this user.
    """

    command = READ

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: MarkRead, session: Session) -> Reply:
        core = self._core
        user, pair = conversationOf(session, request.to, request.group)
        seq = request.seq
        if request.id is not None:
            message: Message | None = await core.store.find(pair, request.id)
            seq = None if message is None else message.seq
        elif seq is None:
            raise CommandRefused(Status.BAD_REQUEST, "read up to which row?")
        if seq is not None:
            seq = await core.store.markRead(user, pair, seq)
        if seq is None:
            raise CommandRefused(Status.NOT_FOUND)
        isGroup = pair.scope is Scope.GROUP
        to, group = (None, pair.a) if isGroup else (pair.partnerOf(user), None)
        event = Read(user, to, group, seq, request.id, alone=isGroup or not await core.delivery.isHeard(user, pair))
        for name in event.people:
            for mate in core.sessions.of(name):
                if mate is not session:
                    mate.tell(event)
        core.delivery.relay(event)
        return Reply(Status.OK, ReadMark(seq))


@implementer(ICommandHandler)
class ConversationsHandler:
    """
    Lists a user's conversations.
    """

    command = CONVERSATIONS

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: ListConversations, session: Session) -> Reply:
        user = asker(session).id
        before, behind = _placeOf(request.before)
        found: list[Standing] = await self._core.store.standings(user, before, request.limit, behind)
        page = Conversations(list(self._core.limits.fitting(found)))
        if len(found) == request.limit or len(page.conversations) < len(found):
            place = page.conversations[-1].place
            page.next = f"{place[0]}.{place[1]}" if place else UNSET
        for standing in page.conversations:
            standing.place = UNSET
            if standing.last is not None:
                [standing.last] = shownTo(user, [standing.last])
        return Reply(Status.OK, page)


def _placeOf(before: int | str | None) -> tuple[int | None, int | None]:
    """
    The time, and the number, that a page begins behind.
    """
    if before is None:
        return None, None
    ts, _, number = str(before).partition(".")
    return int(ts), int(number) if number else None


@implementer(ICommandHandler)
class HistoryHandler:
    """
    Reads a page of a conversation by seq.
    """

    command = HISTORY

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: GetHistory, session: Session) -> Reply:
        user, pair = await readableOf(self._core, session, request.to, request.group)
        found: list[Message] = await self._core.store.page(pair, request.after, request.before, request.limit)
        fitting = self._core.limits.fitting(found, newest=request.after is None)
        return Reply(Status.OK, HistoryPage(shownTo(user, fitting)))


@implementer(ICommandHandler)
class PassportHandler:
    """
    Says what has become of a message, to its sender or to an operator.
    """

    command = PASSPORT

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: AskPassport, session: Session) -> Reply:
        store = self._core.store
        user = asker(session)
        pair = self._pair(request, session, user)
        message: Message | None = await store.find(pair, request.id)
        if message is None or not (message.sender == user.id or user.operator):
            raise CommandRefused(Status.NOT_FOUND)
        told: Passport = await store.passport(pair, message.seq, message.sender)
        self._core.trail.look()
        self._core.trail.complete(told.receipts, pair, message.seq)
        return Reply(
            Status.OK,
            MessagePassport(message.id, message.seq, message.ts, told.total, told.confirmed, told.receipts),
        )

    def _pair(self, request: AskPassport, session: Session, user: User) -> Pair:
        """
        The conversation that is meant.
        """
        if request.user:
            if not user.operator:
                raise CommandRefused(Status.FORBIDDEN)
            pair = addressee(request.user, request.to, request.group)
            if pair is not None:
                return pair
        return conversationOf(session, request.to, request.group)[1]
