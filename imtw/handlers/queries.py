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
from imtw.limits import sizeOf, within
from imtw.model import Friend, Group, Liberty, Mode, Pair, Scope, User, groupPair, isName, privatePair
from imtw.server import Core
from imtw.sessions import Session

SHOWN_AS = {
    Presence.ONLINE: Status.ONLINE_USERS,
    Presence.OFFLINE: Status.OFFLINE_USERS,
    Presence.ALL: Status.USER_FOUND,
}


FRIENDS_PAGE = 500  # friends looked at at once
LEAST = sizeOf(UserInList(User("", "")))  # bytes of a user in a list


@implementer(ICommandHandler)
class GetUserHandler:
    """
    Shows a user and who else is in its groups, as far as these are the
    asker's business, and to the user itself, and to operators, its friends:
    at most L{Limits.usersListed} of each, the asker first.  Where that is more
    than one answer has room for, each group, and the friends, get the same
    share of it, and what one leaves the next may have; where not even the
    groups fit, those that the user joined first are shown.

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
        view = UserView(self._shown(user), self._isOnline(user.id), [], [])
        found = await self._groups(user.id, session.user)
        room = core.limits.answer - sizeOf(view)
        view.groups += within(room, [GroupView(group.id, group.name, group.avatar, None) for group in found])
        room -= sum(map(sizeOf, view.groups))
        if session.user is not None and (session.user.operator or session.user.id == user.id):
            view.friends += await self._friends(user.id, request.show, room // (len(view.groups) + 1))
            room -= sum(map(sizeOf, view.friends))
        for at, group in enumerate(view.groups):
            group.users = await self._users(group.id, request.show, first, room // (len(view.groups) - at))
            room -= sum(map(sizeOf, group.users or ()))
        return Reply(SHOWN_AS[request.show], view)

    async def _groups(self, user: str, asker: User | None) -> list[Group]:
        """
        The groups of a user, as far as they are the asker's business: who is
        in one that was made on purpose only those in it may know, and
        operators.
        """
        store = self._core.store
        found: list[Group] = await store.groupsOf(user)
        if asker is not None and (asker.operator or asker.id == user):
            return found
        if all(group.mode is Mode.OPEN for group in found):
            return found
        shared = {group.id for group in await store.groupsOf(asker.id)} if asker is not None else set()
        return [group for group in found if group.mode is Mode.OPEN or group.id in shared]

    async def _users(self, group: str, show: Presence, first: list[str], room: int) -> list[UserInList] | None:
        """
        Those users of one group that are asked for.  Of the lobby, which
        everybody is in, only who is online and whoever is C{first}.

        @param room: bytes that they have.
        @return: L{None} where they are not known.
        """
        core = self._core
        limit = min(core.limits.usersListed, room // LEAST)
        connected = self._connected(group, limit, first)
        users = connected
        if show is not Presence.ONLINE and core.store.keepsLog:
            here = {user.id for user in connected}
            others = [user for user in first if user not in here]
            isLobby = group in {id for id, _ in core.members.lobby}
            most = limit - (len(connected) if show is Presence.ALL else 0)
            most = min(most, len(others)) if isLobby else most
            away = await core.store.members(group, most, others, list(here)) if most > 0 else []
            away = [user for user in away if not core.sessions.online(user.id)]
            users = away if show is Presence.OFFLINE else connected + away
        elif show is Presence.OFFLINE:
            users = []
        if show is Presence.ALL and not core.store.keepsLog:
            return None
        return list(within(room, [UserInList(self._shown(user), self._isOnline(user.id)) for user in users]))

    async def _friends(self, user: str, show: Presence, room: int) -> list[UserInList]:
        """
        Those friends of a user that are asked for, as many as a group has
        users.

        @param room: bytes that they have.
        """
        core = self._core
        limit = min(core.limits.usersListed, room // LEAST)
        wanted: list[User] = []
        page: list[Friend] = []
        while len(wanted) < limit and len(page) in (0, FRIENDS_PAGE):
            page = await core.store.friends(user, page[-1].user.id if page else "", FRIENDS_PAGE)
            wanted += [friend.user for friend in page if self._isAmong(friend.user.id, show)]
            if not page:
                break
        found = [UserInList(self._shown(user), self._isOnline(user.id)) for user in wanted[:limit]]
        return list(within(room, found))

    def _isAmong(self, user: str, show: Presence) -> bool:
        """
        Is this one of those that are asked for?
        """
        return show is Presence.ALL or self._core.sessions.online(user) == (show is Presence.ONLINE)

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
        is in the turn in which this returns: unless the connection has ended
        meanwhile, and nobody gets it.
        """
        core = self._core
        core.cursors.settle(request.user, core.sessions.of(request.user))
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
            if not (session.device or session.outlet.isClosed):  # one with a name has a cursor of its own
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
            await self._core.members.mayRead(session.user, pair.a)
        found = await self._core.store.history(pair, request.begin, request.end, request.offset, request.count)
        messages = list(self._core.limits.fitting(found, newest=request.offset is None))
        answer = Messages(request.user, {}, {}, False)
        if messages and pair.scope is Scope.GROUP:
            answer.groups[pair.a] = messages
        elif messages:
            answer.friends[request.partner or ""] = messages
        return Reply(Status.HISTORY, answer)
