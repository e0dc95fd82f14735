"""
WebSockets on a transport in memory: what is read in front of Autobahn against
Autobahn alone, limits, closes, slow readers, origins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from struct import pack, unpack_from
from typing import Any, NamedTuple, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from imtw.cork import Cork
from imtw.deadlines import Deadlines
from imtw.fast import Fast
from imtw.interfaces import ISocketSpeaker
from imtw.limits import Limits
from imtw.protocols.fastframes import frameSize, unmask, wholeFrame
from imtw.protocols.framing import frame
from imtw.protocols.undecided import Undecided
from imtw.protocols.websocket import CLOSE_PATIENCE, SocketCarrier, SocketFactory
from imtw.test.clients import BINARY, CLOSE, PING, PONG, TEXT, acceptOf, upgradeOf

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
    at = 0
    while at < len(stream):
        first, size = stream[at], stream[at + 1]
        at += 2
        if size > 125:
            (size,) = unpack_from(">H" if size == 126 else ">Q", stream, at)
            at += 2 if size < 65536 else 8
        yield first, stream[at : at + size]
        at += size


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


@implementer(ISocketSpeaker)
class Ear:
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
        self.factory.protocol = SocketCarrier if fast else PlainCarrier
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


KEYS = st.binary(min_size=4, max_size=4)
TEXTS = st.text(max_size=40).map(str.encode)
LENGTHS = st.sampled_from([0, 1, 124, 125, 126, 127, MOST - 1, MOST, MOST + 1, MOST * 3])
BODIES = TEXTS | st.binary(max_size=40) | LENGTHS.map(lambda length: b"x" * length)
CONTROLS = st.sampled_from([PING, PONG]).flatmap(
    lambda opcode: st.text("abc", max_size=125).map(lambda text: frameOf(text.encode(), FIN | opcode))
)
CLOSES = st.one_of(
    st.sampled_from([b"", b"\x03", b"\x03\xe8", b"\x03\xe8bye", b"\x03\xe7", b"\x03\xed", b"\x0f\xa0", b"\x03\xe8\xff"])
).map(lambda body: frameOf(body, FIN | CLOSE))


@st.composite
def wholeMessages(draw: st.DrawFn) -> bytes:
    """
    A message in one frame: text or binary, UTF-8 or not, too long or not.
    """
    opcode = draw(st.sampled_from([TEXT, TEXT, BINARY]))
    return frameOf(draw(BODIES), FIN | opcode, draw(KEYS))


@st.composite
def fragmentedMessages(draw: st.DrawFn) -> bytes:
    """
    A message in fragments, cut anywhere, within a character too, with control
    frames between them; now and then it has no end.
    """
    body = draw(BODIES)
    parts = cut(body, draw(st.lists(st.integers(0, MOST), max_size=4))) or [b""]
    found = b""
    for at, part in enumerate(parts):
        opcode = draw(st.sampled_from([TEXT, BINARY])) if at == 0 else 0
        last = FIN if at == len(parts) - 1 and draw(st.integers(0, 9)) else 0
        found += frameOf(part, last | opcode, draw(KEYS)) + b"".join(draw(st.lists(CONTROLS, max_size=2)))
    return found


@st.composite
def brokenFrames(draw: st.DrawFn) -> bytes:
    """
    A frame that the RFC does not allow: reserved bits or opcodes, no mask, a
    continuation of nothing, a control frame that is long or fragmented.
    """
    kind = draw(st.sampled_from(["bits", "opcode", "unmasked", "nothing", "fragment", "long", "announced"]))
    body = draw(TEXTS)
    if kind == "bits":
        return frameOf(body, FIN | draw(st.integers(1, 7)) << 4 | draw(st.sampled_from([TEXT, BINARY, 0, PING])))
    if kind == "opcode":
        return frameOf(body, FIN | draw(st.sampled_from([3, 7, 11, 15])))
    if kind == "unmasked":
        return frameOf(body, FIN | TEXT, None)
    if kind == "nothing":
        return frameOf(body, FIN)
    if kind == "fragment":
        return frameOf(b"", PING)
    if kind == "long":
        return frameOf(b"x" * 126, FIN | PING)
    return frameOf(body, FIN | TEXT, length=draw(st.sampled_from([2**16, 2**31, 2**63 - 1, 2**63, 2**64 - 1])))


STREAMS = st.lists(
    st.one_of(wholeMessages(), wholeMessages(), fragmentedMessages(), CONTROLS, CLOSES, brokenFrames()), max_size=6
).map(b"".join)
PLACES = st.lists(st.integers(0, 2000), max_size=8)
EURO = "€".encode()


class FastPathTests(SynchronousTestCase):
    """
    L{SocketCarrier} reads as Autobahn alone does, wherever TCP cut the
    stream.
    """

    def assertSame(self, stream: bytes, places: list[int], **settings: Any) -> Trace:
        """
        One trace, with the fast path, with it switched off, and of Autobahn
        by itself, in all kinds of pieces.
        """
        expected = traceOf([stream], False, **settings)
        byByte = [stream[at : at + 1] for at in range(len(stream))]
        for pieces in ([stream], byByte, cut(stream, places)):
            for fast, frames in ((True, True), (True, False), (False, False)):
                found = traceOf(pieces, fast, frames=frames, **settings)
                self.assertEqual(found, expected, (fast, frames, pieces))
        return expected

    @settings(max_examples=150, deadline=None)
    @given(STREAMS, PLACES)
    def test_anyStream(self, stream: bytes, places: list[int]) -> None:
        """
        Any sequence of frames, good and bad, in any pieces.
        """
        self.assertSame(stream, places)

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=60), PLACES)
    @example(frameOf(b"hi")[:-1], [])
    def test_anyBytes(self, stream: bytes, places: list[int]) -> None:
        """
        Any bytes behind a good message; a length that is written longer than
        it needs is another matter.
        """
        stream = b"".join(byte for byte in (frameOf(b"hi"), *([stream] if not isLonger(stream) else [])))
        self.assertSame(stream, places)

    def test_eachStream(self) -> None:
        """
        What is meant by each kind of stream: the messages, and the code of
        the close.
        """
        text, good = frameOf(b"hi"), (b"hi", False)
        half, other = EURO[:1], EURO[1:]
        for stream, heard, code in [
            (text + frameOf(b"\xff", FIN | BINARY), [good, (b"\xff", True)], None),
            (frameOf(b"") + frameOf(b"", FIN | BINARY), [(b"", False), (b"", True)], None),
            (frameOf(b"h", TEXT) + frameOf(b"i", FIN) + text, [good, good], None),
            (frameOf(b"h", TEXT) + frameOf(b"?", FIN | PING) + frameOf(b"i", FIN), [good], None),
            (frameOf(half, TEXT) + frameOf(other, FIN), [(EURO, False)], None),
            (frameOf(half, TEXT) + frameOf(half, FIN) + text, [], NO_TEXT),
            (frameOf(half, TEXT) + frameOf(b"", FIN) + text, [], NO_TEXT),
            (text + frameOf(half) + text, [good], NO_TEXT),
            (text + frameOf(b"\xed\xa0\x80") + text, [good], NO_TEXT),
            (text + frameOf(b"", FIN | CLOSE) + text, [good], NORMAL),
            (text + frameOf(b"\x0f\xa0", FIN | CLOSE) + text, [good], NORMAL),
            (text + frameOf(b"\x03", FIN | CLOSE) + text, [good], PROTOCOL_ERROR),
            (text + frameOf(b"\x03\xe7", FIN | CLOSE) + text, [good], PROTOCOL_ERROR),
            (text + frameOf(b"x", FIN | 0x40 | TEXT) + text, [good], PROTOCOL_ERROR),
            (text + frameOf(b"x", key=None) + text, [good], PROTOCOL_ERROR),
            (text + frameOf(b"x", FIN) + text, [good], PROTOCOL_ERROR),
            (frameOf(b"h", TEXT) + text, [], PROTOCOL_ERROR),
            (text + frameOf(b"x" * MOST), [good, (b"x" * MOST, False)], None),
            (text + frameOf(b"x" * (MOST + 1)) + text, [good], TOO_BIG),
            (frameOf(b"x" * MOST, TEXT) + frameOf(b"x", FIN) + text, [], TOO_BIG),
            (text + frameOf(b"x", length=2**63) + text, [good], PROTOCOL_ERROR),
        ]:
            trace = self.assertSame(stream, [3, 9, 27])
            codes = [int.from_bytes(payload, "big") for first, payload in trace.answers if first == FIN | CLOSE]
            self.assertEqual((trace.heard, codes), (heard, [] if code is None else [code]), stream)

    def test_unmasked(self) -> None:
        """
        Where they are taken, frames without a mask are as good as others.
        """
        stream = frameOf(b"hi", key=None) + frameOf(b"ho") + frameOf(b"hm", FIN | BINARY, None)
        trace = self.assertSame(stream, [3, 7], acceptUnmasked=True)
        self.assertEqual(trace, Trace([(b"hi", False), (b"ho", False), (b"hm", True)], []))

    def test_longMessages(self) -> None:
        """
        Messages of all widths of a length.
        """
        bodies = [b"x" * length for length in (125, 126, 127, 65535, 65536, 70000)]
        stream = b"".join(map(frameOf, bodies))
        for pieces in ([stream], cut(stream, [1, 2, 3, 129, 131, 400, 65600, 130000, 200000])):
            for fast in (True, False):
                trace = traceOf(pieces, fast, most=70000)
                self.assertEqual([payload for payload, _ in trace.heard], bodies)

    def test_gluedToTheHandshake(self) -> None:
        """
        Frames that came with the upgrade are heard, and so is one of which a
        part did.
        """
        stream = frameOf(b"one") + frameOf(b"two")
        for at in range(len(stream) + 1):
            connection = Connection(glued=stream[:at])
            connection.feed(stream[at:])
            self.assertEqual(connection.ear.heard, [(b"one", False), (b"two", False)])
            self.assertIn(acceptOf(), connection.head)

    def test_frameWithinAPing(self) -> None:
        """
        What is within a ping is no message, even where a read begins with it.
        """
        inner = frameOf(b"smuggled")
        ping = frameOf(masked(inner), FIN | PING)  # whose mask makes of it what it is
        for at in range(len(ping)):
            for fast in (True, False):
                trace = traceOf([ping[:at], ping[at:]], fast)
                self.assertEqual(trace, Trace([], [(FIN | PONG, masked(inner))]), (fast, at))

    def test_longerLengths(self) -> None:
        """
        A length that is written longer than it needs is only taken by the
        fast path: Autobahn alone refuses it (J-IM takes it).
        """
        for width, body in ((3, b"hi"), (9, b"hi"), (9, b"x" * 126), (3, b"")):
            stream = frameOf(body, width=width)
            for at in range(14, len(stream) + 1):
                self.assertEqual(traceOf([stream[:at], stream[at:]], True).heard, [(body, False)])
            refused = traceOf([stream], False)
            self.assertEqual(refused.heard, [])
            self.assertEqual(refused.answers[0][1], pack(">H", PROTOCOL_ERROR))

    def test_longerLengthsAnywhere(self) -> None:
        """
        That does not depend on where TCP cut the stream, nor on what came
        before.
        """
        stream = frameOf(b"hi", width=9)
        for at in range(1, len(stream)):
            self.assertEqual(traceOf([stream[:at], stream[at:]], True).heard, [(b"hi", False)], at)
        for before in (frameOf(b"", FIN | PING), frameOf(b"h", TEXT) + frameOf(b"i", FIN)):
            self.assertEqual(traceOf([before + stream], True).heard[-1:], [(b"hi", False)])
            self.assertEqual(traceOf([before[:7], before[7:] + stream], True).heard[-1:], [(b"hi", False)])

    def test_bounded(self) -> None:
        """
        A longer length is no way past the limit, nor to have more kept than
        that.
        """
        stream = frameOf(b"x" * (MOST + 1), width=9)
        self.assertEqual(traceOf([stream], True).heard, [])
        connection = Connection()
        connection.feed(frameOf(b"x" * MOST, width=9)[:-1])
        self.assertEqual(len(connection.carrier._rest), MOST + 13)
        self.assertEqual(connection.codes, [])


def isLonger(stream: bytes) -> bool:
    """
    May there be a frame whose length is written longer than it needs?
    """
    return any(byte & 0x7F in (126, 127) for byte in stream)


class WholeFrameTests(SynchronousTestCase):
    """
    L{wholeFrame}, L{frameSize} and L{unmask}.
    """

    @given(st.binary(max_size=300), KEYS)
    def test_unmask(self, payload: bytes, key: bytes) -> None:
        """
        The same as byte by byte; twice is nothing.
        """
        self.assertEqual(unmask(payload, key), masked(payload, key))
        self.assertEqual(unmask(unmask(payload, key), key), payload)

    @given(st.binary(max_size=10), st.text(max_size=200), st.booleans(), KEYS, st.sampled_from([0, 9]))
    def test_found(self, before: bytes, text: str, isBinary: bool, key: bytes, width: int) -> None:
        """
        A frame is found where it begins, and where the next one begins is
        told; a part of it is left to Autobahn, or asks for the rest.
        """
        body = text.encode()
        stream = frameOf(body, FIN | (BINARY if isBinary else TEXT), key, width)
        data = before + stream
        self.assertEqual(wholeFrame(data + b"\x81", len(before), 10**6), (isBinary, body, len(data)))
        for part in range(len(stream)):
            needed = wholeFrame(data[: len(before) + part], len(before), 10**6)
            self.assertIn(needed, (0, len(stream)))

    @given(st.binary(max_size=10), st.integers(0, 255), LENGTHS, st.sampled_from([3, 9]), KEYS | st.none())
    def test_size(self, before: bytes, first: int, length: int, width: int, key: bytes | None) -> None:
        """
        The size of any frame is known as soon as its length is there, however
        that is written.
        """
        for wide in (0, width):
            stream = frameOf(b"x" * length, first, key, wide)
            known = {0: 2 if length < 126 else 4, 3: 4, 9: 10}[wide]
            for part in range(min(len(stream), 20) + 1):
                size = frameSize(before + stream[:part], len(before))
                self.assertEqual(size, len(stream) if part >= known else 0)

    @given(st.binary(max_size=40), st.integers(0, 40), st.integers(0, 40))
    def test_anyBytes(self, data: bytes, at: int, most: int) -> None:
        """
        Any bytes: what is found lies within them, and is not longer than it
        may be.
        """
        found = wholeFrame(data, at, most)
        if isinstance(found, int):
            self.assertTrue(found == 0 or len(data) - at < found <= most + 14)
        else:
            self.assertLessEqual(len(found[1]), most)
            self.assertLessEqual(found[2], len(data))


class SpeakerTests(SynchronousTestCase):
    """
    A speaker and its socket.
    """

    def test_query(self) -> None:
        """
        Who speaks is decided by the path and the query, without its escapes;
        of a name that comes twice the last counts.  The speaker is told it.
        """
        verifyObject(ISocketSpeaker, Ear())
        connection = Connection(path="/chat?username=%E5%BC%A0%20%E4%B8%89&a=1&a=2")
        query = {"username": "张 三", "a": "2"}
        self.assertEqual((connection.status, connection.asked), (101, [("/chat", query)]))
        self.assertEqual(connection.ear.query, query)

    def test_blankInQuery(self) -> None:
        """
        A name without a value has an empty one, as in any form (D-13).
        """
        connection = Connection(path="/?username=ann&password=")
        self.assertEqual(connection.asked, [("/", {"username": "ann", "password": ""})])

    def test_nobody(self) -> None:
        """
        Where nobody speaks the upgrade is refused, and nobody hears of it.
        """
        connection = Connection(path="/nobody")
        self.assertEqual(connection.status, 404)
        self.assertTrue(connection.wire.disconnecting)
        connection.lose()
        self.assertEqual((connection.ear.query, connection.ear.ends), (None, 0))

    def test_askingFails(self) -> None:
        """
        A speaker that cannot be found is our bug: 500, and it is logged.
        """
        connection = Connection(path="/clumsy")
        self.assertEqual((connection.status, connection.ear.query), (500, None))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_ended(self) -> None:
        """
        The end is told once; nothing is sent behind it.
        """
        connection = Connection()
        outlet = connection.carrier.outlet
        connection.lose()
        outlet.send(frame(b"late"))
        self.assertEqual((connection.ear.ends, connection.wire.value()), (1, b""))

    def test_readOnce(self) -> None:
        """
        What the messages of one read cause is written once, in their order.
        """
        connection = Connection(Ear(bytes.upper))
        connection.feed(frameOf(b"a") + frameOf(b"b") + frameOf(b"c"))
        self.assertEqual(connection.frames, [(FIN | TEXT, body) for body in (b"A", b"B", b"C")])
        self.assertEqual(connection.wire.writes, 1)

    def test_noDelay(self) -> None:
        """
        Nothing waits for the peer to acknowledge what was sent before: two
        small writes one after the other would take 40 ms.
        """
        self.assertTrue(Connection().wire.noDelay)

    def test_pong(self) -> None:
        """
        A ping is answered with what it brought; a pong is not.
        """
        connection = Connection()
        connection.feed(frameOf(b"?", FIN | PING) + frameOf(b"!", FIN | PONG) + frameOf(b"", FIN | PING))
        self.assertEqual(connection.frames, [(FIN | PONG, b"?"), (FIN | PONG, b"")])

    def test_undecided(self) -> None:
        """
        Where no dialect knows the first message the connection ends with
        1008; one that knows it hears it and all that follow.
        """

        dialects: Any = [Dialect(b"a"), Dialect(b"b")]
        verifyObject(ISocketSpeaker, Undecided(dialects, Deadlines(Clock()), 60.0))
        connection = Connection(Undecided(dialects, Deadlines(Clock()), 60.0))
        connection.feed(frameOf(b"b1") + frameOf(b"a2"))
        self.assertEqual([dialect.ear.heard for dialect in dialects], [[], [(b"b1", False), (b"a2", False)]])
        connection.lose()
        self.assertEqual([dialect.ear.ends for dialect in dialects], [0, 1])
        connection = Connection(Undecided(dialects, Deadlines(Clock()), 60.0))
        connection.feed(frameOf(b"c"))
        self.assertEqual(connection.codes, [POLICY])


class Deaf(Ear):
    """
    Hears no binary messages, and answers closes as they are.
    """

    ignores = frozenset({FIN | BINARY})
    echoesClose = True


class IgnoredTests(SynchronousTestCase):
    """
    Frames that a speaker does not want.
    """

    def test_anyLength(self) -> None:
        """
        They are dropped however long they are and wherever they are cut, and
        nothing of them is kept.
        """
        stream = b"".join(
            frameOf(b"x" * size, FIN | BINARY) + frameOf(b"%d" % size, FIN | TEXT) for size in (0, 1, 125, 126, 70_000)
        )
        for size in (1, 7, 1000, len(stream)):
            connection = Connection(Deaf(), most=100)
            for at in range(0, len(stream), size):
                connection.feed(stream[at : at + size])
                self.assertLess(len(connection.carrier.data) + len(connection.carrier._rest), 20)
            heard = [payload for payload, isBinary in connection.ear.heard if not isBinary]
            self.assertEqual(heard, [b"0", b"1", b"125", b"126", b"70000"])
            self.assertEqual((connection.codes, connection.ear.ends), ([], 0))

    def test_others(self) -> None:
        """
        Where nobody ignores them, or they are not masked, they are refused.
        """
        for ear, data, code in (
            (Ear(), frameOf(b"x" * 200, FIN | BINARY), 1009),
            (Deaf(), frameOf(b"x" * 200, FIN | TEXT), 1009),
            (Deaf(), bytes([FIN | BINARY, 2]) + b"hi", 1002),
            (Deaf(), frameOf(b"a", TEXT) + frameOf(b"x" * 200, FIN | BINARY), 1002),
        ):
            connection = Connection(ear, most=100)
            connection.feed(data)
            self.assertEqual(connection.codes[:1], [code], data[:9])


class BrokenCloseTests(SynchronousTestCase):
    """
    Close frames that are none, where closes are echoed.
    """

    def test_told(self) -> None:
        """
        The peer is told so, and nothing is hung up before that is out; no
        timer is left.
        """
        for name, data in {
            "one byte": frameOf(b"\x03", FIN | CLOSE),
            "no code": frameOf(b"\x03\xed", FIN | CLOSE),
            "no text": frameOf(b"\x03\xe8\xff", FIN | CLOSE),
            "unmasked": bytes([FIN | CLOSE, 0]),
        }.items():
            connection = Connection(Deaf())
            connection.feed(data)
            self.assertEqual(connection.codes, [1002], name)
            self.assertEqual((connection.wire.disconnecting, connection.wire.disconnected), (True, False), name)
            connection.lose()
            self.assertEqual((connection.ear.ends, connection.clock.getDelayedCalls()), (1, []), name)

    def test_echoed(self) -> None:
        """
        One that is whole comes back, code and reason.
        """
        connection = Connection(Deaf())
        connection.feed(frameOf(b"\x0f\xa0why", FIN | CLOSE))
        self.assertEqual(connection.frames, [(FIN | CLOSE, b"\x0f\xa0why")])

    def test_answer(self) -> None:
        """
        The peer's answer ends the connection at once.
        """
        connection = Connection(Deaf())
        connection.carrier.finish(POLICY)
        connection.feed(frameOf(b"\x03\xf0", FIN | CLOSE))
        self.assertEqual((connection.codes, connection.wire.disconnecting), ([POLICY], True))
        connection.lose()
        self.assertEqual(connection.clock.getDelayedCalls(), [])


class CloseTests(SynchronousTestCase):
    """
    How a connection ends.
    """

    def test_byUs(self) -> None:
        """
        A close frame with a code, behind what was sent; the peer has
        C{CLOSE_PATIENCE} seconds to answer it.
        """
        connection = Connection()
        connection.cork.push()
        connection.carrier.outlet.send(frame(b"last words"))
        connection.carrier.finish(POLICY, "why")
        connection.cork.pull()
        self.assertEqual(connection.frames, [(FIN | TEXT, b"last words"), (FIN | CLOSE, b"\x03\xf0why")])
        connection.clock.advance(CLOSE_PATIENCE - 0.1)
        self.assertFalse(connection.wire.disconnected)
        connection.clock.advance(0.1)
        self.assertTrue(connection.wire.disconnected)

    def test_answered(self) -> None:
        """
        When the peer answers, the connection ends at once, and no timer is
        left.
        """
        connection = Connection()
        connection.carrier.outlet.close()
        self.assertEqual(connection.codes, [NORMAL])
        connection.feed(frameOf(b"\x03\xe8", FIN | CLOSE))
        self.assertTrue(connection.wire.disconnecting)
        connection.lose()
        self.assertEqual((connection.ear.ends, connection.clock.getDelayedCalls()), (1, []))

    def test_twice(self) -> None:
        """
        Only one close frame is sent.
        """
        connection = Connection()
        for _ in range(2):
            connection.carrier.finish()
            connection.carrier.outlet.close()
        connection.feed(frameOf(b"x", 0xF1))
        self.assertEqual(connection.codes, [NORMAL])

    def test_byPeer(self) -> None:
        """
        A close of the peer's is answered with 1000 and the connection ends
        once that is written.
        """
        connection = Connection()
        connection.feed(frameOf(b"\x0f\xa0bye", FIN | CLOSE))
        self.assertEqual(connection.codes, [NORMAL])
        self.assertTrue(connection.wire.disconnecting)
        self.assertFalse(connection.wire.disconnected)

    def test_speakerFails(self) -> None:
        """
        A speaker's bug ends its connection with 1011, and is logged.
        """
        ear = Ear()
        ear.error = ZeroDivisionError()
        connection = Connection(ear)
        connection.feed(frameOf(b"a"))
        self.assertEqual((connection.ear.heard, connection.codes), ([(b"a", False)], [INTERNAL_ERROR]))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_nothingHeardBehindTheClose(self) -> None:
        """
        What came behind the message for which the connection ends is not
        handed on: one bug is logged once, and whom nobody knows cannot be
        known a moment later.
        """
        ear = Ear()
        ear.error = ZeroDivisionError()
        connection = Connection(ear)
        connection.feed(frameOf(b"a") + frameOf(b"b"))
        logged = self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual((ear.heard, len(logged)), ([(b"a", False)], 1))
        dialects: Any = [Dialect(b"a")]
        connection = Connection(Undecided(dialects, Deadlines(Clock()), 60.0))
        connection.feed(frameOf(b"c") + frameOf(b"a"))
        self.assertEqual(dialects[0].ear.heard, [])

    def test_openingFails(self) -> None:
        """
        So does one in its first step.
        """

        class Deaf(Ear):
            def opened(self, socket: SocketCarrier, query: dict[str, str]) -> None:
                raise ZeroDivisionError

        connection = Connection(Deaf())
        self.assertEqual((connection.status, connection.codes), (101, [INTERNAL_ERROR]))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_answersBeforeTheClose(self) -> None:
        """
        What messages caused that came before the peer's close, or before
        something that ends the connection, goes out in front of the close
        frame.
        """
        for end in (frameOf(b"\x03\xe8", FIN | CLOSE), frameOf(b"x", 0xF1)):
            connection = Connection(Ear(bytes.upper))
            connection.feed(frameOf(b"a") + end)
            self.assertEqual([first for first, _ in connection.frames], [FIN | TEXT, FIN | CLOSE])

    def test_nothingBehindTheClose(self) -> None:
        """
        Once a close frame is sent nothing else is (RFC 6455, 5.5.1).
        """
        connection = Connection()
        connection.carrier.finish()
        connection.carrier.outlet.send(frame(b"late"))
        self.assertEqual([first for first, _ in connection.frames], [FIN | CLOSE])

    def test_idleHandshake(self) -> None:
        """
        A handshake that is not done in time ends the connection.
        """
        connection = Connection()
        carrier = cast(Any, connection.factory.buildProtocol(PEER))
        wire = Wire()
        carrier.makeConnection(wire)
        connection.clock.advance(Limits().head)
        self.assertTrue(wire.disconnected)


class SlowReaderTests(SynchronousTestCase):
    """
    A peer that does not read: past the budget it is cut.
    """

    def setUp(self) -> None:
        self.connection = Connection()
        self.outlet = self.connection.carrier.outlet
        self.assertIs(self.connection.wire.producer, self.outlet)

    def test_evicted(self) -> None:
        """
        From the moment the transport is full what is sent is counted; past
        the budget the connection is aborted, once, and nothing more is sent.
        """
        self.outlet.send(bytes(2 * BUDGET))
        self.outlet.pauseProducing()
        for _ in range(BUDGET // 100):
            self.outlet.send(bytes(100))
        self.assertFalse(self.connection.wire.disconnecting)
        sent = len(self.connection.wire.value())
        for _ in range(3):
            self.outlet.send(b"x")
        self.assertTrue(self.connection.wire.disconnected)
        self.assertEqual(len(self.connection.wire.value()), sent)
        self.connection.lose()
        self.assertEqual(self.connection.ear.ends, 1)

    def test_caughtUp(self) -> None:
        """
        A peer that reads everything now and then is not cut; to be paused
        twice counts nothing away.
        """
        for _ in range(5):
            self.outlet.pauseProducing()
            self.outlet.send(bytes(BUDGET))
            self.outlet.resumeProducing()
        self.assertFalse(self.connection.wire.disconnecting)
        self.outlet.pauseProducing()
        self.outlet.send(bytes(BUDGET))
        self.outlet.pauseProducing()
        self.outlet.send(b"x")
        self.assertTrue(self.connection.wire.disconnected)

    def test_whileCorked(self) -> None:
        """
        What a turn holds back counts, too: it is one write, and what comes
        behind it is too much.
        """
        self.outlet.pauseProducing()
        for isCut in (False, True):
            self.connection.cork.push()
            for _ in range(11):
                self.outlet.send(bytes(100))
            self.connection.cork.pull()
            self.assertEqual(self.connection.wire.disconnected, isCut)
        self.assertEqual(len(self.connection.wire.value()), 1100)

    def test_closing(self) -> None:
        """
        One that never reads its close frame is cut in time.
        """
        self.outlet.pauseProducing()
        self.outlet.close()
        self.connection.clock.advance(CLOSE_PATIENCE)
        self.assertTrue(self.connection.wire.disconnected)

    def test_closedByPeer(self) -> None:
        """
        So is one that says goodbye and does not read the answer.
        """
        self.outlet.send(bytes(BUDGET))
        self.outlet.pauseProducing()
        self.connection.feed(frameOf(b"\x03\xe8", FIN | CLOSE))
        self.assertTrue(self.connection.wire.disconnecting)
        self.connection.clock.advance(60)
        self.assertTrue(self.connection.wire.disconnected)


class OriginTests(SynchronousTestCase):
    """
    Pages that ask for a WebSocket; L{imtw.test.protocols.test_badinput} has
    more, on a real server.
    """

    def statusOf(self, origin: str | None, *allowed: str) -> int:
        """
        The answer to a page of this origin.
        """
        return Connection(headers={"Origin": origin}, allowedOrigins=allowed).status

    def test_list(self) -> None:
        """
        Where there is a list, a page has to be on it, scheme, host and port;
        who is no page may come.
        """
        own = "http://chat.example.org:8080"
        for origin in (own, None, "HTTP://chat.example.org:8080", "http://CHAT.example.org:8080"):
            self.assertEqual(self.statusOf(origin, "https://x.example:1", own), 101, origin)
        for origin in (
            *("null", "http://chat.example.org", "https://chat.example.org:8080", "http://chat.example.org:80800"),
            *("http://chat.example.org.evil:8080", "http://evil.example:8080", "http://chatxexample.org:8080"),
            *("http://chat.example.org:8080@evil.example", "http://evil.example/http://chat.example.org:8080"),
            *("file:///", "", "http://", "http://[", "http://chat.example.org:x"),
        ):
            self.assertEqual(self.statusOf(origin, own), 400, origin)

    def test_defaultPort(self) -> None:
        """
        A browser leaves the usual port out, and so does the operator.
        """
        for own in ("https://chat.example.org", "http://chat.example.org"):
            self.assertEqual(self.statusOf(own, own), 101, own)

    def test_noList(self) -> None:
        """
        Where there is none, any page may.
        """
        for origin in ("https://evil.example", "null", "file:///", None):
            self.assertEqual(self.statusOf(origin), 101, origin)
