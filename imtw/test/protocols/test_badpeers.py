"""
Peers that nobody wants: pages from elsewhere, requests that two servers would
read in two ways, bodies without an end, slow ones, too many.  Each meets its
bound in time, and nobody else notices.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from imtw.test.clients import BINARY, CLOSE, PING, Client, WebClient, frameOf, reactor, said, socketFrame, upgradeOf
from imtw.test.live import ANY_PORT, BystanderTestCase, pause

SWEEP = 0.5  # seconds a deadline may be late
CLOSING = 2.0  # seconds in which a WebSocket's peer may answer a close frame

GOOD_ORIGINS = ("https://chat.example.org", "http://localhost:8080")
BAD_ORIGINS = [
    *("null", "https://evil.example", "http://chat.example.org", "https://chat.example.org.evil.example"),
    *("https://evilchat.example.org", "https://chat.example.organic", "https://chat-example.org"),
    *("https://chat.example.org:8443", "https://chat.example.org:80", "https://example.org"),
    "https://a.chat.example.org",
    *("https://chatXexample.org", "https://chat.example.org@evil.example"),
    *("https://evil.example/https://chat.example.org", "https://evil.example\\.chat.example.org"),
    *("https://evil.example#https://chat.example.org", "https://evil.example?https://chat.example.org"),
    *("https://chat.example.org, https://evil.example", "https://evil.example, https://chat.example.org"),
    *("http://localhost", "http://localhost:8081", "https://localhost:8080", "http://127.0.0.1:8080"),
    "http://[::1]:8080",
    *("file://", "data:", "about:blank", "chrome-extension://abcdef", "ws://chat.example.org", "wss://chat.example.org"),
    *("*", "https://*", ".*", "chat.example.org", "//chat.example.org", "https://", "https://xn--chat-example.org"),
]


class OriginTests(BystanderTestCase):
    """
    Pages from elsewhere, where C{--allow-origin} names those that may.
    """

    arguments = ("--allow-origin", GOOD_ORIGINS[0], "--allow-origin", GOOD_ORIGINS[1])

    async def test_foreign(self) -> None:
        """
        No other origin opens a WebSocket, whatever it looks like.
        """
        self.assertGreaterEqual(len(BAD_ORIGINS), 20)
        for path in ("/", "/?username=mallory&password=x"):
            for origin in BAD_ORIGINS:
                client = await self.upgrade(self.port, path, {"Origin": origin})
                self.assertIn(client.status, (400, 403), origin)
                await client.closed()
                self.assertEqual(client.frames, [])

    async def test_oldVersion(self) -> None:
        """
        Nor with the header of an older version of the protocol.
        """
        for version in ("8", "13"):
            origins = {"Sec-WebSocket-Origin": "https://evil.example", "Origin": "null"}
            client = await self.upgrade(self.port, "/", {"Sec-WebSocket-Version": version, **origins})
            self.assertIn(client.status, (400, 403), version)

    async def test_twice(self) -> None:
        """
        Nor behind a good one.
        """
        client = await self.connect(self.port, WebClient())
        head = upgradeOf("/", {"Origin": GOOD_ORIGINS[0]})
        client.write(head.replace(b"Origin:", b"Origin: https://evil.example\r\nOrigin:"))
        self.assertIn((await client.answer()).status, (400, 403))

    async def test_own(self) -> None:
        """
        Those that are named may, and so may who is no page: it has no origin.
        """
        for origin in (*GOOD_ORIGINS, None):
            client = await self.upgrade(self.port, "/?username=cid&password=x", {"Origin": origin})
            self.assertEqual(client.status, 101, origin)
            self.assertLoggedIn(await client.upTo(6))

    async def test_withoutList(self) -> None:
        """
        Where none is named any page may.
        """
        live = await self.serve()
        for origin in ("https://evil.example", "null", None):
            client = await self.upgrade(live.port, "/", {"Origin": origin})
            self.assertEqual(client.status, 101, origin)


POST = b"POST /api/message/send HTTP/1.1\r\nHost: localhost\r\n"
SPEECH = b'{"from":"mallory","to":"bob","chatType":2,"content":"smuggled"}'
SMUGGLED = POST + b"Content-Length: %d\r\n\r\n" % len(SPEECH) + SPEECH


def head(*lines: bytes, rest: bytes = b"") -> bytes:
    """
    A request to say something, with these headers.
    """
    return POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + rest


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
    "no host in 1.0": b"GET / HTTP/1.0\r\n\r\n" + SMUGGLED,
    "a long request line": b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "an endless request line": b"GET /" + b"x" * 200_000,
    "HTTP/0.9": b"GET /\r\n\r\n" + SMUGGLED,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "HTTP/9.9": b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "four words": b"GET / HTTP/1.1 x\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "two blanks": b"GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "a small method": b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    "an unknown method": b"SMUGGLE / HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
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
AT_FIRST = ("a small method", "an unknown method", "no host in 1.0")


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


class BodyTests(BystanderTestCase):
    """
    Bodies over the limit.
    """

    arguments = ("--limit", "httpBody=1000")

    async def test_announced(self) -> None:
        """
        One that is announced too long is 413 before it comes.
        """
        for size in (1001, 2**31, 10**30):
            client = await self.connect(self.port, WebClient())
            client.write(head(b"Content-Length: %d" % size))
            self.assertEqual((await client.answer()).status, 413)
            await client.closed()

    async def test_chunked(self) -> None:
        """
        One in chunks that do not end is 413 when there is too much of it.
        """
        client = await self.connect(self.port, WebClient())
        client.write(head(b"Transfer-Encoding: chunked"))
        for _ in range(200):
            client.write(b"10\r\n" + b"x" * 16 + b"\r\n")
            await pause(0)
            if client.received:
                break
        self.assertEqual((await client.answer()).status, 413)
        await client.closed()

    async def test_justSo(self) -> None:
        """
        One of the limit's size is read.
        """
        body = b'{"chatType":2,"from":"x","to":"cid"'
        answer = await self.http(self.port, "POST", "/api/message/send", body + b" " * (999 - len(body)) + b"}")
        self.assertEqual((answer.status, answer.json["code"]), (200, 10001))


class SlowTests(BystanderTestCase):
    """
    Peers that do not say what they want, or say it slowly; each has a second.
    """

    limit = 1.0
    arguments = tuple(
        word
        for name in ("firstByte", "head", "httpRequest", "httpIdle", "login")
        for word in ("--limit", f"{name}=1")
    )

    async def drip(self, data: bytes) -> AsyncIterator[bytes]:
        """
        A byte at a time, for longer than is allowed.
        """
        for at in range(len(data)):
            yield data[at : at + 1]
            await pause(0.05)

    async def die(self, name: str, first: bytes, slow: bytes = b"", most: float = 0.0) -> None:
        """
        Send something, and more of it slowly; the server ends it in time.
        """
        client = await self.connect(self.port, Client())
        client.write(first)
        began = reactor.seconds()
        async for piece in self.drip(slow):
            if client.isClosed:
                break
            client.write(piece)
        most = (most or self.limit) + SWEEP + 1.0
        await client.until(lambda: client.isClosed, f"an end to {name}", max(began + most - reactor.seconds(), 0))

    async def together(self, *lives: Coroutine[Any, Any, None]) -> None:
        """
        All at once.
        """
        ended = await DeferredList([Deferred.fromCoroutine(one) for one in lives], consumeErrors=True)
        results: list[Any] = [result for _, result in ended]
        wrong = [result.getErrorMessage() for result in results if isinstance(result, Failure)]
        self.assertEqual(wrong, [])

    async def test_halfOpen(self) -> None:
        """
        Nothing, half a head, half a frame, half an upgrade, no login.
        """
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        await self.together(
            self.die("nothing", b""),
            self.die("half a method", b"PO"),
            self.die("half a line", b"GET /"),
            self.die("half a head", request),
            self.die("no end of a head", request + b"\r"),
            self.die("lone line feeds", b"GET / HTTP/1.1\nHost: localhost\n\n"),
            self.die("half an upgrade", upgradeOf("/")[:-2]),
            self.die("half a frame's header", b"\x01\x51\x05"),
            self.die("half a frame", frameOf(5, b'{"loginname":"x","password":"x"}')[:-1]),
            self.die("half a body", head(b"Content-Length: 10", rest=b"12345")),
            self.die("half a chunk", head(b"Transfer-Encoding: chunked", rest=b"5\r\n12")),
            self.die("no login", frameOf(13, b"")),
            self.die("no login on a WebSocket", upgradeOf("/") + socketFrame(b'{"cmd":13}'), most=self.limit + CLOSING),
            self.die("no second request", request + b"\r\n"),
        )

    async def test_silentSocket(self) -> None:
        """
        A WebSocket on which nothing is said.
        """
        most = self.limit + CLOSING
        await self.together(
            self.die("no message", upgradeOf("/"), most=most),
            self.die("half a message", upgradeOf("/") + socketFrame(b'{"cmd":13}')[:-1], most=most),
            self.die("only pings", upgradeOf("/"), socketFrame(b"", 0x80 | PING) * 10, most),
            self.die("only empty fragments", upgradeOf("/") + socketFrame(b"", BINARY), socketFrame(b"", 0) * 10, most),
        )

    async def test_drips(self) -> None:
        """
        A head, a body, chunks, a frame: a byte at a time.
        """
        most = self.limit + CLOSING
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        await self.together(
            self.die("a line", b"G", b"ET /" + b"x" * 100),
            self.die("headers", request, b"X: x\r\n" * 20),
            self.die("a body", head(b"Content-Length: 1000"), b"x" * 100),
            self.die("chunks", head(b"Transfer-Encoding: chunked"), b"1\r\nx\r\n" * 20),
            self.die("a chunk's extension", head(b"Transfer-Encoding: chunked", rest=b"1;"), b"x" * 100),
            self.die("an upgrade", b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n", b"X: x\r\n" * 20),
            self.die("a frame", b"\x01\x51\x05\x00\x00\x01\x00", b"x" * 100),
            self.die("a message", upgradeOf("/") + b"\x81\xfe\x01\x00" + b"\x00" * 4, b"x" * 100, most),
            self.die("heartbeats without a login", b"", frameOf(13, b"") * 12),
            self.die("a second request", request + b"\r\n" + b"GET / HTTP/1.1\r\n", b"X: x\r\n" * 20),
            self.die("blank lines", request + b"\r\n", b"\r\n" * 50, self.limit * 2),
        )

    async def test_login(self) -> None:
        """
        Who logs in in time stays.
        """
        clients = [await self.tcp(self.port, "cid"), await self.ws(self.port, "dan")]
        await pause(self.limit + 2 * SWEEP + 0.2)
        for client in clients:
            await client.sync()


class CrowdTests(BystanderTestCase):
    """
    More connections than there may be.
    """

    arguments = ("--limit", "connections=5")

    async def test_tooMany(self) -> None:
        """
        Past the limit a connection is ended at once; when one goes there is
        room for another.
        """
        here = [await self.tcp(self.port, f"user{number}") for number in range(3)]
        for _ in range(3):
            client = await self.raw(self.port)
            await client.closed()
        await here[0].closedByUs()
        await self.untilRoom()
        await self.tcp(self.port, "late")

    async def test_counted(self) -> None:
        """
        However a connection ends, it is not counted any more.
        """
        ends: list[Callable[[Client], None]] = [
            lambda client: client.hangUp(),
            lambda client: client.write(b"\x01" + b"\xff" * 10),
            lambda client: client.write(b"junk"),
            lambda client: client.write(b"GET / HTTP/1.1\r\n\r\n"),
            lambda client: client.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            lambda client: client.write(b"GET / HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n"),
            lambda client: client.write(upgradeOf("/", {"Sec-WebSocket-Version": "99"})),
            lambda client: client.write(upgradeOf("/") + socketFrame(b"", 0x80 | CLOSE)),
            lambda client: client.write(upgradeOf("/") + b"\xff" * 100),
            lambda client: client.write(upgradeOf("/?username=x&password=x") + socketFrame(b"", 0x80 | CLOSE)),
            lambda client: client.write(frameOf(5, b'{"loginname":"x"}') + frameOf(14, b"")),
        ]
        for end in ends:
            for _ in range(4):
                client = await self.raw(self.port)
                end(client)
                if not client.isClosed:
                    await client.closed()
            await self.untilRoom()
        self.assertEqual(self.live.core.connections, 2)

    async def untilRoom(self) -> None:
        """
        Wait until the server has heard of all ends.
        """
        for _ in range(200):
            if self.live.core.connections < 5:
                return
            await pause(0.01)
