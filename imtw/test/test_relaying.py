"""
Two nodes: what is said on one is told on the other, and what is lost on the
way is read from the log.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred, fail, succeed

from imtw.commands import CHAT, Chat
from imtw.errors import StoreError
from imtw.limits import Limits
from imtw.model import Message, Pair, User
from imtw.persistence.memory import MemoryStore
from imtw.relaying import places, rows
from imtw.test.nodes import NOTICES, LossyRelay, TwoNodes
from imtw.test.people import Person


class TwoNodesTests(TwoNodes):
    """
    L{Relaying}, with two cores on one store.
    """

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
        self.patch(rows, "GAP_PAGE", 3)
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
        reading = self.relayings[1].rows._reading
        self.assertEqual([len(late) for late in reading.values()], [3])
        while waiting:
            waiting.pop(0).callback(None)
        self.assertEqual(self.bob.listen(), list(map(str, range(12))))
        self.assertEqual(reading, {})

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
