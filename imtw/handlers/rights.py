"""
Groups of one's own, who may do what in them, and whom one does not want to
hear.
"""

from __future__ import annotations

from zope.interface import implementer

from imtw.commands import (
    BLOCK,
    CREATE_GROUP,
    INVITE,
    KICK,
    MUTE,
    ROLE,
    AddedMembers,
    AddMembers,
    Block,
    ChangeRole,
    CreatedGroup,
    CreateGroup,
    Kick,
    Mute,
    Muted,
    Rank,
    Reply,
    Status,
)
from imtw.errors import CommandRefused
from imtw.handlers.chat import asker
from imtw.interfaces import ICommandHandler
from imtw.model import Group, Membership, Mode, Role, User, isName
from imtw.server import Core
from imtw.sessions import Session

ROLES = {Rank.MEMBER: Role.MEMBER, Rank.ADMIN: Role.ADMIN, Rank.OWNER: Role.OWNER}


class Rights:
    """
    Who may do what in a group.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def group(self, group: str) -> Group:
        """
        A group that is there.
        """
        found: Group | None = await self._core.store.group(group)
        if found is None:
            raise CommandRefused(Status.NOT_FOUND)
        return found

    async def demand(self, user: User, group: str, role: Role, over: str) -> None:
        """
        Somebody has to have at least a role in a group, and a higher one
        than who it is about.  Operators may everything.

        @raise CommandRefused: C{FORBIDDEN}.
        """
        if user.operator:
            return
        held = await self._roleOf(user.id, group)
        if held is None or held < role or held <= (await self._roleOf(over, group) or Role.MEMBER):
            raise CommandRefused(Status.FORBIDDEN)

    async def _roleOf(self, user: str, group: str) -> Role | None:
        """
        What somebody is in a group; L{None} for not in it.
        """
        place: Membership | None = await self._core.store.membership(user, group)
        return None if place is None else place.role


@implementer(ICommandHandler)
class CreateGroupHandler:
    """
    Makes a managed group.
    """

    command = CREATE_GROUP

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: CreateGroup, session: Session) -> Reply:
        core = self._core
        owner = asker(session)
        id = request.group or core.newId()
        if not isName(id):
            raise CommandRefused(Status.BAD_REQUEST)
        group = Group(id, request.name, request.avatar, Mode.MANAGED, owner.id)
        added = await core.store.addGroup(group, request.members, core.limits.groupsPerUser)
        for name, membership in added:
            core.members.admit(name, membership, owner.id, session)
        return Reply(Status.OK, CreatedGroup(id))


@implementer(ICommandHandler)
class InviteHandler:
    """
    Takes users into a managed group.
    """

    command = INVITE

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rights = Rights(core)

    async def handle(self, request: AddMembers, session: Session) -> Reply:
        core = self._core
        user = asker(session)
        group = await self._rights.group(request.group)
        await self._rights.demand(user, request.group, Role.ADMIN, "")
        if group.mode is Mode.OPEN:
            raise CommandRefused(Status.FORBIDDEN)
        added = await core.store.addMembers(request.group, request.users, core.limits.groupsPerUser, user.id)
        for name, membership in added:
            core.members.admit(name, membership, user.id)
        return Reply(Status.OK, AddedMembers(request.group, [name for name, _ in added]))


@implementer(ICommandHandler)
class RoleHandler:
    """
    Changes what a member of a managed group may do.
    """

    command = ROLE

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rights = Rights(core)

    async def handle(self, request: ChangeRole, session: Session) -> Reply:
        group = await self._rights.group(request.group)
        await self._rights.demand(asker(session), request.group, Role.OWNER, request.user)
        if group.mode is Mode.OPEN:
            raise CommandRefused(Status.FORBIDDEN)
        if not await self._core.store.setRole(request.user, request.group, ROLES[request.role]):
            raise CommandRefused(Status.NOT_FOUND)
        return Reply(Status.OK)


@implementer(ICommandHandler)
class MuteHandler:
    """
    Lets somebody not speak in a group.
    """

    command = MUTE

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rights = Rights(core)

    async def handle(self, request: Mute, session: Session) -> Reply:
        await self._rights.group(request.group)
        await self._rights.demand(asker(session), request.group, Role.ADMIN, request.user)
        until = self._core.now() + request.seconds * 1000 if request.seconds else 0
        if not await self._core.store.mute(request.user, request.group, until):
            raise CommandRefused(Status.NOT_FOUND)
        return Reply(Status.OK, Muted(until))


@implementer(ICommandHandler)
class KickHandler:
    """
    Takes somebody out of a group, at once and for good.
    """

    command = KICK

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rights = Rights(core)

    async def handle(self, request: Kick, session: Session) -> Reply:
        await self._rights.group(request.group)
        await self._rights.demand(asker(session), request.group, Role.ADMIN, request.user)
        if not await self._core.store.kick(request.user, request.group, not request.back):
            raise CommandRefused(Status.NOT_FOUND)
        if not request.back:
            self._core.members.expel(request.user, request.group)
        return Reply(Status.OK)


@implementer(ICommandHandler)
class BlockHandler:
    """
    Keeps private messages of somebody away, or does not any more.
    """

    command = BLOCK

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: Block, session: Session) -> Reply:
        user = asker(session)
        if request.user == user.id or not isName(request.user):
            raise CommandRefused(Status.BAD_REQUEST)
        await self._core.store.block(user.id, request.user, request.blocked)
        return Reply(Status.OK)
