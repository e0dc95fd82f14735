"""
What is so in every dialect, unless it says otherwise.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from zope.interface.verify import verifyObject

from imtw.errors import PluginLookupError
from imtw.interfaces import IDialect, ISocketSpeaker
from imtw.limits import Limits
from imtw.persistence.memory import MemoryStore
from imtw.plugin import DialectMaker
from imtw.protocols.detect import PortFactory
from imtw.protocols.dialect import Dialect, Speaker
from imtw.server import Core

LIMITS = Limits(firstByte=7.0, headSize=4096)


class Mute(Dialect):
    """
    Says nothing.
    """

    name = "mute"

    def __init__(self, *made: object) -> None:
        pass


class Strange(Mute):
    """
    Says all that there is to say of a port of its own.
    """

    patience = 3.0
    longestHead = 100, 10
    answersBroken = True
    elsewhere = Resource()


class Bare:
    """
    Has nothing but what every dialect had once.
    """

    name = "bare"

    def __init__(self, *made: object) -> None:
        pass

    recogniseStream = recogniseUpgrade = recogniseMessage = resources = Mute.resources


class DefaultTests(SynchronousTestCase):
    """
    L{Dialect} and L{Speaker}.
    """

    def port(self, dialect: Dialect, isAlone: bool = True) -> PortFactory:
        """
        A port that it speaks on.
        """
        clock = Clock()
        return PortFactory(Core(clock, MemoryStore("", clock, LIMITS), LIMITS), [dialect], isAlone)

    def test_whole(self) -> None:
        """
        Both have all that their interfaces ask for, and know no connection.
        """
        self.assertTrue(verifyObject(IDialect, Dialect()))
        self.assertTrue(verifyObject(ISocketSpeaker, Speaker()))
        mute = Mute()
        found = mute.recogniseStream(b"x", True), mute.recogniseUpgrade("/", {}, True), mute.recogniseMessage(b"", True)
        self.assertEqual((found, mute.resources()), ((None, None, None), {}))

    def test_ownPort(self) -> None:
        """
        On a port of its own the limits hold, unless it says otherwise.
        """
        for dialect, seconds, longest, isTold, onlyKnown in (
            (Mute(), 7.0, (4096, 4096), False, False),
            (Strange(), 3.0, (100, 10), True, True),
        ):
            port = self.port(dialect)
            self.assertEqual((port.firstByte, port.longest), (seconds, longest))
            self.assertEqual((port.answersBroken, port.onlyKnown), (isTold, onlyKnown))
            transport = StringTransport()
            protocol = port.buildProtocol(None)
            protocol.makeConnection(transport)
            protocol.dataReceived(b"\x00")
            self.assertEqual((bool(transport.value()), transport.disconnecting), (isTold, True))

    def test_commonPort(self) -> None:
        """
        On a port that it shares what it says of its own does not hold.
        """
        port = self.port(Strange(), False)
        self.assertEqual((port.firstByte, port.longest, port.onlyKnown), (7.0, (4096, 4096), False))

    def test_lacking(self) -> None:
        """
        One that lacks something is refused, and told what.
        """
        error = self.assertRaises(PluginLookupError, DialectMaker("bare", f"{__name__}.Bare").make, None, False, {})
        self.assertIn("bare", str(error))
        self.assertIn("answersBroken", str(error))
        DialectMaker("mute", f"{__name__}.Mute").make(None, False, {})
