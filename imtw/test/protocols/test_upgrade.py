"""
An upgrade to a WebSocket as a later request of its connection.
"""

from __future__ import annotations

from imtw.test.clients import Client
from imtw.test.live import ANY_PORT, LiveTestCase

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

    async def statuses(self, port: int, *left: str) -> list[int]:
        """
        What is answered where one of these headers is left out.
        """
        found = []
        for name in left:
            client = await self.upgrade(port, "/?username=ann&password=x", {name: None})
            found.append(client.status)
        return found

    async def test_ownPort(self) -> None:
        """
        On a port of its own J-IM looks for the key and nothing else, easyim
        for no version.
        """
        everything = ("Upgrade", "Connection", "Sec-WebSocket-Version")
        live = await self.serve("--port-for", f"jim={ANY_PORT}", "--port-for", f"easyim={ANY_PORT}")
        jim, easyim = live.ports
        self.assertEqual(await self.statuses(jim, *everything), [101, 101, 101])
        self.assertEqual((await self.statuses(easyim, *everything))[2], 101)

    async def test_commonPort(self) -> None:
        """
        Where all dialects speak, it has to be whole.
        """
        live = await self.serve()
        self.assertEqual(await self.statuses(live.port, "Upgrade", "Connection"), [426, 400])
