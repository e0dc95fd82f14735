"""
What easyim's HTTP API answers: always 200, with the real code inside.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Struct
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import Request

from imtw.protocols.easyim.jsontext import encodeText
from imtw.protocols.head import splitTarget
from imtw.protocols.http import AsyncResource, shortBodyOf
from imtw.protocols.upgrade import headOf

JSON = b"application/json; charset=utf-8"
HTML = b"text/html; charset=utf-8"
OK, WRONG, BROKEN = 200, 400, 500
SUCCESS = "success"
NO_ROUTE = "找不到路由"
BAD_ARGUMENTS = "QueryArgsError.请求参数错误:"
SERVER_ERROR = "ServerError.服务器内部错误"

UPGRADING = frozenset([b"upgrade", b"connection"])  # what makes a request an upgrade

HEADERS = {
    b"Connection": b"close",
    b"Server": b"easyim",
    b"Access-Control-Allow-Credentials": b"true",
    b"Access-Control-Allow-Headers": (
        b"Origin, Content-Length, Content-Type, Accept, Token, Auth-Token, X-Requested-With"
    ),
    b"Access-Control-Allow-Methods": b"POST, GET, OPTIONS, PUT, DELETE, UPDATE",
    b"Access-Control-Allow-Origin": b"*",
    b"Access-Control-Expose-Headers": (
        b"Content-Length, Access-Control-Allow-Origin, Access-Control-Allow-Headers, Cache-Control, "
        b"Content-Language, Content-Type"
    ),
}


class Refused(Exception):
    """
    A request is refused; says why, in easyim's words.
    """


class Envelope(Struct):
    """
    What every answer is.
    """

    code: int
    msg: str
    data: dict[str, Any]


def respond(request: Request, msg: str = SUCCESS, data: dict[str, Any] | None = None, code: int = OK) -> None:
    """
    Finish a request, and its connection.
    """
    finish(request, JSON, encodeText(Envelope(code, msg, data or {})))


def finish(request: Request, kind: bytes, body: bytes) -> None:
    """
    Finish a request with these bytes.
    """
    request.responseHeaders = Headers()  # easyim's, in its order, and no others
    for name, value in ((b"Content-Length", str(len(body)).encode()), *HEADERS.items(), (b"Content-Type", kind)):
        request.setHeader(name, value)
    channel: Any = request.channel
    channel.persistent = False  # easyim closes after each answer
    if request.method != b"HEAD":
        request.write(body)
    request.finish()


def preflight(request: Request) -> None:
    """
    C{OPTIONS}: an empty page, which says what pages may do.
    """
    finish(request, HTML, b"")


def notFound(request: Request) -> None:
    """
    There is no such route: what was asked is said back, but for a body that
    is too long to be anything an easyim client asks.
    """
    target = request.uri.decode("utf-8", "replace")
    path, _, query = target.partition("?")
    told = {
        "body": b64encode(shortBodyOf(request) or b"").decode(),
        "host": (request.getHeader(b"Host") or b"").decode("utf-8", "replace"),
        "method": request.method.decode("utf-8", "replace"),
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "protocol": request.clientproto.decode("utf-8", "replace"),
        "query": query,
        "url": target,
    }
    respond(request, NO_ROUTE, told, WRONG)


class Elsewhere(Resource):
    """
    Whatever has no route, on a port of easyim's own.
    """

    isLeaf = True

    def __init__(self, hasSockets: bool) -> None:
        """
        @param hasSockets: an upgrade that comes here is one that failed.
        """
        super().__init__()
        self._hasSockets = hasSockets

    def render(self, request: Request) -> Any:
        """
        Say so; an upgrade without a key is one that failed.
        """
        head = headOf(request)
        if self._hasSockets and head.isGet and not head.hasKey and not head.lacks & UPGRADING:
            request.setResponseCode(400)
        if request.method == b"OPTIONS":
            preflight(request)
        else:
            notFound(request)
        return 1  # NOT_DONE_YET: it is done


class Route(AsyncResource):
    """
    A route with one method; any other one is no route.
    """

    method = b"POST"

    def render(self, request: Request) -> Any:
        """
        Start the answer, if this is what was asked for.
        """
        if request.method == b"OPTIONS":
            preflight(request)
        elif request.method != self.method or request.postpath:
            notFound(request)
        else:
            return self.begin(request)
        return 1  # NOT_DONE_YET: it is done

    async def answer(self, request: Request) -> None:
        """
        Answer a request with what L{reply} has to say.
        """
        try:
            msg, data = await self.reply(request)
        except Refused as refused:
            respond(request, str(refused), None, WRONG)
        else:
            respond(request, msg, data)

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        The message and the data of the answer.

        @raise Refused: no.
        """
        raise NotImplementedError

    def broken(self, request: Request, code: int) -> None:
        """
        Answer a request that we failed at, as easyim does whatever it was.
        """
        respond(request, SERVER_ERROR, None, BROKEN)


def bodyAs(request: Request, shape: type[Any]) -> Any:
    """
    A request's JSON body, read as Go reads it: keys in any case, unknown ones
    passed over, C{null} for nothing.

    @raise Refused: it is none, or something in it is of another kind.
    """
    body = shortBodyOf(request)
    if body is None:
        raise Refused(BAD_ARGUMENTS + "too long")
    text = body.decode("utf-8", "imtw-each-byte")
    if not text.strip():
        raise Refused(BAD_ARGUMENTS + "unexpected end of JSON input")
    try:
        read = msgspec.json.decode(text)
        if read is not None and not isinstance(read, dict):
            raise Refused(BAD_ARGUMENTS + "wanted an object")
        values = {key.casefold(): value for key, value in (read or {}).items() if value is not None}
        return msgspec.convert(values, shape)
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as error:
        raise Refused(BAD_ARGUMENTS + str(error)) from None


def queryOf(request: Request, *names: str) -> str:
    """
    The first of some query parameters that is there.
    """
    _, query = splitTarget(request.uri)
    return next((query[name] for name in names if query.get(name)), "")
