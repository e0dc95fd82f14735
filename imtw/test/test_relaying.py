"""
Two nodes: what happens on one is told on the other, and what is lost on the
way is read from the log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from imtw.events import Event, Read
from imtw.handlers.chat import ChatHandler
from imtw.interfaces import IRelay
from imtw.limits import Limits
from imtw.model import Group
from imtw.persistence.memory import MemoryStore
from imtw.relaying import Relaying
from imtw.relays.loopback import LoopbackRelay, NoRelay
from imtw.server import Core
from imtw.test.people import Person, Words

LOBBY = [("100", "lobby")]
NOTICES = Words(notices=True)


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


class Reading(Words):
    """
    A form that tells only who has read.
    """

    def encode(self, event: Event) -> bytes:
        """
        Who, and how far.
        """
        return f"{event.user} {event.seq}\n".encode() if isinstance(event, Read) else b""


class TwoNodesTests(SynchronousTestCase):
    """
    L{Relaying}, with two cores on one store.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        store = MemoryStore("", self.clock, Limits())
        self.relays = [LossyRelay(), LossyRelay()]
        self.relays[0].other, self.relays[1].other = self.relays[1], self.relays[0]
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
        core.registry.register(ChatHandler(core))
        relaying = Relaying(relay, store, core.sessions, core.groups, core.attendance)
        core.delivery.relay = core.attendance.relay = relaying.tell
        self.successResultOf(relaying.start())
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

    def test_group(self) -> None:
        """
        What is said in a group on one node is heard on the other.
        """
        self.say("hello")
        self.assertEqual(self.bob.listen(), ["hello"])

    def test_private(self) -> None:
        """
        A private message, too.
        """
        self.ann.say("psst", "bob")
        self.assertEqual(self.bob.listen(), ["psst"])

    def test_notices(self) -> None:
        """
        Who comes and goes is told on both.
        """
        third = Person(self.cores[0], "third", form=NOTICES)
        self.turn()
        self.cores[0].lost(third.session)
        self.turn()
        self.assertEqual(self.bob.listen(), ["+third", "-third"])

    def test_expelled(self) -> None:
        """
        Who was taken out of a group on one node hears nothing more of it on
        the other.
        """
        self.successResultOf(self.cores[0].store.kick("bob", "100"))
        self.cores[0].attendance.expel("bob", "100")
        self.say("secret")
        self.assertEqual(self.bob.listen(), [])

    def test_admitted(self) -> None:
        """
        Who was taken into a group on one node takes part in it on the other.
        """
        store = self.cores[0].store
        self.successResultOf(store.addGroup(Group("team", "Team", owner="ann"), [], 10))
        [(user, place)] = self.successResultOf(store.addMembers("team", ["bob"], 10, "ann"))
        self.cores[0].attendance.admit(user, place, "ann")
        self.turn()
        self.assertTrue(self.bob.session.isIn("team"))

    def test_admittedAndExpelled(self) -> None:
        """
        Who is taken out of a group again while the other node still asks for
        its place there does not take part in it.
        """
        store = self.cores[0].store
        added = self.successResultOf(store.addGroup(Group("team", "Team", owner="ann"), ["bob"], 10))
        asked: Deferred[Any] = Deferred()
        self.patch(store, "membership", lambda user, group: asked)
        for user, place in added:
            self.cores[0].attendance.admit(user, place, "ann")
        self.cores[0].attendance.expel("bob", "team")
        asked.callback(added[1][1])
        self.turn()
        self.assertFalse(self.bob.session.isIn("team"))

    def test_revoked(self) -> None:
        """
        A device that was dropped on one node is cut on the other, and so is
        what a token opened.
        """
        phone, other = (Person(self.cores[1], "bob", device) for device in ("phone", ""))
        other.session.token = b"digest"
        self.turn()
        self.cores[0].attendance.revoke("bob", "phone")
        self.assertEqual((phone.isFinished, other.isFinished, self.bob.isFinished), (True, False, False))
        self.cores[0].attendance.revoke("bob", token=b"digest")
        self.assertEqual((other.isFinished, self.bob.isFinished), (True, False))

    def test_cutAll(self) -> None:
        """
        Whose connections are all to end, as when the password was changed,
        has none left on the other node, either.
        """
        phone, other = (Person(self.cores[1], "bob", device) for device in ("phone", ""))
        ann = Person(self.cores[1], "ann")
        self.turn()
        self.assertEqual(self.cores[0].attendance.cutAll("bob"), 0)
        self.assertEqual([one.isFinished for one in (phone, other, self.bob, ann)], [True, True, True, False])

    def test_read(self) -> None:
        """
        What somebody has read is told to both sides on the other node; of a
        group only to its own devices.
        """
        form = Reading()
        ann, bob = (Person(self.cores[1], name, "phone", form) for name in ("ann", "bob"))
        self.turn()
        for event in (Read("ann", "bob", None, 3), Read("ann", None, "100", 4)):
            self.cores[0].delivery.relay(event)
        self.assertEqual((ann.listen(), bob.listen()), (["ann 3", "ann 4"], ["ann 3"]))

    def test_gap(self) -> None:
        """
        What the relay lost is read from the log, in order, as soon as
        anything else comes.
        """
        self.relays[0].loses = True
        self.say("one", "two", "three")
        self.assertEqual(self.bob.listen(), [])
        self.relays[0].loses = False
        self.say("four")
        self.assertEqual(self.bob.listen(), ["one", "two", "three", "four"])

    def test_gone(self) -> None:
        """
        What is not in the log, either, is not waited for.
        """
        relay = LossyRelay()
        self.relays[0].other, relay.other = relay, self.relays[0]
        other = self.node(MemoryStore("", self.clock, Limits()), relay)
        bob = Person(other, "bob", form=NOTICES)
        self.turn()
        bob.listen()
        self.relays[0].loses = True
        self.say("one", "two")
        self.relays[0].loses = False
        self.say("three", "four")
        self.assertEqual(bob.listen(), ["three", "four"])

    def test_twice(self) -> None:
        """
        A notice that comes twice is told once.
        """
        publish = self.relays[0].publish
        self.relays[0].publish = lambda notice: (publish(notice), publish(notice))  # type: ignore
        self.say("hello")
        self.assertEqual(self.bob.listen(), ["hello"])

    def test_junk(self) -> None:
        """
        What cannot be read is dropped, and the next notice is not.
        """
        for junk in (b"", b"\xff", b"{}", b"\x81\xa4type\xa3row"):
            self.relays[1].receive(junk)
        self.say("hello")
        self.assertEqual(self.bob.listen(), ["hello"])
