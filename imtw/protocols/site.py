"""
The site of a port: twisted.web with bounds.

twisted.web bounds neither the size of a body nor the time that a slow drip
may take, and has large bodies written into files on the reactor's thread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import msgspec
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from imtw.commands import Status
from imtw.protocols.head import originForm, quoted
from imtw.server import Core

JSON = b"application/json; charset=utf-8"
PATIENCE = 2.0  # seconds for a client of HTTP/1.0 to hang up

_REQUEST = re.compile(rb"([^: ]+ )([^ ]+)( HTTP/1\.[01])")  # a first line, which no header is

encode = msgspec.json.Encoder(order="sorted").encode


class BoundedRequest(Request):
    """
    A request whose body has a bound, counted as it comes, as have all large
    ones together.
    """

    received = 0
    _counted = 0  # bytes of it among those of all large ones
    _isUnderWay = False
    channel: BoundedChannel

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """
        The request is whole.
        """
        super().requestReceived(command, originForm(path), version)

    def process(self) -> None:
        """
        Find who answers: for the target C{*}, to which twisted.web has an
        answer of its own, too.  A server that stops takes no more.
        """
        core = self.channel.site.core
        if core.isStopping:
            body = encode({"code": int(Status.BUSY), "msg": "the server stops; try again"})
            self.channel.refuse(b"503 Service Unavailable", body)
            return
        core.requests += 1
        self._isUnderWay = True
        if self.path == b"*":
            self.path = b"/*"
        super().process()

    def gotLength(self, length: int | None) -> None:
        """
        The head is there: is the body announced too large?

        twisted.web has files for large bodies, and for those of which it
        does not know how large they are: on the reactor's thread.
        """
        self.content = BytesIO()
        if length is not None and length > self.channel.site.limits.httpBody:
            self._tooLarge()

    def handleContentChunk(self, data: bytes) -> None:
        """
        Some more of the body.
        """
        if self.channel.isRefused:
            return
        self.received += len(data)
        limits = self.channel.site.limits
        if self.received > limits.httpBody:
            self._tooLarge()
        elif self.received > limits.bodyBeforeLogin and not self._hasRoom():
            self.channel.site.core.counters.refused[Status.BUSY] += 1
            body = encode({"code": int(Status.BUSY), "msg": "too many large requests at once; try again"})
            self._refuse(b"503 Service Unavailable", body)
        else:
            super().handleContentChunk(data)

    def finish(self) -> None:
        """
        It is answered.
        """
        self.ended()
        super().finish()

    def connectionLost(self, reason: Failure) -> None:
        """
        Nobody waits for the answer any more.
        """
        self.ended()
        super().connectionLost(reason)

    def ended(self) -> None:
        """
        It is under way no longer, and its body is kept no longer.
        """
        if not self._counted and not self._isUnderWay:  # then there may be no channel either
            return
        core = self.channel.site.core
        core.uploads -= self._counted
        core.requests -= self._isUnderWay
        self._counted = 0
        self._isUnderWay = False

    def _hasRoom(self) -> bool:
        """
        Is there room for what has come of this body, among all large ones?
        """
        core = self.channel.site.core
        more = self.received - self._counted
        if core.uploads + more > core.limits.httpBodies:
            return False
        core.uploads += more
        self._counted = self.received
        return True

    def _tooLarge(self) -> None:
        """
        Say so and hang up: there is no use in reading the rest.
        """
        limit = self.channel.site.limits.httpBody
        body = encode({"code": int(Status.BAD_REQUEST), "msg": f"the body may have {limit} bytes"})
        self._refuse(b"413 Content Too Large", body)

    def _refuse(self, status: bytes, body: bytes) -> None:
        """
        Answer, and keep nothing of what came.
        """
        self.content = BytesIO()
        self.channel.refuse(status, body)


class BoundedChannel(HTTPChannel):
    """
    A connection on which each request has to be there in time, from its
    first byte to its last, however slowly it drips.
    """

    requestFactory = BoundedRequest
    site: BoundedSite
    transport: Any
    _isDue = False
    isRefused = False

    def dataReceived(self, data: bytes) -> None:
        """
        Something came: from now on a whole request is due.
        """
        if self.isRefused:
            return
        if not self._isDue and not self._handlingRequest:
            self._isDue = True
            self.site.deadlines.set(self, self.site.limits.httpRequest)
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """
        A line of a head.
        """
        if self.site.quotes and not line.isascii():
            found = _REQUEST.fullmatch(line)
            line = found[1] + quoted(found[2]) + found[3] if found is not None else line
        super().lineReceived(line)

    def allHeadersReceived(self) -> None:
        """
        The head is there: it names one host (RFC 9112, 3.2), or nothing that
        stands in front of us could tell whom it asks.
        """
        hosts = self.requests[-1].requestHeaders.getRawHeaders(b"Host", [])
        isOld = self._version == b"HTTP/1.0"
        super().allHeadersReceived()
        if len(hosts) != 1 and not (isOld and not hosts) and not self.isRefused:
            self.refuse(b"400 Bad Request", encode({"code": int(Status.BAD_REQUEST), "msg": "wanted one Host header"}))

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """
        Clients of HTTP/1.0 are left to hang up first, as J-IM leaves them,
        for a moment.
        """
        if version != b"HTTP/1.0" or b"close" in (request.getHeader(b"Connection") or b"").lower():
            return bool(super().checkPersistence(request, version))
        self.setTimeout(PATIENCE)  # what is set when the answer is out is what was set before
        return True

    def allContentReceived(self) -> None:
        """
        The request is whole.
        """
        self._clearDeadline()
        if not self.isRefused:
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
        self.isRefused = True
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

    @ivar quotes: a target may have characters that are not ASCII, as curl
        sends them.
    """

    noisy = False
    quotes = False
    requestFactory = BoundedRequest

    def __init__(self, core: Core, root: IResource, origins: Sequence[str] = ()) -> None:
        """
        @param origins: whose pages may use the API from elsewhere.
        """
        self.origins = frozenset(origin.encode() for origin in origins)
        limits = core.limits
        # Bodies are what a route makes of them.
        super().__init__(root, timeout=int(limits.httpIdle), reactor=core.clock, parsePOSTFormSubmission=False)
        self.core = core
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
