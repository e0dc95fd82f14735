"""
Who may ask the admin listener for what:

    - C{/healthz} and C{/readyz}: anybody; they say yes or no and nothing else;
    - C{/metrics}: who knows a secret; without one a peer on this machine,
      with a loopback C{Host} and no sign of a page or a proxy;
    - everything else: who knows the secret in the file beside the database,
      with a loopback C{Host}.

A request with an C{Origin} comes from a web page and is always refused, and
so is a foreign C{Host} where no secret makes up for it: a page whose name was
pointed at this machine (DNS rebinding) has one.  What is refused for these is
refused before the secret is looked at.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

import msgspec
from twisted.internet.address import UNIXAddress
from twisted.web.server import NOT_DONE_YET, Request

from imtw.commands import Status
from imtw.errors import CommandRefused, StoreError
from imtw.protocols.caller import addressOf, bearerOf, handedOn, hostOf, isLoopback
from imtw.protocols.http import CODES, AsyncResource, bodyOf, respond
from imtw.protocols.site import encode

NO_PAGES = "web pages may not ask this: the request has an Origin"
NOT_LOCAL = "the Host is not this machine's: ask for localhost or 127.0.0.1"
NO_SECRET = "this needs the secret in the file beside the database, as a bearer token"


class Refused(Exception):
    """
    A request that is not let in.

    @ivar code: the HTTP status.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Gate:
    """
    Knows the secrets.

    @ivar secret: of this process; opens everything.
    """

    def __init__(self, secret: str, apiSecret: str = "") -> None:
        """
        @param apiSecret: the one of C{--api-secret-file}, which stays the
            same: it opens the metrics, so that they can be had from another
            machine.
        """
        self.secret = secret
        self._apiSecret = apiSecret

    def forOperator(self, request: Request) -> None:
        """
        Check who wants to do what only the operator may.

        @raise Refused: it may not.
        """
        self._noPages(request)
        if not isLocalHost(request):
            raise Refused(403, NOT_LOCAL)
        if not knows(request, self.secret):
            raise Refused(401, NO_SECRET)

    def forMetrics(self, request: Request) -> None:
        """
        Check who wants to see the metrics.

        @raise Refused: it may not.
        """
        self._noPages(request)
        if knows(request, self.secret) or knows(request, self._apiSecret):
            return
        if not isLocalHost(request):
            raise Refused(403, NOT_LOCAL)
        if not isLocalPeer(request) or handedOn(request):
            raise Refused(401, NO_SECRET)

    def _noPages(self, request: Request) -> None:
        if request.requestHeaders.hasHeader(b"Origin"):
            raise Refused(403, NO_PAGES)


def knows(request: Request, secret: str) -> bool:
    """
    Is this secret the request's bearer token?  An empty one is nobody's.
    """
    return compare_digest(bearerOf(request).encode(), secret.encode()) and bool(secret)


def isLocalHost(request: Request) -> bool:
    """
    Is the one Host that a request names this machine?
    """
    return len(request.requestHeaders.getRawHeaders(b"Host", [])) == 1 and isLoopback(hostOf(request))


def isLocalPeer(request: Request) -> bool:
    """
    Does a request come from this machine?
    """
    return isinstance(request.getClientAddress(), UNIXAddress) or isLoopback(addressOf(request))


class GuardedResource(AsyncResource):
    """
    A resource for the operator: what it answers is JSON.

    @cvar asked: what the body of a C{POST} holds.
    """

    asked: type[msgspec.Struct] | None = None

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def render(self, request: Request) -> Any:
        """
        Let it in, or not.
        """
        try:
            self._check(request)
        except Refused as refused:
            respond(request, refused.code, encode({"msg": str(refused)}))
            return NOT_DONE_YET
        return super().render(request)

    async def answer(self, request: Request) -> None:
        """
        Read the request, answer it.
        """
        try:
            code, body = 200, await self.ask(self._read(request))
        except Refused as refused:
            code, body = refused.code, {"msg": str(refused)}
        except CommandRefused as error:
            code, body = CODES.get(Status(error.status), 400), {"msg": str(error)}
        except StoreError as error:
            code, body = 503, {"msg": str(error)}
        respond(request, code, encode(body))

    async def ask(self, asked: Any) -> Any:
        """
        Do what is asked; a subclass says how.

        @param asked: an instance of L{asked}.
        @return: what is answered, as JSON.
        @raise Refused: not this.
        """
        raise NotImplementedError

    def _check(self, request: Request) -> None:
        self._gate.forOperator(request)

    def _read(self, request: Request) -> Any:
        """
        What a request holds: the JSON of its body, or its query.
        """
        assert self.asked is not None
        try:
            if request.method == b"POST":
                return msgspec.json.decode(bodyOf(request) or b"{}", type=self.asked)
            query = {name.decode(): values[-1].decode() for name, values in (request.args or {}).items()}
            return msgspec.convert(query, self.asked, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(400, str(error)) from error
