"""
What happens when a page of the file is not what was written there.
"""

from __future__ import annotations

import sqlite3
from random import Random
from typing import Any

from twisted.internet.defer import DeferredList

from imtw.errors import StoreError
from imtw.limits import Limits
from imtw.model import Message, privatePair
from imtw.persistence import heads
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.test.persistence.harness import CHAT, START, SQLiteTestCase

PAGE = 4096  # bytes


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
