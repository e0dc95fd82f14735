"""
HTTP: the site that all dialects' routes hang in, its bounds, and the route
that every command has.

twisted.web bounds neither the size of a body nor the time that a slow drip
may take; both are done here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

from imtw.commands import Command, Reply, Status
from imtw.dispatch import Slot, refusalOf
from imtw.errors import CommandRefused
from imtw.events import Event
from imtw.interfaces import ICommandHandler, IForm
from imtw.model import Liberty
from imtw.server import Core
from imtw.sessions import Nowhere, Session

JSON = b"application/json; charset=utf-8"
FORWARDED = (b"Origin", b"Forwarded", b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"Via")
PATIENCE = 2.0  # seconds for a client of HTTP/1.0 to hang up
API = Liberty.SPEAK_FOR_OTHERS | Liberty.CLOSE_OTHERS

encode = msgspec.json.Encoder(order="sorted").encode

#: The HTTP status of an answer; any that is not here is 200.
CODES = {
    Status.NOT_SENT: 400,
    Status.BAD_REQUEST: 400,
    Status.INVALID: 401,
    Status.LOGIN_FAILED: 401,
    Status.AUTH_FAILED: 401,
    Status.FORBIDDEN: 403,
    Status.NOT_JOINED: 403,
    Status.NOT_FOUND: 404,
    Status.USER_NOT_FOUND: 404,
    Status.NO_MESSAGES: 404,
    Status.UNKNOWN_COMMAND: 404,
    Status.CONFLICT: 409,
    Status.TOO_LATE: 410,
    Status.TOO_MANY: 429,
    Status.NOT_STORED: 503,
    Status.BUSY: 503,
}


@implementer(IForm)
class NoForm:
    """
    The form of a session that is told nothing.
    """

    def encode(self, event: Event) -> bytes:
        """
        Nothing.
        """
        return b""

    def withDevice(self, named: bool) -> NoForm:
        """
        It still is told nothing.
        """
        return self


NO_FORM = NoForm()


class BoundedRequest(Request):
    """
    A request whose body has a bound, counted as it comes.
    """

    received = 0
    channel: BoundedChannel

    def gotLength(self, length: int | None) -> None:
        """
        The head is there: is the body announced too large?
        """
        super().gotLength(length)
        if length is not None and length > self.channel.site.limits.httpBody:
            self._tooLarge()

    def handleContentChunk(self, data: bytes) -> None:
        """
        Some more of the body.
        """
        self.received += len(data)
        if self.received > self.channel.site.limits.httpBody:
            self._tooLarge()
        else:
            super().handleContentChunk(data)

    def _tooLarge(self) -> None:
        """
        Say so and hang up: there is no use in reading the rest.
        """
        limit = self.channel.site.limits.httpBody
        body = encode({"code": int(Status.BAD_REQUEST), "msg": f"the body may have {limit} bytes"})
        self.channel.refuse(b"413 Content Too Large", body)


class BoundedChannel(HTTPChannel):
    """
    A connection on which each request has to be there in time, from its
    first byte to its last, however slowly it drips.
    """

    requestFactory = BoundedRequest
    site: BoundedSite
    transport: Any
    _isDue = False
    _isRefused = False

    def dataReceived(self, data: bytes) -> None:
        """
        Something came: from now on a whole request is due.
        """
        if self._isRefused:
            return
        if not self._isDue and not self._handlingRequest:
            self._isDue = True
            self.site.deadlines.set(self, self.site.limits.httpRequest)
        super().dataReceived(data)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """
        Clients of HTTP/1.0 are left to hang up first, as J-IM leaves them,
        for a moment.
        """
        if version != b"HTTP/1.0" or request.requestHeaders.hasHeader(b"Connection"):
            return bool(super().checkPersistence(request, version))
        self.setTimeout(PATIENCE)  # what is set when the answer is out is what was set before
        return True

    def allContentReceived(self) -> None:
        """
        The request is whole.
        """
        self._clearDeadline()
        if not self._isRefused:
            super().allContentReceived()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is gone.
        """
        self._clearDeadline()
        super().connectionLost(reason)

    def refuse(self, status: bytes, body: bytes) -> None:
        """
        Answer and hang up, in the middle of a request.
        """
        self._isRefused = True
        self._clearDeadline()
        self.transport.write(
            b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (status, JSON, len(body), body)
        )
        self.loseConnection()

    def expired(self) -> None:
        """
        It drips.
        """
        self.transport.abortConnection()

    def _clearDeadline(self) -> None:
        if self._isDue:
            self._isDue = False
            self.site.deadlines.clear(self, self.site.limits.httpRequest)


class BoundedSite(Site):
    """
    The HTTP side of a port.
    """

    noisy = False
    requestFactory = BoundedRequest

    def __init__(self, core: Core, root: IResource) -> None:
        limits = core.limits
        super().__init__(root, timeout=int(limits.httpIdle), reactor=core.clock)
        self.clock = core.clock
        self.deadlines = core.deadlines
        self.limits = limits
        self.displayTracebacks = False

    def buildProtocol(self, addr: Any) -> Any:
        """
        A connection speaks HTTP.
        """
        channel: Any = BoundedChannel()
        channel.requestFactory = self.requestFactory
        channel.site = self
        channel.factory = self
        channel.timeOut = self.timeOut
        channel.totalHeadersSize = self.limits.headSize
        channel.MAX_LENGTH = self.limits.headSize
        channel.callLater = self.clock.callLater
        return channel

    def log(self, request: Any) -> None:
        """
        No access log: it costs a fifth of the requests, and shows what old
        clients put into queries.
        """


class Root(Resource):
    """
    The routes of a port, by whole path; a folder's resource takes what is
    below it.
    """

    def __init__(self, routes: Mapping[str, IResource]) -> None:
        super().__init__()
        self._routes = routes

    def getChild(self, name: bytes, request: Request) -> IResource:
        """
        The longest route that this path begins with.
        """
        segments = [name, *(request.postpath or ())]
        for length in range(len(segments), -1, -1):
            try:
                path = b"/".join(segments[:length]).decode()
            except UnicodeDecodeError:
                continue
            found = self._routes.get(path)
            if found is not None and (found.isLeaf or length == len(segments)):
                request.postpath = segments[length:]
                return found
        return NotFound()


class NotFound(Resource):
    """
    There is nothing at this path.
    """

    isLeaf = True

    def render(self, request: Request) -> bytes:
        """
        Say so, for people and programs alike.
        """
        request.setResponseCode(404)
        request.setHeader(b"Content-Type", JSON)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        return encode({"code": int(Status.NOT_FOUND), "msg": "there is nothing at this path"})


def sessionOf(core: Core, request: Request, liberties: Liberty = Liberty.NONE) -> Session:
    """
    The session of one request: nobody's yet, and nothing can be pushed to
    it.
    """
    session = core.newSession(Nowhere(), NO_FORM, "http", addressOf(request), liberties)
    session.ended = None
    return session


def addressOf(request: Request) -> str:
    """
    The peer's address; what a proxy says of it is not believed here.
    """
    return getattr(request.getClientAddress(), "host", "")


def isLoopback(host: str) -> bool:
    """
    Is this a name or an address of this machine?
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def hostOf(request: Request) -> str:
    """
    The Host header without its port.
    """
    host = (request.getHeader(b"Host") or b"").decode("latin-1")
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host


def bodyOf(request: Request) -> bytes:
    """
    A request's body.
    """
    assert request.content is not None  # set once the head is there
    return bytes(bodyOf(request))


def bearerOf(request: Request) -> str:
    """
    The bearer token of a request, or an empty text.
    """
    scheme, _, value = (request.getHeader(b"Authorization") or b"").decode("latin-1").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def libertiesOf(core: Core, request: Request) -> Liberty:
    """
    May this caller speak for others?  With the operator's secret, or, only
    while there is none, from this machine itself and not through a page or a
    proxy (DESIGN, "Accounts and names").
    """
    if core.apiSecret:
        known = compare_digest(bearerOf(request).encode("utf-8", "replace"), core.apiSecret.encode())
        return API if known else Liberty.NONE
    forwarded = any(request.requestHeaders.hasHeader(name) for name in FORWARDED)
    if isLoopback(addressOf(request)) and isLoopback(hostOf(request)) and not forwarded:
        return API
    return Liberty.NONE


async def identify(core: Core, request: Request, session: Session) -> None:
    """
    Log the session in as the request's bearer token or basic login says;
    without either nothing happens.

    @raise CommandRefused: they are wrong.
    """
    token = bearerOf(request)
    name = request.getUser()
    if token and not (core.apiSecret and libertiesOf(core, request)):
        session.user = await core.accounts.login("", "", token, session.address)
    elif name:
        try:
            login, password = name.decode(), request.getPassword().decode()
        except (UnicodeDecodeError, binascii.Error):
            raise CommandRefused(Status.LOGIN_FAILED) from None
        session.user = await core.accounts.login(login, password, "", session.address)


def respond(request: Request, code: int, body: bytes) -> None:
    """
    Finish a request with JSON.
    """
    request.setResponseCode(code)
    request.setHeader(b"Content-Type", JSON)
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    request.setHeader(b"Cache-Control", b"no-store")
    request.setHeader(b"Content-Length", str(len(body)).encode())
    if code == 401:
        request.setHeader(b"WWW-Authenticate", b"Bearer")
    request.write(body)
    request.finish()


async def settled(core: Core, command: Command, result: Any) -> Reply:
    """
    What a handler returned, when it is there.
    """
    if isinstance(result, Deferred):
        try:
            result = await result
        except CommandRefused as refused:
            return refusalOf(refused)
        except Exception:
            return core.dispatcher.bug(command, Failure())
    if isinstance(result, Slot):
        if result.reply is None:
            filled: Deferred[None] = Deferred()
            result.lane = OneSlot(filled)  # type: ignore[assignment]
            await filled
        result = result.reply
    return result or Reply(Status.OK)


class OneSlot:
    """
    The lane of one request.
    """

    def __init__(self, filled: Deferred[None]) -> None:
        self._filled = filled

    def advance(self) -> None:
        """
        The slot was filled.
        """
        self._filled.callback(None)


class AsyncResource(Resource):
    """
    A leaf whose answer is a coroutine: what it raises is answered, too.
    """

    isLeaf = True
    log = Logger()
    methods: tuple[bytes, ...] = (b"GET", b"POST")

    def render(self, request: Request) -> Any:
        """
        Start the answer.
        """
        if request.method not in self.methods:
            request.setHeader(b"Allow", b", ".join(self.methods))
            respond(request, 405, encode({"msg": f"use {b' or '.join(self.methods).decode()}"}))
            return NOT_DONE_YET
        gone = request.notifyFinish()
        task = Deferred.fromCoroutine(self.answer(request))
        gone.addErrback(lambda reason: task.cancel())
        task.addErrback(self._failed, request)
        return NOT_DONE_YET

    async def answer(self, request: Request) -> None:
        """
        Answer a request, with L{respond}.
        """
        raise NotImplementedError

    def _failed(self, failure: Failure, request: Request) -> None:
        """
        Our bug, or a client that did not wait.
        """
        if request._disconnected:
            return
        self.log.failure("{path}", failure, path=request.path.decode("latin-1"))
        if not request.startedWriting:
            respond(request, 500, encode({"msg": "something went wrong here; it is in the server's log"}))


class JSONReader:
    """
    Reads a command's request from a JSON body, strictly: an HTTP caller is
    told what is wrong.
    """

    def __init__(self) -> None:
        self.complaint = ""

    def read(self, command: Command, body: bytes) -> Any:
        """
        The request, or a refusal.
        """
        try:
            return msgspec.json.decode(body or b"{}", type=command.request)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            self.complaint = str(error)
            raise CommandRefused(Status.BAD_REQUEST) from None


class CommandResource(AsyncResource):
    """
    C{POST /api/command/<name>}: any command, with its own request and reply.
    """

    methods = (b"POST",)

    def __init__(self, core: Core, handler: ICommandHandler) -> None:
        super().__init__()
        self._core = core
        self._handler = handler

    async def answer(self, request: Request) -> None:
        """
        Log the caller in for this one command, and give it.
        """
        core = self._core
        command = self._handler.command
        reader = JSONReader()
        session = sessionOf(core, request, libertiesOf(core, request))
        try:
            await identify(core, request, session)
        except CommandRefused as refused:
            reply = refusalOf(refused)
        else:
            result = core.dispatcher.call(self._handler, session, reader, bodyOf(request))
            reply = await settled(core, command, result)
        core.sessions.remove(session)
        answer: dict[str, Any] = {"command": command.replyCode}
        if reply.status is not None:
            answer["code"] = int(reply.status)
            answer["msg"] = reader.complaint or reply.status.name.lower().replace("_", " ")
        if reply.data is not None:
            answer["data"] = reply.data
        respond(request, CODES.get(reply.status, 200) if reply.status else 200, encode(answer))


def commandRoutes(core: Core) -> dict[str, IResource]:
    """
    The routes of all commands that make sense for one request.
    """
    return {
        f"api/command/{handler.command.name}": CommandResource(core, handler)
        for handler in core.registry
    }


def basic(name: str, password: str) -> bytes:
    """
    The value of an Authorization header for a basic login.
    """
    return b"Basic " + base64.b64encode(f"{name}:{password}".encode())
