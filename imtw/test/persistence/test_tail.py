"""
Tests for L{imtw.persistence.tail}: rows that wait for their places.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from msgspec.json import encode
from msgspec.structs import replace
from twisted.internet.defer import DeferredList, gatherResults

from imtw.errors import StoreError
from imtw.limits import Limits
from imtw.model import groupPair, privatePair
from imtw.persistence import tail
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.persistence.rows import INSERT, rowOf
from imtw.persistence.sqlite import SQLiteStore
from imtw.persistence.tail import readJournal
from imtw.test.persistence.harness import CHAT, SQLiteTestCase


class TailTests(SQLiteTestCase):
    """
    A commit writes its rows to the journal; later ones put them into their
    places.
    """

    limits = Limits(page=1000)

    def ask(self, sql: str) -> list[Any]:
        """
        Ask the file, past the store.
        """
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def placed(self) -> int:
        """
        How many rows are in their places.
        """
        [(count,)] = self.ask("SELECT count(*) FROM messages")
        return int(count)

    async def test_waits(self) -> None:
        """
        What is committed is in the journal, and is read from there, until
        the store stops.
        """
        await gatherResults([self.say(CHAT, "alice", f"{n}") for n in range(20)])
        self.assertEqual(self.placed(), 0)
        self.assertEqual(await self.contents(CHAT), [f"{n}" for n in range(20)])
        await self.store.stop()
        self.assertEqual(self.placed(), 20)
        self.assertEqual(self.ask("SELECT * FROM journal"), [])

    async def test_oldestFirst(self) -> None:
        """
        No more than so many rows wait.  Those that have waited longest go
        first, so that a busy conversation does not keep the journal from
        being cleared of the entries of a quiet one.
        """
        self.patch(tail, "ROWS", 50)
        await self.say(CHAT, "alice", "quiet")
        group = await self.group("g", "alice")
        for _ in range(30):
            await gatherResults([self.say(group, "alice") for _ in range(10)])
        self.assertEqual(self.placed(), 251)
        [(first, last)] = self.ask("SELECT min(position), max(position) FROM journal")
        self.assertGreater(first, 1)
        self.assertLess(last - first, 25)
        self.assertEqual(self.store._tail.size, 50)

    async def test_bytesAreBounded(self) -> None:
        """
        Nor do more bytes wait than allowed, whatever size the messages have.
        """
        self.patch(tail, "BYTES", 100_000)
        for n in range(40):
            await gatherResults([self.say(CHAT, "alice", f"{n}" * 2000) for _ in range(3)])
            self.assertLess(self.store._tail.bytes, 150_000)
        self.assertGreater(self.placed(), 60)

    async def test_largeAtOnce(self) -> None:
        """
        A large row is put into its place at once, and those before it.
        """
        await self.say(CHAT, "alice", "small")
        await self.say(privatePair("alice", "carol"), "alice", "other")
        await self.say(CHAT, "alice", "x" * 10000)
        self.assertEqual(self.placed(), 2)
        self.assertEqual(await self.contents(CHAT), ["small", "x" * 10000])

    async def test_copied(self) -> None:
        """
        A copy of the file that was made at any time has all that was
        committed: the next start puts it into its place.
        """
        await self.group("g", "alice", "bob")
        for n in range(10):
            await self.say(CHAT, "alice", f"{n}", f"id{n}", device="phone" if n % 2 else "")
            await self.say(groupPair("g"), "bob", f"{n}")
        await self.recall(CHAT, "alice", "id3")
        await self.say(CHAT, "bob", "last")
        other = await self.copied()
        for pair in (CHAT, groupPair("g")):
            self.assertEqual(await other.walk(pair, 0, 100), await self.store.walk(pair, 0, 100))
            self.assertEqual(
                await other.history(pair, None, None, 3, 4), await self.store.history(pair, None, None, 3, 4)
            )

    async def test_readOnly(self) -> None:
        """
        Who reads the file beside the server has what is in the journal, too.
        """
        said = [await self.say(CHAT, "alice", f"{n}") for n in range(5)]
        await self.place()
        said += [await self.say(CHAT, "alice", f"{n}") for n in range(5)]
        with ReadOnlyDatabase(self.path) as database:
            said += [await self.say(CHAT, "alice", "later")]
            await self.place()
            self.assertEqual(list(database.messages(CHAT)), said)
            self.assertEqual(list(database.damage()), [])

    async def test_damagedEntry(self) -> None:
        """
        A journal that cannot be read is named, and no start goes on without
        it.
        """
        await self.store.stop()
        for entry in (b"[[1,2", b"\xff", b"{}", b"[1]"):
            with sqlite3.connect(self.path) as connection:
                connection.execute("INSERT OR REPLACE INTO journal VALUES (5, ?)", (entry,))
            connection.close()
            error: Any = await self.assertFailure(self.store.start(), StoreError)
            self.assertIn("entry 5 of the journal", str(error))

    async def test_damagedRow(self) -> None:
        """
        A row that was changed in the journal is named when it is read.
        """
        await self.say(CHAT, "alice", "one")
        await self.store.stop()
        row, _ = rowOf((await self._walkOnce())[0])
        changed = [*row[:1], 2, 2, *row[3:]]
        with sqlite3.connect(self.path) as connection:
            connection.execute("INSERT INTO journal VALUES (1, ?)", (encode([changed]),))
        connection.close()
        with ReadOnlyDatabase(self.path) as database:
            [finding] = database.damage()
            self.assertIn("message 2 of conversation 1", finding)
        await self.store.start()
        self.assertEqual(await self.failed(self.store.walk(CHAT, 0, 5)), True)
        self.assertEqual([m.content for m in await self.store.walk(CHAT, 0, 1)], ["one"])

    async def crashed(self, *damages: str) -> str:
        """
        A copy of the file as a crash would leave it, a little damaged.
        """
        copy = self.copyFile()
        with sqlite3.connect(copy) as connection:
            for damage in damages:
                connection.execute(damage)
        connection.close()
        return copy

    async def test_takenPlace(self) -> None:
        """
        What is in the journal and finds another row in its place is named,
        and stays in the journal; one that was recalled or edited since is no
        other row.
        """
        for n in range(4):
            await self.say(CHAT, "alice", f"{n}", f"id{n}")
        entries = self.ask("SELECT position, entry FROM journal")
        await self.recall(CHAT, "alice", "id1")
        await self.edit(CHAT, "alice", "id2", "edited")
        await self.place()
        whole = await self.store.walk(CHAT, 0, 10)
        back = [
            f"INSERT OR REPLACE INTO journal VALUES ({at}, x'{entry.hex()}')"  # noqa: S608 - both are our own
            for at, entry in entries
        ]
        for damage in (
            "UPDATE messages SET sender = 'bob' WHERE seq = 1",
            "UPDATE messages SET content = 'lies' WHERE seq = 1",
            "UPDATE messages SET content = 'lies' WHERE seq = 3",
            "UPDATE messages SET recalled = 9 WHERE seq = 4",
        ):
            other = SQLiteStore(await self.crashed(*back, damage), self.reactor, self.limits)
            error: Any = await self.assertFailure(other.start(), StoreError)
            self.assertIn(f"message {damage[-1]} of conversation 1", str(error))
            with ReadOnlyDatabase(other.path) as database:
                self.assertEqual(sum(map(len, database._ask(readJournal))), 4)
        other = SQLiteStore(await self.crashed(*back, "DELETE FROM messages WHERE seq = 1"), self.reactor, self.limits)
        await other.start()
        self.assertEqual(await other.walk(CHAT, 0, 10), whole)
        await other.stop()

    async def test_takenMeanwhile(self) -> None:
        """
        Where somebody else's row is found in a place while the store runs,
        nothing more is taken, and nothing that was is lost.
        """
        await self.occupied()
        self.patch(tail, "ROWS", 0)
        error: Any = await self.assertFailure(self.say(CHAT, "alice", "x" * 10000), StoreError)
        self.assertIn("message 1 of conversation 1", str(error))
        self.assertFalse(self.store.healthy)
        await self.store.stop()
        with ReadOnlyDatabase(self.path) as database:
            [[kept]] = database._ask(readJournal)
            self.assertEqual((kept[1], kept[8]), (1, "mine"))

    async def test_takenWhereAmended(self) -> None:
        """
        So it is where somebody takes back, or edits, what has no place: that
        is refused, and the rows stay in the journal.
        """
        await self.occupied()
        for asked in (self.recall(CHAT, "alice", "1"), self.edit(CHAT, "alice", "1", "edited")):
            error: Any = await self.assertFailure(asked, StoreError)
            self.assertIn("message 1 of conversation 1", str(error))
            await self.say(groupPair("nowhere"), "alice")
        await self.say(privatePair("alice", "cid"), "alice")
        await self.store.stop()
        with ReadOnlyDatabase(self.path) as database:
            kept = [row for entry in database._ask(readJournal) for row in entry if row[0] == 1]
            self.assertEqual([(row[1], row[8]) for row in kept], [(1, "mine")])

    async def occupied(self) -> None:
        """
        A message that has no place: another one stands there.
        """
        await self.say(CHAT, "alice", "mine", "1")
        connection = sqlite3.connect(self.path)
        row = [*rowOf(replace((await self.store.walk(CHAT, 0, 1))[0], content="lies"))[0]]
        with connection:
            connection.execute(INSERT, row)
        connection.close()

    async def _walkOnce(self) -> Any:
        """
        What the stopped store has.
        """
        with ReadOnlyDatabase(self.path) as database:
            return list(database.messages(CHAT))

    async def failed(self, asked: Any) -> bool:
        """
        Does something fail as damage does?
        """
        error = await self.assertFailure(asked, StoreError)
        return "is damaged" in str(error)

    async def test_failedChangePlacesNothing(self) -> None:
        """
        Rows that were to be put into their places for a change that failed
        stay where they were, and are not lost.
        """
        await self.say(CHAT, "alice", "one", "1")
        self.reactor.time += 1000
        asked = [
            self.say(CHAT, "alice", "two", "2"),
            self.recall(CHAT, "alice", "1"),  # too late
            self.say(CHAT, "alice", "\ud800"),  # lets all be done again, one by one
            self.recall(CHAT, "bob", "1"),  # not his
            self.say(CHAT, "alice", "three", "3"),
            self.store.join("\ud800", "g", None, 10),
        ]
        results = await DeferredList(asked, consumeErrors=True)
        self.assertEqual([stored for stored, _ in results], [True, False, False, False, True, False])
        self.assertEqual(await self.contents(CHAT), ["one", "two", "three"])
        await self.restart()
        self.assertEqual(await self.contents(CHAT), ["one", "two", "three"])
