"""
What happens when somebody or something else changed a row of the file.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any
from zlib import crc32

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from imtw.errors import StoreError
from imtw.model import Pair, privatePair
from imtw.persistence.rows import INSERT
from imtw.test.persistence.harness import CHAT, SQLiteTestCase

OTHER = privatePair("alice", "carol")
DAMAGE = {
    "n": "n + 1",
    "ts": "ts - 1",
    "id": "'other'",
    "device": "'other'",
    "sender": "'carol'",
    "kind": "'texu'",
    "content": "'lies'",
    "content is gone": "content = NULL",
    "content is empty": "content = ''",
    "content is no text": "content = x'74776f'",
    "content is not UTF-8": "content = CAST(x'ff' AS TEXT)",
    "created": "created + 1",
    "extras": "'{}'",
    "recalled": "recalled = 1, seq = seq",
    "edited": "5",
    "checksum": "checksum + 1",
}


class DamageTests(SQLiteTestCase):
    """
    A damaged row is found and named, and never served.
    """

    def change(self, sql: str, *values: Any) -> None:
        """
        Change the file behind the store's back.
        """
        with sqlite3.connect(self.path) as connection:
            self.assertEqual(connection.execute(sql, values).rowcount, 1)
        connection.close()

    async def namedBy(self, asked: Deferred[Any], seq: int = 2) -> None:
        """
        Check that a question has the damage for its answer.
        """
        error = await self.assertFailure(asked, StoreError)
        self.assertIn(f"message {seq} of conversation 1 is damaged", str(error))

    async def test_damagedRow(self) -> None:
        """
        Whatever is changed in a row, it is not served; all others are.
        """
        for content in ("one", "two", "three"):
            await self.say(CHAT, "alice", content, content, device="phone")
        await self.say(OTHER, "alice", "fine")
        await self.place()
        reading = sqlite3.connect(self.path)
        [row] = reading.execute("SELECT * FROM messages WHERE conversation = 1 AND seq = 2")
        reading.close()
        for what, change in DAMAGE.items():
            if "=" not in change:
                change = f"{what} = {change}"
            self.change(f"UPDATE messages SET {change} WHERE conversation = 1 AND seq = 2")  # noqa: S608
            await self.namedBy(self.store.walk(CHAT, 0, 10))
            if what != "recalled":
                await self.namedBy(self.store.history(CHAT, None, None, None, None))
                await self.namedBy(self.store.pending("bob", None, 10))
            self.assertEqual([m.content for m in await self.store.walk(CHAT, 2, 10)], ["three"], what)
            self.assertEqual(await self.contents(OTHER), ["fine"], what)
            self.change("DELETE FROM messages WHERE conversation = 1 AND seq = 2")
            self.change(INSERT, *row[:14])
            self.assertEqual(await self.contents(CHAT), ["one", "two", "three"], what)

    async def test_movedRow(self) -> None:
        """
        A row that stands where it was not written is damaged, too.
        """
        await self.say(CHAT, "alice", "one")
        await self.say(OTHER, "alice", "other")
        await self.place()
        self.change("UPDATE messages SET seq = 2 WHERE conversation = 1 AND seq = 1")
        await self.namedBy(self.store.walk(CHAT, 0, 10))
        self.change("UPDATE messages SET conversation = 1, seq = 3 WHERE conversation = 2")
        await self.namedBy(self.store.walk(CHAT, 2, 10), 3)

    async def test_neighboursAreStored(self) -> None:
        """
        What has to do with a damaged row is refused; what shares its commit
        is stored.
        """
        await self.say(CHAT, "alice", "one", "1")
        await self.say(CHAT, "alice", "two", "2", device="phone")
        await self.say(CHAT, "bob", "and")
        await self.place()
        self.change("UPDATE messages SET content = 'lies' WHERE seq = 1")
        self.change("UPDATE messages SET content = CAST(x'ff' AS TEXT) WHERE seq = 2")
        results: Any = await DeferredList(
            [
                self.say(OTHER, "alice", "fine"),
                self.say(CHAT, "alice", "one", "1"),
                self.say(CHAT, "alice", "two", "2", device="phone"),
                self.recall(CHAT, "alice", "1"),
                self.store.pending("bob", None, 10),
                self.say(CHAT, "alice", "three"),
            ],
            consumeErrors=True,
        )
        self.assertEqual([success for success, _ in results], [True, False, False, False, False, True])
        self.assertTrue(all(isinstance(result.value, StoreError) for success, result in results if not success))
        self.assertTrue(self.store.healthy)
        self.assertEqual([m.content for m in await self.store.walk(CHAT, 2, 10)], ["and", "three"])

    async def appendsTo(self, pair: Pair, *damages: str) -> bool:
        """
        Damage the rows that are in their places, start again, and say
        something in two conversations; the other one is not damaged.

        @return: was it stored in this one?
        """
        await self.store.stop()
        with sqlite3.connect(self.path) as connection:
            for damage in damages:
                connection.execute(damage)
        connection.close()
        self.store = self.storeOn(self.path)
        await self.store.start()
        results: Any = await DeferredList(
            [self.say(pair, "alice", "more"), self.say(OTHER, "alice", "fine"), self.say(pair, "alice", "more")],
            consumeErrors=True,
        )
        (one, told), (other, _), (two, _) = results
        self.assertTrue(other)
        self.assertEqual(one, two)
        if not one:
            self.assertIn("is damaged", str(told.value))
        return bool(one)

    async def test_unsureHead(self) -> None:
        """
        Nothing is added to a log whose last row is damaged, or behind whose
        last row there were others; what is wrong is logged once.
        """
        logged: list[str] = []

        def note(event: LogEvent) -> None:
            logged.append(formatEvent(event))

        globalLogPublisher.addObserver(note)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, note)  # type: ignore[arg-type]
        for what, change in DAMAGE.items():
            pair = privatePair("alice", f"bob{self.said}")
            self.assertTrue(await self.appendsTo(pair))
            [*_, last] = await self.store.walk(pair, 0, 10)
            change = change if "=" in change else f"{what} = {change}"
            where = f"conversation = {last.conversation} AND seq = {last.seq}"
            logged.clear()
            self.assertFalse(await self.appendsTo(pair, f"UPDATE messages SET {change} WHERE {where}"), what)  # noqa: S608
            await self.store.stop()
            named = [line for line in logged if f"conversation {last.conversation} is damaged" in line]
            self.assertEqual(len(named), 1, (what, logged))

    async def test_checksum(self) -> None:
        """
        The checksum can be computed without imtw: the CRC-32 of all other
        columns as a compact JSON array, without C{edited} where it is null.
        """
        await self.say(CHAT, "alice", "好 \U0001f600 \x00\x1f\x7f\u2028\"\\/</\n", extras={"a": ["ü", None, 1.5]})
        await self.say(CHAT, "bob", None, "1", device="phone")
        await self.recall(CHAT, "bob", "1")
        await self.say(CHAT, "bob", "two", "2")
        await self.edit(CHAT, "bob", "2", "TWO")
        await self.place()
        reading = sqlite3.connect(self.path)
        rows = reading.execute("SELECT * FROM messages").fetchall()
        reading.close()
        self.assertEqual([row[14] is None for row in rows], [True, True, True, False, True])
        for row in rows:
            text = json.dumps([*row[:13], *([row[14]] if row[14] else [])], ensure_ascii=False, separators=(",", ":"))
            self.assertEqual(crc32(text.encode()), row[13])
