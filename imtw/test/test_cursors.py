"""
Cursors of devices without a name, of groups above all.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw import cursors
from imtw.errors import StoreBusy
from imtw.handlers.chat import ChatHandler
from imtw.limits import Limits
from imtw.model import Membership, groupPair, privatePair
from imtw.persistence.memory import MemoryStore
from imtw.server import Core
from imtw.test.people import Person

NAMES = [f"u{number}" for number in range(25)]
ROUND = 10


class GroupCursorsTests(SynchronousTestCase):
    """
    L{imtw.cursors}, where a group was swept.
    """

    def setUp(self) -> None:
        self.patch(cursors, "MEMBERS_A_ROUND", ROUND)
        self.clock: Any = Clock()
        limits = Limits()
        self.core = Core(self.clock, MemoryStore("", self.clock, limits), limits, [("100", "lobby")])
        self.core.registry.register(ChatHandler(self.core))
        self.people = [Person(self.core, name) for name in NAMES]
        self.say("one")

    def say(self, text: str) -> None:
        """
        Somebody speaks, and everybody hears it.
        """
        self.people[0].say(text, None, group="100")
        self.clock.pump([0] * 3)

    def waiting(self, name: str) -> int:
        """
        How much the store has waiting for a user in the group.
        """
        found = self.successResultOf(self.core.store.pending(name, groupPair("100"), 100))
        return sum(len(messages) for _, messages in found)

    def late(self) -> list[str]:
        """
        For whom something waits though it was told.
        """
        return [name for name in NAMES[1:] if self.waiting(name)]

    def gather(self) -> None:
        """
        A second has passed.
        """
        self.core.cursors.gather()
        self.core.cursors.flush()

    def test_rounds(self) -> None:
        """
        A large group's members are looked through in several rounds, all of
        them.
        """
        lates = []
        for _ in range(3):
            self.gather()
            lates.append(self.late())
        self.assertEqual(lates, [NAMES[ROUND:], NAMES[2 * ROUND :], []])

    def test_sweptAgain(self) -> None:
        """
        What is said between two rounds is noted for everybody, too.
        """
        self.gather()
        self.say("two")
        for _ in range(4):
            self.gather()
        self.assertEqual([self.late(), {self.waiting(name) for name in NAMES[1:]}], [[], {0}])

    def test_gone(self) -> None:
        """
        Who goes between two rounds takes along what it was told, and nothing
        that is said later.
        """
        self.gather()
        self.core.lost(self.people[-1].session)
        self.assertEqual(self.waiting(NAMES[-1]), 0)
        self.say("two")
        for _ in range(5):
            self.gather()
        self.assertEqual((self.late(), self.waiting(NAMES[-1])), ([NAMES[-1]], 1))

    def test_asked(self) -> None:
        """
        Where somebody stands is known at once when it is asked for.
        """
        self.core.cursors.settle(NAMES[-1], self.core.sessions.of(NAMES[-1]))
        self.assertEqual(self.late(), NAMES[1:-1])


class RoundTests(SynchronousTestCase):
    """
    What is done once a second.
    """

    def test_failed(self) -> None:
        """
        What fails is logged, and done again a second later; the rest is done.
        """
        clock: Any = Clock()
        limits = Limits()
        core = Core(clock, MemoryStore("", clock, limits), limits, [])
        self.successResultOf(Deferred.fromCoroutine(core.open()))
        self.addCleanup(core.stopService)
        done: list[str] = []

        def fails() -> None:
            done.append("gather")
            raise ZeroDivisionError

        self.patch(core.cursors, "gather", fails)
        self.patch(core.cursors, "flush", lambda: done.append("flush"))
        clock.pump([1.0] * 2)
        self.assertEqual(done, ["gather", "flush"] * 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)


class SlowStore:
    """
    Takes its time over cursors.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[list[tuple[str, int, int]], Deferred[None]]] = []

    def moveCursors(self, moved: list[tuple[str, int, int]]) -> Deferred[None]:
        """
        See L{imtw.interfaces.IStore.moveCursors}.
        """
        written: Deferred[None] = Deferred()
        self.asked.append((moved, written))
        return written


class WritingTests(SynchronousTestCase):
    """
    L{Cursors.flush}, with many cursors.
    """

    def setUp(self) -> None:
        self.patch(cursors, "MOVED_AT_ONCE", 2)
        self.store = SlowStore()
        self.cursors = cursors.Cursors(cast(Any, self.store))
        for number in range(1, 8):
            self.cursors.enter(f"user{number}", [])
        self.push(1, 2, 3, 4, 5)

    def push(self, *numbers: int, seq: int = 7) -> None:
        """
        Have something told to users, each in a conversation of the same
        number.
        """
        for number in numbers:
            self.cursors.pushed(f"user{number}", number, seq)

    def written(self) -> list[list[int]]:
        """
        The conversations of which the store was told, at once each.
        """
        return [[conversation for _, conversation, _ in moved] for moved, _ in self.store.asked]

    def test_slices(self) -> None:
        """
        A few are written in each commit; what moves meanwhile is written
        the next time.
        """
        flushed = self.cursors.flush()
        self.assertEqual(self.written(), [[1, 2]])
        self.push(1, 6, seq=8)
        for _, written in self.store.asked:  # which grows meanwhile
            self.assertNoResult(flushed)
            written.callback(None)
        self.successResultOf(flushed)
        self.assertEqual(self.written(), [[1, 2], [3, 4], [5]])
        self.cursors.flush()
        self.assertEqual(self.store.asked[-1][0], [("user1", 1, 8), ("user6", 6, 8)])

    def test_settled(self) -> None:
        """
        Who is about to be read finds everything written, and of others
        nothing is written for that.
        """
        self.cursors.flush()
        self.cursors.enter("user4", [])
        self.cursors.pushed("user4", 9, 1)
        for _ in range(2):
            self.cursors.settle("user4", [])
            self.assertEqual(self.written(), [[1, 2], [4, 9]])

    def test_failed(self) -> None:
        """
        What cannot be written is told again some day; the rest is kept for
        the next time.
        """
        flushed = self.cursors.flush()
        self.store.asked[0][1].errback(StoreBusy("later"))
        self.successResultOf(flushed)
        self.cursors.flush()
        self.assertEqual(self.written(), [[1, 2], [3, 4]])


class BehindTests(SynchronousTestCase):
    """
    L{Cursors}, of a user for whom something waits, or not.
    """

    def setUp(self) -> None:
        self.store = SlowStore()
        self.cursors = cursors.Cursors(cast(Any, self.store))

    def enter(self, user: str, *waiting: int) -> None:
        """
        A user comes, for whom something waits in these conversations.
        """
        pair = privatePair(user, "ann")
        self.cursors.enter(user, [Membership(number, pair, 1, 0) for number in waiting])

    def moved(self, user: str, *conversations: int) -> list[int]:
        """
        In which of these a push moves a user's cursor.
        """
        for conversation in conversations:
            self.cursors.pushed(user, conversation, 9)
        self.cursors.settle(user, [])
        moved, _ = self.store.asked.pop() if self.store.asked else ([], None)
        return [conversation for who, conversation, _ in moved if who == user]

    def test_read(self) -> None:
        """
        Where something waits cursors stand still, until it is read.
        """
        self.enter("bob", 1, 2)
        self.assertEqual(self.moved("bob", 1, 2, 3), [3])
        self.cursors.read("bob", 1, 1, False)
        self.cursors.read("bob", 2, 1, True)
        self.assertEqual(self.moved("bob", 1), [1, 2])  # up to what was read
        self.assertEqual(self.moved("bob", 1, 2), [2])
        self.cursors.read("bob", 1, 9, True)
        self.assertEqual(self.moved("bob", 1, 2), [1, 2])

    def test_many(self) -> None:
        """
        However many there are, what is read of one is not copied for all.
        """
        self.enter("bob", *range(1000))
        behind = self.cursors._behind["bob"]
        self.cursors.read("bob", 1, 1, True)
        self.cursors.fallBehind("bob", 1000)
        self.assertIs(self.cursors._behind["bob"], behind)
        self.assertEqual(self.moved("bob", 0, 1, 2, 1000), [1])

    def test_fallBehind(self) -> None:
        """
        Who falls behind is so alone.
        """
        for user in ("bob", "cid"):
            self.enter(user)
        self.cursors.fallBehind("bob", 1)
        self.cursors.fallBehind("bob", 2)
        self.cursors.fallBehind("nobody", 1)
        self.assertEqual(self.moved("bob", 1, 2, 3), [3])
        self.assertEqual(self.moved("cid", 1, 2), [1, 2])


class RepeatTests(SynchronousTestCase):
    """
    What a client without a device sends again.
    """

    def setUp(self) -> None:
        self.clock: Any = Clock()
        limits = Limits()
        self.core = Core(self.clock, MemoryStore("", self.clock, limits), limits, [("100", "lobby")])
        self.core.registry.register(ChatHandler(self.core))
        self.ann, self.bob = Person(self.core, "ann"), Person(self.core, "bob")

    def test_private(self) -> None:
        """
        A message that is told once more does not make those behind it wait
        again.
        """
        for text in ("one", "two", "one"):
            self.ann.say(text, "bob", id=text)
        self.assertEqual(self.bob.listen(), ["one", "two", "one"])
        self.assertNothingWaits()

    def test_group(self) -> None:
        """
        Nor does it in a group.
        """
        for text in ("one", "two", "one"):
            self.ann.say(text, None, group="100", id=text)
            if text == "two":
                self.clock.pump([0] * 3)
        self.clock.pump([0] * 3)
        self.assertEqual(self.bob.listen(), ["one", "two", "one"])
        self.assertNothingWaits()

    def assertNothingWaits(self) -> None:
        """
        Nothing does for Bob once he goes.
        """
        self.core.lost(self.bob.session)
        found = self.successResultOf(self.core.store.pending("bob", None, 100))
        self.assertEqual([message.content for _, messages in found for message in messages], [])
