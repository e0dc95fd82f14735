"""
A join policy: into a group whose id begins with C{closed-} comes only who was
invited, by command 23, by somebody who is in it.  Whoever joins it first
makes it.
"""

from __future__ import annotations

from msgspec import Struct
from twisted.internet.defer import Deferred
from zope.interface import implementer

from imtw.commands import Command, JoinVerdict, Name, Reply, Status
from imtw.errors import CommandRefused
from imtw.interfaces import ICommandHandler, ICore, IJoinPolicy, ISession, IStore
from imtw.model import User

SHELF = "acme_invited"


def keyOf(group: str, user: str) -> str:
    """
    Where an invitation is kept; no id has a line end.
    """
    return f"{group}\n{user}\n"


async def isIn(store: IStore, user: User | None, group: str) -> bool:
    """
    Is this user a member?
    """
    return user is not None and group in [one.id for one in await store.groupsOf(user.id)]


class Invite(Struct, forbid_unknown_fields=True):
    """
    Who may come into which group.
    """

    group: Name
    user: Name


@implementer(ICommandHandler)
class InviteHandler:
    """
    Keeps an invitation.
    """

    command = Command(23, "let-in", Invite, 23, help="let somebody into a closed group")

    def __init__(self, core: ICore) -> None:
        self._store = core.store

    def handle(self, request: Invite, session: ISession) -> Deferred[Reply]:
        return Deferred.fromCoroutine(self._invite(request, session))

    async def _invite(self, request: Invite, session: ISession) -> Reply:
        if not await isIn(self._store, session.user, request.group):
            raise CommandRefused(Status.FORBIDDEN)
        await self._store.put(SHELF, keyOf(request.group, request.user), b"")
        return Reply(Status.OK)


@implementer(IJoinPolicy)
class Invited:
    """
    Asked before anybody joins any group.
    """

    def __init__(self, core: ICore) -> None:
        self._store = core.store

    def mayJoin(self, user: User, group: str) -> Deferred[JoinVerdict]:
        return Deferred.fromCoroutine(self._mayJoin(user, group))

    async def _mayJoin(self, user: User, group: str) -> JoinVerdict:
        store = self._store
        if (
            not group.startswith("closed-")
            or await store.group(group) is None
            or await isIn(store, user, group)
            or await store.get(SHELF, keyOf(group, user.id))
        ):
            return JoinVerdict.OK
        return JoinVerdict.REFUSED
