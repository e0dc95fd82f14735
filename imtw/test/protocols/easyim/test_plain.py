"""
Who types lines: L{imtw.protocols.easyim.plain}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.easyim.message import Malformed
from imtw.protocols.easyim.plain import (
    BAD_FORM,
    BURST,
    EVERY,
    LONGEST,
    NAME_TAKEN,
    NO_TEXT,
    NOBODY,
    LineDecoder,
    isLine,
)
from imtw.test.clients import Client, reactor
from imtw.test.live import ANY_PORT, Live, LiveTestCase


class LineTests(SynchronousTestCase):
    """
    L{LineDecoder} and L{isLine}.
    """

    def lines(self, data: bytes, size: int) -> list[str]:
        """
        The lines in a stream that comes in pieces.
        """
        decoder, found = LineDecoder(), []
        for at in range(0, len(data), size):
            decoder.feed(data[at : at + size])
            while (line := decoder.next()) is not None:
                found.append(line)
        return found

    def test_anyChunking(self) -> None:
        """
        Lines are found wherever TCP has cut them.
        """
        data = "who\n你好\r\nto|张三|x\n".encode()
        for size in range(1, len(data) + 1):
            self.assertEqual(self.lines(data, size), ["who", "你好", "to|张三|x"], size)

    def test_double(self) -> None:
        """
        A second line feed is the line's, where it comes with it.
        """
        self.assertEqual(self.lines(b"to|a|x\n\nwho\n\n\n\xff\n", 99), ["to|a|x\n", "who\n", "", "\ufffd"])

    def test_tooLong(self) -> None:
        """
        A line has its bound.
        """
        self.assertEqual(self.lines(b"x" * (LONGEST - 1) + b"\n", 100), ["x" * (LONGEST - 1)])
        self.assertRaises(Malformed, self.lines, b"x" * LONGEST + b"\n", 100)

    def test_isLine(self) -> None:
        """
        Text is typed, perhaps not all of a character yet; anything else is
        not.
        """
        for typed in (b"who\n", "你好\n".encode(), "你".encode() + b"\xe5\xa5", b"\t|\r\n"):
            self.assertTrue(isLine(typed), typed)
        for other in (b"\x00who", b"\x01\x51", b"\xff\xfe", b"\xe5", b"a\xffb", b"\x1b[2J"):
            self.assertFalse(isLine(other), other)


class PlainTests(LiveTestCase):
    """
    On real sockets.
    """

    async def hall(self, *options: str) -> Live:
        """
        A server for who types.
        """
        dialect = ":".join(["easyim", "plain=1", *options])
        return await self.serve("--dialect", dialect, "--port-for", f"easyim={ANY_PORT}")

    async def come(self, live: Live, name: str) -> Client:
        """
        Somebody with a name.
        """
        client = await self.raw(live.port)
        client.write(f"rename|{name}\n".encode())
        await self.reads(client, f"您已经更新用户名:{name}\n")
        return client

    async def reads(self, client: Client, text: str) -> None:
        """
        Wait until this is the last that came.
        """
        await client.until(lambda: client.received.endswith(text.encode()), text)

    def titleOf(self, client: Client, name: str = "") -> str:
        """
        Where somebody comes from, and its name.
        """
        where: Any = client.transport.getHost()  # type: ignore[union-attr]
        address = f"{where.host}:{where.port}"
        return f"[{address}]{name or address}"

    async def test_talk(self) -> None:
        """
        Who is there hears who comes, what is said and who goes, and can ask.
        """
        live = await self.hall()
        ann = await self.come(live, "安")
        self.assertIn(f"{self.titleOf(ann)}:已上线\n".encode(), ann.received)
        bob = await self.raw(live.port)
        bob.write("HELLO /大家\n".encode())
        for client in (ann, bob):
            await self.reads(client, f"{self.titleOf(bob)}:已上线\n{self.titleOf(bob)}:HELLO /大家\n")
        bob.write(b"rename|bob\n")
        await self.reads(bob, "您已经更新用户名:bob\n")
        ann.write(b"who\n")
        await self.reads(ann, f"{self.titleOf(ann, '安')}:在线...\n{self.titleOf(bob, 'bob')}:在线...\n")
        bob.hangUp()
        await self.reads(ann, f"{self.titleOf(bob, 'bob')}:下线\n")

    async def test_whisper(self) -> None:
        """
        What is said to one is heard by that one alone; what cannot be said so
        is told.
        """
        live = await self.hall()
        ann, bob, cid = [await self.come(live, name) for name in ("ann", "bob", "cid")]
        ann.write("to|bob|你|好\n\n".encode())
        await self.reads(bob, "ann对您说:你|好\n")
        ann.write(b"to|bob|no end\n")
        await self.reads(bob, "ann对您说:no end")
        for line, answer in (
            *(("to||hello", BAD_FORM), ("to|bob", BAD_FORM), ("to|eve|hello", NOBODY), ("to|bob|", NO_TEXT)),
            *(("rename|bob", NAME_TAKEN), ("rename|" + "x" * 65, NAME_TAKEN), ("rename| ", NAME_TAKEN)),
        ):
            ann.write(line.encode() + b"\n")
            await self.reads(ann, answer)
        before = cid.received
        cid.write(b"who\n")
        await self.reads(cid, f"{self.titleOf(cid, 'cid')}:在线...\n")
        self.assertNotIn("对您说".encode(), before + cid.received)

    async def test_others(self) -> None:
        """
        What else is spoken on that port is as it was, also in texts that begin
        like protobuf.
        """
        live = await self.hall()
        talk = await self.raw(live.port)
        talk.write(b"Bob and Joe are here\n")
        await self.reads(talk, "Bob and Joe are here\n")
        for sent, wanted in (
            (b'{"id":"1"}', b'"from_user_id":"notify"'),
            (bytes.fromhex("0a013110071a0231312202323228013001380142026869"), b"notify"),
            (b"GET /x HTTP/1.1\r\n\r\n", "找不到路由".encode()),
        ):
            client = await self.raw(live.port)
            client.write(sent)
            await client.until(
                lambda client=client, wanted=wanted: wanted in client.received, "an answer"  # type: ignore[misc]
            )
            self.assertNotIn(b"Bob", client.received)
            client.hangUp()
        garbage = await self.raw(live.port)
        garbage.write(b"\xff\x00" * 10)
        await garbage.closed()
        self.assertEqual(garbage.received, b"")

    async def test_off(self) -> None:
        """
        Nobody is served so unless the operator wants it, nor on the common
        port.
        """
        for options in (("--port-for", f"easyim={ANY_PORT}"), ("--dialect", "easyim:plain=1", "--port", ANY_PORT)):
            live = await self.serve(*options)
            client = await self.raw(live.port)
            client.write(b"who is there?\n")
            await client.closed()
            self.assertEqual(client.received, b"")

    async def test_idle(self) -> None:
        """
        Who says nothing is told so, and out.
        """
        live = await self.hall("dropAfter=60")
        ann = await self.come(live, "ann")
        for text in ("still here\n", "here, too\n"):
            live.later(40)
            ann.write(text.encode())
            await self.reads(ann, text)
        live.later(61)
        await ann.closed()
        self.assertTrue(ann.received.endswith("你被踢了".encode()))

    async def test_flood(self) -> None:
        """
        Nobody is read faster than people type, and a line that never ends is
        not waited for.
        """
        live = await self.hall()
        ann = await self.raw(live.port)
        began = reactor.seconds()
        ann.write(b"".join(b"%d\n" % number for number in range(200)))
        await ann.until(lambda: ann.received.count(b"\n") > BURST + 5, "what is typed")
        most = BURST + (reactor.seconds() - began) / EVERY
        self.assertLessEqual(ann.received.count(b"\n"), most + 2)  # and that she has come
        ann.hangUp()
        endless = await self.raw(live.port)
        endless.write(b"x" * 5000)
        await endless.closed()
        await live.core.drain()
