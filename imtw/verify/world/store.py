"""
The SQLite store without threads and without a disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from imtw.delivery import LARGE
from imtw.limits import Limits
from imtw.model import Draft
from imtw.persistence.commit import Committer, Item, Outcomes
from imtw.persistence.schema import upgrade
from imtw.persistence.sqlite import SQLiteStore
from imtw.verify.world.lifetime import Lifetime

TROUBLE = 0.01  # how often the disk fails, while it does
PACES = (300.0, 300.0, 30.0)

#: Told of a batch that was committed, what came of each, and when, in ms.
Witness = Callable[[list[Item], Outcomes, int], None]


@cache
def emptyImage() -> bytes:
    """
    A database that nobody has used yet.
    """
    made = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(made)
    return bytes(made.serialize())


class Disk:
    """
    What survives a crash: all that is committed.

    @ivar pace: how much can be begun, or ended, in a second.
    @ivar isFailing: now and then nothing can be written.
    """

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.pace = chance.choice(PACES)
        self.isFailing = False
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        self.database.deserialize(emptyImage())

    def fails(self) -> bool:
        """
        Is this one of the times when nothing can be written?
        """
        return self.isFailing and self.chance.random() < TROUBLE

    def crash(self) -> None:
        """
        What is not committed is gone.
        """
        if self.database.in_transaction:
            self.database.rollback()


class Cursor(sqlite3.Cursor):
    """
    A cursor that cannot always commit what it has written.
    """

    disk: Disk

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:  # type: ignore[override]
        """
        Execute one statement.
        """
        if sql == "COMMIT" and self.disk.fails():
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *args)


class Link:
    """
    The database, as adbapi hands it to a thread.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._connection = disk.database

    def cursor(self) -> sqlite3.Cursor:
        """
        A new cursor.
        """
        cursor = self._connection.cursor(Cursor)
        cursor.disk = self._disk
        return cursor

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """
        Execute one statement.
        """
        return self._connection.execute(*args)


class Hands:
    """
    In place of adbapi's pool of threads: each piece of work takes its time,
    then it is done at once, and a while later its result is known.  In
    between the server may crash.
    """

    def __init__(self, disk: Disk, reactor: Lifetime, writes: bool) -> None:
        self._disk = disk
        self._reactor = reactor
        self._writes = writes

    def runWithConnection(self, work: Callable[..., Any], *args: Any, **more: Any) -> Deferred[Any]:
        """
        Do something with the database.
        """
        done: Deferred[Any] = Deferred()
        self._reactor.callLater(self._pause(), self._work, done, work, args, more)
        return done

    def disconnect(self, database: sqlite3.Connection) -> None:
        """
        There is one connection, and it stays.
        """

    def close(self) -> None:
        """
        Nothing has to be closed.
        """

    def _pause(self) -> float:
        return self._disk.chance.expovariate(self._disk.pace)

    def _work(self, done: Deferred[Any], work: Callable[..., Any], args: Any, more: Any) -> None:
        try:
            if self._writes and self._disk.fails():
                raise sqlite3.OperationalError("disk I/O error")
            result = work(Link(self._disk), *args, **more)
        except Exception:
            self._reactor.callLater(self._pause(), done.errback, Failure())
        else:
            self._reactor.callLater(self._pause(), done.callback, result)


class WitnessedCommitter(Committer):
    """
    Says what it has committed.
    """

    witness: Witness

    def commit(self, cursor: sqlite3.Cursor, batch: list[Item]) -> Outcomes:
        """
        See L{Committer.commit}.
        """
        outcomes = super().commit(cursor, batch)
        self.witness(batch, outcomes, self._ledger.now)
        return outcomes


class Weighed:
    """
    Whoever waits for a message to be stored, and what the message weighs
    until then.
    """

    def __init__(self, weight: int, waiter: Any, weights: list[int]) -> None:
        self._weight = weight
        self._waiter = waiter
        self._weights = weights
        weights.append(weight)

    def appended(self, message: Any) -> None:
        """
        It is.
        """
        self._weights.remove(self._weight)
        self._waiter.appended(message)

    def refused(self, error: Exception) -> None:
        """
        It is not.
        """
        self._weights.remove(self._weight)
        self._waiter.refused(error)


class WorldStore(SQLiteStore):
    """
    The real store on such a disk.

    @ivar enough: messages that may wait here.
    @ivar enoughBytes: of large ones, which are weighed, not only counted.
    @ivar faults: what cannot be.
    """

    enough = 0
    enoughBytes = 0
    faults: list[str]

    def __init__(self, disk: Disk, reactor: Lifetime, limits: Limits, witness: Witness) -> None:
        super().__init__("world", reactor, limits)
        self._disk = disk
        self._weights: list[int] = []
        writer = self._writer
        writer._committer = WitnessedCommitter(writer._ledger, limits)
        writer._committer.witness = witness
        writer.patience = 0.0  # no other thread could give it anything

    def append(self, draft: Draft, waiter: Any) -> None:
        """
        See L{SQLiteStore.append}.
        """
        weights = self._weights
        super().append(draft, Weighed(draft.weight, waiter, weights))
        large = sum(weight for weight in weights if weight > LARGE)
        if len(weights) > self.enough or large > self.enoughBytes:
            self.faults.append(f"{len(weights)} messages wait for a commit, the large ones with {large} bytes")

    async def _start(self) -> None:
        await self._writer.start(self._hands(True))
        self._readers.start(self._hands(False))

    async def _stop(self) -> None:
        await self._readers.stop()
        await self._writer.stop()

    def _hands(self, writes: bool) -> Any:
        return Hands(self._disk, self._reactor, writes)
