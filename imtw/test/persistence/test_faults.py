"""
Tests for what a store in a file does when the process is killed or the disk
fails.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from random import Random
from typing import Any

from twisted.internet import reactor as realReactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from imtw.errors import StoreError
from imtw.limits import Limits
from imtw.model import Draft, privatePair
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.persistence.harness import CHAT, ENVIRONMENT, SQLiteTestCase, SteeredReactor, Waiter
from imtw.test.persistence.speaker import CONVERSATIONS

SPEAKER = [sys.executable, "-m", "imtw.test.persistence.speaker"]


class Killer(ProcessProtocol):
    """
    Kills a process once it has written so many lines.

    @ivar ended: fires with all it wrote.
    """

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.data = b""
        self.errors = b""
        self.ended: Deferred[bytes] = Deferred()

    def outReceived(self, data: bytes) -> None:
        """
        It wrote something.
        """
        self.data += data
        if self.lines and self.data.count(b"\n") >= self.lines:
            self.lines = 0
            assert self.transport is not None
            self.transport.signalProcess("KILL")

    def errReceived(self, data: bytes) -> None:
        """
        It complains.
        """
        self.errors += data

    def processEnded(self, reason: Failure) -> None:
        """
        It is gone.
        """
        if self.errors:
            self.ended.errback(AssertionError(self.errors.decode()))
        else:
            self.ended.callback(self.data)


class KillTests(TestCase):
    """
    What was acknowledged is there after a kill -9.
    """

    timeout = 120

    async def test_killed(self) -> None:
        """
        At whatever point the process is killed: every message it had told to
        be stored is there, once, in its place, and the store goes on.
        """
        path = self.mktemp()
        random = Random(4)
        told: dict[tuple[int, int], str] = {}
        for run in range(6):
            killer = Killer(random.randrange(1, 3000))
            arguments = [*SPEAKER, "speak", path, f"{run}", ("0", "100", "10000")[run % 3]]
            realReactor.spawnProcess(killer, SPEAKER[0], arguments, env=ENVIRONMENT)
            lines = (await killer.ended).decode().splitlines(keepends=True)
            for line in lines:
                if line.endswith("\n"):
                    conversation, seq, id = line.split()
                    self.assertNotIn((int(conversation), int(seq)), told)
                    told[int(conversation), int(seq)] = id
            await self.check(path, told)
        self.assertGreater(len(told), 1000)

    async def check(self, path: str, told: dict[tuple[int, int], str]) -> None:
        """
        Look into a file that a process left behind.
        """
        store = SQLiteStore(path, SteeredReactor(), Limits())
        await store.start()
        try:
            rows = [row for pair in CONVERSATIONS for row in await store.walk(pair, 0, 10**6)]
            ids = {(row.conversation, row.seq): row.id for row in rows}
            self.assertEqual(len(set(ids.values())), len(rows))
            self.assertEqual({place: ids.get(place) for place in told}, told)
            for row in (rows[0], rows[-1]):
                waiter = Waiter()
                draft = Draft(row.pair, row.id, row.sender, row.content, 0, given=True, device=row.device)
                store.append(draft, waiter)
                self.assertEqual(((await waiter.result).seq, (await waiter.result).repeat), (row.seq, True))
        finally:
            await store.stop()
        with ReadOnlyDatabase(path) as database:
            self.assertEqual(list(database.damage()), [])


class DiskTests(SQLiteTestCase):
    """
    A disk that fails is told to the senders, and survived.
    """

    limits = Limits(commitBatch=20)

    async def test_full(self) -> None:
        """
        With a disk that is full nothing is acknowledged that is not stored,
        reading goes on, and so does writing once there is room again.
        """
        path = self.mktemp()
        out, err, code = await getProcessOutputAndValue(
            SPEAKER[0], [*SPEAKER[1:], "starve", path], env=ENVIRONMENT, reactor=realReactor
        )
        self.assertEqual(code, 0, err.decode())
        told = json.loads(out)
        self.assertGreater(told["refused"], 100)
        self.assertEqual(told["healthy while full"], False)
        self.assertEqual(told["healthy later"], False)
        self.assertEqual(told["at once"], "StoreError")
        self.assertEqual(told["read while full"], 1)
        self.assertEqual([id for id in told["stored"] if id.startswith("before")], [f"before-{n}" for n in range(200)])
        self.assertEqual([id for id in told["stored"] if id.startswith("after")], [f"after-{n}" for n in range(200)])
        with ReadOnlyDatabase(path) as database:
            rows = list(database.messages(CONVERSATIONS[1]))
            self.assertEqual(list(database.damage()), [])
        self.assertEqual([row.id for row in rows], told["stored"])

    async def setMaximum(self, pages: int) -> None:
        """
        Let the database grow to so many pages, until it is opened again.
        """
        pool = self.store._writer._pool
        await pool.runWithConnection(lambda c: c.execute(f"PRAGMA max_page_count = {pages:d}").fetchone())

    async def healed(self) -> None:
        """
        Wait until the database is written again.
        """
        self.assertFalse(self.store.healthy)
        while not self.store.healthy:
            await deferLater(realReactor, 0.01)

    async def test_everybodyIsTold(self) -> None:
        """
        When a commit fails, all that wait are refused, changes too, and what
        comes until the database works again is refused at once.
        """
        first = await self.say(CHAT, "alice", "before")
        await self.setMaximum(1)
        asked: list[Deferred[Any]] = [self.say(CHAT, "alice", "x" * 10000) for _ in range(100)]
        asked += [self.store.join("bob", "g", None, 10), self.store.pending("bob", None, 10)]
        results: Any = await DeferredList(asked, consumeErrors=True)
        self.assertEqual([stored for stored, _ in results], [False] * len(asked))
        for _, failure in results:
            self.assertIsInstance(failure.value, StoreError)
        self.assertEqual(self.store.waiting, 0)
        self.assertFalse(self.store.healthy)
        self.failureResultOf(self.say(CHAT, "alice", "meanwhile"), StoreError)
        self.failureResultOf(self.store.leave("bob", "g"), StoreError)
        self.assertEqual(await self.contents(CHAT), ["before"])
        await self.healed()
        after = await self.say(CHAT, "alice", "after")
        self.assertEqual((after.conversation, after.seq, after.n), (first.conversation, 2, 2))
        self.assertEqual(await self.contents(CHAT), ["before", "after"])
        self.assertIsNone(await self.store.group("g"))

    async def test_newConversationIsForgotten(self) -> None:
        """
        A conversation that began in a commit that failed did not begin.
        """
        await self.say(CHAT, "alice")
        await self.setMaximum(1)
        other = privatePair("alice", "carol")
        await self.assertFailure(self.say(other, "alice", "x" * 100000), StoreError)
        await self.healed()
        self.assertEqual(await self.store.pending("carol", None, 10), [])
        self.assertEqual((await self.say(other, "alice")).seq, 1)

    async def test_cannotBeOpened(self) -> None:
        """
        While the file cannot even be opened it is tried again and again.
        """
        pool = self.store._writer._pool
        prepare, pool.openfun = pool.openfun, self.unwilling
        self.tried = 0
        await self.setMaximum(1)
        await self.assertFailure(self.say(CHAT, "alice", "x" * 100000), StoreError)
        while self.tried < 2:
            await deferLater(realReactor, 0.01)
        pool.openfun = prepare
        await self.healed()
        self.assertEqual((await self.say(CHAT, "alice")).seq, 1)

    def unwilling(self, connection: object) -> None:
        """
        Fail.
        """
        self.tried += 1
        raise OSError("no such disk")

    async def test_stopWhileBroken(self) -> None:
        """
        A store that is stopped while its database does not work stops.
        """
        self.store._writer._pool.openfun = self.unwilling
        self.tried = 0
        await self.setMaximum(1)
        await self.assertFailure(self.say(CHAT, "alice", "x" * 100000), StoreError)
        await self.store.stop()
        self.store = SQLiteStore(self.path, self.reactor, self.limits)
        await self.store.start()
        self.assertEqual((await self.say(CHAT, "alice")).seq, 1)

    async def test_locked(self) -> None:
        """
        Somebody else who holds the database's lock is waited for.
        """
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        said = self.say(CHAT, "alice")
        await deferLater(realReactor, 0.3)
        self.assertNoResult(said)
        other.execute("COMMIT")
        other.close()
        self.assertEqual((await said).seq, 1)
