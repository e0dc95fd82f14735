"""
Tests for L{imtw.persistence.expiry}, beside L{imtw.test.persistence.expirycontract}.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import Any

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from imtw.limits import Limits
from imtw.model import groupPair
from imtw.persistence.expiry import SLICE
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.persistence.harness import StoreHarness


class RemovalTests(StoreHarness, TestCase):
    """
    What has ended is removed from the file: L{imtw.persistence.expiry}.
    """

    limits = Limits(page=10)

    def makeStore(self) -> SQLiteStore:
        self.path = self.mktemp()
        return SQLiteStore(self.path, self.reactor, self.limits)

    async def fill(self, count: int) -> None:
        """
        A room with messages, and one beside it whose messages stay.
        """
        for id in ("room", "other"):
            await self.store.join("alice", id, None, 100, "dialect")
        said = [self.say(groupPair("room"), "alice", f"secret {n}", f"id{n}") for n in range(count)]
        said += [self.say(groupPair("other"), "alice", "stays", f"id{n}") for n in range(3)]
        await gatherResults(said)

    async def expire(self) -> int | None:
        """
        Let the room's messages end.
        """
        result: int | None = await self.store.expire(groupPair("room"), "dialect", 2**60)
        return result

    def rows(self) -> list[Any]:
        """
        What is in the file: rows with a place, and those in the journal.
        """
        with closing(sqlite3.connect(self.path)) as connection:
            found = connection.execute("SELECT seq, content FROM messages ORDER BY conversation, seq").fetchall()
            for (entry,) in connection.execute("SELECT entry FROM journal"):
                found += [(row[1], row[8]) for row in msgspec.json.decode(entry)]
        return found

    async def settled(self) -> None:
        """
        Wait until nothing waits to be removed.
        """
        while self.store._remover._isRunning:
            await deferLater(reactor, 0.01)

    async def test_removed(self) -> None:
        """
        All rows go but the last, which says nothing, and the others' stay.
        """
        await self.fill(3 * SLICE + 7)
        self.assertEqual(await self.expire(), 0)
        await self.settled()
        await self.store.stop()
        self.assertEqual(self.rows(), [(3 * SLICE + 7, None), *((n, "stays") for n in (1, 2, 3))])

    async def test_sliced(self) -> None:
        """
        No commit removes more than a slice, and messages are stored between
        them.
        """
        await self.fill(3 * SLICE)
        removed = []
        change = self.store._remover._change

        def noted(work: Any) -> Any:
            def counted(ledger: Any) -> Any:
                before = ledger.cursor.connection.total_changes
                result = work(ledger)
                removed.append(ledger.cursor.connection.total_changes - before)
                return result

            return change(counted)

        self.store._remover._change = noted
        await self.expire()
        later = await self.say(groupPair("room"), "alice", "later")
        self.assertEqual(later.seq, 3 * SLICE + 1)
        await self.settled()
        self.assertEqual(removed, [SLICE, SLICE, SLICE - 1])
        self.assertEqual(await self.contents(groupPair("room")), ["later"])

    async def test_leftOver(self) -> None:
        """
        What a stop leaves over nobody can read, and it is removed after the
        next start.
        """
        await self.fill(2 * SLICE)
        self.store._remover.add = lambda number: None
        await self.expire()
        await self.store.stop()
        self.assertEqual(len(self.rows()), 2 * SLICE + 3)
        with ReadOnlyDatabase(self.path) as database:
            self.assertEqual([row.content for row in database.messages(groupPair("room"))], [None])
        self.store = SQLiteStore(self.path, self.reactor, self.limits)
        await self.store.start()
        self.assertEqual(await self.contents(groupPair("room")), [])
        await self.settled()
        self.assertEqual(len(self.rows()), 4)

    async def test_crash(self) -> None:
        """
        The journal does not bring back after a crash what has ended: the file
        as it is now is another one's start.
        """
        await self.fill(5)
        await self.expire()
        await self.settled()
        await self.say(groupPair("room"), "alice", "later")
        copy = self.mktemp()
        for end in ("", "-wal"):
            shutil.copy(self.path + end, copy + end)
        other = SQLiteStore(copy, self.reactor, self.limits)
        await other.start()
        self.addCleanup(other.stop)
        found = await other.history(groupPair("room"), None, None, None, None)
        self.assertEqual([message.content for message in found], ["later"])
        self.assertEqual([row.seq for row in await other.walk(groupPair("room"), 0, 9)], [5, 6])
        while other._remover._isRunning:
            await deferLater(reactor, 0.01)
        with closing(sqlite3.connect(copy)) as connection:
            kept = connection.execute("SELECT count(*) FROM messages WHERE content LIKE 'secret%'").fetchone()
        self.assertEqual(kept, (0,))

    async def test_sound(self) -> None:
        """
        The doctor finds nothing wrong with what is left.
        """
        await self.fill(9)
        await self.recall(groupPair("room"), "alice", "id8")
        await self.expire()
        await self.say(groupPair("room"), "alice", "later")
        await self.settled()
        with ReadOnlyDatabase(self.path) as database:
            self.assertEqual(list(database.damage()), [])
