"""
What L{imtw.protocols.easyim.decoder} makes of any stream, and what that costs.
"""

from __future__ import annotations

import time
from itertools import islice
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import MsgspecError
from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.easyim import decoder as module
from imtw.protocols.easyim import protobuf
from imtw.protocols.easyim.decoder import EasyimDecoder
from imtw.protocols.easyim.jsontext import encodeText, writeText
from imtw.protocols.easyim.message import Malformed, Msg, Packet
from imtw.protocols.easyim.protobuf import Cutter, encodeMessage
from imtw.protocols.easyim.splitter import JSONSplitter
from imtw.test.protocols.easyim.streams import LONGEST, decoded, pieces


def outcome(pieces: list[bytes], longest: int, most: int) -> tuple[list[Packet], bool]:
    """
    The packets in a stream, and whether it was refused.

    @param most: how many are taken before the next piece comes.
    """
    decoder = EasyimDecoder(protobuf, longest)
    found: list[Packet] = []
    try:
        for piece in pieces:
            decoder.feed(piece)
            found += islice(iter(decoder.next, None), most)
        found += iter(decoder.next, None)
    except Malformed:
        return found, True
    return found, False


MESSAGES = st.builds(
    Msg,
    id=st.text("1}{", max_size=3),
    seq=st.sampled_from([0, 1, 200, 2**32 - 1]),
    to_user_id=st.sampled_from(["", "2", "1630381388895096832"]),
    chat_type=st.sampled_from([0, 1, -1]),
    status=st.integers(0, 3),
    content=st.text(' }{",:\\\n\n你', max_size=8) | st.just("x" * 200),
)
TEXT_SCRAPS = st.sampled_from(
    [b" ", b"\n", b"\r\n\t", b"null", b",", b"}{", b"}", b"{", b"[]", b'"', b"\\", b"\x00", b"\xff", b'{"ID":"1"}',
     b'{"id":1}', b'{"x":{}}', b'{"x":"}{"}', b'{"id":"\xff"}', b'{"id":"\n"}', b'{"id":"\\ud800"}', b'{"seq":1.0}',
     b"{} ", b'{"content":"', b"\xef\xbb\xbf"]
)  # fmt: skip
CHUNK_SCRAPS = st.sampled_from(
    ["1000", "8a0000", "0a00", "5a0161", "5b58015c", "78c801", "120161", "0a02c328", "0f", "0a81007a", "4280808080",
     "2880808080f8ffffffff01", "1a", "78015a0161", "0001"]
).map(bytes.fromhex)  # fmt: skip
SIZES = st.lists(st.integers(1, 200), max_size=4)
LONGEST_ONES = st.sampled_from([30, LONGEST])
TAKEN = st.sampled_from([0, 1, 100])


class GuessTests(SynchronousTestCase):
    """
    What is read at once is guessed to be whole messages; where it is not so,
    nothing else comes out than without the guess.
    """

    def check(self, parts: list[bytes], sizes: list[int], longest: int, most: int) -> None:
        """
        A stream made of these parts, cut into pieces of these sizes, or as
        they are.
        """
        stream, pieces = b"".join(parts), []
        for size in sizes:
            pieces.append(stream[:size])
            stream = stream[size:]
        pieces = [piece for piece in [*pieces, stream] if piece] if sizes else parts
        guessed = outcome(pieces, longest, most)
        noText = patch.object(module, "decodeKnown", side_effect=MsgspecError("not tried"))
        noChunk = patch.object(protobuf, "decodeAlone", lambda data: None)
        with noText, noChunk:
            self.assertEqual(guessed, outcome(pieces, longest, most), pieces)

    @settings(max_examples=1000, deadline=None)
    @given(st.lists(MESSAGES.map(encodeText) | TEXT_SCRAPS, max_size=8), SIZES, LONGEST_ONES, TAKEN)
    def test_texts(self, parts: list[bytes], sizes: list[int], longest: int, most: int) -> None:
        """
        JSON.
        """
        self.check([b'{"id":"first"}', *parts], sizes, longest, most)

    @settings(max_examples=1000, deadline=None)
    @given(st.lists(MESSAGES.map(encodeMessage) | CHUNK_SCRAPS, max_size=8), SIZES, LONGEST_ONES, TAKEN)
    def test_chunks(self, parts: list[bytes], sizes: list[int], longest: int, most: int) -> None:
        """
        Protobuf.
        """
        self.check([b"\x0a\x0212", *parts], sizes, longest, most)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(MESSAGES.map(encodeMessage) | CHUNK_SCRAPS, max_size=8).map(b"".join))
    def test_shortFields(self, data: bytes) -> None:
        """
        A field whose head is two bytes is cut as any other.
        """

        def cut() -> object:
            try:
                cutter = Cutter()
                return cutter.cut(data), cutter.isWhole(len(data))
            except Malformed:
                return None

        found = cut()
        with patch.object(protobuf, "_shortField", lambda *_: None):
            self.assertEqual(found, cut())

    @settings(max_examples=300, deadline=None)
    @given(st.tuples(*[st.text("<>&\u2028\u2029\u2027a你", max_size=2)] * 5))
    def test_written(self, texts: tuple[str, ...]) -> None:
        """
        What is written without a look at its bytes is the same.
        """
        id, sender, to, content, token = texts
        msg = Msg(id, 0, sender, to, content=content, access_token=token)
        self.assertEqual(writeText(msg), encodeText(msg))

    def test_isTaken(self) -> None:
        """
        Whole messages are not looked at byte by byte, though texts in them
        have braces, nor those behind one that had begun before.
        """
        message = Msg("1", content="}{ }")
        text, chunk = encodeText(message), encodeMessage(message)
        never = AssertionError("looked at closer")
        noText = patch.object(JSONSplitter, "next", side_effect=never)
        noChunk = patch.object(protobuf, "_varint", side_effect=never)
        with noText, noChunk:
            self.assertEqual(decoded([b'{"id":"1"}' * 3, b'{"id":"1"}']), [Packet(Msg("1"))] * 4)
            self.assertEqual(decoded([chunk, chunk, chunk * 3]), [Packet(message)] * 5)
        with patch.object(JSONSplitter, "next", autospec=True, side_effect=JSONSplitter.next) as slow:
            found = decoded([text[:9], text[9:] + b'{"content":"}"}' * 5])
        self.assertEqual(found, [Packet(message)] + [Packet(Msg(content="}"))] * 5)
        self.assertEqual(slow.call_count, 2)

    def test_disappointed(self) -> None:
        """
        What was read is copied once for a guess that is wrong, not for each
        message.
        """
        with patch.object(JSONSplitter, "drain", autospec=True, side_effect=JSONSplitter.drain) as guessed:
            self.assertEqual(len(decoded([b'{"x"', b":1}" + b'{"x":1}' * 9])), 10)
        self.assertEqual(guessed.call_count, 1)


class BombTests(SynchronousTestCase):
    """
    What is small on the wire and large to handle.  The figures are CPU time,
    a hundred times what it takes.
    """

    def cost(self, data: bytes, size: int) -> float:
        """
        Seconds to read it, whatever comes of it.
        """
        began = time.process_time()
        try:
            decoded(pieces(data, size))
        except Malformed:
            pass
        return time.process_time() - began

    def test_cheap(self) -> None:
        """
        However it is made, 64 KiB cost what 64 KiB may, in whatever pieces
        they come.
        """
        bombs = [
            b"\x50\x01" * (LONGEST // 2),
            b"\x0a\x00" * (LONGEST // 2),
            b"\x5b" * LONGEST,
            b"\x0a\xf0\xff\x03" + b"x" * LONGEST,
            b"{" * LONGEST,
            b'{"a":' + b"[" * LONGEST,
            b'{"content":"' + b'\\"' * (LONGEST // 2),
            b'{"content":"' + b"x" * LONGEST,
            b"{" + b'"a":{},' * (LONGEST // 7),
            b'{"seq":' + b"9" * LONGEST + b"}",
            b"{}" * (LONGEST // 2),
            b" " * LONGEST,
        ]
        for bomb in bombs:
            for size in (1, 1000, LONGEST):
                self.assertLess(self.cost(bomb, size), 2.0, (bomb[:20], size))

    def test_linear(self) -> None:
        """
        A million bytes of fields, each a message, cost in large pieces what
        they cost in small ones, whatever the machine.
        """
        many = b"\x50\x01" * (10**6 // 2)
        self.assertLess(self.cost(many, 65536), 3 * self.cost(many, 4096))
