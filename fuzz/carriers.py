"""
What reads the bytes of any peer: WebSockets, the heads of requests, a port.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from imtw.protocols.caller import isLoopback
from imtw.protocols.fastframes import frameSize, wholeFrame
from imtw.protocols.head import HOST, LINE, Head, mayBeHTTP, quoted
from imtw.tap import Options, makeServer
from imtw.test.protocols.sockets import ClockTimer, Wire, cut, isLonger, masked, traceOf

from .choices import choose


def fastFrames(data: bytes) -> None:
    """
    L{wholeFrame}: what RFC 6455 says of a masked, unfragmented frame, or
    nothing; L{frameSize}: what it says of any.
    """
    at, stream = choose(data, 8)
    found, size = wholeFrame(stream, at, 500), frameSize(stream, at)
    frame = stream[at:]
    if len(frame) < 2:
        assert found == size == 0
        return
    start, length = 2, frame[1] & 0x7F
    if length > 125:
        start = 4 if length == 126 else 10
        length = int.from_bytes(frame[2:start], "big")
    isMasked = bool(frame[1] & 0x80)
    end = start + 4 * isMasked + length
    assert size == (end if len(frame) >= start else 0)
    if isinstance(found, int):
        assert found == 0 or found == size > len(frame)
        return
    payload = masked(frame[start + 4 : end], frame[start : start + 4])
    assert isMasked and frame[0] in (0x81, 0x82)
    assert found == (frame[0] == 0x82, payload, at + end) and len(payload) == length <= 500
    assert found[0] or payload.decode() is not None


def sockets(data: bytes) -> None:
    """
    A WebSocket with the fast path and without: the same, in any pieces.
    """
    places, stream = list(data[:4]), data[4:]
    wanted = traceOf([stream], False)
    for pieces in ([stream], cut(stream, places)):
        found = traceOf(pieces, True)
        assert isLonger(stream) or found == wanted, (pieces, found, wanted)


def head(data: bytes) -> None:
    """
    L{Head} and what leads to it: any bytes may stand there.
    """
    for anyMethod in (True, False):
        answers = [mayBeHTTP(data[:length], anyMethod) for length in range(12)]
        told = [one for one in answers if one is not None]
        assert len(set(told)) <= 1, answers
    found = Head(data.partition(b"\r\n\r\n")[0])
    assert isinstance(found.path, str) and all(isinstance(part, str) for pair in found.query.items() for part in pair)
    if not found.isBroken:
        assert b"HTTP/1." in data and (b"host" in data.lower()) >= (HOST not in found.lacks)
        whole = Head(found.saying(found.lacks).removesuffix(b"\r\n\r\n"))
        path = quoted(found.path.encode("latin-1")).decode() if LINE in found.lacks else found.path
        assert (whole.isBroken, whole.lacks, whole.path) == (False, set(), path)
    isLoopback(data.decode("latin-1"))


class World:
    """
    A whole server in memory, on a clock that stands still.
    """

    LASTS = 300  # inputs; it remembers everybody

    def __init__(self) -> None:
        options = Options()
        options.parseOptions(["--auth", "anyone:", "--store", "memory:", "--admin", "none"])
        self.reactor = MemoryReactorClock()
        server = makeServer(options, self.reactor)
        server.startService()
        self.core = server.core
        self.factory = cast(Any, self.reactor.tcpServers[0][1])
        self.factory.sockets._batched_timer = ClockTimer(self.reactor)
        self.left = self.LASTS

    def connect(self, pieces: list[bytes]) -> None:
        """
        One connection, from its first byte to its end.
        """
        self.left -= 1
        wire: Any = Wire(peerAddress=IPv4Address("TCP", "127.0.0.1", 12345))
        wire.protocol = self.factory.buildProtocol(wire.getPeer())
        wire.protocol.makeConnection(wire)
        for piece in pieces:
            if wire.disconnecting:
                break
            wire.protocol.dataReceived(piece)
            self.reactor.advance(0)
        wire.protocol.connectionLost(Failure(ConnectionDone()))
        self.reactor.advance(0)
        left = [dict(row) for row in self.core.deadlines._due.values() if row]
        assert (self.core.connections, self.core.sessions.count, left) == (0, 0, []), "something is left of it"


@implementer(ILogObserver)
class Log:
    """
    Failures that were logged.
    """

    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_failure") is not None:
            self.failures.append(event["log_failure"])


_worlds: list[World] = []


def port(data: bytes) -> None:
    """
    A port with everything behind it: nothing is raised, nothing is logged as
    our bug, and nothing is left when the connection is gone.
    """
    places, stream = list(data[:2]), data[2:]
    if not _worlds or not _worlds[0].left:
        _worlds[:] = [World()]
    log = Log()
    globalLogPublisher.addObserver(log)
    try:
        _worlds[0].connect(cut(stream, [256 * place for place in places]))
    except BaseException:
        _worlds.clear()
        raise
    finally:
        globalLogPublisher.removeObserver(log)
    if log.failures:
        _worlds.clear()
        log.failures[0].raiseException()
