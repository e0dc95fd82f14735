"""
Looking at users and reading messages.
"""

from __future__ import annotations

from msgspec import UNSET
from zope.interface import implementer

from imtw.commands import (
    GET_MESSAGES,
    GET_USER,
    GetMessages,
    GetUser,
    GroupView,
    Messages,
    Presence,
    Reply,
    Status,
    UserInList,
    UserView,
)
from imtw.errors import CommandRefused
from imtw.interfaces import ICommandHandler
from imtw.model import Group, Liberty, Pair, Scope, User, groupPair, isName, privatePair
from imtw.server import Core
from imtw.sessions import Session

SHOWN_AS = {
    Presence.ONLINE: Status.ONLINE_USERS,
    Presence.OFFLINE: Status.OFFLINE_USERS,
    Presence.ALL: Status.USER_FOUND,
}


@implementer(ICommandHandler)
class GetUserHandler:
    """
    Shows a user and who else is in its groups, at most
    L{Limits.usersListed} of each, the asker first.

    Without a store that keeps the log only users who are connected are
    known, and nobody's presence is told beside them (J-IM's store off).
    """

    command = GET_USER

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: GetUser, session: Session) -> Reply:
        core = self._core
        if not isName(request.user):
            raise CommandRefused(Status.USER_NOT_FOUND)
        live = next(iter(core.sessions.of(request.user)), None)
        user = live.user if live is not None else None
        if user is None and core.store.keepsLog:
            user = await core.store.user(request.user)
        if user is None:
            raise CommandRefused(Status.USER_NOT_FOUND)
        first = list(dict.fromkeys([*([session.user.id] if session.user else []), user.id]))
        groups = [await self._group(group, request.show, first) for group in await core.store.groupsOf(user.id)]
        return Reply(SHOWN_AS[request.show], UserView(self._shown(user), self._isOnline(user.id), groups))

    async def _group(self, group: Group, show: Presence, first: list[str]) -> GroupView:
        """
        One group with those of its users that are asked for.  Of the lobby,
        which everybody is in, only who is online and whoever is C{first}.
        """
        core = self._core
        limit = core.limits.usersListed
        connected = self._connected(group.id, limit, first)
        users = connected
        if show is not Presence.ONLINE and core.store.keepsLog:
            here = {user.id for user in connected}
            others = [user for user in first if user not in here]
            isLobby = group.id in {id for id, _ in core.attendance.lobby}
            room = limit - (len(connected) if show is Presence.ALL else 0)
            room = min(room, len(others)) if isLobby else room
            away = await core.store.members(group.id, room, others, list(here)) if room > 0 else []
            away = [user for user in away if not core.sessions.online(user.id)]
            users = away if show is Presence.OFFLINE else connected + away
        elif show is Presence.OFFLINE:
            users = []
        known = core.store.keepsLog or show is not Presence.ALL
        listed = [UserInList(self._shown(user), self._isOnline(user.id)) for user in users]
        return GroupView(group.id, group.name, group.avatar, listed if known else None)

    def _connected(self, group: str, limit: int, first: list[str]) -> list[User]:
        """
        Users with a session in the group, each once.
        """
        live = self._core.groups.get(group)
        if live is None:
            return []
        found: dict[str, User] = {}
        for id in first:
            for session in self._core.sessions.of(id):
                if group in session.members and session.user is not None:
                    found[id] = session.user
        for session in live.sessions():
            if len(found) >= limit:
                break
            if session.user is not None:
                found.setdefault(session.user.id, session.user)
        return list(found.values())

    def _shown(self, user: User) -> User:
        """
        A user with the carrier it is on now, rather than the one it was on
        last.
        """
        live = next(iter(self._core.sessions.of(user.id)), None)
        return live.user if live is not None and live.user is not None else user

    def _isOnline(self, user: str) -> bool:
        """
        Is this user here, as far as the store is there to tell?
        """
        return self._core.sessions.online(user) if self._core.store.keepsLog else UNSET  # type: ignore[return-value]


@implementer(ICommandHandler)
class GetMessagesHandler:
    """
    Reads what is pending for the user, or the history of a conversation.
    """

    command = GET_MESSAGES

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: GetMessages, session: Session) -> Reply:
        own = session.user is not None and session.user.id == request.user
        if not self._core.store.keepsLog or not (own or Liberty.READ_OTHERS in session.liberties):
            raise CommandRefused(Status.NO_MESSAGES)
        pair = self._pair(request)
        if request.pending:
            return await self._pending(request, session, pair)
        if pair is None:
            raise CommandRefused(Status.NO_MESSAGES)
        return await self._history(request, session, pair)

    def _pair(self, request: GetMessages) -> Pair | None:
        """
        The conversation asked about.
        """
        for name in (request.user, request.group, request.partner):
            if name and not isName(name):
                raise CommandRefused(Status.NO_MESSAGES)
        if request.group:
            return groupPair(request.group)
        return privatePair(request.user, request.partner) if request.partner else None

    async def _pending(self, request: GetMessages, session: Session, pair: Pair | None) -> Reply:
        """
        What waits; it counts as read once this answer is handed over, which
        is in the turn in which this returns.
        """
        core = self._core
        core.cursors.flush()
        found = await core.store.pending(request.user, pair, core.limits.page)
        answer = Messages(request.user, {}, {}, request.group is None)
        waiting = [message for _, messages in found for message in messages]
        room = len(core.limits.fitting(waiting))
        isCut = len(waiting) >= core.limits.page
        for membership, messages in found:
            whole = not (isCut and membership is found[-1][0])
            if len(messages) > room:
                messages, whole = messages[:room], False
                if not messages:
                    break
                membership.head = messages[-1].seq
            room -= len(messages)
            if not session.device:  # one with a name has a cursor of its own
                core.cursors.read(request.user, membership.conversation, membership.head, whole)
            if messages and membership.pair.scope is Scope.GROUP:
                answer.groups[membership.pair.a] = messages
            elif messages:
                answer.friends[membership.pair.partnerOf(request.user)] = messages
        return Reply(Status.PENDING, answer)

    async def _history(self, request: GetMessages, session: Session, pair: Pair) -> Reply:
        """
        A page of a conversation.
        """
        if pair.scope is Scope.GROUP:
            await self._core.attendance.mayRead(session.user, pair.a)
        found = await self._core.store.history(pair, request.begin, request.end, request.offset, request.count)
        messages = list(self._core.limits.fitting(found, newest=request.offset is None))
        answer = Messages(request.user, {}, {}, False)
        if messages and pair.scope is Scope.GROUP:
            answer.groups[pair.a] = messages
        elif messages:
            answer.friends[request.partner or ""] = messages
        return Reply(Status.HISTORY, answer)
