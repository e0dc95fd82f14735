"""
Reading a file beside the server that uses it.
"""

from __future__ import annotations

import sqlite3

from imtw.errors import StoreError
from imtw.model import User, groupPair
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.persistence.schema import Unfit
from imtw.test.persistence.harness import CHAT, SQLiteTestCase


class ReadOnlyTests(SQLiteTestCase):
    """
    An operator reads a database that a server uses.
    """

    async def test_whileInUse(self) -> None:
        """
        All that is committed can be read while the server holds the lock,
        and nothing can be written.
        """
        await self.group("g", "alice", "bob")
        said = [await self.say(CHAT, "alice", f"{n}", f"{n}") for n in range(3)]
        await self.recall(CHAT, "alice", "0")
        with ReadOnlyDatabase(self.path) as database:
            users = [account.user for account in database.users()]
            self.assertEqual(users, [User("alice", "Alice"), User("bob", "Bob")])
            self.assertEqual([group.id for group in database.groups()], ["g"])
            self.assertEqual(list(database.conversations()), [(1, groupPair("g")), (2, CHAT)])
            rows = list(database.messages(CHAT))
            self.assertEqual(rows[1:3], said[1:])
            self.assertEqual([row.seq for row in rows], [1, 2, 3, 4])
            self.assertEqual(list(database.messages(groupPair("g"))), [])
            self.assertEqual(list(database.damage()), [])
            with self.assertRaises(sqlite3.OperationalError):
                database._connection.execute("DELETE FROM messages")

    async def test_afterwards(self) -> None:
        """
        The same, when no server runs.
        """
        await self.say(CHAT, "alice", "hello")
        await self.store.stop()
        with ReadOnlyDatabase(self.path) as database:
            self.assertEqual([row.content for row in database.messages(CHAT)], ["hello"])
        await self.store.start()

    async def test_damageIsNamed(self) -> None:
        """
        All damage is named, not only the first.
        """
        for number in range(6):
            await self.say(CHAT, "alice", f"{number}")
        await self.place()
        with sqlite3.connect(self.path) as connection:
            connection.execute("UPDATE messages SET content = 'lies' WHERE seq = 2")
            connection.execute("DELETE FROM messages WHERE seq = 4")
            connection.execute("UPDATE messages SET content = CAST(x'ff' AS TEXT) WHERE seq = 6")
        connection.close()
        with ReadOnlyDatabase(self.path) as database:
            found = list(database.damage())
            self.assertEqual(len(found), 3)
            for seq, finding in zip((2, 5, 6), found, strict=True):
                self.assertIn(f"message {seq} of conversation 1", finding)
            with self.assertRaises(StoreError):
                list(database.messages(CHAT))

    async def test_notThere(self) -> None:
        """
        A file that is not there is refused with the reason, and not made.
        """
        with self.assertRaises(StoreError) as caught:
            ReadOnlyDatabase(self.mktemp())
        self.assertIn("no such file", str(caught.exception))

    async def test_otherVersions(self) -> None:
        """
        One of a later release is told from one of an earlier release, and
        that of another program from both.
        """
        await self.store.stop()
        for change, words in (
            ("PRAGMA user_version = 99", ("version 99", "a newer one")),
            ("PRAGMA user_version = 1", ("version 1", "start the server once")),
            ("PRAGMA application_id = 5", ("another program",)),
        ):
            sqlite3.connect(self.path).execute(change).connection.close()
            with self.assertRaises(Unfit) as caught:
                ReadOnlyDatabase(self.path)
            for word in (self.path, *words):
                self.assertIn(word, str(caught.exception))
