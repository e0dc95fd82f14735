"""
Tests for L{imtw.protocols.accepted}: Twisted's own tests of connections, run
on ours, and what is their own.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Server
from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.accepted import ATTRIBUTES, Accepted, keepLittle, teach
from imtw.test.clients import StreamClient
from imtw.test.live import LiveTestCase
from imtw.test.protocols.outlets import SocketTestCase
from imtw.test.suites import AreRun, casesOn

try:
    from twisted.internet.test import test_tcp, test_tls
except ImportError as error:
    missing: str | None = str(error)
    SUITES: tuple[Any, ...] = ()
else:
    missing = None
    SUITES = (
        test_tcp.AbortConnectionTests,
        test_tcp.TCPConnectionTestsBuilder,
        test_tcp.TCPTransportTestsBuilder,
        test_tls.TLSPortTestsBuilder,
    )


class ThriftyReactor(EPollReactor):
    """
    A reactor whose ports keep little of each connection.
    """

    def listenTCP(self, *args: Any, **more: Any) -> Any:
        port = super().listenTCP(*args, **more)
        keepLittle(port)
        return port


CASES = casesOn(ThriftyReactor, dict.fromkeys(SUITES, ""), __name__)
globals().update(CASES)


class TwistedTests(AreRun, SynchronousTestCase):
    """
    They are run on ours.
    """

    cases = CASES
    skip = missing


class NamesTests(SynchronousTestCase):
    """
    The names of attributes are kept once for all connections.
    """

    def largest(self, kind: Any) -> int:
        """
        Bytes of the largest dictionary among connections that get most of
        their attributes after all of them are there.
        """
        crowd = [kind.__new__(kind) for _ in range(40)]
        for name in ATTRIBUTES:
            for one in crowd:
                setattr(one, name, None)
        return max(sys.getsizeof(vars(one)) for one in crowd)

    def test_taught(self) -> None:
        """
        They are, in whatever order connections come and speak; without being
        taught they are not.
        """
        untaught, taught = type("Untaught", (Accepted,), {}), type("Taught", (Accepted,), {})
        teach(taught)
        self.assertLess(self.largest(taught), 300)
        self.assertGreater(self.largest(untaught), 400)


class WaitingTests(SocketTestCase):
    """
    What waits to be written.
    """

    async def test_madeWhenWanted(self) -> None:
        """
        There is a list for it while something waits, and no longer.
        """
        sender, peer = await self.pair()
        transport = sender.transport
        self.assertFalse(hasattr(transport, "_pieces"))
        data = bytes(range(256)) * 4096
        transport.write(data[:1000])
        transport.writeSequence([data[1000:2000], data[2000:]])
        self.assertEqual(sum(map(len, transport._pieces)), len(data))
        self.assertEqual(await self.read(peer, len(data)), data)
        self.assertFalse(hasattr(transport, "_pieces"))


class LiveTests(LiveTestCase):
    """
    Connections of a server.
    """

    async def test_told(self) -> None:
        """
        A connection says in a log who has it now, its number and its peer.
        """
        live = await self.serve()
        client = await self.connect(live.port, StreamClient())
        await client.login("ann")
        (voice,) = live.core.voices
        transport = voice.transport  # type: ignore[attr-defined]
        self.assertIs(type(transport), Accepted)
        self.assertEqual(transport.logPrefix(), "JimProtocol,0,127.0.0.1")
        self.assertEqual(repr(transport), f"<JimProtocol #0 on {live.port}>")

    def test_others(self) -> None:
        """
        Ports that make connections of their own kind stay as they are.
        """
        port = ThriftyReactor().listenTCP(0, Factory(), interface="127.0.0.1")
        self.addCleanup(port.socket.close)
        self.assertIs(port.transport, Accepted)
        port.transport = own = type("Own", (Server,), {})
        keepLittle(port)
        self.assertIs(port.transport, own)
