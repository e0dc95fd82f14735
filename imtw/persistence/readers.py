"""
The threads that read a SQLite database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from msgspec import DecodeError
from twisted.enterprise.adbapi import Connection, ConnectionPool
from twisted.internet.defer import Deferred, fail, succeed

from imtw.commands import Status
from imtw.errors import CommandRefused, ImtwError, StoreError

P = ParamSpec("P")
T = TypeVar("T")


#: What damage makes of values that imtw has written, and of SQLite's own messages, which quote it.
UNREADABLE = (OverflowError, TypeError, ValueError, DecodeError)


class Readers:
    """
    Answers queries from what is committed.
    """

    def __init__(self) -> None:
        self._pool: ConnectionPool | None = None
        self._busy = 0
        self._idle: Deferred[None] | None = None

    def start(self, pool: ConnectionPool) -> None:
        """
        Read through these connections from now on.
        """
        self._pool = pool

    def ask(
        self, query: Callable[Concatenate[sqlite3.Cursor, P], T], *arguments: P.args, **more: P.kwargs
    ) -> Deferred[T]:
        """
        Run a query, a function of a cursor, in a thread.
        """
        if self._pool is None:
            return fail(StoreError("the store is closed"))
        self._busy += 1
        asked: Deferred[T] = self._pool.runWithConnection(run, query, *arguments, **more)
        return asked.addBoth(self._answered)

    def stop(self) -> Deferred[None]:
        """
        Take no more; fires when everything asked is answered.
        """
        self._pool = None
        if not self._busy:
            return succeed(None)
        self._idle = Deferred()
        return self._idle

    def _answered(self, result: T) -> T:
        """
        One query less is under way.
        """
        self._busy -= 1
        if self._idle is not None and not self._busy:
            self._idle.callback(None)
        return result


def errorOf(error: Exception) -> ImtwError:
    """
    What somebody is told whose query has failed with one of SQLite's errors,
    or one of L{UNREADABLE}.
    """
    if isinstance(error, (OverflowError, UnicodeEncodeError)):
        return CommandRefused(Status.BAD_REQUEST, f"this cannot be asked for: {error}")
    if isinstance(error, sqlite3.Error):
        return StoreError(f"the database cannot be read: {error}")
    return StoreError(f"the database is damaged: {error}")


def run(
    connection: Connection | sqlite3.Connection,
    query: Callable[Concatenate[sqlite3.Cursor, P], T],
    *arguments: P.args,
    **more: P.kwargs,
) -> T:
    """
    Run a query on one state of the database.

    @raise StoreError: the database cannot be read.
    @raise CommandRefused: what is asked for cannot be in any database.
    """
    cursor = connection.cursor()
    try:
        cursor.execute("BEGIN")
        try:
            return query(cursor, *arguments, **more)
        finally:
            cursor.execute("ROLLBACK")
    except (sqlite3.Error, *UNREADABLE) as error:
        raise errorOf(error) from error
    finally:
        cursor.close()
