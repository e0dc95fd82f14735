"""
Messages as JSON: bytes in, messages out (L{imtw.protocols.easyim.jsontext}).
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.easyim import protobuf
from imtw.protocols.easyim.decoder import EasyimDecoder
from imtw.protocols.easyim.jsontext import decodeText
from imtw.protocols.easyim.message import Malformed, Msg, Packet
from imtw.protocols.easyim.protobuf import encodeMessage
from imtw.protocols.easyim.splitter import JSONSplitter, splitTexts
from imtw.test.protocols.easyim.streams import LONGEST, decoded, keptOf, pieces

TEXTS = (
    b' {"id":"1","content":"a\\"}{b","x":{"y":[{}, "}"]}}\r\n\t{}null{"id":"2","content":"\\\\"}'
    + '{"id":"第3","content":"{\u2028}"}'.encode()
)
TOLD = [Msg("1", content='a"}{b'), Msg(), Msg(), Msg("2", content="\\"), Msg("第3", content="{\u2028}")]


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
        self.assertLess(keptOf(pieces(b'{"a":"' + b"x" * 10**6, 100), 1000), 1200)

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
