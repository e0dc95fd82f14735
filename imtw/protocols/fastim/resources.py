"""
FastIM's HTTP side (docs/wire/fastim.rst, HTTP).

A L{Door} stands in front of all of it: it knows which path is there, who is
logged in, which method is right, and how all that is refused.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from imtw.errors import CommandRefused, StoreError
from imtw.faults import report
from imtw.model import User
from imtw.protocols.caller import addressOf
from imtw.protocols.fastim.calls import CALLS, Call
from imtw.protocols.fastim.house import USER_INFO, House
from imtw.protocols.fastim.page import PAGE, PAGE_HEADERS
from imtw.protocols.fastim.parameters import BadParameter, Parameters, parametersOf, text
from imtw.protocols.fastim.paths import isMalformed, targetOf
from imtw.protocols.fastim.texts import DENIED_BODY, FAILURE, SUCCESS, envelope, failure, quotedInAnswer
from imtw.protocols.http import shortBodyOf
from imtw.protocols.upgrade import headOf

LOGIN, PAGE_PATH = "/user/login", "/test/websocket"
FREE = (LOGIN, PAGE_PATH)  # for who is not logged in
JSON = b"application/json"
DENIED_TYPE = b"application/json;charset=utf-8"
DENIED_TYPE_STRICT = b"application/x-www-form-urlencoded;charset=utf-8"
PREFLIGHT_AGE = b"1800"  # seconds
UPGRADING = frozenset([b"upgrade"])  # what makes a request an upgrade


class Door(Resource):
    """
    Answers every path of FastIM's.
    """

    isLeaf = True
    log = Logger()

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house = house
        self._deniedType = DENIED_TYPE_STRICT if house.options.strict else DENIED_TYPE

    def render(self, request: Request) -> Any:
        """
        Answer, once everything is known that it takes.
        """
        gone = request.notifyFinish()
        task = Deferred.fromCoroutine(self._answer(request))
        gone.addErrback(lambda reason: task.cancel())
        task.addErrback(self._failed, request)
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> None:
        """
        Look at one thing after the other, as the original does.
        """
        if request.requestHeaders.hasHeader(b"Origin"):
            request.setHeader(b"Access-Control-Allow-Origin", b"*")
            if request.method == b"OPTIONS" and request.requestHeaders.hasHeader(b"Access-Control-Request-Method"):
                self._preflight(request)
                return
        path = pathOf(request)
        if isMalformed(path) or isHalfUpgrade(request, path):
            self._error(request, 400)
            return
        route = unquote(path)
        user = None
        if route not in FREE:
            user = await self._who(request)
            if user is None:
                send(request, 200, DENIED_BODY, self._deniedType)
                return
        route = route.removesuffix("/")
        if route == PAGE_PATH:
            self._page(request)
        elif route == LOGIN:
            await self._post(request, None, None)
        elif route in CALLS and user is not None:
            await self._post(request, CALLS[route], user)
        else:
            self._error(request, 404)

    async def _who(self, request: Request) -> User | None:
        """
        Who is logged in: both headers are there, and fit.
        """
        name, token = headerOf(request, b"userId"), headerOf(request, b"token")
        return None if name is None or token is None else await self._house.who(name, token)

    async def _post(self, request: Request, call: Call | None, user: User | None) -> None:
        """
        Answer a call, or, where it is none, a login.
        """
        if request.method != b"POST":
            self._otherMethod(request, [b"POST"])
            return
        query = request.uri.partition(b"?")[2]
        body = shortBodyOf(request)
        if body is None:
            self._error(request, 400)
            return
        try:
            parameters = parametersOf(query, request.getHeader(b"Content-Type") or b"", body)
            if call is None or user is None:
                answer = await self._login(request, parameters)
            else:
                answer = await call(self._house, request, user, parameters)
        except BadParameter:
            self._error(request, 400)
        else:
            send(request, 200, answer)

    async def _login(self, request: Request, parameters: Parameters) -> bytes:
        """
        C{/user/login}: the token is the message.
        """
        user, password = text(parameters, "userId"), text(parameters, "password")
        try:
            token = await self._house.login(user, password, addressOf(request))
        except (CommandRefused, StoreError):
            return envelope(FAILURE, "登录失败")
        return envelope(SUCCESS, token, quotedInAnswer(USER_INFO))

    def _page(self, request: Request) -> None:
        """
        The test page.
        """
        if request.method not in (b"GET", b"HEAD"):
            self._otherMethod(request, [b"GET", b"HEAD"])
            return
        for name, value in PAGE_HEADERS.items():
            request.setHeader(name, value)
        send(request, 200, PAGE, b"text/html;charset=utf-8")

    def _preflight(self, request: Request) -> None:
        """
        Let a page of any origin call.  The original asks preflights for a
        login, which no browser sends with them.
        """
        request.setHeader(b"Access-Control-Allow-Methods", b"POST")
        lines = request.requestHeaders.getRawHeaders(b"Access-Control-Request-Headers", [])
        asked = [name.strip() for name in b",".join(lines).split(b",") if name.strip()]
        if asked:
            request.setHeader(b"Access-Control-Allow-Headers", b", ".join(asked))
        request.setHeader(b"Access-Control-Max-Age", PREFLIGHT_AGE)
        send(request, 200, b"", None)

    def _otherMethod(self, request: Request, right: list[bytes]) -> None:
        """
        Say which method is right; that HEAD is where GET is goes without
        saying, but for who asks for all.
        """
        if request.method == b"OPTIONS":
            request.setHeader(b"Allow", b",".join([*right, b"OPTIONS"]))
            send(request, 200, b"", None)
        else:
            request.setHeader(b"Allow", right[0])
            self._error(request, 405)

    def _error(self, request: Request, status: int) -> None:
        """
        An HTTP error, as Spring tells it.
        """
        send(request, status, failure(status, pathOf(request), self._house.core.now()))

    def _failed(self, why: Failure, request: Request) -> None:
        """
        The store cannot be asked, or our bug, or a client that did not wait.
        """
        if request._disconnected:
            return
        report(self.log, why, "fastim: {path}", path=routeOf(request))
        if request.startedWriting:
            return
        if why.check(StoreError):
            send(request, 200, envelope(FAILURE, "操作失败"))
        else:
            self._error(request, 500)


def send(request: Request, status: int, body: bytes, kind: bytes | None = JSON) -> None:
    """
    Finish a request.
    """
    request.setResponseCode(status)
    if kind is None:
        request.responseHeaders.removeHeader(b"Content-Type")
        request.defaultContentType = None
    else:
        request.setHeader(b"Content-Type", kind)
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    request.setHeader(b"Content-Length", str(len(body)).encode())
    if request.method != b"HEAD":
        request.write(body)
    request.finish()


def pathOf(request: Request) -> str:
    """
    A request's path as it was sent.
    """
    return request.uri.partition(b"?")[0].decode("latin-1")


def routeOf(request: Request) -> str:
    """
    The beginning of a path: there may be a token behind it.
    """
    return "/".join(pathOf(request).split("/")[:3])


def headerOf(request: Request, name: bytes) -> str | None:
    """
    A header's text, of several the first; L{None} where there is none.
    """
    values = request.requestHeaders.getRawHeaders(name)
    return values[0].decode("utf-8", "replace") if values else None


def isHalfUpgrade(request: Request, path: str) -> bool:
    """
    Does this ask for one of the WebSockets without what that takes?
    """
    head = headOf(request)
    return head.isGet and not head.lacks & UPGRADING and targetOf(path) is not None


def fastRoutes(house: House) -> tuple[dict[str, IResource], IResource]:
    """
    The routes of this dialect, and what answers everything else on a port of
    its own.
    """
    door = Door(house)
    paths = [*CALLS, *FREE, "/group/chat", "/group/list"]
    return {path[1:]: door for path in paths}, door
