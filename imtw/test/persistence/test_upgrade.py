"""
Databases of earlier versions are brought up to date, with all that is in
them.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from typing import Any

from twisted.trial.unittest import TestCase

from imtw.model import Fact, Group, Message, User, groupPair, privatePair
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.persistence.rows import INSERT, rowOf
from imtw.persistence.schema import prepareWriter, steps, upgrade, versionOf
from imtw.persistence.sqlite import SQLiteStore
from imtw.persistence.tail import entryOf
from imtw.test.persistence.harness import CHAT, ENVIRONMENT, START, StoreHarness

NOW = int(START * 1000)

#: Upgrades a database and kills itself after so many instructions of SQLite.
KILLED = """
import os, signal, sqlite3, sys
from imtw.persistence.schema import prepareWriter, upgrade

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
prepareWriter(connection)
connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), int(sys.argv[2]))
upgrade(connection)
"""


def makeFirst(path: str, members: int = 0) -> None:
    """
    A database of version 1: Alice and Bob have a conversation, of which Bob
    has got three of five, and a group, of which he has got two of four.

    @param members: how many more there are in the group.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    prepareWriter(connection)
    upgrade(connection, steps()[:1])
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO users (id, nick, created, entered) VALUES (?, ?, 0, 1)", [("alice", "Alice"), ("bob", "Bob")]
    )
    connection.executemany(
        "INSERT INTO conversations (id, scope, a, b, created) VALUES (?, ?, ?, ?, 0)",
        [(1, 1, "alice", "bob"), (2, 2, "g", "")],
    )
    connection.execute("INSERT INTO groups (id, conversation, name, created) VALUES ('g', 2, 'Group', 0)")
    connection.executemany(
        "INSERT INTO members (user, scope, conversation, joined, cursor) VALUES (?, ?, ?, ?, ?)",
        [
            *(("alice", 1, 1, 1, 5), ("bob", 1, 1, 1, 3), ("alice", 2, 2, 1, 4), ("bob", 2, 2, 2, 2)),
            *((f"user{number}", 2, 2, number + 9, 0) for number in range(members)),
        ],
    )
    for conversation, pair, count in ((1, CHAT, 5), (2, groupPair("g"), 4)):
        for seq in range(1, count + 1):
            row, _ = rowOf(
                Message(conversation, seq, seq, NOW + seq, pair, f"id{seq}", "alice", f"text {seq}", NOW + seq)
            )
            connection.execute(INSERT, row)
    connection.execute("COMMIT")
    connection.close()


class SecondVersionTests(StoreHarness, TestCase):
    """
    From version 1 to 2.
    """

    def makeStore(self) -> Any:
        """
        A store on a file of version 1.
        """
        self.path = self.mktemp()
        makeFirst(self.path)
        return SQLiteStore(self.path, self.reactor, self.limits)

    async def test_kept(self) -> None:
        """
        What was there is there, and what was told counts as read.
        """
        self.assertEqual(await self.contents(CHAT), [f"text {seq}" for seq in range(1, 6)])
        self.assertEqual([(m.seq, m.edited) for m in await self.store.walk(CHAT, 3, 9)], [(4, 0), (5, 0)])
        self.assertEqual(await self.store.group("g"), Group("g", "Group"))
        unread = {one.pair: (one.read, one.unread) for one in await self.store.standings("bob", None, 9)}
        self.assertEqual(unread, {CHAT: (3, 2), groupPair("g"): (2, 2)})

    async def test_devices(self) -> None:
        """
        A first device starts where its user was.
        """
        entry = await self.store.enter(User("bob", "Bob"), "tcp", [], False, "phone")
        self.assertEqual([(place.cursor, place.head) for place in [*entry.groups, *entry.behind]], [(2, 4), (3, 5)])

    async def test_goesOn(self) -> None:
        """
        What was said before can be edited and recalled, and the rest goes
        on as ever.
        """
        row = await self.edit(CHAT, "alice", "id5", "edited")
        self.assertEqual((row.fact, row.seq, row.n), (Fact.EDIT, 6, 5))
        await self.recall(CHAT, "alice", "id4")
        await self.say(CHAT, "bob", "new")
        await self.say(groupPair("g"), "stranger", "new")
        self.assertEqual((await self.contents(CHAT))[-3:], ["text 3", "edited", "new"])
        self.assertEqual((await self.contents(groupPair("g")))[-1], "new")


class FifthVersionTests(StoreHarness, TestCase):
    """
    From version 4 to 5.
    """

    def makeStore(self) -> Any:
        """
        A store on a file of version 4, where Carol's second message to Bob
        is in the journal alone.
        """
        self.path = self.mktemp()
        makeFirst(self.path)
        connection = sqlite3.connect(self.path, isolation_level=None)
        upgrade(connection, steps()[:4])
        connection.execute("INSERT INTO conversations (id, scope, a, b, created) VALUES (3, 1, 'bob', 'carol', 0)")
        connection.executemany(
            "INSERT INTO members (user, scope, conversation, joined, cursor) VALUES (?, 1, 3, 1, 0)",
            [("bob",), ("carol",)],
        )
        pair = privatePair("bob", "carol")
        rows = [rowOf(Message(3, seq, seq, NOW + 3 * seq, pair, "", "carol", "hello", 0))[0] for seq in (1, 2)]
        connection.execute(INSERT, rows[0])
        connection.execute("INSERT INTO journal VALUES (1, ?)", (entryOf(rows[1:]),))
        connection.close()
        return SQLiteStore(self.path, self.reactor, self.limits)

    async def test_list(self) -> None:
        """
        Conversations are listed by their last messages, and those of others
        wait.
        """
        found = [(one.pair, one.head) for one in await self.store.standings("bob", None, 9)]
        self.assertEqual(found, [(privatePair("bob", "carol"), 2), (CHAT, 5), (groupPair("g"), 4)])
        for user, device, waits in (("bob", "", [1, 3]), ("carol", "", []), ("carol", "phone", [3]), ("alice", "", [])):
            entry = await self.store.enter(User(user, user), "tcp", [], False, device)
            self.assertEqual([place.conversation for place in entry.behind], waits, user)
        await self.store.stop()
        with ReadOnlyDatabase(self.path) as database:
            self.assertEqual(list(database.damage()), [])
        await self.store.start()


class KilledTests(TestCase):
    """
    A process that is killed at any point of the step leaves version 1 or 2.
    """

    def test_killed(self) -> None:
        """
        Whole, and with all that was there.
        """
        path = self.mktemp()
        makeFirst(path, 20_000)
        versions = set()
        for instructions in (20, 200, 2000, 20_000, 200_000, 2_000_000):
            copy = f"{path}-{instructions}"
            shutil.copy(path, copy)
            done = subprocess.run(
                [sys.executable, "-c", KILLED, copy, f"{instructions}"], env=ENVIRONMENT, check=False
            )
            self.assertIn(done.returncode, (0, -signal.SIGKILL))
            survivor = sqlite3.connect(copy, isolation_level=None)
            version = versionOf(survivor)
            versions.add(version)
            tables = {name for (name,) in survivor.execute("SELECT name FROM sqlite_schema")}
            self.assertEqual("devices" in tables, version >= 2)
            self.assertEqual(survivor.execute("SELECT count(*) FROM messages").fetchone(), (9,))
            self.assertEqual(survivor.execute("SELECT count(*) FROM members").fetchone(), (20_004,))
            self.assertEqual(survivor.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            upgrade(survivor)
            self.assertEqual(versionOf(survivor), steps()[-1][0])
            survivor.close()
        self.assertEqual(versions, {1, steps()[-1][0]})
