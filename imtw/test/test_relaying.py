"""
Two nodes: what happens on one is told on the other, and what is lost on the
way is read from the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

from msgspec import Struct, to_builtins
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from imtw.commands import CHAT, FRIEND_INVITE, RECALL, Chat, InviteFriend, Recall
from imtw.errors import StoreError
from imtw.events import Event, Invited, Pushed, Read, Recalled
from imtw.handlers.chat import ChatHandler, RecallHandler
from imtw.handlers.friends import InviteFriendHandler
from imtw.interfaces import IRelay
from imtw.limits import Limits
from imtw.model import Group, Message, Pair, User
from imtw.persistence.memory import MemoryStore
from imtw.relaying import node as hearing
from imtw.relaying import places
from imtw.relaying.node import Relaying
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


class Tally(Struct):
    """
    What an application tells.
    """

    topic: str
    count: int


class Telling(Words):
    """
    A form that tells what is no message.
    """

    def encode(self, event: Event) -> bytes:
        """
        Who has done what.
        """
        if isinstance(event, Read):
            return f"{event.user} {event.seq}\n".encode()
        if isinstance(event, Pushed):
            return f"{event.code} {to_builtins(event.data)}\n".encode()
        if isinstance(event, Invited):
            return f"invited by {event.invitation.user}\n".encode()
        if isinstance(event, Recalled):
            return f"recalled {event.message.id}\n".encode()
        return b""


TELLING = Telling()


class TwoNodesTests(SynchronousTestCase):
    """
    L{Relaying}, with two cores on one store.
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
        core.delivery.relay = core.members.relay = core.attendance.relay = relaying.tell
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
        self.write("psst")
        self.assertEqual(self.bob.listen(), ["psst"])

    def test_privateIsSeen(self) -> None:
        """
        What an old client was told does not wait for it any more.
        """
        self.write("psst")
        self.cores[1].lost(self.bob.session)
        self.turn()
        self.assertEqual(self.successResultOf(self.store.pending("bob", None, 10)), [])

    def test_privateGap(self) -> None:
        """
        A private message that the relay lost is read from the log, in order,
        with the next one of its conversation; and once.
        """
        self.write("one")
        with self.lost(0):
            self.write("two", "three")
        self.assertEqual(self.bob.listen(), ["one"])
        self.write("four", "five")
        self.assertEqual(self.bob.listen(), ["two", "three", "four", "five"])

    def test_privateGapAtFirst(self) -> None:
        """
        So it is where nothing of a conversation was told here before, but for
        what was there when somebody came.
        """
        with self.lost(0):
            self.write("zero")
            self.turn()
            late = Person(self.cores[1], "bob", form=NOTICES)
            self.turn()
            self.write("one")
        late.listen()
        self.write("two")
        self.assertEqual((self.bob.listen(), late.listen()), (["+bob", "zero", "one", "two"], ["one", "two"]))

    def test_privateGapBehindOwn(self) -> None:
        """
        Or where what was told before was said here.
        """
        with self.lost(0):
            self.write("one")
        self.bob.say("hm", "ann")
        self.assertEqual(self.bob.listen(), ["OFFLINE"])
        self.write("two", "three")
        self.assertEqual(self.bob.listen(), ["one", "two", "three"])

    def test_privateAskedOnce(self) -> None:
        """
        The log is asked once what was before the first row that was told,
        and nothing more as long as nothing is lost.
        """
        asked: list[int] = []
        walk = self.store.walk

        def walked(pair: Pair, after: int, limit: int) -> Deferred[list[Message]]:
            asked.append(after)
            return walk(pair, after, limit)

        self.patch(self.store, "walk", walked)
        self.successResultOf(self.store.addAccount(User("cid", "cid"), ""))
        Person(self.cores[0], "cid").say("hello", "bob")
        self.write("one")
        self.assertEqual(asked, [])  # nothing can be before the first
        Person(self.cores[0], "dan").say("hello", "ann")
        dan = Person(self.cores[1], "dan")
        self.ann.say("hello", "dan")
        for number in range(5):
            self.write(str(number))
            self.ann.say(str(number), "dan")
        self.assertEqual(asked, [0])
        self.assertEqual(dan.listen(), ["hello", "0", "1", "2", "3", "4"])

    def test_privateForgotten(self) -> None:
        """
        What was told in a conversation that is not remembered any more is
        not told again.
        """
        self.patch(places, "KEPT", 1)
        Person(self.cores[0], "cid")
        self.turn()
        self.bob.listen()
        for number in range(3):
            for name in ("ann", "cid"):
                [session] = self.cores[0].sessions.of(name)
                cast("Person", session.outlet).say(f"{name} {number}", "bob")
                self.turn()
        with self.lost(0):
            self.write("lost")
        self.write("last")
        heard = [f"{name} {number}" for number in range(3) for name in ("ann", "cid")]
        self.assertEqual(self.bob.listen(), [*heard, "lost", "last"])

    def test_twicePrivately(self) -> None:
        """
        A notice of a private message that comes twice is told once; a message
        that is sent again is told again, as on its own node.
        """
        publish = self.relays[0].publish
        self.relays[0].publish = lambda notice: (publish(notice), publish(notice))  # type: ignore
        self.write("hello", "you")
        self.assertEqual(self.bob.listen(), ["hello", "you"])
        self.relays[0].publish = publish  # type: ignore[method-assign]
        for _ in range(2):
            self.ann.say("again", "bob", id="1")
        self.assertEqual(self.bob.listen(), ["again", "again"])

    def test_overtaken(self) -> None:
        """
        What is under way while something is said here comes after it, and
        once.
        """
        self.say("zero")
        self.write("nought")
        self.bob.listen()
        notices: list[bytes] = []
        with self.held(0, notices):
            self.say("one")
            self.write("eins")
        self.bob.say("two", None, group="100")
        self.bob.say("zwei", "ann")
        self.turn()
        for notice in notices * 2:
            self.relays[1].receive(notice)
        self.turn()
        self.say("three")
        self.write("drei")
        self.assertEqual(self.bob.listen(), ["two", "SENT", "OFFLINE", "eins", "one", "three", "drei"])

    def test_lostBehindOwn(self) -> None:
        """
        What was lost before something was said here is not forgotten.
        """
        self.say("zero")
        self.bob.listen()
        with self.lost(0):
            self.say("one")
        self.bob.say("two", None, group="100")
        self.turn()
        self.say("three")
        self.assertEqual(self.bob.listen(), ["two", "SENT", "one", "three"])

    def test_slowGap(self) -> None:
        """
        While the log is read a bounded number of rows is kept that come
        meanwhile; those beyond are read, too, and all are told in order.
        """
        self.patch(hearing, "GAP_PAGE", 3)
        self.write("0")
        with self.lost(0):
            self.write("1")
        waiting: list[Deferred[None]] = []
        walk = self.store.walk

        async def slowly(pair: Pair, after: int, limit: int) -> list[Message]:
            waiting.append(Deferred())
            await waiting[-1]
            return await walk(pair, after, limit)

        self.patch(self.store, "walk", lambda *where: Deferred.fromCoroutine(slowly(*where)))
        self.write(*map(str, range(2, 12)))
        relaying = self.relayings[1]
        self.assertEqual([len(late) for late in relaying._reading.values()], [3])
        while waiting:
            waiting.pop(0).callback(None)
        self.assertEqual(self.bob.listen(), list(map(str, range(12))))
        self.assertEqual(relaying._reading, {})

    def test_damagedGap(self) -> None:
        """
        While the log cannot be read nothing is told, and later all of it is.
        """
        self.write("one")
        with self.lost(0):
            self.write("two")
        walk = self.store.walk
        self.store.walk = lambda *where: fail(StoreError("damaged"))  # type: ignore[method-assign]
        self.write("three")
        self.assertEqual(self.bob.listen(), ["one"])
        self.store.walk = walk  # type: ignore[method-assign]
        self.write("four")
        self.assertEqual(self.bob.listen(), ["two", "three", "four"])

    def test_numbers(self) -> None:
        """
        Where users are known by numbers, who speaks elsewhere gets one
        first, if there is such a user, and is told in order.
        """
        numbers = self.cores[1].numbers
        numbers.isWanted = True
        asked: list[str] = []
        number, waiting = self.store.number, [Deferred[None]()]

        async def later(user: str, candidate: int) -> int | None:
            asked.append(user)
            await waiting[0]
            return await number(user, candidate)

        self.patch(self.store, "number", lambda *of: Deferred.fromCoroutine(later(*of)))
        self.write("one", "two")
        self.ann.lane.take(CHAT.code, Chat("bob", content="three", transient=True))
        self.assertEqual((self.bob.listen(), set(asked)), ([], {"ann", "bob"}))
        waiting[0].callback(None)
        self.assertEqual(self.bob.listen(), ["one", "two", "three"])
        self.assertIsNotNone(numbers.known("ann"))
        self.patch(self.store, "number", lambda *of: succeed(None))
        self.patch(numbers, "known", lambda user: None)
        self.write("four", "five")
        self.assertEqual(self.bob.listen(), ["four", "five"])

    def test_whispered(self) -> None:
        """
        What nobody keeps is told on the other node, too.
        """
        self.ann.lane.take(CHAT.code, Chat("bob", content="psst", transient=True))
        self.ann.lane.take(CHAT.code, Chat(group="100", content="hush", transient=True))
        self.turn()
        self.assertEqual(self.bob.listen(), ["psst", "hush"])

    def test_pushed(self) -> None:
        """
        And what an application's command tells somebody, or a group.
        """
        phone = Person(self.cores[1], "bob", "phone", TELLING)
        self.turn()
        phone.listen()
        delivery = self.cores[0].delivery
        delivery.tellUser("bob", Pushed(30, Tally("tea", 1)))
        delivery.tellUser("cid", Pushed(30, Tally("tea", 2)))
        delivery.tellGroup("100", Pushed(30, Tally("tea", 3)))
        self.turn()
        told = [f"30 {{'topic': 'tea', 'count': {count}}}" for count in (1, 3)]
        self.assertEqual(phone.listen(), told)

    def test_invited(self) -> None:
        """
        Who was told of an invitation on another node is not told again.
        """
        phone = Person(self.cores[1], "bob", "phone", TELLING)
        self.turn()
        phone.listen()
        for name in ("bob", "cid"):
            self.successResultOf(self.store.addAccount(User(name, name), ""))
            self.ann.lane.take(FRIEND_INVITE.code, InviteFriend(name))
        self.assertEqual(phone.listen(), ["invited by ann"])
        news = [self.successResultOf(self.store.news(name, 10)) for name in ("bob", "cid")]
        self.assertEqual([len(found) for found in news], [0, 1])

    def test_blocked(self) -> None:
        """
        Who is blocked is not heard on another node, either.
        """
        phone = Person(self.cores[1], "bob", "phone", TELLING)
        for number in range(1, 7):
            self.ann.say(f"number {number}", "bob", id=str(number))
        self.turn()
        phone.listen()
        self.ann.lane.take(RECALL.code, Recall("1", "bob"))
        self.assertEqual(phone.listen(), ["recalled 1"])
        self.successResultOf(self.store.block("bob", "ann", True))
        self.ann.lane.take(RECALL.code, Recall("2", "bob"))
        self.assertEqual(phone.listen(), [])
        with self.lost(0):
            self.ann.lane.take(RECALL.code, Recall("3", "bob"))
        self.successResultOf(self.store.block("ann", "bob", True))
        self.ann.lane.take(RECALL.code, Recall("4", "bob"))
        self.turn()
        self.assertEqual(phone.listen(), [])
        self.successResultOf(self.store.block("bob", "ann", False))
        with self.lost(0):
            self.ann.lane.take(RECALL.code, Recall("5", "bob"))
        self.ann.lane.take(RECALL.code, Recall("6", "bob"))
        self.turn()
        self.assertEqual(phone.listen(), ["recalled 5", "recalled 6"])

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
        self.cores[0].members.expel("bob", "100")
        self.say("secret")
        self.assertEqual(self.bob.listen(), [])

    def test_admitted(self) -> None:
        """
        Who was taken into a group on one node takes part in it on the other.
        """
        store = self.cores[0].store
        self.successResultOf(store.addGroup(Group("team", "Team", owner="ann"), [], 10))
        [(user, place)] = self.successResultOf(store.addMembers("team", ["bob"], 10, "ann"))
        self.cores[0].members.admit(user, place, "ann")
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
            self.cores[0].members.admit(user, place, "ann")
        self.cores[0].members.expel("bob", "team")
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
        ann, bob = (Person(self.cores[1], name, "phone", TELLING) for name in ("ann", "bob"))
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
