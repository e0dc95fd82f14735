"""
The HTTP side of a port, whatever the dialect.
"""

from __future__ import annotations

from imtw.test.live import ANY_PORT, LiveTestCase


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
