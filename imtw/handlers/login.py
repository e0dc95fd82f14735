"""
Who is on a connection: login and tokens.
"""

from __future__ import annotations

from zope.interface import implementer

from imtw.commands import LOGIN, REVOKE, TOKEN, IssuedToken, LoggedIn, Login, Nothing, Reply, RevokeToken, Status
from imtw.errors import CommandRefused
from imtw.interfaces import ICommandHandler
from imtw.server import Core
from imtw.sessions import Session


@implementer(ICommandHandler)
class LoginHandler:
    """
    Lets a user in, by name and password or by token.
    """

    command = LOGIN

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: Login, session: Session) -> Reply:
        user = await self._core.accounts.login(
            request.name, request.password, request.token, session.address, request.device
        )
        if session.user is not None and request.device != session.device:
            self._core.attendance.exit(session)
        session.nameDevice(request.device)
        await self._core.attendance.enter(session, user, session.isForgetful)
        return Reply(Status.LOGGED_IN, LoggedIn(user.id))


@implementer(ICommandHandler)
class TokenHandler:
    """
    Gives a logged-in user a token for the next login.
    """

    command = TOKEN

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: Nothing, session: Session) -> Reply:
        if session.user is None:
            raise CommandRefused(Status.INVALID)
        text, token = await self._core.accounts.issueToken(session.user.id, session.device)
        return Reply(Status.OK, IssuedToken(text, token.expires))


@implementer(ICommandHandler)
class RevokeHandler:
    """
    Makes one of the user's own tokens worthless.
    """

    command = REVOKE

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: RevokeToken, session: Session) -> Reply:
        token = await self._core.accounts.checkToken(request.token)
        if token is None or session.user is None or token.user != session.user.id:
            raise CommandRefused(Status.NOT_FOUND)
        await self._core.accounts.revokeToken(request.token)
        return Reply(Status.OK)
