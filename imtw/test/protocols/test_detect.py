"""
A connection that nobody speaks on yet.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from imtw.limits import Limits
from imtw.persistence.memory import MemoryStore
from imtw.protocols.detect import PortFactory
from imtw.protocols.dialect import Dialect
from imtw.server import Core


class Broken(Dialect):
    """
    A dialect that fails.
    """

    name = "broken"

    def recogniseStream(self, head: bytes, alone: bool) -> Any:
        """
        Fail.
        """
        raise ZeroDivisionError

    def recogniseUpgrade(self, path: str, query: dict[str, str], alone: bool) -> Any:
        """
        Fail.
        """
        raise ZeroDivisionError


class BrokenDialectTests(SynchronousTestCase):
    """
    A port where a dialect fails to say whether a connection is its own.
    """

    def test_closed(self) -> None:
        """
        The failure is logged and the connection ends at once: it is not left
        to its deadline.
        """
        clock = Clock()
        core = Core(clock, MemoryStore("", clock, Limits()))
        factory = PortFactory(core, [Broken()], True)
        for head in (b"\x01", b"GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: x\r\n\r\n"):
            transport = StringTransport()
            protocol = factory.buildProtocol(None)
            protocol.makeConnection(transport)
            protocol.dataReceived(head)
            self.assertTrue(transport.disconnecting, head)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1, head)
