"""
WebSockets on a transport in memory: frames, who hears them, connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from struct import pack
from typing import Any, NamedTuple, cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from imtw.cork import Cork
from imtw.fast import Fast
from imtw.limits import Limits
from imtw.protocols.dialect import Speaker
from imtw.protocols.framing import frame
from imtw.protocols.websocket.carrier import SocketCarrier
from imtw.protocols.websocket.factory import SocketFactory
from imtw.protocols.websocket.front import FrontReader
from imtw.test.conformance.replay.websocket import splitFrame
from imtw.test.wire import BINARY, CLOSE, TEXT, upgradeOf

FIN = 0x80
MOST = 300  # bytes of a message, in most of these tests
BUDGET = 1000  # bytes that a peer may leave unread
PEER = IPv4Address("TCP", "192.0.2.1", 12345)
KEY = b"\x11\x22\x33\x44"  # none has its high bit set: what it makes of ASCII begins no frame
NORMAL, PROTOCOL_ERROR, NO_TEXT, POLICY, TOO_BIG, INTERNAL_ERROR = 1000, 1002, 1007, 1008, 1009, 1011
Message = tuple[bytes, bool]


def masked(payload: bytes, key: bytes = KEY) -> bytes:
    """
    XOR with a mask, as the RFC says it (5.3).
    """
    return bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def frameOf(
    payload: bytes, first: int = FIN | TEXT, key: bytes | None = KEY, width: int = 0, length: int | None = None
) -> bytes:
    """
    A frame of a client.

    @param key: L{None} for no mask.
    @param width: bytes of the length: 1, 3 or 9; 0 for as few as it takes.
    @param length: what to announce, if that is not so.
    """
    size = len(payload) if length is None else length
    width = width or (1 if size < 126 else 3 if size < 65536 else 9)
    bit = 0 if key is None else 0x80
    head = {
        1: lambda: pack(">BB", first, bit | size),
        3: lambda: pack(">BBH", first, bit | 126, size),
        9: lambda: pack(">BBQ", first, bit | 127, size),
    }[width]()
    return head + (payload if key is None else key + masked(payload, key))


def framesIn(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """
    The frames of a server: first byte and payload.
    """
    while stream:
        found = splitFrame(stream)
        assert found is not None, stream
        first, payload, stream = found
        yield first, payload


class Wire(StringTransport):
    """
    A transport that counts its writes, and may lose a producer twice, as a
    real one.
    """

    writes = 0
    noDelay = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.noDelay = enabled

    def write(self, data: bytes) -> None:
        self.writes += 1
        super().write(data)

    def unregisterProducer(self) -> None:
        self.producer = None


class Ear(Speaker):
    """
    Hears everything, and answers if told how.
    """

    def __init__(self, answer: Callable[[bytes], bytes] | None = None) -> None:
        self.answer = answer
        self.heard: list[Message] = []
        self.query: dict[str, str] | None = None
        self.ends = 0
        self.error: Exception | None = None
        self.socket: SocketCarrier

    def opened(self, socket: SocketCarrier, query: dict[str, str]) -> None:
        self.socket = socket
        self.query = query

    def received(self, payload: bytes, isBinary: bool) -> None:
        self.heard.append((payload, isBinary))
        if self.error is not None:
            raise self.error
        if self.answer is not None:
            self.socket.outlet.send(frame(self.answer(payload)))

    def closed(self) -> None:
        self.ends += 1


class Deaf(Ear):
    """
    Hears no binary messages.
    """

    ignores = frozenset({FIN | BINARY})


class Dialect:
    """
    Knows the messages that begin with a word.
    """

    def __init__(self, word: bytes) -> None:
        self.word = word
        self.name = word.decode()
        self.ear = Ear()

    def recogniseMessage(self, payload: bytes, isBinary: bool) -> Any:
        return (lambda: self.ear) if payload.startswith(self.word) else None


class PlainCarrier(SocketCarrier):
    """
    Autobahn alone: what is read is handed on to it as it came.
    """

    def dataReceived(self, data: bytes) -> None:
        self.factory.cork.push()
        try:
            self._dataReceived(data)
        finally:
            self.factory.cork.pull()


class ClockTimer:
    """
    Autobahn's timers are on txaio's reactor whatever reactor it is given.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def call_later(self, delay: float, call: Callable[..., None], *args: Any) -> IDelayedCall:
        return self._clock.callLater(delay, call, *args)


class Trace(NamedTuple):
    """
    What came of a stream.

    @ivar heard: the messages.
    @ivar answers: the frames that were sent; of a close frame only its code.
    """

    heard: list[Message]
    answers: list[tuple[int, bytes]]


class Connection:
    """
    One connection whose handshake is done, unless that is refused.
    """

    def __init__(
        self,
        ear: Any = None,
        fast: bool = True,
        frames: bool = True,
        most: int = MOST,
        path: str = "/",
        headers: dict[str, str | None] | None = None,
        glued: bytes = b"",
        **settings: Any,
    ) -> None:
        self.ear = Ear() if ear is None else ear
        self.clock = Clock()
        self.cork = Cork(Fast(frames=frames))
        limits = Limits(webSocketBody=most, sendBudget=BUDGET)
        self.asked = asked = list[tuple[str, dict[str, str]]]()

        def whoSpeaks(path: str, query: dict[str, str]) -> Any:
            asked.append((path, query))
            if path == "/clumsy":
                raise ZeroDivisionError
            return None if path == "/nobody" else lambda: self.ear

        self.factory = SocketFactory(self.clock, self.cork, limits, whoSpeaks, **settings)
        self.factory._batched_timer = ClockTimer(self.clock)
        self.factory.protocol = FrontReader if fast else PlainCarrier
        self.carrier = cast(Any, self.factory.buildProtocol(PEER))
        self.wire = Wire(peerAddress=PEER)
        self.carrier.makeConnection(self.wire)
        self.carrier.dataReceived(upgradeOf(path, headers) + glued)
        head, _, rest = self.wire.value().partition(b"\r\n\r\n")
        self.head = head
        self.status = int(head.split(b" ")[1])
        self.wire.clear()
        self.wire.write(rest)
        self.wire.writes = 0

    def feed(self, *pieces: bytes) -> None:
        """
        Let these be read one after the other, as long as anything is.
        """
        for piece in pieces:
            if self.wire.disconnecting:
                break
            self.carrier.dataReceived(piece)

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """
        What was sent since the handshake.
        """
        return list(framesIn(self.wire.value()))

    @property
    def codes(self) -> list[int]:
        """
        The codes of the close frames that were sent.
        """
        return [int.from_bytes(payload[:2], "big") for first, payload in self.frames if first == FIN | CLOSE]

    def trace(self) -> Trace:
        """
        What came of it all so far.
        """
        answers = [(first, payload[:2] if first == FIN | CLOSE else payload) for first, payload in self.frames]
        return Trace(list(self.ear.heard), answers)

    def lose(self) -> None:
        """
        The connection is gone.
        """
        self.carrier.connectionLost(Failure(ConnectionDone()))


def traceOf(pieces: list[bytes], fast: bool, **settings: Any) -> Trace:
    """
    What comes of a stream in these pieces.
    """
    connection = Connection(fast=fast, **settings)
    connection.feed(*pieces)
    found = connection.trace()
    connection.lose()
    return found


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """
    A stream in pieces.
    """
    ends = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[start:end] for start, end in pairwise(ends) if start < end]


def isLonger(stream: bytes) -> bool:
    """
    May there be a frame whose length is written longer than it needs?
    """
    return any(byte & 0x7F in (126, 127) for byte in stream)
