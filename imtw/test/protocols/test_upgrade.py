"""
An upgrade to a WebSocket as a later request of its connection.
"""

from __future__ import annotations

from imtw.test.clients import Client, SocketClient
from imtw.test.live import ANY_PORT, LiveTestCase
from imtw.test.wire import acceptOf, upgradeOf

FIRST = b"GET /api/user/online?userid=x HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /?username=ann&password=x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HEARTBEAT = b"\x81\x8a" + bytes(4) + b'{"cmd":13}'


class UpgradeTests(LiveTestCase):
    """
    L{imtw.protocols.upgrade}.
    """

    async def test_secondRequest(self) -> None:
        """
        A kept-alive connection becomes a WebSocket: it logs in, talks, and is
        counted as gone when it is.
        """
        live = await self.serve()
        client = await self.connect(live.port, Client())
        client.write(FIRST)
        await client.until(lambda: b"10001" in client.received, "the first answer")
        client.write(UPGRADE + HEARTBEAT)
        await client.until(lambda: b"hbbyte" in client.received, "the heartbeat's answer")
        self.assertIn(b" 101 ", client.received)
        self.assertIn(b"10007", client.received)
        self.assertEqual(live.core.connections, 1)

    async def test_pipelined(self) -> None:
        """
        The same, where everything comes at once.
        """
        live = await self.serve()
        client = await self.connect(live.port, Client())
        client.write(FIRST + UPGRADE + HEARTBEAT)
        await client.until(lambda: b"hbbyte" in client.received, "the heartbeat's answer")


class BareUpgradeTests(LiveTestCase):
    """
    An upgrade that leaves out what its dialect does not look for.
    """

    async def answer(self, port: int, path: str, how: str = "GET", **headers: str | None) -> bytes:
        """
        What is answered to an upgrade with other headers, or without some.
        """
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        client = await self.connect(port, Client())
        client.write(upgradeOf(path, changed).replace(b"GET", how.encode(), 1))
        await client.until(lambda: b"\r\n\r\n" in client.received, "an answer")
        client.hangUp()
        return client.received

    async def statuses(self, port: int, path: str = "/?username=ann&password=x") -> list[int]:
        """
        What is answered where one of the headers is left out, or says
        something else.
        """
        odd = (("Upgrade", "h2c"), ("Connection", "close"), ("Sec_WebSocket_Version", "7"))
        found = []
        for name, other in odd:
            for value in (None, other):
                answer = await self.answer(port, path, "GET", **{name: value})
                found.append(int(answer.split(b" ", 2)[1]))
        return found

    async def test_jim(self) -> None:
        """
        On a port of its own J-IM looks for the key and nothing else.
        """
        live = await self.serve("--port-for", f"jim={ANY_PORT}")
        self.assertEqual(await self.statuses(live.port), [101] * 6)

    async def test_anyLine(self) -> None:
        """
        Nor does it look at the method and the version, nor whether the key is
        one: the answer proves whatever it is.  A name may be written as it
        is.
        """
        live = await self.serve("--port", ANY_PORT, "--port-for", f"jim={ANY_PORT}")
        path = "/x?username=ann&password=x"
        for port in live.ports:
            for key in ("x", "AAAA", "a" * 30, "dGhlIHNhbXBsZSBub25jZQ"):
                answer = await self.answer(port, path, Sec_WebSocket_Key=key)
                self.assertTrue(answer.startswith(b"HTTP/1.1 101 "), answer)
                self.assertIn(b"\r\nSec-WebSocket-Accept: %s\r\n" % acceptOf(key), answer)
            for how in ("POST", "OPTIONS"):
                self.assertIn(b" 101 ", await self.answer(port, path, how))
            self.assertIn(b" 400 ", await self.answer(port, path, Sec_WebSocket_Key=""))
            client = await self.connect(port, SocketClient())
            client.write(upgradeOf("/?username=张三&password=x").replace(b"HTTP/1.1", b"HTTP/1.0"))
            self.assertEqual((await client.upTo(6))[0]["data"]["user"]["id"], "张三")

    async def test_easyim(self) -> None:
        """
        easyim looks for no version and no host.  What is no upgrade there is
        a request, and gets the answer of its path.
        """
        live = await self.serve("--port-for", f"easyim={ANY_PORT}")
        port = live.port
        self.assertEqual(await self.statuses(port), [200, 200, 200, 200, 101, 101])
        self.assertIn(b" 101 ", await self.answer(port, "/", Host=None))
        listed = {"Connection": "keep-alive, UPGRADE", "Upgrade": "h2c, WebSocket"}
        self.assertIn(b" 101 ", await self.answer(port, "/", **listed))
        for method, path, headers, wanted in (
            ("GET", "/x", {"Connection": None}, b'"method":"GET","path":"/x"'),
            ("POST", "/api/user/login", {}, b"unexpected end of JSON input"),
            ("GET", "/api/user/check_token", {"Upgrade": None}, b"token is not a JWT"),
        ):
            self.assertIn(wanted, await self.answer(port, path, method, **headers))

    async def test_fastim(self) -> None:
        """
        FastIM wants all of it, and takes what names no WebSocket for a
        request, also on the common port.
        """
        live = await self.serve("--port", ANY_PORT, "--port-for", f"fastim={ANY_PORT}")
        path = "/group/chat/g/ann/x"
        for port in live.ports:
            self.assertEqual(await self.statuses(port, path), [200, 200, 400, 400, 426, 426])
            for method, upgrade in (("GET", None), ("POST", "websocket")):
                self.assertIn(b'{"code":440', await self.answer(port, path, method, Upgrade=upgrade))

    async def test_commonPort(self) -> None:
        """
        Where all dialects speak, it is the same for who logs in as J-IM's
        clients do; a target that nobody knows has to be asked for in full.
        """
        live = await self.serve()
        self.assertEqual(await self.statuses(live.port), [101] * 6)
        self.assertEqual(await self.statuses(live.port, "/"), [426, 400, 400, 400, 426, 426])

    async def test_later(self) -> None:
        """
        It is the same for a later request of a connection.
        """
        live = await self.serve("--port-for", f"fastim={ANY_PORT}", "--port-for", f"jim={ANY_PORT}")
        for port, upgrade, wanted in (
            (live.ports[0], upgradeOf("/group/chat/g/ann/x", {"Upgrade": None}), b'{"code":440'),
            (live.ports[1], upgradeOf("/?username=ann&password=x", {"Connection": None}), b" 101 "),
            (live.ports[1], upgradeOf("/", {"Upgrade": None}), b" 101 "),
        ):
            client = await self.connect(port, Client())
            client.write(FIRST)
            await client.until(lambda client=client: b"}" in client.received, "an answer")  # type: ignore[misc]
            before = len(client.received)
            client.write(upgrade)
            await client.until(
                lambda client=client, wanted=wanted, before=before: wanted in client.received[before:],  # type: ignore[misc]
                "the answer",
            )
            client.hangUp()
