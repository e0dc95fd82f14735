"""
What is committed together, and what fails alone.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred, DeferredList, gatherResults

from imtw.commands import Status
from imtw.errors import CommandRefused, StoreBusy
from imtw.limits import Limits
from imtw.model import Draft, Fact, Message, User, groupPair, privatePair
from imtw.persistence import appender
from imtw.persistence.rows import namedOf
from imtw.persistence.rules import CANDIDATES
from imtw.test.persistence.harness import CHAT, SQLiteTestCase


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

    async def test_oneIdForAll(self) -> None:
        """
        A client that has one id for all messages, and sends many at once,
        has each compared with a few of the last, as if it came alone.
        """
        compared = 0

        def compares(*asked: Any) -> Message:
            nonlocal compared
            compared += 1
            return namedOf(*asked)

        self.patch(appender, "namedOf", compares)
        for part in range(3):
            await gatherResults([self.say(CHAT, "alice", f"{part}-{n}", "same") for n in range(45)])
            await self.place()
        self.assertLessEqual(compared, 3 * 45 * CANDIDATES)
        again: Any = await self.say(CHAT, "alice", "2-40", "same")
        self.assertEqual((again.seq, again.repeat), (2 * 45 + 41, True))

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


class ThreadTests(SQLiteTestCase):
    """
    The thread that writes, between two commits.
    """

    timeout = 20

    def countCalls(self) -> list[object]:
        """
        What is asked of the pool from now on.
        """
        pool = self.store._writer._pool
        calls: list[object] = []
        run = pool.runWithConnection

        def counting(work: Any, *args: Any, **more: Any) -> Any:
            calls.append(work)
            return run(work, *args, **more)

        self.patch(pool, "runWithConnection", counting)
        return calls

    async def test_stays(self) -> None:
        """
        It waits for what comes soon, and is not called for it once more;
        nor does a store that is stopped wait for it.
        """
        self.store._writer.patience = 3600.0
        calls = self.countCalls()
        for n in range(20):
            await self.say(CHAT, "alice", f"{n}")
        self.assertEqual(len(calls), 1)
        await self.restart()

    async def test_leaves(self) -> None:
        """
        Nothing is left lying when it leaves while something comes.
        """
        self.store._writer.patience = 0.0
        calls = self.countCalls()
        for n in range(300):
            await gatherResults([self.say(CHAT, "alice", f"{n} {more}") for more in range(n % 3 + 1)])
        self.assertGreater(len(calls), 100)
        self.assertEqual(self.store.waiting, 0)
