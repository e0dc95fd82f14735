"""
What is read in front of Autobahn against Autobahn alone.
"""

from __future__ import annotations

from struct import pack
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.fastframes import frameSize, unmask, wholeFrame
from imtw.test.protocols.sockets import (
    FIN,
    MOST,
    NO_TEXT,
    PROTOCOL_ERROR,
    TOO_BIG,
    Connection,
    Trace,
    cut,
    frameOf,
    isLonger,
    masked,
    traceOf,
)
from imtw.test.wire import BINARY, CLOSE, PING, PONG, TEXT, acceptOf

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
    L{imtw.protocols.websocket.front.FrontReader} reads as Autobahn alone does,
    wherever TCP cut the stream.
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
            (text + frameOf(b"", FIN | CLOSE) + text, [good], 0),
            (text + frameOf(b"\x0f\xa0", FIN | CLOSE) + text, [good], 4000),
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


class WholeFrameTests(SynchronousTestCase):
    """
    L{wholeFrame}, L{frameSize} and L{unmask}.
    """

    @settings(deadline=None)
    @given(st.binary(max_size=300), KEYS)
    def test_unmask(self, payload: bytes, key: bytes) -> None:
        """
        The same as byte by byte; twice is nothing.
        """
        self.assertEqual(unmask(payload, key), masked(payload, key))
        self.assertEqual(unmask(unmask(payload, key), key), payload)

    @settings(deadline=None)
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

    @settings(deadline=None)
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

    @settings(deadline=None)
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
