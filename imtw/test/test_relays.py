"""
What every relay does, and each of those that come with imtw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from imtw.interfaces import IRelay
from imtw.relays.loopback import LoopbackRelay, NoRelay


class RelayContract:
    """
    What every relay does.
    """

    clock: Clock
    assertEqual: Callable[..., None]
    successResultOf: Callable[..., Any]

    def makeRelay(self, hub: str) -> IRelay:
        """
        A relay that joins a hub.
        """
        raise NotImplementedError

    def settle(self) -> None:
        """
        Let what was published arrive.
        """
        raise NotImplementedError

    def join(self, hub: str) -> tuple[IRelay, list[bytes]]:
        """
        A relay that listens, and what it hears.
        """
        relay = self.makeRelay(hub)
        verifyObject(IRelay, relay)
        heard: list[bytes] = []
        self.successResultOf(relay.start(heard.append))
        return relay, heard

    def test_others(self) -> None:
        """
        What is published comes to all others of the hub, in order, byte for
        byte, and not to oneself, nor to another hub.
        """
        one, own = self.join("a")
        _, two = self.join("a")
        _, three = self.join("a")
        _, other = self.join("b")
        for notice in (b"1", bytes(range(256))):
            one.publish(notice)
        self.settle()
        self.assertEqual((own, two, three, other), ([], [b"1", bytes(range(256))], [b"1", bytes(range(256))], []))

    def test_stopped(self) -> None:
        """
        Who has stopped hears nothing more, not even what is under way.
        """
        one, _ = self.join("a")
        two, heard = self.join("a")
        one.publish(b"1")
        self.successResultOf(two.stop())
        one.publish(b"2")
        self.settle()
        self.assertEqual(heard, [])


class LoopbackRelayTests(RelayContract, SynchronousTestCase):
    """
    L{LoopbackRelay}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(LoopbackRelay._hubs.clear)

    def makeRelay(self, hub: str) -> IRelay:
        return LoopbackRelay(hub, self.clock)

    def settle(self) -> None:
        self.clock.advance(0)


class NoRelayTests(SynchronousTestCase):
    """
    L{NoRelay}.
    """

    def test_silence(self) -> None:
        """
        Nobody hears anything.
        """
        relay = NoRelay("", Clock())
        verifyObject(IRelay, relay)
        heard: list[bytes] = []
        self.successResultOf(relay.start(heard.append))
        relay.publish(b"x")
        self.successResultOf(relay.stop())
        self.assertEqual(heard, [])
