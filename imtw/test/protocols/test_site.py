"""
The HTTP side of a port, whatever the dialect.
"""

from __future__ import annotations

import tempfile
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from imtw.commands import Reply, Status
from imtw.test.clients import PATIENCE, WebClient
from imtw.test.live import ANY_PORT, Live, LiveTestCase, LogBook, pause
from imtw.test.wire import basic, upgradeOf


class TargetTests(LiveTestCase):
    """
    Targets with scheme and host, as a proxy's clients send them.
    """

    async def test_requests(self) -> None:
        """
        They lead where the same path alone leads.
        """
        live = await self.serve("--port", ANY_PORT, "--port-for", f"easyim={ANY_PORT}")
        for port in live.ports:
            for target in ("http://elsewhere", "HTTPS://u@[::1]:80", ""):
                for path in ("/api/user/check_token?token=x", "/api/user/check_token", "/?x", "/http://x/y"):
                    plain = await self.http(port, "GET", path)
                    answer = await self.http(port, "GET", target + path)
                    self.assertEqual((answer.status, answer.body), (plain.status, plain.body), (target, path))
            bare = await self.http(port, "GET", "http://x?token=y")
            self.assertEqual(bare.body, (await self.http(port, "GET", "/?token=y")).body)

    async def test_star(self) -> None:
        """
        C{*} is a path that leads nowhere, whatever the method: that is
        answered as each port answers it.
        """
        live = await self.serve("--port", ANY_PORT, *(f"--port-for={name}={ANY_PORT}" for name in ("easyim", "fastim")))
        for port in live.ports:
            for method in ("OPTIONS", "GET", "POST"):
                answer = await self.http(port, method, "*")
                wanted = await self.http(port, method, "/*")
                self.assertEqual((answer.status, answer.headers.keys()), (wanted.status, wanted.headers.keys()))
        preflight = await self.http(live.ports[1], "OPTIONS", "*")
        self.assertEqual((preflight.status, preflight.headers.get("server")), (200, "easyim"))
        unknown = await self.http(live.ports[1], "GET", "*")
        self.assertEqual((unknown.json["code"], unknown.json["data"]["url"]), (400, "*"))

    async def test_upgrades(self) -> None:
        """
        So do those of WebSockets.
        """
        live = await self.serve("--dialect", "fastim:loginAuth=0")
        client = await self.upgrade(live.port, "http://elsewhere/group/chat/g/ann/x")
        await client.until(lambda: client.events != [], "the history")
        self.assertEqual(client.events, [{"total": 0, "list": []}])


class BrokenHeadTests(LiveTestCase):
    """
    Heads that are no HTTP behind their first line.
    """

    async def test_refused(self) -> None:
        """
        They are answered by 400; a port of a dialect's own hangs up without
        a word where that dialect does.  A header that goes on in a second
        line is none of them.
        """
        live = await self.serve("--port", ANY_PORT, *(f"--port-for={name}={ANY_PORT}" for name in ("easyim", "jim")))
        for field in (b"no colon", b": no name", b"a b: c", b"Content-Length: x", b"Content-Length: 1, 1", b"a\x00: b"):
            for port in live.ports:
                client = await self.raw(port)
                client.write(b"POST /x HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % field)
                self.assertLess(await client.closed(), 2.0)
                wanted = b"HTTP/1.1 400 " if port == live.port else b""
                self.assertEqual(client.received[:13], wanted, field)
        answer = await self.http(live.ports[1], "GET", "/x", None, {"X-Long": "a\r\n\tb"})
        self.assertEqual(answer.json["code"], 400)


class OldRequestTests(LiveTestCase):
    """
    HTTP/1.0.
    """

    async def test_noHost(self) -> None:
        """
        It need not name a host, but may not name two; on a port of its own
        J-IM wants one all the same.
        """
        jim = f"--port-for=jim={ANY_PORT}"
        live = await self.serve("--port", ANY_PORT, f"--port-for=fastim={ANY_PORT}", jim)
        for port, hosts, wanted in (
            *((port, 0, b"HTTP/1.0 ") for port in live.ports[:2]),
            *((port, 2, b"HTTP/1.1 400 ") for port in live.ports[:2]),
            (live.ports[2], 1, b"HTTP/1.0 "),
            (live.ports[2], 0, b""),
        ):
            client = await self.raw(port)
            client.write(b"GET /x HTTP/1.0\r\nConnection: close\r\n" + b"Host: x\r\n" * hosts + b"\r\n")
            await client.closed()
            self.assertEqual(client.received[: len(wanted) or 99], wanted, (port, hosts))

    async def test_keptAlive(self) -> None:
        """
        Who does not ask for the end may go on; who does gets it.
        """
        live = await self.serve()
        for field in (b"", b"Connection: keep-alive\r\n"):
            client = await self.raw(live.port)
            for count in (1, 2):
                client.write(b"GET /x HTTP/1.0\r\n" + field + b"\r\n")
                await client.until(lambda c=client, n=count: c.received.count(b"}") == n, "an answer")  # type: ignore[misc]
            client.write(b"GET /x HTTP/1.0\r\nConnection: Close\r\n\r\n")
            self.assertLess(await client.closed(), 1.0)
            self.assertEqual(client.received.count(b"}"), 3)


class LineEndTests(LiveTestCase):
    """
    Heads whose lines end with a line feed alone.
    """

    async def test_refused(self) -> None:
        """
        They are not taken, and not waited for.
        """
        live = await self.serve()
        for head in (b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost: x\n\r\n", b"GET / HTTP/1.1\n\n"):
            for size in (1, 99):
                client = await self.raw(live.port)
                for at in range(0, len(head), size):
                    client.write(head[at : at + size])
                self.assertLess(await client.closed(), 2.0)
                self.assertTrue(client.received.startswith(b"HTTP/1.1 400 "), head)


class LargeBodyTests(LiveTestCase):
    """
    Bodies that twisted.web would write into a file.
    """

    head = b"POST /api/command/chat HTTP/1.1\r\nHost: x\r\n"

    async def kept(self, live: Live, size: int) -> None:
        """
        Wait until so many bytes of large bodies are here.
        """
        until = reactor.seconds() + PATIENCE
        while live.core.uploads != size:
            self.assertLess(reactor.seconds(), until, live.core.uploads)
            await pause(0.01)

    async def test_noFiles(self) -> None:
        """
        They are kept in memory: no file is made, on which the reactor would
        have to wait.
        """
        self.patch(tempfile, "tempdir", "/nowhere")
        live = await self.serve()
        said = {"group": "100", "content": "x" * 200_000}
        answer = await self.http(live.port, "POST", "/api/command/chat", said, basic("ann"))
        self.assertEqual((answer.status, answer.json["code"]), (200, 10000))
        client = await self.raw(live.port)
        client.write(self.head + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        await client.until(lambda: b"\r\n\r\n{" in client.received, "an answer")
        self.assertEqual(client.received[:12], b"HTTP/1.1 401")

    async def test_allTogether(self) -> None:
        """
        All large ones together have a bound.  Past it the next is refused,
        with one answer in however many pieces it comes; small ones are not.
        Those that are gone count no more.
        """
        live = await self.serve("--limit", "httpBodies=250000")
        first = await self.raw(live.port)
        first.write(self.head + b"Content-Length: 300000\r\n\r\n" + b" " * 200_000)
        await self.kept(live, 200_000)
        second = await self.raw(live.port)
        second.write(self.head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"4e20\r\n%s\r\n" % (b" " * 20_000)) * 7)
        await second.closed()
        self.assertEqual((second.received[:12], second.received.count(b"HTTP/1.1")), (b"HTTP/1.1 503", 1))
        self.assertEqual(live.core.counters.refused[Status.BUSY], 1)
        said = {"group": "100", "content": "x" * 60_000}
        answer = await self.http(live.port, "POST", "/api/command/chat", said, basic("ann"))
        self.assertEqual(answer.status, 200)
        await self.kept(live, 200_000)
        first.hangUp()
        await self.kept(live, 0)
        said = {"group": "100", "content": "x" * 180_000}
        answer = await self.http(live.port, "POST", "/api/command/chat", said, basic("ann"))
        self.assertEqual((answer.status, live.core.uploads), (200, 0))

    async def test_oneAnswer(self) -> None:
        """
        One that is too large is told so once.
        """
        live = await self.serve("--limit", "httpBody=100000")
        client = await self.raw(live.port)
        client.write(self.head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"4e20\r\n%s\r\n" % (b" " * 20_000)) * 9)
        await client.closed()
        self.assertEqual((client.received[:12], client.received.count(b"HTTP/1.1")), (b"HTTP/1.1 413", 1))
        self.assertEqual(live.core.uploads, 0)


class UnderWayTests(LiveTestCase):
    """
    Requests whose answer takes a while.
    """

    async def asked(self, *options: str) -> tuple[Live, WebClient, Deferred[None]]:
        """
        A server and who waits for its answer, which is there once the
        Deferred fires.
        """
        live = await self.serve(*options)
        ready: Deferred[None] = Deferred()
        told: Deferred[None] = Deferred()

        async def handle(request: Any, session: Any) -> Reply:
            told.callback(None)
            await ready
            return Reply(Status.OK)

        self.patch(live.core.registry.byName["friends"], "handle", handle)
        client = await self.connect(live.port, WebClient())
        client.request("POST", "/api/command/friends", {}, basic("ann"))
        await told
        return live, client, ready

    async def test_stop(self) -> None:
        """
        A server that stops answers them, and takes no more.
        """
        live, client, ready = await self.asked()
        other = await self.raw(live.port)
        other.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await other.until(lambda: b"</html>" in other.received, "the page")
        stopped = Deferred.fromCoroutine(live.core.drain())
        other.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await other.closed()
        self.assertIn(b"HTTP/1.1 503 ", other.received)
        self.assertFalse(stopped.called)
        ready.callback(None)
        self.assertEqual((await client.answer()).json["code"], 10100)
        await stopped
        self.assertEqual(live.core.requests, 0)
        client.hangUp()

    async def test_patience(self) -> None:
        """
        It does not wait for ever.
        """
        live, client, _ = await self.asked("--limit", "drain=0.2")
        await live.core.drain()
        self.assertEqual(live.core.requests, 1)
        client.hangUp()

    async def test_hurry(self) -> None:
        """
        Who tells it twice to stop waits for no answer.
        """
        live, client, _ = await self.asked("--limit", "drain=1000")
        stopped = Deferred.fromCoroutine(live.core.drain())
        live.core.hurry()
        await stopped
        client.hangUp()

    async def test_gone(self) -> None:
        """
        Who hangs up is not waited for any more, and is no bug of ours.
        """
        log = LogBook(self)
        live, client, _ = await self.asked()
        await client.closedByUs()
        await live.core.drain()
        self.assertEqual((live.core.requests, log.text.count("failed")), (0, 0))

    async def test_upgraded(self) -> None:
        """
        What has become a WebSocket is not waited for as a request, and its
        body counts no more.
        """
        live = await self.serve()
        client = await self.raw(live.port)
        client.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.until(lambda: b"</html>" in client.received, "the page")
        upgrade = upgradeOf("/?username=ann&password=123").replace(b"\r\n\r\n", b"\r\nContent-Length: 100000\r\n\r\n")
        client.write(upgrade + b" " * 100_000)
        await client.until(lambda: b" 101 " in client.received, "the WebSocket")
        self.assertEqual((live.core.requests, live.core.uploads), (0, 0))
        client.hangUp()
