"""
Messages that are longer than they look (O8): none is inflated further than it
may be long.
"""

from __future__ import annotations

import gc
import zlib
from collections.abc import Callable
from typing import Any, cast

from autobahn.websocket.compress import PerMessageDeflateOfferAccept
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ServerEndpoint

from imtw.cork import Cork
from imtw.limits import Limits
from imtw.protocols.websocket.carrier import CLOSE_PATIENCE, acceptDeflate
from imtw.protocols.websocket.factory import SocketFactory
from imtw.service import closed
from imtw.test.clients import SocketClient, reactor
from imtw.test.live import LiveTestCase, pause
from imtw.test.protocols.echo import Echo
from imtw.test.wire import HOST, PING, socketFrame

DEADLINE = 2.0  # seconds until a bomb is answered, or its connection closed
INFLATED = 55 * 1024 * 1024  # bytes that are 54 KiB compressed
PEAK = 2 * 1024 * 1024  # bytes that one of these may take, while it is looked at, too


def peak(reset: bool = False) -> int:
    """
    The most bytes of memory that it had since the last reset.
    """
    if reset:
        gc.collect()
        with open("/proc/self/clear_refs", "w", encoding="ascii") as stream:
            stream.write("5")
    with open("/proc/self/status", encoding="ascii") as stream:
        return next(int(line.split()[1]) * 1024 for line in stream if line.startswith("VmHWM"))


class Deaf(Echo):
    """
    Says nothing.
    """

    def received(self, payload: bytes, isBinary: bool) -> None:
        """
        Do not listen.
        """


class InflatingTests(LiveTestCase):
    """
    What is small until somebody inflates it.
    """

    def deflated(self) -> bytes:
        """
        A text of very many blanks, as permessage-deflate sends it.
        """
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        part = b" " * 2**16
        packed = b"".join(packer.compress(part) for _ in range(INFLATED // len(part)))
        packed += packer.flush(zlib.Z_SYNC_FLUSH)
        self.assertLess(len(packed), 60_000)
        return packed.removesuffix(b"\x00\x00\xff\xff")

    async def explode(self, most: int, accept: Callable[[Any], Any], *frames: bytes) -> tuple[int, SocketClient]:
        """
        Send a bomb to a server that accepts compression.

        @param most: bytes of a message.
        @return: how much memory it took at most, and the client.
        """
        factory = SocketFactory(reactor, Cork(), Limits(webSocketBody=most), lambda path, query: Deaf)
        factory.setProtocolOptions(perMessageCompressionAccept=accept)
        port = await TCP4ServerEndpoint(reactor, 0, interface=HOST).listen(factory)
        client = await self.connect(cast(IPv4Address, port.getHost()).port, SocketClient())
        offer: dict[str, str | None] = {"Sec-WebSocket-Extensions": "permessage-deflate"}
        self.assertEqual(await client.upgrade("/", offer), 101)
        self.assertIn(b"permessage-deflate", client.head)
        before = peak(reset=True)
        for frame in frames:
            client.write(frame)
        client.send(b"", 0x80 | PING)
        try:
            await client.until(lambda: bool(client.frames), "a pong", DEADLINE + CLOSE_PATIENCE)
        finally:
            taken = peak() - before
            await client.closedByUs()
            await closed(port)
            for _ in range(500):
                await pause(0.01)
                if not factory.countConnections:
                    break
            for call in reactor.getDelayedCalls():  # as Live.stop does
                if getattr(call.func, "__name__", "") == "_notify_bucket":
                    call.cancel()
        return taken, client

    async def test_webSocket(self) -> None:
        """
        Where compression is accepted, as on FastIM's paths, a bomb is closed
        with 1009 when it has inflated to what a message may have, and no
        further; in fragments, too.
        """
        bomb = self.deflated()
        parts = [bomb[at : at + 5000] for at in range(0, len(bomb), 5000)]
        grown = []
        for frames in (
            [socketFrame(bomb, 0xC1)],
            [socketFrame(part, 0 if at else 0x41) for at, part in enumerate(parts)],
        ):
            for _ in range(2):
                taken, client = await self.explode(65536, acceptDeflate, *frames)
                self.assertEqual((client.code, client.events), (1009, []))
                grown.append(taken)
        print(f"{max(grown) / 2**20:+.1f} MiB at most, for {INFLATED / 2**20:.0f}", end=" ")
        self.assertLess(max(grown), PEAK)

    async def test_negativeControl(self) -> None:
        """
        Where there is no such limit the same is seen to take what it takes.
        """

        def accept(offers: Any) -> Any:
            return PerMessageDeflateOfferAccept(offers[0])

        taken, client = await self.explode(2 * INFLATED, accept, socketFrame(self.deflated(), 0xC1))
        self.assertEqual(client.code, None)
        self.assertGreater(taken, INFLATED / 2)

    async def test_http(self) -> None:
        """
        A compressed body of a request is not inflated.
        """
        live = await self.serve()
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b"".join(packer.compress(bytes(2**16)) for _ in range(INFLATED // 2**16)) + packer.flush()
        await self.http(live.port, "POST", "/api/message/send", b"{}")
        before = peak(reset=True)
        for path in ("/api/message/send", "/api/command/chat"):
            answer = await self.http(live.port, "POST", path, bomb, {"Content-Encoding": "gzip"})
            self.assertEqual(answer.status, 400)
        print(f"{(peak() - before) / 2**20:+.1f} MiB", end=" ")
        self.assertLess(peak() - before, PEAK)
