"""
An upgrade to a WebSocket as a later request of its connection.
"""

from __future__ import annotations

from imtw.test.clients import Client
from imtw.test.live import LiveTestCase

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
