"""
What tests of stores share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.interfaces import IAppended, IStore
from imtw.limits import Limits
from imtw.model import Draft, Fact, Message, Pair, User, groupPair, privatePair

START = 1_700_000_000.0  # seconds: when tests begin


class SteeredReactor:
    """
    The real reactor, with threads and all, but for the time, which only
    tests change.
    """

    def __init__(self) -> None:
        self.time = START

    def seconds(self) -> float:
        """
        The time.
        """
        return self.time

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)


@implementer(IAppended)
class Waiter:
    """
    Makes a Deferred of one message's result.
    """

    def __init__(self) -> None:
        self.result: Deferred[Message | None] = Deferred()

    def appended(self, message: Message | None) -> None:
        """
        The message is committed.
        """
        self.result.callback(message)

    def refused(self, error: Exception) -> None:
        """
        It is not.
        """
        self.result.errback(error)


# Contracts are mixed into test cases, and are none: trial would run them for no store.
Mixin: type[TestCase] = TestCase if TYPE_CHECKING else object


class StoreHarness(Mixin):
    """
    Starts a store for each test, and stops it afterwards.
    """

    timeout = 60
    limits = Limits(page=10, strangersPerUser=3)
    store: IStore

    def makeStore(self) -> IStore:
        """
        The store to be tested, not started yet.
        """
        raise NotImplementedError(f"{type(self).__name__} tests no store")

    async def setUp(self) -> None:
        """
        Start it.
        """
        self.reactor = SteeredReactor()
        self.store = self.makeStore()
        await self.store.start()
        self.addCleanup(lambda: self.store.stop())

    def say(self, pair: Pair, sender: str, content: str | None = "hello", id: str = "", **more: Any) -> Deferred[Any]:
        """
        Append a message.

        @param id: the client's, or nothing for one that the server makes.
        @return: fires with the row, or L{None}.
        """
        self.said = getattr(self, "said", 0) + 1
        more.setdefault("created", int(self.reactor.time * 1000))
        return self.append(Draft(pair, id or f"made-{self.said}", sender, content, given=bool(id), **more))

    def recall(self, pair: Pair, sender: str, id: str) -> Deferred[Any]:
        """
        Take a message back.
        """
        return self.append(Draft(pair, id, sender, None, int(self.reactor.time * 1000), fact=Fact.RECALL))

    def append(self, draft: Draft) -> Deferred[Any]:
        """
        Append a draft.
        """
        waiter = Waiter()
        self.store.append(draft, waiter)
        return waiter.result

    async def group(self, id: str = "g", *users: str) -> Pair:
        """
        A group with some users.
        """
        for user in users or ("alice",):
            await self.store.addAccount(User(user, user.title()), "")
            await self.store.join(user, id, None, 100)
        return groupPair(id)

    async def refused(self, asked: Deferred[Any], status: Status) -> None:
        """
        Check that something is refused.
        """
        error = await self.assertFailure(asked, CommandRefused)
        self.assertEqual(Status(error.status), status)

    async def contents(self, pair: Pair, *page: int | None) -> list[str | None]:
        """
        What a page of a conversation says.

        @param page: begin, end, offset, count.
        """
        begin, end, offset, count = (*page, *(None,) * (4 - len(page)))
        return [message.content for message in await self.store.history(pair, begin, end, offset, count)]


CHAT = privatePair("alice", "bob")
