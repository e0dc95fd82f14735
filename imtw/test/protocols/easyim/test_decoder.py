"""
Tests for L{imtw.protocols.easyim.decoder}, L{imtw.protocols.easyim.jsontext}
and L{imtw.protocols.easyim.protobuf}: bytes in, messages out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import MsgspecError
from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.easyim import decoder as module
from imtw.protocols.easyim import protobuf
from imtw.protocols.easyim.decoder import EasyimDecoder
from imtw.protocols.easyim.jsontext import decodeText, encodeText, writeText
from imtw.protocols.easyim.message import Malformed, Msg, Packet
from imtw.protocols.easyim.protobuf import Cutter, decodeMessage, encodeMessage
from imtw.protocols.easyim.splitter import JSONSplitter, splitTexts

LONGEST = 65536

TEXTS = (
    b' {"id":"1","content":"a\\"}{b","x":{"y":[{}, "}"]}}\r\n\t{}null{"id":"2","content":"\\\\"}'
    + '{"id":"第3","content":"{\u2028}"}'.encode()
)
TOLD = [Msg("1", content='a"}{b'), Msg(), Msg(), Msg("2", content="\\"), Msg("第3", content="{\u2028}")]

FIRST, SECOND = bytes.fromhex("0a0131 1a0131 420161"), bytes.fromhex("0a0132 1a0132 420162")
LONG = encodeMessage(Msg("long", 7, "11", "22", 1, 1, 1, "x" * 300))


def decoded(pieces: Iterable[bytes], longest: int = LONGEST) -> list[Packet]:
    """
    The packets in a stream that comes in these pieces.
    """
    decoder = EasyimDecoder(protobuf, longest)
    found = []
    for piece in pieces:
        decoder.feed(piece)
        while (packet := decoder.next()) is not None:
            found.append(packet)
    return found


def pieces(data: bytes, size: int) -> list[bytes]:
    """
    A stream, cut.
    """
    return [data[at : at + size] for at in range(0, len(data), size)]


class TextTests(SynchronousTestCase):
    """
    JSON.
    """

    def test_anyChunking(self) -> None:
        """
        What is read does not depend on where TCP cut the stream.
        """
        for size in range(1, len(TEXTS) + 1):
            self.assertEqual([packet.msg for packet in decoded(pieces(TEXTS, size))], TOLD, f"pieces of {size}")

    def test_split(self) -> None:
        """
        Texts that stand behind each other are told apart, whatever they hold.
        """
        whole = b'{"content":"}{"}{"id":"2"}{}'
        self.assertEqual(splitTexts(whole), [b'{"content":"}{"}', b'{"id":"2"}', b"{}"])
        self.assertEqual(splitTexts(whole[:16]), [whole[:16]])

    def test_noJSON(self) -> None:
        """
        What is no message ends the stream.
        """
        for bad in (
            b'{"id":"1",}', b'{"id":"1"}x', b'{"seq":1.0}', b'{"seq":-1}', b'{"seq":4294967296}', b'{"seq":NaN}',
            b'{"msg_type":"EVENT"}', b'{"msg_type":2147483648}', b'{"content":1}', b'{"content":{}}', b'{"id":true}',
            b'{"id":1.5}', b'{"seq":1e3}', b'{"seq":""}', b'{"id":"a\nb"}', b"nul1", b'{"access_token":[]}',
        ):  # fmt: skip
            with self.assertRaises(Malformed, msg=bad):
                decoded([bad])

    def test_hopeless(self) -> None:
        """
        What can be the beginning of no object is not waited for, wherever it
        was cut; what can be is, and becomes one with its rest.
        """
        for bad in (
            b"{]", b"{,", b"{1", b'{"a":]', b'{"a"]', b'{"a",', b'{"a":1]', b'{"a":[}', b'{"a":[1}', b'{"a":[,',
            b'{"a":1,}', b'{"a":[1,]', b'{"a":{}]', b'{"a":"b"]', b'{"a":trx', b'{"a":x', b'{"a":1 1', b'{"a":"\n',
            b'{"a":[]"b"', b'{"a"1', b'{:', b'{"a"::', b'{"a":1e+-.', b'{"a":--', b'{"a":01', b'{"a":-01', b'{"a":1.e',
            b'{"a":1..', b'{"a":1.5.', b'{"a":1e5e', b'{"a":1e5.', b'{"a":+', b'{"a":.', b'{"a":-}', b'{"a":1.,',
            b'{"a":1e ', b'{"a":12345-', b'{"a":"\\x', b'{"a":"\\u12x', b'{"a":"b\\u"', b'{"a\\\n', b'{"a":"\\8',
        ):  # fmt: skip
            for size in (1, 2, 3, 99):
                with self.assertRaises(Malformed, msg=bad):
                    decoded(pieces(bad, size))
        whole = (
            b'{"a" : [ [ ] , {} , -1.5e+3 , true,false , null, "\\"\\u0041\\uaFfa\\\\" , { "b":0 }, -0,0.1,'
            b'1E5,100e-007,"\\/\\b\\f\\n\\r\\t"] , "id" :"1" }'
        )
        for at in range(len(whole)):
            self.assertEqual(decoded([whole[:at]]), [], whole[:at])
            self.assertEqual(decoded([whole[:at], whole[at:]]), [Packet(Msg("1"))], whole[:at])

    def test_manyPieces(self) -> None:
        """
        What was looked at is not looked at again with every byte that comes.
        """
        for text in (b'{"a":' + b"1" * 50000, b'{"a":"' + b"x" * 50000, b'{"a":[' + b" 1," * 15000):
            splitter = JSONSplitter(LONGEST)
            looked = 0
            for piece in pieces(text, 500):
                splitter.feed(piece)
                before = splitter._at
                self.assertIsNone(splitter.next())
                looked += splitter._at - before
                self.assertLess(splitter.buffered - splitter._at, 8)
            self.assertLessEqual(looked, len(text))

    def test_lenient(self) -> None:
        """
        What the original reads, and some that it might have: numbers for ids,
        texts for numbers, keys in any case, bytes that are no UTF-8.
        """
        for text, told in (
            (b'{"ID":12,"From_User_Id":1630381388895096832}', Msg("12", from_user_id="1630381388895096832")),
            (b'{"seq":"7","STATUS":"3","msg_type":"-1"}', Msg(seq=7, status=3, msg_type=-1)),
            (b'{"id":null,"seq":null,"foo":{"id":"x"}}', Msg()),
            (b'{"id":"a\xff\xe4\xb8b"}', Msg("a\ufffd\ufffd\ufffdb")),
            (b'{"id":"\\ud800"}', Msg("\ufffd")),
            (b"   null   ", Msg()),
            (b'{"id":"1","ID":"2","id":"3"}', Msg("3")),
            (b'{"id":"1","id":null,"Seq":2,"seq":null}', Msg("1", 2)),
        ):
            self.assertEqual(decodeText(text), told, text)

    def test_bounds(self) -> None:
        """
        An object may be so long and so deep; nothing longer is kept.
        """
        inside = b'{"content":"%s"}'
        fits = inside % (b"x" * (1000 - len(inside) + 2))
        self.assertEqual(len(decoded(pieces(fits, 7), 1000)), 1)
        for bad in (fits.replace(b"x", b"xx", 1), b'{"' + b"x" * 2000, b'{"a":' * 65):
            self.assertRaises(Malformed, decoded, pieces(bad, 100), 1000)
        decoder = EasyimDecoder(protobuf, 1000)
        with self.assertRaises(Malformed):
            for piece in pieces(b'{"a":"' + b"x" * 10**6, 100):
                decoder.feed(piece)
                decoder.next()
        self.assertLess(decoder.buffered, 1200)

    def test_blanks(self) -> None:
        """
        Blanks are not kept, however many there are.
        """
        decoder = EasyimDecoder(protobuf, 1000)
        for _ in range(100):
            decoder.feed(b" \r\n" * 100)
            self.assertIsNone(decoder.next())
        self.assertLess(len(decoder._head), 20)
        decoder.feed(b'{"id":"1"}')
        self.assertEqual(decoder.next(), Packet(Msg("1")))

    def test_lineFeed(self) -> None:
        """
        A line feed in front of a brace begins a text, unless the whole is a
        message in protobuf whose id has 123 bytes.
        """
        self.assertEqual(decoded([b'\n{"id":"1"}'])[0].msg.id, "1")
        id = "x" * 0x7B
        self.assertEqual(decoded([encodeMessage(Msg(id, from_user_id="1"))])[0].msg.id, id)


class ProtobufTests(SynchronousTestCase):
    """
    Protobuf.
    """

    def test_chunks(self) -> None:
        """
        A chunk is a message; several in one are told apart by their numbers,
        and one that ends in a field goes on with the next chunk.
        """
        ids = lambda found: [packet.msg.id for packet in found]  # noqa: E731
        self.assertEqual(ids(decoded([LONG, LONG])), ["long", "long"])
        self.assertEqual(ids(decoded([FIRST + SECOND])), ["1", "2"])
        self.assertEqual(ids(decoded([FIRST + SECOND + LONG + FIRST + SECOND])), ["1", "2", "long", "1", "2"])
        for at in range(40, len(LONG)):
            self.assertEqual(decoded([LONG[:at], LONG[at:]])[-1].msg, decodeMessage(LONG).msg, at)

    def test_cutShort(self) -> None:
        """
        What ends in the middle of a field, or is shorter than ten bytes, is
        no message yet.
        """
        for data in (LONG[:-1], FIRST, b"\x10", b"\x0a\x7f1"):
            decoder = EasyimDecoder(protobuf, LONGEST)
            decoder.feed(data)
            self.assertIsNone(decoder.next())
            self.assertTrue(decoder.isCut)
            self.assertEqual(decoder.buffered, len(data))

    def test_noProtobuf(self) -> None:
        """
        What is no message ends the stream, and what was whole before it is
        still told.
        """
        for bad in (b"\x00" * 12, b"\x0e" * 12, b"\x0f" * 12, b"\x08" + b"\xff" * 11, b"\x0c" * 12, b"\x0b" * 40,
                    b"\x0a\x02\xc3\x28" + b"\x42\x06123456"):  # fmt: skip
            with self.assertRaises(Malformed, msg=bad):
                decoded([bad])
        decoder = EasyimDecoder(protobuf, LONGEST)
        decoder.feed(LONG)
        decoder.feed(b"\x0f" * 12)
        packet = decoder.next()
        self.assertEqual(packet and packet.msg.id, "long")
        self.assertRaises(Malformed, decoder.next)

    def test_bounds(self) -> None:
        """
        A message may be so long; nothing longer is kept.
        """
        self.assertEqual(len(decoded([LONG], len(LONG))), 1)
        self.assertRaises(Malformed, decoded, [LONG], len(LONG) - 1)
        decoder = EasyimDecoder(protobuf, 1000)
        with self.assertRaises(Malformed):
            for piece in pieces(b"\x0a\xff\xff\xff\x7f" + b"x" * 10**5, 100):
                decoder.feed(piece)
                decoder.next()
        self.assertLess(decoder.buffered, 1200)

    def test_neverWhole(self) -> None:
        """
        What was told is not kept, though no chunk ever ends with a message.
        """
        decoder = EasyimDecoder(protobuf, 1000)
        stream = LONG * 250
        found = 0
        for piece in pieces(stream, len(LONG) - 1):
            decoder.feed(piece)
            while decoder.next() is not None:
                found += 1
            self.assertLess(decoder.buffered, 1000)
        self.assertEqual(found, 250)

    def test_rest(self) -> None:
        """
        Fields of other numbers, or of another type, go back as they were; no
        other field gets in that way.
        """
        rest = bytes.fromhex("120161 5a036e6577 78c801")
        packet = decodeMessage(FIRST + rest)
        self.assertEqual((packet.msg.id, packet.rest), ("1", rest))
        self.assertEqual(encodeMessage(packet.msg, rest), FIRST + rest)
        spoof = encodeMessage(Msg(from_user_id="somebody else"))
        self.assertEqual(encodeMessage(packet.msg, spoof + rest), FIRST + rest)
        self.assertEqual(encodeMessage(packet.msg, b"\x0f\x0f"), FIRST)

    def test_withoutProtobuf(self) -> None:
        """
        Where it is not installed texts are read all the same.
        """
        decoder = EasyimDecoder(None, LONGEST)
        decoder.feed(b'{"id":"1"}')
        self.assertEqual(decoder.next(), Packet(Msg("1")))
        decoder = EasyimDecoder(None, LONGEST)
        decoder.feed(LONG)
        self.assertRaises(Malformed, decoder.next)

    def test_groups(self) -> None:
        """
        Groups within groups are passed over as one field, so many deep.
        """
        self.assertEqual(decodeMessage(FIRST + b"\x5b\x58\x01\x5c").msg.id, "1")
        cutter = Cutter()
        data = FIRST + b"\x5b" * 10 + b"\x0a\x01x" + b"\x5c" * 10
        self.assertEqual((cutter.cut(data), cutter.isWhole(len(data))), ([], True))
        self.assertRaises(Malformed, Cutter().cut, b"\x5b" * 17)


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
