"""
Entering and leaving groups.
"""

from __future__ import annotations

from zope.interface import implementer

from imtw.commands import JOIN, LEAVE, JoinGroup, JoinResult, JoinVerdict, LeaveGroup, Reply, Status
from imtw.errors import CommandRefused
from imtw.handlers.chat import asker
from imtw.interfaces import ICommandHandler
from imtw.model import isId
from imtw.server import Core
from imtw.sessions import Session


@implementer(ICommandHandler)
class JoinGroupHandler:
    """
    Lets a user into a group.
    """

    command = JOIN

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: JoinGroup, session: Session) -> Reply:
        user = asker(session)
        if not isId(request.group, session.realm):
            raise CommandRefused(Status.NOT_JOINED, data=JoinResult(request.group, JoinVerdict.REFUSED))
        joined = await self._core.members.join(session, user, request.group, request.name)
        return Reply(Status.JOINED, joined)


@implementer(ICommandHandler)
class LeaveGroupHandler:
    """
    Takes a user out of a group for good.
    """

    command = LEAVE

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: LeaveGroup, session: Session) -> Reply:
        if not await self._core.members.leave(asker(session), request.group):
            raise CommandRefused(Status.NOT_FOUND)
        return Reply(Status.OK)
