"""
Tests of L{imtw.protocols.jim.frames}.
"""

from __future__ import annotations

from itertools import accumulate
from time import process_time
from weakref import ref

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from imtw.errors import RemoteProtocolError
from imtw.protocols.jim.frames import Frame, FrameDecoder, encodeFrame

KNOWN = frozenset(range(21))
LIMIT = 2202009

PUSH = (
    b'{"command":11,"data":{"chatType":2,"cmd":11,"content":"hi","createTime":1546300800000,"from":"a",'
    b'"id":"0123456789abcdef0123456789abcdef","msgType":0,"to":"b"}}'
)

# docs/wire/jim.rst, Golden TCP frames: header, synSeq, command, body.
GOLDEN = [
    ("01 51 05 00 00 00 35", 0, 5, b'{"cmd":5,"loginname":"hello_client","password":"123"}'),
    ("01 51 06 00 00 00 33", 0, 6, '{"code":10007,"command":6,"msg":"ok 登录成功!"}'.encode()),
    ("01 51 02 00 00 00 23", 0, 2, b'{"command":2,"data":{"hbyte":-127}}'),
    ("01 51 0d 00 00 00 01", 0, 13, b"\x80"),
    ("01 10 0d 00 00 00 14", 0, 13, b'{"cmd":13,"hbyte":1}'),
    ("01 51 0d 00 00 00 25", 0, 13, b'{"command":13,"data":{"hbbyte":-128}}'),
    ("01 51 0c 00 00 00 33", 0, 12, '{"code":10000,"command":12,"msg":"ok 发送成功"}'.encode()),
    ("01 51 0c 00 00 00 3b", 0, 12, '{"code":10001,"command":12,"msg":"offline 用户不在线"}'.encode()),
    ("01 51 00 00 00 00 42", 0, 0, '{"code":10017,"command":0,"msg":"cmd failed! 未知的cmd命令!"}'.encode()),
    ("01 51 0b 00 00 00 9f", 0, 11, PUSH),
    ("01 f1 00 00 00 07 0b 00 00 00 9f", 7, 11, PUSH),
]

# Other headers that are fine: masks seen from clients, a synSeq that counts
# as none, an empty body.
ALSO_FINE = [
    ("01 00 0d 00 00 00 02", 0, 13, b"{}"),
    ("01 40 0d 00 00 00 02", 0, 13, b"{}"),
    ("01 91 0d 00 00 00 02", 0, 13, b"{}"),
    ("01 d1 0d 00 00 00 02", 0, 13, b"{}"),
    ("01 20 00 00 01 00 0d 00 00 00 02", 256, 13, b"{}"),
    ("01 f1 00 00 00 00 0d 00 00 00 02", 0, 13, b"{}"),
    ("01 f1 ff ff ff ff 0d 00 00 00 02", 0, 13, b"{}"),
    ("01 51 0d 00 00 00 00", 0, 13, b""),
]

STREAM = b"".join(bytes.fromhex(header) + body for header, _, _, body in GOLDEN + ALSO_FINE)
ENDS = list(accumulate(len(bytes.fromhex(header)) + len(body) for header, _, _, body in GOLDEN + ALSO_FINE))
FRAMES: list[Frame] = [(command, sequence, body) for _, sequence, command, body in GOLDEN + ALSO_FINE]


def pull(decoder: FrameDecoder) -> list[Frame]:
    """
    All frames that are complete.
    """
    frames = []
    while (frame := decoder.next()) is not None:
        frames.append(frame)
    return frames


def outcome(stream: bytes, size: int) -> tuple[list[Frame], bool]:
    """
    The frames in a stream that comes in pieces, and whether it was refused.
    """
    decoder = FrameDecoder(64, KNOWN)
    frames: list[Frame] = []
    for i in range(0, len(stream), size):
        decoder.feed(stream[i : i + size])
        try:
            while (frame := decoder.next()) is not None:
                frames.append(frame)
        except RemoteProtocolError:
            return frames, True
    return frames, False


class FrameDecoderTests(SynchronousTestCase):
    """
    Tests of L{FrameDecoder}.
    """

    def refused(self, *pieces: str, maxBody: int = LIMIT) -> str:
        """
        Feed pieces in hex; only the last is refused.

        @return: the reason.
        """
        decoder = FrameDecoder(maxBody, KNOWN)
        for piece in pieces[:-1]:
            decoder.feed(bytes.fromhex(piece))
            pull(decoder)
        decoder.feed(bytes.fromhex(pieces[-1]))
        return str(self.assertRaises(RemoteProtocolError, pull, decoder))

    def test_anyChunking(self) -> None:
        """
        What is decoded does not depend on where TCP cut the stream.
        """
        for size in range(1, len(STREAM) + 1):
            decoder = FrameDecoder(LIMIT, KNOWN)
            got = []
            for i in range(0, len(STREAM), size):
                decoder.feed(STREAM[i : i + size])
                got += pull(decoder)
            self.assertEqual(got, FRAMES, f"chunks of {size} bytes")
            self.assertEqual(decoder.buffered, 0)

    def test_anyFirstCut(self) -> None:
        """
        Nor on what the two pieces of a stream are.
        """
        for cut in range(len(STREAM) + 1):
            decoder = FrameDecoder(LIMIT, KNOWN)
            decoder.feed(STREAM[:cut])
            got = pull(decoder)
            decoder.feed(STREAM[cut:])
            self.assertEqual(got + pull(decoder), FRAMES, f"cut at {cut}")

    def test_pulledLater(self) -> None:
        """
        What is fed while nobody pulls is kept, in order.
        """
        for size in (1, 7, 100, len(STREAM)):
            decoder = FrameDecoder(LIMIT, KNOWN)
            for i in range(0, len(STREAM), size):
                decoder.feed(STREAM[i : i + size])
            self.assertEqual(decoder.buffered, len(STREAM))
            self.assertEqual(pull(decoder), FRAMES)

    def test_pulledOneByOne(self) -> None:
        """
        Pulling one frame leaves the others, and feeding puts behind them.
        """
        decoder = FrameDecoder(LIMIT, KNOWN)
        one = bytes.fromhex("01510d0000000161")
        decoder.feed(one * 3)
        self.assertEqual(decoder.next(), (13, 0, b"a"))
        self.assertEqual(decoder.buffered, 16)
        decoder.feed(bytes.fromhex("01510d0000000162 01"))
        self.assertEqual([frame[2] for frame in pull(decoder)], [b"a", b"a", b"b"])
        self.assertEqual(decoder.buffered, 1)
        self.assertIsNone(decoder.next())

    def test_wrongVersion(self) -> None:
        """
        A version other than 1 is refused as soon as the header is complete,
        in a later frame, too.
        """
        self.assertIn("version 2", self.refused("02 51 0d 00 00 00", "09"))
        self.assertIn("version 0", self.refused("01 51 0d 00 00 00 00 00 51 0d 00 00 00", "00"))
        self.assertIn("version 255", self.refused("ff 20 00 00 00 00 0d 00 00 00", "00"))

    def test_unknownCommand(self) -> None:
        """
        A code that is not known is refused before the body arrives; the code
        is a signed byte.
        """
        self.assertIn("command 21", self.refused("01 51 15 00 00 00", "02"))
        self.assertIn("command 127", self.refused("01 51 7f 00 00 00 02 7b 7d"))
        self.assertIn("command -1", self.refused("01 51 ff 00 00 00", "02"))
        self.assertIn("command 21", self.refused("01 f1 00 00 00 07 15 00 00 00", "02"))

    def test_negativeLength(self) -> None:
        """
        A negative length is refused.
        """
        self.assertIn("-1 bytes", self.refused("01 51 0d ff ff ff", "ff"))
        self.assertIn("-2147483648 bytes", self.refused("01 51 0d 80 00 00", "00"))

    def test_tooLong(self) -> None:
        """
        A body above C{maxBody} is refused when its length is there; one of
        C{maxBody} is not (D-2).
        """
        self.assertIn("67108864 bytes", self.refused("01 51 0b 04 00 00", "00"))
        self.assertIn("4 bytes, wanted 0 to 3", self.refused("01 51 0b 00 00 00", "04", maxBody=3))
        decoder = FrameDecoder(3, KNOWN)
        decoder.feed(bytes.fromhex("01 51 0b 00 00 00 03 61 62 63"))
        self.assertEqual(pull(decoder), [(11, 0, b"abc")])

    def test_limitRaised(self) -> None:
        """
        C{maxBody} counts as it is when a frame is pulled.
        """
        decoder = FrameDecoder(3, KNOWN)
        decoder.feed(bytes.fromhex("01 51 0d 00 00 00 00 01 51 0b 00 00 00 04 61 62 63 64"))
        self.assertEqual(decoder.next(), (13, 0, b""))
        decoder.maxBody = 4
        self.assertEqual(decoder.next(), (11, 0, b"abcd"))

    def test_framesBeforeTheBadOne(self) -> None:
        """
        What came whole before a bad frame is still given.
        """
        decoder = FrameDecoder(LIMIT, KNOWN)
        decoder.feed(STREAM + b"GET / HTTP/1.1")
        self.assertEqual([decoder.next() for _ in FRAMES], FRAMES)
        self.assertRaises(RemoteProtocolError, decoder.next)

    def test_spent(self) -> None:
        """
        A decoder that has refused keeps refusing, and keeps nothing.
        """
        decoder = FrameDecoder(LIMIT, KNOWN)
        decoder.feed(b"\x02" + b"x" * 100)
        self.assertRaises(RemoteProtocolError, decoder.next)
        decoder.feed(STREAM)
        self.assertLessEqual(decoder.buffered, 11)
        self.assertRaises(RemoteProtocolError, decoder.next)
        self.assertLessEqual(decoder.buffered, 11)

    def test_onlyTheTailIsKept(self) -> None:
        """
        What TCP brought is let go when its frames are out, even if a piece
        of a frame is left.
        """

        class Mark:
            """
            Something to watch, as bytes cannot be.
            """

        class Piece(bytes):
            """
            Bytes that hold it.
            """

            mark: Mark

        decoder = FrameDecoder(LIMIT, KNOWN)
        piece = Piece(STREAM + b"\x01\x51")
        piece.mark = Mark()
        watch = ref(piece.mark)
        decoder.feed(piece)
        del piece
        self.assertEqual(pull(decoder), FRAMES)
        self.assertEqual(decoder.buffered, 2)
        self.assertIsNone(watch())

    def test_otherCodes(self) -> None:
        """
        An application's codes are known if it says so.
        """
        decoder = FrameDecoder(LIMIT, KNOWN | {127})
        decoder.feed(bytes.fromhex("01 51 7f 00 00 00 02 7b 7d"))
        self.assertEqual(pull(decoder), [(127, 0, b"{}")])

    def test_longBodyInSmallPieces(self) -> None:
        """
        A long body in many pieces takes time by its bytes, not by their
        square.
        """
        body = bytes(range(256)) * 4096
        stream = encodeFrame(11, body)
        decoder = FrameDecoder(LIMIT, KNOWN)
        before = process_time()
        for i in range(0, len(stream) - 2, 2):
            decoder.feed(stream[i : i + 2])
            self.assertIsNone(decoder.next())
        decoder.feed(stream[-1:])
        self.assertEqual(decoder.next(), (11, 0, body))
        # 0.3 s here; copying the half of it for each piece takes a minute.
        self.assertLess(process_time() - before, 5.0)

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(STREAM.split(b"\x01"))), max_size=6))
    def test_anyBytes(self, parts: list[bytes]) -> None:
        """
        Any bytes give frames or are refused, and however they are cut, the
        same frames.
        """
        stream = b"\x01".join(parts)
        whole = outcome(stream, max(len(stream), 1))
        for size in (1, 2, 5):
            self.assertEqual(outcome(stream, size), whole)

    @settings(deadline=None)
    @given(st.lists(st.sampled_from(["pull", "pull", "the rest of a frame", "a part of one"]), max_size=40))
    def test_anyTurns(self, turns: list[str]) -> None:
        """
        In whatever turns bytes come and frames are pulled, they are the same
        frames.
        """
        decoder = FrameDecoder(LIMIT, KNOWN)
        found: list[Frame | None] = []
        at = 0
        for turn in turns:
            end = next((end for end in ENDS if end > at), at)
            if turn == "pull":
                found.append(decoder.next())
                continue
            if turn == "a part of one":
                end = (at + end) // 2
            decoder.feed(STREAM[at:end])
            at = end
        decoder.feed(STREAM[at:])
        self.assertEqual([frame for frame in found if frame is not None] + pull(decoder), FRAMES)


class EncodeFrameTests(SynchronousTestCase):
    """
    Tests of L{encodeFrame}.
    """

    def test_golden(self) -> None:
        """
        Frames are J-IM's, byte for byte: mask 0x51, or 0xf1 with a synSeq.
        """
        for header, sequence, command, body in GOLDEN:
            if "01 10" not in header:  # the mask of the iOS client
                self.assertEqual(encodeFrame(command, body, sequence), bytes.fromhex(header) + body)

    def test_noSequence(self) -> None:
        """
        A synSeq of 0 or less is none.
        """
        for sequence in (0, -1):
            self.assertEqual(encodeFrame(13, b"", sequence), bytes.fromhex("01510d00000000"))

    @settings(max_examples=100, deadline=None, database=None)
    @given(st.lists(st.tuples(st.sampled_from(sorted(KNOWN)), st.integers(0, 2**31 - 1), st.binary(max_size=50))))
    def test_roundTrip(self, frames: list[Frame]) -> None:
        """
        What is encoded is decoded.
        """
        decoder = FrameDecoder(50, KNOWN)
        for command, sequence, body in frames:
            decoder.feed(encodeFrame(command, body, sequence))
        self.assertEqual(pull(decoder), frames)
