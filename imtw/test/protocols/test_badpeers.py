"""
Peers that nobody wants: pages from elsewhere, bodies without an end, slow
ones, too many.  Each meets its bound in time, and nobody else notices.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from imtw.test.clients import Client, WebClient, reactor
from imtw.test.live import BystanderTestCase, pause
from imtw.test.protocols.heads import head
from imtw.test.wire import BINARY, CLOSE, PING, frameOf, socketFrame, upgradeOf

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
        for version, status in (("8", 426), ("13", 400)):
            origins = {"Sec-WebSocket-Origin": "https://evil.example", "Origin": "null"}
            client = await self.upgrade(self.port, "/", {"Sec-WebSocket-Version": version, **origins})
            self.assertEqual(client.status, status, version)

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
