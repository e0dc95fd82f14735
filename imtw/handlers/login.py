"""
Who is on a connection: login and tokens.
"""

from __future__ import annotations

from zope.interface import implementer

from imtw.accounts.tokens import digestOf
from imtw.commands import LOGIN, REVOKE, TOKEN, IssuedToken, LoggedIn, Login, Nothing, Reply, RevokeToken, Status
from imtw.errors import CommandRefused
from imtw.handlers.chat import asker
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
        core = self._core
        with core.attendance.holders.hold(request.token) as hold:
            admission = await core.accounts.login(
                request.name, request.password, request.token, session.address, request.device
            )
            if hold.isEnded(admission.user.id) or (hold.isRevoked and admission.token):
                raise CommandRefused(Status.LOGIN_FAILED, close=True)
        user = admission.user
        if session.user is not None and (request.device != session.device or user.id != session.user.id):
            core.attendance.exit(session)
        session.nameDevice(request.device)
        session.token = admission.token
        await core.attendance.enter(session, user, session.isForgetful)
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
        text, token = await self._core.accounts.issueToken(asker(session).id, session.device)
        return Reply(Status.OK, IssuedToken(text, token.expires))


@implementer(ICommandHandler)
class RevokeHandler:
    """
    Makes one of the user's own tokens worthless, or forgets one of its
    devices with its tokens, and ends what they opened.
    """

    command = REVOKE

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: RevokeToken, session: Session) -> Reply:
        if session.user is None:
            raise CommandRefused(Status.NOT_FOUND)
        if bool(request.token) == bool(request.device):
            raise CommandRefused(Status.BAD_REQUEST)
        if request.device:
            return await self._device(request.device, session.user.id, session)
        return await self._token(request.token, session.user.id, session)

    async def _device(self, device: str, user: str, session: Session) -> Reply:
        """
        Forget a device.
        """
        core = self._core
        tokens = await core.store.dropDevice(user, device)
        if tokens is None:
            raise CommandRefused(Status.NOT_FOUND)
        core.attendance.revoke(user, device, spared=session)
        for token in tokens:  # which may have opened a session that named no device
            core.attendance.revoke(user, token=token, spared=session)
        return Reply(Status.OK, close=session.isOf(device, b"") or session.token in tokens)

    async def _token(self, text: str, user: str, session: Session) -> Reply:
        """
        Forget a token.
        """
        core = self._core
        token = await core.accounts.checkToken(text)
        if token is None or token.user != user:
            raise CommandRefused(Status.NOT_FOUND)
        await core.accounts.revokeToken(text)
        digest = digestOf(text)
        core.attendance.revoke(user, token=digest, spared=session)
        return Reply(Status.OK, close=session.isOf("", digest))
