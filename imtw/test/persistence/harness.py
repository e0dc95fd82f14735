"""
What tests of stores share.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from zope.interface import implementer

import imtw
from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.interfaces import IAppended, IStore
from imtw.limits import Limits
from imtw.model import Draft, Fact, Message, Pair, User, groupPair, privatePair
from imtw.persistence.ledger import Ledger
from imtw.persistence.sqlite import SQLiteStore

#: For processes that have to find this imtw.
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(imtw.__file__)))}

START = 1_700_000_000.0  # seconds: when tests begin
CHAT = privatePair("alice", "bob")


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
        self.result: Deferred[Any] = Deferred()

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
if TYPE_CHECKING:
    Mixin = TestCase
else:
    Mixin = object


class StoreHarness(Mixin):
    """
    Starts a store for each test, and stops it afterwards.
    """

    timeout = 60
    limits = Limits(page=10, strangersPerUser=3, devicesPerUser=3, tokensPerUser=3, friendsPerUser=3, sendBudget=20_000)
    store: Any

    def makeStore(self) -> IStore:
        """
        The store to be tested, not started yet.
        """
        raise NotImplementedError(f"{type(self).__name__} tests no store")

    def setUp(self) -> Any:
        """
        Start it.
        """
        self.said = 0
        self.reactor: Any = SteeredReactor()
        self.store = self.makeStore()
        self.addCleanup(lambda: self.store.stop())
        return self.store.start()

    def say(self, pair: Pair, sender: str, content: str | None = "hello", id: str = "", **more: Any) -> Deferred[Any]:
        """
        Append a message.

        @param id: the client's, or nothing for one that the server makes.
        @return: fires with the row, or L{None}.
        """
        self.said += 1
        more.setdefault("created", int(self.reactor.time * 1000))
        return self.append(Draft(pair, id or f"made-{self.said}", sender, content, given=bool(id), **more))

    def recall(self, pair: Pair, sender: str, id: str) -> Deferred[Any]:
        """
        Take a message back.
        """
        return self.append(Draft(pair, id, sender, None, int(self.reactor.time * 1000), fact=Fact.RECALL))

    def edit(self, pair: Pair, sender: str, id: str, content: str) -> Deferred[Any]:
        """
        Let a message say something else.
        """
        return self.append(Draft(pair, id, sender, content, int(self.reactor.time * 1000), fact=Fact.EDIT))

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

    async def contents(
        self,
        pair: Pair,
        begin: float | None = None,
        end: float | None = None,
        offset: int | None = None,
        count: int | None = None,
    ) -> list[str | None]:
        """
        What a page of a conversation says.
        """
        return [message.content for message in await self.store.history(pair, begin, end, offset, count)]


class SQLiteTestCase(StoreHarness, TestCase):
    """
    What only a store in a file does.
    """

    def makeStore(self) -> IStore:
        """
        A store on a new file.
        """
        self.path = self.mktemp()
        return self.storeOn(self.path)

    def storeOn(self, path: str) -> SQLiteStore:
        """
        Another store, on a file that is there.
        """
        return SQLiteStore(path, self.reactor, self.limits)

    async def restart(self) -> None:
        """
        Stop the store, and start another one on its file.
        """
        await self.store.stop()
        self.store = self.storeOn(self.path)
        await self.store.start()

    async def place(self) -> None:
        """
        Have all rows put into their places.
        """
        await self.store._writer.change(Ledger.placeAll)

    def copyFile(self) -> str:
        """
        Copy the file, which may be in use, as an operator would.
        """
        copy: str = self.mktemp()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("VACUUM INTO ?", (copy,))
        return copy

    async def copied(self) -> Any:
        """
        Another store, on such a copy, until the test ends.
        """
        other = self.storeOn(self.copyFile())
        await other.start()
        self.addCleanup(other.stop)
        return other


def stepsOf(connection: sqlite3.Connection, ask: Callable[[], Any]) -> int:
    """
    How many of SQLite's instructions it takes to answer something, which is
    to be answered.
    """
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(step, 1)
    answer = ask()
    connection.set_progress_handler(None, 0)
    if not answer:
        raise AssertionError(f"nothing was found: {answer!r}")
    return steps
