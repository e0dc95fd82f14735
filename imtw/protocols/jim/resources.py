"""
J-IM's HTTP routes (docs/wire/jim.rst, HTTP).
"""

from __future__ import annotations

from typing import Any

from twisted.web.resource import IResource
from twisted.web.server import Request

from imtw.commands import CHAT, CLOSE, Close, Command, Status
from imtw.errors import CommandRefused
from imtw.model import Liberty
from imtw.protocols.caller import identify, libertiesOf, obstacleOf, sessionOf
from imtw.protocols.head import fieldsOf, splitTarget
from imtw.protocols.http import AsyncResource, bodyOf, respond, settled, shortBodyOf
from imtw.protocols.jim.answers import envelope
from imtw.protocols.jim.replies import answer
from imtw.protocols.jim.requests import Unreadable, read
from imtw.protocols.jim.statuses import TEXTS
from imtw.protocols.jim.voice import JimOptions
from imtw.server import Core
from imtw.sessions import Session

ANY_METHOD = ()  # J-IM does not look


class BodyReader:
    """
    Reads a command's request from J-IM's JSON.

    @ivar isBad: it was not even of the right shape.
    """

    isBad = False

    def read(self, command: Command, body: bytes) -> Any:
        """
        The request, or a refusal.
        """
        try:
            return read(command, body)
        except Unreadable:
            self.isBad = True
            raise


class SendResource(AsyncResource):
    """
    C{/api/message/send}: command 11, for callers that may speak for others;
    others say who they are and speak for themselves.
    """

    methods = ANY_METHOD

    def __init__(self, core: Core, options: JimOptions) -> None:
        super().__init__()
        self._core = core
        self._options = options

    async def answer(self, request: Request) -> None:
        """
        Take a message on.
        """
        core = self._core
        reader = BodyReader()
        session = sessionOf(core, request, libertiesOf(core, request) | self._options.liberties)
        wrong = await wrongLogin(core, request, session)
        if session.user is None and Liberty.SPEAK_FOR_OTHERS not in session.liberties:
            reason = wrong or f"{obstacleOf(core, request)}; log in to speak for yourself"
            respond(request, 401, envelope(CHAT.replyCode, code=Status.INVALID, msg=refusal(reason)))
            return
        session.liberties |= Liberty.ANONYMOUS
        handler = core.registry.byCode[CHAT.code]
        result = core.dispatcher.call(handler, session, reader, bodyOf(request))
        reply = await settled(core, CHAT, result)
        code = 400 if reader.isBad else 200
        respond(request, code, answer(CHAT, reply, False, self._options.suffix))


async def wrongLogin(core: Core, request: Request, session: Session) -> str:
    """
    Log the session in as the request says; if that is wrong it may nothing.

    @return: what is wrong, or an empty text.
    """
    try:
        await identify(core, request, session)
    except CommandRefused as refused:
        session.liberties = Liberty.NONE
        return refused.reason or "login failed"
    return ""


def refusal(reason: str) -> str:
    """
    J-IM's text for whoever may not, which its clients know, and why that is.
    """
    return f"{TEXTS[Status.INVALID]}: {reason}"


def short(status: Status, text: str = "") -> bytes:
    """
    The answer of the utilities: it names no command.

    @param text: in place of the status's own.
    """
    whole = envelope(0, code=status, msg=text or TEXTS[status])
    return whole.replace(b'"command":0,', b"")


def userAsked(request: Request) -> str:
    """
    The parameter C{userid}, from the query or from a form.
    """
    _, query = splitTarget(request.uri)
    return query["userid"] if "userid" in query else fieldsOf(shortBodyOf(request) or b"").get("userid", "")


class OnlineResource(AsyncResource):
    """
    C{/api/user/online}: has this user a connection?
    """

    methods = ANY_METHOD

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    async def answer(self, request: Request) -> None:
        """
        Say it.
        """
        user = userAsked(request)
        if not user:
            respond(request, 200, short(Status.INVALID))
        else:
            online = self._core.sessions.online(user)
            respond(request, 200, short(Status.ONLINE if online else Status.OFFLINE))


class CloseResource(AsyncResource):
    """
    C{/api/user/close}: end all connections of a user.
    """

    methods = ANY_METHOD

    def __init__(self, core: Core, options: JimOptions) -> None:
        super().__init__()
        self._core = core
        self._options = options

    async def answer(self, request: Request) -> None:
        """
        End them, for those who may.
        """
        core = self._core
        session = sessionOf(core, request, libertiesOf(core, request) | self._options.liberties)
        user = userAsked(request)
        wrong = await wrongLogin(core, request, session)
        if not user:
            respond(request, 200, short(Status.INVALID))
            return
        try:
            core.registry.byCode[CLOSE.code].handle(Close(user), session)
        except CommandRefused:
            reason = wrong or f"{obstacleOf(core, request)}; log in as the user, or as an operator"
            respond(request, 401, short(Status.INVALID, refusal(reason)))
        else:
            respond(request, 200, short(Status.CLOSED))


def jimRoutes(core: Core, options: JimOptions) -> dict[str, IResource]:
    """
    The routes of this dialect, but for those of commands that nobody answers.
    """
    routes: dict[str, IResource] = {"api/user/online": OnlineResource(core)}
    if CHAT.code in core.registry.byCode:
        routes["api/message/send"] = SendResource(core, options)
    if CLOSE.code in core.registry.byCode:
        routes["api/user/close"] = CloseResource(core, options)
    return routes
