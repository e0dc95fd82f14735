"""
HTTP answers: resources that are coroutines, and what a handler returned as
JSON.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from imtw.commands import Command, Reply, Status
from imtw.errors import CommandRefused, StoreError
from imtw.faults import report
from imtw.protocols.routing import NotFound
from imtw.protocols.site import JSON, encode
from imtw.server import Core
from imtw.sessions import Session
from imtw.slots import GRANTED, Slot, awaited, refusalOf

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


def bodyOf(request: Request) -> bytes:
    """
    A request's body.
    """
    assert request.content is not None  # set once the head is there
    return bytes(request.content.read())


def shortBodyOf(request: Request) -> bytes | None:
    """
    A request's body; L{None} for one that is longer than what is read of
    somebody who need not have logged in.
    """
    site: Any = request.site
    body = bodyOf(request)
    return body if len(body) <= site.limits.bodyBeforeLogin else None


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


def allowOrigin(request: Request) -> bool:
    """
    Let a page of an allowed origin read the answer (D-15).

    @return: it only asked whether it may, and has been told.
    """
    origin = request.getHeader(b"Origin")
    site: Any = request.site
    if origin not in site.origins:
        return False
    request.setHeader(b"Access-Control-Allow-Origin", origin)
    request.setHeader(b"Vary", b"Origin")
    if request.method != b"OPTIONS" or not request.requestHeaders.hasHeader(b"Access-Control-Request-Method"):
        return False
    request.setResponseCode(204)
    request.setHeader(b"Access-Control-Allow-Methods", b"GET, POST")
    request.setHeader(b"Access-Control-Allow-Headers", b"Authorization, Content-Type")
    request.setHeader(b"Access-Control-Max-Age", b"600")
    return True


async def settled(core: Core, command: Command, result: Any) -> Reply:
    """
    What a handler returned, when it is there.
    """
    if not isinstance(result, Reply | Slot | None):
        try:
            result = await awaited(result)
        except CommandRefused as refused:
            return refusalOf(refused)
        except CancelledError:  # who asked is gone
            raise
        except Exception:  # ours, or a plugin's: logged, and the client is told
            return core.dispatcher.bug(command, Failure())
    if isinstance(result, Slot):
        if result.reply is None:
            filled: Deferred[None] = Deferred()
            result.lane = OneSlot(filled)  # type: ignore[assignment]
            await filled
        result = result.reply
    reply: Reply = result or Reply(Status.OK)
    if reply.status is not None and reply.status not in GRANTED:
        core.counters.refused[reply.status] += 1
    return reply


async def give(core: Core, session: Session, command: Command, request: Struct) -> Reply:
    """
    Give a command whose request is made already.
    """
    handler = core.registry.byCode.get(command.code)
    if handler is None:
        return Reply(Status.UNKNOWN_COMMAND)
    return await settled(core, command, core.dispatcher.call(handler, session, _AS_IT_IS, request))


class AsItIs:
    """
    Reads requests that are made already.
    """

    def read(self, command: Command, packet: Struct) -> Struct:
        """
        This one.
        """
        return packet


_AS_IT_IS = AsItIs()


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

    @cvar methods: those that it takes; none for any.
    """

    isLeaf = True
    log = Logger()
    methods: tuple[bytes, ...] = (b"GET", b"POST")

    def render(self, request: Request) -> Any:
        """
        Start the answer, where the method is one of these.
        """
        if request.postpath:  # a leaf gets what is asked for below it, too
            return NotFound().render(request)
        if allowOrigin(request):
            return b""
        if self.methods and request.method not in self.methods:
            request.setHeader(b"Allow", b", ".join(self.methods))
            respond(request, 405, encode({"msg": f"use {b' or '.join(self.methods).decode()}"}))
            return NOT_DONE_YET
        return self.begin(request)

    def begin(self, request: Request) -> Any:
        """
        Start the answer.
        """
        gone = request.notifyFinish()
        task = Deferred.fromCoroutine(self.answer(request))
        gone.addErrback(lambda reason: task.cancel())
        task.addErrback(self._failed, request)
        return NOT_DONE_YET

    async def answer(self, request: Request) -> None:
        """
        Answer a request, with L{respond}; a subclass says how.
        """
        raise NotImplementedError

    def _failed(self, failure: Failure, request: Request) -> None:
        """
        The store cannot be asked, or our bug, or a client that did not wait.
        """
        if request._disconnected:
            return
        report(self.log, failure, "{path}", path=request.path.decode("latin-1"))
        if not request.startedWriting:
            self.broken(request, 503 if failure.check(StoreError) else 500)

    def broken(self, request: Request, code: int) -> None:
        """
        Answer a request that we failed at.

        @param code: the HTTP status.
        """
        respond(request, code, encode({"msg": "something went wrong here; it is in the server's log"}))
