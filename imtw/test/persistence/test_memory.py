"""
Tests for L{imtw.persistence.memory}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.interfaces import IAppended, IStore
from imtw.limits import Limits
from imtw.model import Draft, Fact, User, groupPair, privatePair
from imtw.persistence.memory import ForgetfulStore, MemoryStore
from imtw.test.persistence.contract import StoreContract
from imtw.test.persistence.harness import CHAT, Waiter


class MemoryStoreTests(StoreContract, TestCase):
    """
    C{memory:} does what every store does.
    """

    def makeStore(self) -> IStore:
        """
        An empty store.
        """
        return MemoryStore("", self.reactor, self.limits)


class AtOnceTests(SynchronousTestCase):
    """
    C{memory:} does everything before it returns.
    """

    def test_atOnce(self) -> None:
        """
        A waiter is told within C{append}.
        """
        store = MemoryStore("", Clock(), Limits())
        waiter = Waiter()
        store.append(Draft(CHAT, "1", "alice", "hello", 0), waiter)
        self.assertEqual(self.successResultOf(waiter.result).seq, 1)
        self.assertTrue(self.successResultOf(store.start()) is None and store.healthy and not store.durable)


class NamesTests(SynchronousTestCase):
    """
    Nobody fills the memory with names that nobody has.
    """

    def test_namesOfNobody(self) -> None:
        """
        What is refused, or finds nothing, leaves nothing.
        """
        for Store in (MemoryStore, ForgetfulStore):
            store = Store("", Clock(), Limits(strangersPerUser=2))
            self.successResultOf(store.addAccount(User("ann", "Ann"), ""))
            for number in range(9):
                name = f"nobody{number}"
                store.append(Draft(privatePair("ann", name), "1", "ann", "hello", 0), IgnoringWaiter())
                self.failureResultOf(store.invite("ann", name, "hi"), CommandRefused)
                self.assertFalse(self.successResultOf(store.unfriend("ann", name)))
                self.assertEqual(self.successResultOf(store.friends(name, "", 9)), [])
                self.assertEqual(self.successResultOf(store.news(name, 9)), [])
            self.assertEqual(sorted(store.persons), ["ann", "nobody0", "nobody1"])


@implementer(IAppended)
class IgnoringWaiter:
    """
    Wants to know nothing.
    """

    def appended(self, message: object) -> None:
        """
        It is kept.
        """

    def refused(self, error: Exception) -> None:
        """
        It is not.
        """


class ForgetfulStoreTests(SynchronousTestCase):
    """
    C{none:} keeps people, but no messages.
    """

    def setUp(self) -> None:
        """
        An empty store.
        """
        self.store = ForgetfulStore("", Clock(), Limits())

    def say(self, id: str, fact: Fact = Fact.MESSAGE) -> Waiter:
        """
        Say the same thing again.
        """
        waiter = Waiter()
        self.store.append(Draft(CHAT, id, "alice", "hello", 0, given=True, device="phone", fact=fact), waiter)
        return waiter

    def test_messagesAreForgotten(self) -> None:
        """
        Messages get their numbers and are kept nowhere.
        """
        self.assertFalse(self.store.keepsLog)
        for seq in (1, 2, 3):
            message = self.successResultOf(self.say("1").result)
            self.assertEqual((message.seq, message.n, message.repeat), (seq, seq, False))
        self.assertEqual(self.successResultOf(self.store.history(CHAT, None, None, None, None)), [])
        self.assertEqual(self.successResultOf(self.store.history(CHAT, 0, 9, 0, 9)), [])
        self.assertEqual(self.successResultOf(self.store.walk(CHAT, 0, 9)), [])
        self.assertEqual(self.successResultOf(self.store.pending("bob", None, 9)), [])
        self.assertIsNone(self.successResultOf(self.store.find(CHAT, "1")))

    def test_recall(self) -> None:
        """
        There is nothing to take back.
        """
        self.say("1")
        error = self.failureResultOf(self.say("1", Fact.RECALL).result, CommandRefused).value
        self.assertEqual(error.status, Status.NOT_FOUND)

    def test_peopleAreKept(self) -> None:
        """
        Users and groups are there until the end of the process, and nobody
        is behind.
        """
        self.say("1")
        entry = self.successResultOf(self.store.enter(User("bob", "Bob"), "tcp", [("100", "Lobby")], False))
        self.assertEqual([(place.pair, place.name) for place in entry.groups], [(groupPair("100"), "Lobby")])
        self.assertEqual(entry.behind, [])
        self.assertEqual([group.id for group in self.successResultOf(self.store.groupsOf("bob"))], ["100"])
        [bob] = self.successResultOf(self.store.members("100", 9, [], []))
        self.assertEqual(bob.id, "bob")
