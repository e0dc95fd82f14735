"""
Requests that two servers would read in two ways: nobody speaks in somebody
else's, and nobody else notices.
"""

from __future__ import annotations

from imtw.test.clients import WebClient, reactor
from imtw.test.live import ANY_PORT, BystanderTestCase, pause
from imtw.test.protocols.heads import POST, head
from imtw.test.wire import said

SPEECH = b'{"from":"mallory","to":"bob","chatType":2,"content":"smuggled"}'
SMUGGLED = POST + b"Content-Length: %d\r\n\r\n" % len(SPEECH) + SPEECH

SMUGGLING = {
    "CL and TE": head(b"Content-Length: 5", b"Transfer-Encoding: chunked", rest=b"0\r\n\r\n" + SMUGGLED),
    "TE and CL": head(b"Transfer-Encoding: chunked", b"Content-Length: 5", rest=b"0\r\n\r\n" + SMUGGLED),
    "two CL": head(b"Content-Length: 0", b"Content-Length: 300", rest=SMUGGLED),
    "two CL, the other way": head(b"Content-Length: 300", b"Content-Length: 0", rest=SMUGGLED),
    "a list of CL": head(b"Content-Length: 0, 300", rest=SMUGGLED),
    "+3": head(b"Content-Length: +3", rest=b"abc" + SMUGGLED),
    "-3": head(b"Content-Length: -3", rest=SMUGGLED),
    "0x3": head(b"Content-Length: 0x3", rest=b"abc" + SMUGGLED),
    "3_0": head(b"Content-Length: 3_0", rest=b"abc" + SMUGGLED),
    "3.0": head(b"Content-Length: 3.0", rest=b"abc" + SMUGGLED),
    "1e1": head(b"Content-Length: 1e1", rest=b"abc" + SMUGGLED),
    "3 3": head(b"Content-Length: 3 3", rest=b"abc" + SMUGGLED),
    "no digits": head(b"Content-Length: ", rest=SMUGGLED),
    "other digits": head(b"Content-Length: \xef\xbc\x93", rest=b"abc" + SMUGGLED),
    "xchunked": head(b"Transfer-Encoding: xchunked", rest=b"0\r\n\r\n" + SMUGGLED),
    "chunked, identity": head(b"Transfer-Encoding: chunked, identity", rest=b"0\r\n\r\n" + SMUGGLED),
    "identity, chunked": head(b"Transfer-Encoding: identity, chunked", rest=b"0\r\n\r\n" + SMUGGLED),
    "gzip": head(b"Transfer-Encoding: gzip", rest=b"0\r\n\r\n" + SMUGGLED),
    "chunked with a tab": head(b"Transfer-Encoding: chunked\x0b", rest=b"0\r\n\r\n" + SMUGGLED),
    "chunked in quotes": head(b'Transfer-Encoding: "chunked"', rest=b"0\r\n\r\n" + SMUGGLED),
    "space before the colon": head(b"Content-Length : 5", rest=b"12345" + SMUGGLED),
    "tab before the colon": head(b"Transfer-Encoding\t: chunked", rest=b"0\r\n\r\n" + SMUGGLED),
    "no colon": head(b"Content-Length 5", rest=b"12345" + SMUGGLED),
    "no name": head(b": 5", rest=b"12345" + SMUGGLED),
    "NUL in a value": head(b"X: a\x00b", b"Content-Length: 0", rest=SMUGGLED),
    "NUL in a name": head(b"X\x00: a", b"Content-Length: 0", rest=SMUGGLED),
    "NUL in the length": head(b"Content-Length: 0\x00", rest=SMUGGLED),
    "odd characters in a name": head(b"X(a): b", b"Content-Length: 0", rest=SMUGGLED),
    "a lone CR": head(b"X: a\rContent-Length: 300", b"Content-Length: 0", rest=SMUGGLED),
    "a lone LF": head(b"X: a\nContent-Length: 300", b"Content-Length: 0", rest=SMUGGLED),
    "600 headers": head(*(b"X-%d: x" % number for number in range(600)), rest=SMUGGLED),
    "a long header": head(b"X: " + b"x" * 70_000, rest=SMUGGLED),
    "many long headers": head(*(b"X-%d: %s" % (number, b"x" * 1000) for number in range(100)), rest=SMUGGLED),
    "two hosts": head(b"Host: evil.example", b"Content-Length: 0", rest=SMUGGLED),
    "no host": b"POST /api/message/send HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "a long request line": b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "an endless request line": b"GET /" + b"x" * 200_000,
    "HTTP/0.9": b"GET /\r\n\r\n" + SMUGGLED,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "HTTP/9.9": b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "four words": b"GET / HTTP/1.1 x\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "two blanks": b"GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "a small method": b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "NUL in the line": b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "chunk of no digits": head(b"Transfer-Encoding: chunked", rest=b"x\r\nabc\r\n0\r\n\r\n" + SMUGGLED),
    "chunk of 0x3": head(b"Transfer-Encoding: chunked", rest=b"0x3\r\nabc\r\n0\r\n\r\n" + SMUGGLED),
    "chunk of +3": head(b"Transfer-Encoding: chunked", rest=b"+3\r\nabc\r\n0\r\n\r\n" + SMUGGLED),
    "chunk of -3": head(b"Transfer-Encoding: chunked", rest=b"-3\r\nabc\r\n0\r\n\r\n" + SMUGGLED),
    "chunk too long": head(b"Transfer-Encoding: chunked", rest=b"f" * 17 + b"\r\nabc\r\n0\r\n\r\n" + SMUGGLED),
    "chunk that is longer": head(b"Transfer-Encoding: chunked", rest=b"3\r\nabcdef\r\n0\r\n\r\n" + SMUGGLED),
    "chunk with a lone LF": head(b"Transfer-Encoding: chunked", rest=b"3\nabc\n0\n\n" + SMUGGLED),
    "a long chunk extension": head(b"Transfer-Encoding: chunked", rest=b"3;" + b"x" * 70_000),
    "junk": bytes(range(128, 256)) * 10,
    "a TLS greeting": bytes.fromhex("16030100c8010000c40303") + b"\x00" * 190,
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "SMTP": b"EHLO localhost\r\nMAIL FROM:<a@b>\r\n",
    "Redis": b"*1\r\n$8\r\nFLUSHALL\r\n",
}
#: Those that are HTTP after all, once it is known that HTTP is spoken.
AT_FIRST = ("a small method",)


class SmugglingTests(BystanderTestCase):
    """
    HTTP that two servers would read in two ways.
    """

    maxDiff = None
    arguments = ("--limit", "httpRequest=1")  # for those that only time can tell from a request

    async def attack(self, port: int, first: bytes = b"") -> dict[str, str]:
        """
        Send each of them on a connection of its own.

        @param first: what is sent in front.
        @return: what happened to those that were not refused.
        """
        names = [name for name in SMUGGLING if not (first and name in AT_FIRST)]
        clients = {name: await self.connect(port, WebClient()) for name in names}
        for name, client in clients.items():
            if first:
                client.write(first)
                await client.answer()
                client.received = b""
            client.write(SMUGGLING[name])
        until = reactor.seconds() + 3.0
        while reactor.seconds() < until and not all(client.isClosed for client in clients.values()):
            await pause(0.02)
        wrong = {}
        for name, client in clients.items():
            answers = [answer[:3].decode() for answer in client.received.split(b"HTTP/1.1 ")[1:]]
            if not client.isClosed or answers not in ([], ["400"]):
                wrong[name] = f"{'ended' if client.isClosed else 'still open'} after {answers}"
        return wrong

    async def test_commonPort(self) -> None:
        """
        Each ends its connection, with 400 if with any answer; none of what is
        behind is done (Bob would hear it).
        """
        self.assertEqual(await self.attack(self.port), {})

    async def test_secondRequest(self) -> None:
        """
        So behind a request that was as it should be.
        """
        self.assertEqual(await self.attack(self.port, b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"), {})

    async def test_ownPort(self) -> None:
        """
        So on a port of J-IM's own.
        """
        live = await self.serve("--port-for", f"jim={ANY_PORT}", *self.arguments)
        bob = await self.tcp(live.port, "bob")
        self.assertEqual(await self.attack(live.port), {})
        self.assertEqual(await bob.sync(), [])

    async def test_negativeControl(self) -> None:
        """
        What is to be smuggled does reach Bob when it is sent as it should be.
        """
        self.isOver = True
        await self.chat
        client = await self.connect(self.port, WebClient())
        client.write(SMUGGLED)
        self.assertEqual((await client.answer()).status, 200)
        self.assertEqual(said(await self.bob.upTo(11)), [("mallory", "smuggled")])

    async def test_sentinel(self) -> None:
        """
        Pipelined requests that are as they should be are answered all, in
        their order.
        """
        client = await self.connect(self.port, WebClient())
        for number in range(20):
            client.request("GET", f"/api/user/online?userid={'ann' if number % 2 else 'nobody'}")
        self.assertEqual([(await client.answer()).json["code"] for _ in range(20)], [10001, 10019] * 10)

    async def test_chunked(self) -> None:
        """
        A body in chunks that are as they should be is read.
        """
        client = await self.connect(self.port, WebClient())
        body = b'{"from":"x","to":"cid","chatType":2}'
        chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (1, body[at : at + 1]) for at in range(len(body)))
        client.write(head(b"Transfer-Encoding: chunked", rest=chunks + b"0\r\nTrailer: x\r\n\r\n"))
        self.assertEqual((await client.answer()).json["code"], 10001)
