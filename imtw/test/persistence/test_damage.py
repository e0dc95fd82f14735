"""
Tests for what happens when somebody or something else changed the file, and
for reading it beside a server.
"""

from __future__ import annotations

import json
import sqlite3
from random import Random
from typing import Any
from zlib import crc32

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from imtw.errors import StoreError
from imtw.limits import Limits
from imtw.model import Message, Pair, User, groupPair, privatePair
from imtw.persistence import heads
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.persistence.rows import INSERT
from imtw.test.persistence.harness import CHAT, START
from imtw.test.persistence.test_sqlite import SQLiteTestCase

OTHER = privatePair("alice", "carol")
PAGE = 4096  # bytes

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
        A file that is not there or has another version is refused with the
        reason, and not made.
        """
        path = self.mktemp()
        with self.assertRaises(StoreError) as caught:
            ReadOnlyDatabase(path)
        self.assertIn("no such file", str(caught.exception))
        sqlite3.connect(path).execute("PRAGMA user_version = 9").connection.close()
        with self.assertRaises(StoreError) as caught:
            ReadOnlyDatabase(path)
        self.assertIn("version 9", str(caught.exception))


class PageTests(SQLiteTestCase):
    """
    What happens when a page of the file is not what was written there.
    """

    timeout = 120
    limits = Limits(page=10)
    names = ("alice", "bob", "carol", "dave")
    seed = 4

    async def filled(self) -> bytes:
        """
        A database of some conversations that are alike; the store is stopped.

        @return: the file.
        """
        self.pairs = [await self.group("g", *self.names), await self.group("h", *self.names)]
        self.pairs += [privatePair(one, other) for one in self.names for other in self.names if one < other]
        for number in range(50):
            for pair in self.pairs:
                speakers = pair[1:] if pair.b else self.names
                await self.say(pair, speakers[number % len(speakers)], f"{number} " * 30, f"{number}")
        await self.recall(self.pairs[0], "carol", "46")
        await self.edit(self.pairs[2], "alice", "48", "edited")
        await self.store.stop()
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        connection.execute("VACUUM")
        connection.close()
        with open(self.path, "rb") as stream:
            return stream.read()

    async def served(self) -> dict[Any, Any]:
        """
        What a store says when it is asked for everything in every way: the
        messages, or L{None} for an error.
        """
        told: dict[Any, Any] = {}

        async def ask(name: str, *arguments: Any) -> Any:
            try:
                told[name, arguments] = await getattr(self.store, name)(*arguments)
            except StoreError:
                told[name, arguments] = None

        for pair in self.pairs:
            await ask("history", pair, None, None, None, None)
            await ask("history", pair, None, None, 12, 20)
            await ask("history", pair, START * 1000, None, None, 20)
            await ask("walk", pair, 20, 20)
            await ask("page", pair, 30, None, 10)
            await ask("page", pair, None, 30, 10)
            for number in (3, 30, 49):
                await ask("find", pair, f"{number}")
        for name in self.names:
            await ask("pending", name, None, 1000)
            await ask("standings", name, None, 100)
        return told

    async def test_misplacedPages(self) -> None:
        """
        Where another page of the file stands in a page's place, nobody gets
        somebody else's messages, nor one for another; and it is named.
        """
        sound = await self.filled()
        self.store = self.storeOn(self.path)
        await self.store.start()
        told = await self.served()
        whole = {pair: await self.store.page(pair, 0, None, 1000) for pair in self.pairs}
        await self.store.stop()
        self.assertNotIn(None, told.values())
        random = Random(self.seed)
        differed = 0
        for page in range(1, len(sound) // PAGE):
            other = random.randrange(len(sound) // PAGE) * PAGE
            damaged = sound[: page * PAGE] + sound[other : other + PAGE] + sound[(page + 1) * PAGE :]
            self.path = self.mktemp()
            with open(self.path, "wb") as stream:
                stream.write(damaged)
            try:
                with ReadOnlyDatabase(self.path) as database:
                    named = list(database.damage())
            except StoreError as error:
                named = [str(error)]
            self.store = self.storeOn(self.path)
            try:
                await self.store.start()
            except StoreError:
                continue
            served = await self.served()
            await self.store.stop()
            for asked, known in told.items():
                got = served[asked]
                if got != known:
                    differed += 1
                    self.assertTrue(named, (page, asked))
                    # Where the end of a log is gone, its newest messages are older ones.
                    if asked[0] in ("history", "page"):
                        known = whole[asked[1][0]]
                    if asked[0] != "standings":
                        self.assertTrue(isLess(known, got), (page, other // PAGE, asked))
                    for standing in got if got and asked[0] == "standings" else ():
                        self.assertIn(standing.last, [None, *whole[standing.pair]], (page, other // PAGE, asked))
        self.assertGreater(differed, 100)

    async def misplaced(self) -> tuple[int, int, list[Any]]:
        """
        Put another page in the place of each page of a file in turn, and say
        something in all conversations, twice with a restart between.

        @return: how many messages were stored, how many refused, and those
            that were stored and are not there.
        """
        sound = await self.filled()
        random = Random(self.seed)
        stored, refused = 0, 0
        lost: list[Any] = []
        for page in range(1, len(sound) // PAGE):
            other = random.randrange(len(sound) // PAGE) * PAGE
            self.path = self.mktemp()
            with open(self.path, "wb") as stream:
                stream.write(sound[: page * PAGE] + sound[other : other + PAGE] + sound[(page + 1) * PAGE :])
            said: list[Message] = []
            for _ in range(2):
                self.store = self.storeOn(self.path)
                try:
                    await self.store.start()
                except StoreError:
                    break
                asked = [self.say(pair, pair.a if pair.b else "alice", "new") for pair in self.pairs]
                results: Any = await DeferredList(asked, consumeErrors=True)
                said += [row for isStored, row in results if isStored and row is not None]
                refused += sum(not isStored for isStored, _ in results)
                await self.store.stop()
            stored += len(said)
            for row in said:
                found: Any
                try:
                    with ReadOnlyDatabase(self.path) as database:
                        found = next(iter(database.messages(row.pair, row.seq - 1)), None)
                except StoreError as error:
                    found = str(error)
                if found != row:
                    lost.append((page, other // PAGE, row, found))
        return stored, refused, lost

    async def test_nothingIsLost(self) -> None:
        """
        Whichever page is another one, what is stored after that is there: a
        seq that was given is not given again, and where that is not sure
        nothing is stored.
        """
        stored, refused, lost = await self.misplaced()
        self.assertGreater(min(stored, refused), 50)
        self.assertEqual(lost, [])

    async def test_trusting(self) -> None:
        """
        The same finds what is lost where nobody looks at the end of a log.
        """
        self.patch(heads, "isSure", lambda *_: True)
        _, _, lost = await self.misplaced()
        self.assertTrue(lost)

    async def test_flippedBits(self) -> None:
        """
        Whatever bit of the file is another one, whoever looks at it says
        what is wrong, and a store starts or says why not.
        """
        sound = bytearray(await self.filled())
        random = Random(self.seed)
        for turn in range(300):
            # The first page has the schema, and all that is written there is SQL.
            at = random.randrange(PAGE if turn % 3 else len(sound))
            self.path = self.mktemp()
            with open(self.path, "wb") as stream:
                stream.write(sound[:at] + bytes([sound[at] ^ (1 << random.randrange(8))]) + sound[at + 1 :])
            try:
                with ReadOnlyDatabase(self.path) as database:
                    list(database.damage())
                    for _, pair in database.conversations():
                        list(database.messages(pair))
            except StoreError as error:
                self.assertTrue(str(error))
            self.store = self.storeOn(self.path)
            try:
                await self.store.start()
            except StoreError as error:
                self.assertIn("cannot be used", str(error))
            await self.store.stop()

    async def test_nulls(self) -> None:
        """
        A row with no number where there has to be one is named, and so is
        what follows.
        """
        for number in range(4):
            await self.say(CHAT, "alice", f"{number}")
        await self.place()
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'n INTEGER NOT NULL', 'n INTEGER')")
        connection.close()
        with sqlite3.connect(self.path) as connection:
            connection.execute("UPDATE messages SET n = NULL WHERE seq = 2")
            connection.execute("UPDATE messages SET content = 'lies' WHERE seq = 4")
        connection.close()
        with ReadOnlyDatabase(self.path) as database:
            found = [finding for finding in database.damage() if "checksum" in finding]
        named = [finding.split(":")[0] for finding in found]
        self.assertEqual(named, ["message 2 of conversation 1", "message 4 of conversation 1"])

    async def test_badSchema(self) -> None:
        """
        A schema that is not even text is a damaged file, and that is said.
        """
        await self.store.stop()
        with open(self.path, "r+b") as stream:
            content = stream.read()
            at = content.index(b"CREATE TABLE users")
            stream.seek(at + 13)
            stream.write(b"\xff\xfe")
        with self.assertRaises(StoreError) as caught:
            ReadOnlyDatabase(self.path)
        self.assertIn("cannot be read", str(caught.exception))
        self.store = self.storeOn(self.path)
        error = await self.assertFailure(self.store.start(), StoreError)
        self.assertIn("restore a backup", str(error))


def isLess(known: Any, got: Any) -> bool:
    """
    Has somebody got nothing but what there is, in its order, if not all of
    it?
    """
    if not got:
        return True
    if isinstance(known, Message):
        return bool(known == got)
    if got and isinstance(got[0], tuple):
        known = [message for _, messages in known for message in messages]
        got = [message for _, messages in got for message in messages]
    return all(message in known for message in got) and got == sorted(got, key=known.index)
