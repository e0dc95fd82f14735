"""
Tests for the file of L{imtw.persistence.sqlite}.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.trial.unittest import TestCase

from imtw.errors import StoreError
from imtw.interfaces import IStore
from imtw.model import Draft, Token
from imtw.persistence import tail
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.persistence.contract import StoreContract
from imtw.test.persistence.harness import CHAT, START, SQLiteTestCase, Waiter


class SQLiteStoreTests(StoreContract, TestCase):
    """
    C{sqlite:} does what every store does.
    """

    def makeStore(self) -> IStore:
        """
        A store on a new file.
        """
        return SQLiteStore(self.mktemp(), self.reactor, self.limits)


class PlacedStoreTests(SQLiteStoreTests):
    """
    The same, where rows are put into their places as early as possible.
    """

    rows = 0

    def setUp(self) -> Any:
        """
        Let hardly any rows wait.
        """
        self.patch(tail, "ROWS", self.rows)
        return super().setUp()


class PartlyPlacedStoreTests(PlacedStoreTests):
    """
    The same, where a log is partly in its place and partly not.
    """

    rows = 4


class FileTests(SQLiteTestCase):
    """
    The file, who may use it, and what stays in it.
    """

    async def test_restart(self) -> None:
        """
        Everything is there after a restart, and goes on where it was.
        """
        await self.group("g", "alice", "bob")
        await self.store.addToken(b"t", Token("alice", "", 0, 2**50))
        await self.store.put("polls", "1", b"one")
        await self.store.setSecret("bob", "hash")
        said = [await self.say(CHAT, "alice", f"{n}", f"id{n}", device="phone" if n % 2 else "") for n in range(6)]
        await self.recall(CHAT, "alice", "id2")
        await self.store.moveCursors([("bob", said[0].conversation, 3)])

        async def everything() -> list[Any]:
            return [
                await self.store.walk(CHAT, 0, 10),
                await self.store.history(CHAT, None, None, 1, 3),
                await self.store.pending("bob", None, 10),
                await self.store.users("", 10),
                await self.store.groups("", 10),
                await self.store.members("g", 10, [], []),
                await self.store.token(b"t"),
                await self.store.get("polls", ""),
            ]

        before = await everything()
        await self.restart()
        self.assertEqual(await everything(), before)
        self.reactor.time = START - 1000
        for n in (0, 1):
            again = await self.say(CHAT, "alice", f"{n}", f"id{n}", device="phone" if n % 2 else "")
            self.assertEqual((again.seq, again.repeat), (n + 1, True))
        self.assertTrue((await self.recall(CHAT, "alice", "id2")).repeat)
        new = await self.say(CHAT, "bob", "new")
        self.assertEqual((new.seq, new.n, new.ts), (8, 7, said[-1].ts + 2))

    async def test_stopCommits(self) -> None:
        """
        What waits when the store is stopped is stored, and told; what comes
        later is refused.
        """
        waiting = [self.say(CHAT, "alice", f"{n}") for n in range(100)]
        stopped = self.store.stop()
        await self.assertFailure(self.say(CHAT, "alice", "late"), StoreError)
        await self.assertFailure(self.store.user("alice"), StoreError)
        await self.assertFailure(self.store.leave("alice", "g"), StoreError)
        await stopped
        self.assertEqual([row.seq for row in await gatherResults(waiting)], list(range(1, 101)))
        await self.restart()
        self.assertEqual(len(await self.store.walk(CHAT, 0, 200)), 100)

    async def test_nothingIsLeft(self) -> None:
        """
        A store that was stopped leaves no thread and no lock; it can be
        stopped again and started again.
        """
        await self.store.stop()
        await self.store.stop()
        threads = set(threading.enumerate())
        for _ in range(2):
            await self.store.start()
            await self.say(CHAT, "alice")
            await self.store.history(CHAT, None, None, None, None)
            self.assertGreater(len(threading.enumerate()), len(threads))
            await self.store.stop()
            self.assertEqual(set(threading.enumerate()), threads)
        self.assertEqual(os.path.getsize(self.path + "-wal") if os.path.exists(self.path + "-wal") else 0, 0)

    async def test_stopWithoutStart(self) -> None:
        """
        A store that was never started can be stopped, and refuses.
        """
        store = SQLiteStore(self.mktemp(), self.reactor, self.limits)
        await store.stop()
        waiter = Waiter()
        store.append(Draft(CHAT, "1", "alice", "hello", 0), waiter)
        await self.assertFailure(waiter.result, StoreError)

    async def test_private(self) -> None:
        """
        Nobody else can read the files.
        """
        await self.say(CHAT, "alice")
        folder = os.path.dirname(os.path.abspath(self.path))
        files = [name for name in os.listdir(folder) if name.startswith(os.path.basename(self.path))]
        self.assertEqual(len(files), 4)  # with -wal, -shm and .lock
        for name in files:
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600, name)

    async def refusedAs(self, store: SQLiteStore, *words: str) -> None:
        """
        Check that a store does not start, and that it says why.
        """
        threads = set(threading.enumerate())
        error: Any = await self.assertFailure(store.start(), StoreError)
        for word in words:
            self.assertIn(word, str(error))
        self.assertEqual(set(threading.enumerate()), threads)

    async def test_oneOwner(self) -> None:
        """
        A second store on the same file is refused, and is told who has it.
        """
        second = SQLiteStore(self.path, self.reactor, self.limits)
        await self.refusedAs(second, self.path, f"process {os.getpid()}", "--store sqlite:")
        await self.store.stop()
        await second.start()
        await second.stop()

    async def test_newer(self) -> None:
        """
        A database of a newer imtw is refused, and stays as it is.
        """
        await self.store.stop()
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA user_version = 7777")
        connection.close()
        await self.refusedAs(SQLiteStore(self.path, self.reactor, self.limits), "7777", "newer")

    async def test_notOurs(self) -> None:
        """
        Another program's database, a file that is none, a folder that is not
        there and no name at all are refused.
        """
        other = self.mktemp()
        with sqlite3.connect(other) as connection:
            connection.execute("CREATE TABLE theirs (a)")
        connection.close()
        text = self.mktemp()
        with open(text, "w") as file:
            file.write("not a database, but long enough to look at" * 100)
        for path, word in (
            (other, "another program"),
            (text, "not a database"),
            (os.path.join(self.mktemp(), "im.db"), "No such file"),
            ("", "sqlite:FILE"),
            (":memory:", "memory:"),
        ):
            await self.refusedAs(SQLiteStore(path, self.reactor, self.limits), word)
