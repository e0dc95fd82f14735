"""
Two nodes, and a relay between them that may lose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from imtw.handlers.chat import ChatHandler, RecallHandler
from imtw.handlers.friends import InviteFriendHandler
from imtw.interfaces import IRelay
from imtw.limits import Limits
from imtw.persistence.memory import MemoryStore
from imtw.relaying.node import Relaying
from imtw.server import Core
from imtw.test.people import Person, Words

LOBBY = [("100", "lobby")]
NOTICES = Words(notices=True)


@implementer(IRelay)
class LossyRelay:
    """
    A relay that loses what it is told to lose.
    """

    def __init__(self) -> None:
        self.other: LossyRelay
        self.loses = False
        self.receive: Callable[[bytes], None]

    def start(self, receive: Callable[[bytes], None]) -> Deferred[None]:
        self.receive = receive
        return succeed(None)

    def publish(self, notice: bytes) -> None:
        if not self.loses:
            self.other.receive(notice)

    def stop(self) -> Deferred[None]:
        return succeed(None)


class TwoNodes(SynchronousTestCase):
    """
    Two cores on one store, and a client on each.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        store = self.store = MemoryStore("", self.clock, Limits())
        self.relays = [LossyRelay(), LossyRelay()]
        self.relays[0].other, self.relays[1].other = self.relays[1], self.relays[0]
        self.relayings: list[Relaying] = []
        self.cores = [self.node(store, relay) for relay in self.relays]
        self.ann = Person(self.cores[0], "ann", form=NOTICES)
        self.bob = Person(self.cores[1], "bob", form=NOTICES)
        self.turn()
        self.ann.listen()
        self.bob.listen()

    def node(self, store: MemoryStore, relay: LossyRelay) -> Core:
        """
        A server of the two.
        """
        core = Core(self.clock, store, lobby=LOBBY)
        for handler in (ChatHandler, RecallHandler, InviteFriendHandler):
            core.registry.register(handler(core))
        relaying = Relaying(
            relay, store, core.sessions, core.groups, core.numbers, core.delivery, core.members, core.attendance
        )
        core.useRelay(relaying.tell)
        self.successResultOf(relaying.start())
        self.relayings.append(relaying)
        return core

    def turn(self) -> None:
        """
        Let the reactors turn.
        """
        for _ in range(9):
            self.clock.advance(0.001)

    def say(self, *texts: str) -> None:
        """
        Ann says something in the lobby.
        """
        for text in texts:
            self.ann.say(text, None, group="100")
        self.turn()

    def write(self, *texts: str) -> None:
        """
        Ann says something to Bob.
        """
        for text in texts:
            self.ann.say(text, "bob")
        self.turn()

    def lost(self, node: int) -> AbstractContextManager[None]:
        """
        What a node says meanwhile is lost.
        """
        return self.held(node, [])

    @contextmanager
    def held(self, node: int, notices: list[bytes]) -> Iterator[None]:
        """
        What a node says meanwhile is under way.
        """
        relay = self.relays[node]
        relay.publish = notices.append  # type: ignore
        yield
        del relay.publish
