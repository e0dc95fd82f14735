"""
Messages as protobuf: bytes in, messages out
(L{imtw.protocols.easyim.protobuf}).
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.easyim import protobuf
from imtw.protocols.easyim.decoder import EasyimDecoder
from imtw.protocols.easyim.message import Malformed, Msg, Packet
from imtw.protocols.easyim.protobuf import Cutter, decodeMessage, encodeMessage
from imtw.test.protocols.easyim.streams import FIRST, LONG, LONGEST, SECOND, decoded, keptOf, pieces


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
        self.assertLess(keptOf(pieces(b"\x0a\xff\xff\xff\x7f" + b"x" * 10**5, 100), 1000), 1200)

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
