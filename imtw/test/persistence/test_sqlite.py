"""
Tests for L{imtw.persistence.sqlite}.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from random import Random
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from imtw.commands import Status
from imtw.errors import CommandRefused, StoreBusy, StoreError
from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.model import Draft, Fact, Message, Pair, Token, User, groupPair, privatePair
from imtw.persistence import ledger, memoryrecent, recent, tail
from imtw.persistence.ledger import Ledger
from imtw.persistence.memory import MemoryStore
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.persistence.contract import StoreContract
from imtw.test.persistence.harness import CHAT, START, StoreHarness, Waiter


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


class BatchTests(SQLiteTestCase):
    """
    What waits is committed together, and fails apart.
    """

    limits = Limits(commitQueue=50, commitBatch=10)

    async def test_batches(self) -> None:
        """
        A commit has at most the limit's messages.
        """
        commits: list[int] = []
        self.store.onCommit(lambda: commits.append(self.store.waiting), lambda: None)
        await gatherResults([self.say(CHAT, "alice", f"{n}") for n in range(45)])
        self.assertGreaterEqual(len(commits), 5)
        self.assertEqual(sorted(commits, reverse=True), commits)
        self.assertTrue(all(before - after <= 10 for before, after in zip([45, *commits], commits, strict=False)))

    async def test_busy(self) -> None:
        """
        Past the limit messages are refused at once; other changes still have
        room, and afterwards everything goes on.
        """
        said = [self.say(CHAT, "alice", f"{n}") for n in range(50)]
        self.assertEqual(self.store.waiting, 50)
        late = self.say(CHAT, "alice", "late")
        self.assertIsInstance(self.failureResultOf(late).value, StoreBusy)
        joins = [self.store.join(f"user{n}", "g", None, 10) for n in range(51)]
        self.assertIsInstance(self.failureResultOf(joins.pop()).value, StoreBusy)
        await gatherResults([*said, *joins])
        self.assertEqual(self.store.waiting, 0)
        self.assertEqual((await self.say(CHAT, "alice", "again")).seq, 51)

    async def test_badDataFailsAlone(self) -> None:
        """
        What cannot be stored is refused; what shares its commit is stored,
        once, and in its order.
        """
        bad: list[dict[str, Any]] = [
            {"content": "\ud800"},
            {"content": 5},
            {"content": b"bytes"},
            {"id": "\udcff"},
            {"sender": "\ud800"},
            {"pair": privatePair("alice", "\ud800")},
            {"pair": groupPair("\ud800")},
            {"kind": "\ud800"},
            {"kind": ["list"]},
            {"device": "\ud800"},
            {"created": 2**63},
            {"created": -(2**63) - 1},
            {"created": 2**70},
            {"created": 1.5},
            {"extras": {"a": "\ud800"}},
            {"extras": {"a": object()}},
            {"id": "\ud800", "given": True},
            {"id": "\ud800", "fact": Fact.RECALL},
            {"pair": privatePair("alice", "\ud800"), "fact": Fact.RECALL},
        ]  # fmt: skip
        good = Draft(CHAT, "1", "alice", "good", 0)
        self.store._writer._batch = 1000
        for wrong in bad:
            asked: list[Deferred[Any]] = [
                self.append(replace(good, content="first")),
                self.store.join("bob", f"{wrong}", None, 100),
                self.append(replace(good, **wrong)),
                self.append(replace(good, content="second", id="2")),
                self.append(replace(good, pair=privatePair("alice", f"{wrong}"), id="3")),
            ]
            results = await DeferredList(asked, consumeErrors=True)
            self.assertEqual([success for success, _ in results], [True, True, False, True, True], wrong)
            failure: Any = results[2][1]
            self.assertIsInstance(failure.value, CommandRefused, wrong)
            self.assertEqual(failure.value.status, Status.BAD_REQUEST, wrong)
        rows = await self.store.walk(CHAT, 0, 1000)
        self.assertEqual([row.content for row in rows], ["first", "second"] * len(bad))
        self.assertEqual([row.seq for row in rows], list(range(1, 2 * len(bad) + 1)))
        self.assertEqual(len(await self.store.groupsOf("bob")), len(bad))
        self.assertTrue(self.store.healthy)

    async def test_badChange(self) -> None:
        """
        A change that cannot be done fails alone, and leaves no trace.
        """
        asked: list[Deferred[Any]] = [
            self.say(CHAT, "alice", "before"),
            self.store.addAccount(User("\ud800", "x"), ""),
            self.store.enter(User("bob", "Bob"), "tcp", [("g", "Good"), ("\ud800", "bad")], False),
            self.store.put("polls", "1", None),
            self.say(CHAT, "alice", "after"),
        ]
        results = await DeferredList(asked, consumeErrors=True)
        self.assertEqual([success for success, _ in results], [True, False, False, False, True])
        self.assertIsNone(await self.store.user("bob"))
        self.assertIsNone(await self.store.group("g"))
        self.assertEqual(await self.contents(CHAT), ["before", "after"])

    async def test_badQuestion(self) -> None:
        """
        What no database can have is refused where it is asked for.
        """
        for asked in (
            self.store.user("\ud800"),
            self.store.walk(groupPair("\ud800"), 0, 5),
            self.store.users("", 2**70),
        ):
            error = await self.assertFailure(asked, CommandRefused)
            self.assertEqual(error.status, Status.BAD_REQUEST)


class LikeMemoryTests(SQLiteTestCase):
    """
    The two stores that keep logs are told apart by nobody.
    """

    seeds = range(16)
    steps = 60
    names = ("alice", "bob", "carol", "dave")
    pairs: list[Pair]

    async def test_random(self) -> None:
        """
        Whatever is done to both, one at a time or many at once, both have the
        same; also after a restart.
        """
        for seed in self.seeds:
            self.random = Random(seed)
            self.patch(tail, "ROWS", (0, 3, 10, 1000)[seed % 4])
            self.patch(ledger, "CHUNK", (2, 512)[seed % 2])
            self.patch(ledger, "KEPT", (1, 3, 1000)[seed % 3])
            self.patch(recent, "FEW", (0, 1, 100)[seed % 3])
            self.patch(memoryrecent, "MANY", (0, 50)[seed % 2])
            self.memory = MemoryStore("", self.reactor, self.limits)
            self.pairs = [privatePair(self.random.choice(self.names), self.random.choice(self.names)) for _ in range(3)]
            self.pairs += [groupPair("g"), groupPair(f"other{seed}")]
            self.path = self.mktemp()
            await self.restart()
            for step in range(self.steps):
                self.reactor.time += self.random.choice([0, 0.001, 1, 50, -20])
                await self.same(f"seed {seed}, step {step}", [self.change() for _ in range(self.random.randrange(12))])
                for _ in range(3):
                    await self.same(f"seed {seed}, step {step}", [self.question()])
                if self.random.random() < 0.02:
                    await self.restart()
            for _ in range(2):
                for pair in self.pairs:
                    await self.same(f"seed {seed}, at the end", [("walk", (pair, 0, 1000))])
                await self.restart()
            with ReadOnlyDatabase(self.path) as database:
                self.assertEqual(list(database.damage()), [])

    async def same(self, where: str, asked: list[tuple[str, tuple[Any, ...]]]) -> None:
        """
        Do some things to both stores, to the one in the file all at once,
        and compare.
        """
        waiting = [self.outcome(self.store, name, args) for name, args in asked]
        ours: Any = await gatherResults(waiting)
        for (name, args), our in zip(asked, ours, strict=True):
            if name == "append" and "\ud800" in args[0].id:
                self.assertNotIsInstance(our, Message)
                continue  # which memory would take
            theirs = await self.outcome(self.memory, name, args)
            self.assertEqual(our, theirs, f"{where}: {name} {args}")

    def change(self) -> tuple[str, tuple[Any, ...]]:
        """
        Something that is done in the order in which it is asked for.
        """
        random = self.random
        pair, name, id = random.choice(self.pairs), random.choice(self.names), f"{random.randrange(12)}"
        now = int(self.reactor.time * 1000)
        given = random.random() < 0.7
        draft = Draft(
            pair,
            id if given else f"made{random.random()}",
            random.choice([pair.a, pair.b or name]),
            random.choice(["a", "b", None, "c" * 10000]),
            random.choice([now, now - random.randrange(10**6), 0]),
            given=given,
            device=random.choice(["", "", "phone"]) if given else "",
        )
        return random.choice(
            [
                *[("append", (draft,))] * 8,
                *[("append", (replace(draft, fact=Fact.RECALL, device="", given=False, id=id),))] * 3,
                ("append", (replace(draft, id="\ud800"),)),
                ("pending", (name, random.choice([pair, None]), random.randrange(1, 8))),
                ("moveCursors", ([(name, random.randrange(1, 6), random.randrange(20))],)),
                ("enter", (User(name, name), "tcp", [("g", "Lobby")], random.random() < 0.1)),
                ("enter", (User(name, name), "tcp", [], False, random.choice(["phone", "page"]))),
                ("received", (name, random.choice(["", "phone", "page"]), pair, random.randrange(20))),
                ("markRead", (name, pair, random.randrange(20))),
                ("join", (name, pair.a, None, 3)),
                ("leave", (name, "g")),
            ]
        )

    def question(self) -> tuple[str, tuple[Any, ...]]:
        """
        Something to be read.
        """
        random = self.random
        pair, name = random.choice(self.pairs), random.choice(self.names)
        end = int(self.reactor.time * 1000) - random.randrange(100_000)
        begin = random.choice([None, 0, end - 1000, end - 10**6])
        return random.choice(
            [
                ("history", (pair, None, None, None, random.choice([None, 3]))),
                ("history", (pair, None, None, random.randrange(30), random.randrange(8))),
                ("history", (pair, begin, end, random.choice([None, 0, 2, 20]), random.choice([None, -1, 3]))),
                ("walk", (pair, random.randrange(20), 5)),
                ("find", (pair, f"{random.randrange(12)}")),
                ("groupsOf", (name,)),
                ("standings", (name, None, random.randrange(1, 8))),
                ("standings", (name, end, random.randrange(1, 8), random.choice([None, 2]))),
                ("members", (pair.a, 3, [random.choice(self.names)], [random.choice(self.names)])),
            ]
        )

    def outcome(self, store: Any, name: str, args: tuple[Any, ...]) -> Deferred[Any]:
        """
        Do something to a store; fires with its result, or with why it was
        refused.
        """
        if name == "append":
            waiter = Waiter()
            store.append(*args, waiter)
            result: Deferred[Any] = waiter.result
        else:
            result = getattr(store, name)(*args)
        return result.addErrback(statusOf)


def statusOf(failure: Failure) -> Any:
    """
    Why something was refused.
    """
    failure.trap(CommandRefused)
    refused: Any = failure.value
    return Status(refused.status)
