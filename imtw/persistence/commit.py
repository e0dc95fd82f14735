"""
Commits batches of changes, each in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import DecodeError
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from imtw.commands import Status
from imtw.errors import CommandRefused, StoreError
from imtw.interfaces import IAppended
from imtw.limits import Limits
from imtw.model import Draft, Fact
from imtw.persistence.appender import Appender
from imtw.persistence.ledger import Ledger
from imtw.persistence.rows import Unstorable

#: A change's work, done in the writer's thread with everything before it written.
Work = Callable[[Ledger], Any]

Outcomes = list[Any]

_MESSAGE = Fact.MESSAGE  # an attribute of an enumeration is dear, and every message asks for this one

log = Logger()


@implementer(IAppended)
class Change:
    """
    A change other than a message, and the Deferred of its result.
    """

    __slots__ = ("deferred", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.deferred: Deferred[Any] = Deferred()

    def appended(self, message: Any) -> None:
        """
        It is committed, with this result.
        """
        self.deferred.callback(message)

    def refused(self, error: Exception) -> None:
        """
        It is not done.
        """
        self.deferred.errback(error)


Item = tuple[Draft | None, Any]  # a message and its waiter, or None and a Change


class Committer:
    """
    Writes to the database, in the writer's thread.
    """

    def __init__(self, ledger: Ledger, limits: Limits) -> None:
        self._ledger = ledger
        self._appender = Appender(ledger, limits)

    def commit(self, cursor: sqlite3.Cursor, batch: list[Item]) -> Outcomes:
        """
        Commit a batch in one transaction.

        @raise sqlite3.Error: the database does not work; nothing of it is
            committed.
        """
        try:
            return self._attempt(cursor, batch, self._together)
        except Exception as error:
            if isFatal(error):
                raise
        # Somebody's data cannot be stored.  Find out whose: one savepoint each.
        self._ledger.rollBack()
        cursor.execute("ROLLBACK")
        return self._attempt(cursor, batch, self._oneByOne)

    def _attempt(
        self, cursor: sqlite3.Cursor, batch: list[Item], write: Callable[[list[Item]], Outcomes]
    ) -> Outcomes:
        """
        Write a batch in one way, and commit it.
        """
        cursor.execute("BEGIN IMMEDIATE")
        self._ledger.begin(cursor)
        self._appender.begin()
        outcomes = write(batch)
        self._ledger.finish()
        cursor.execute("COMMIT")
        self._ledger.committed()
        return outcomes

    def _together(self, batch: list[Item]) -> Outcomes:
        """
        Take all as they come.

        @raise Exception: a message cannot be stored.
        """
        append = self._appender.append
        self._appender.prepare([draft for draft, _ in batch if draft is not None])
        outcomes: Outcomes = []
        for draft, waiter in batch:
            try:
                if draft is None:
                    outcomes.append(self._guarded(partial(waiter.work, self._ledger)))
                    self._appender.peopleChanged()
                elif draft.fact is _MESSAGE:
                    outcomes.append(append(draft))
                else:
                    outcomes.append(self._alone(draft))
            except (CommandRefused, StoreError) as refusal:
                outcomes.append(refusal)
        return outcomes

    def _oneByOne(self, batch: list[Item]) -> Outcomes:
        """
        Take each for itself: what cannot be stored fails alone.
        """
        outcomes: Outcomes = []
        for draft, waiter in batch:
            if draft is None:
                outcomes.append(self._guarded(partial(waiter.work, self._ledger)))
            else:
                outcomes.append(self._alone(draft))
        return outcomes

    def _alone(self, draft: Draft) -> Any:
        """
        Add one row, or leave no trace of it.  A new message changes nothing
        but what it adds at the end; a recall or an edit does.
        """
        outcome = self._guarded(partial(self._add, draft))
        if isinstance(outcome, Exception):
            self._ledger.heads.forget(draft.pair)
        return outcome

    def _add(self, draft: Draft) -> Any:
        """
        Add one row, for which nothing was prepared.
        """
        self._appender.prepare([draft])
        return self._appender.append(draft)

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """
        Do something that leaves no trace if it fails.

        @return: its result, or its error.
        """
        cursor = self._ledger.cursor
        mark = self._ledger.mark()
        cursor.execute("SAVEPOINT one")
        try:
            outcome = work()
        except Exception as error:  # data that cannot be stored may fail anywhere
            if isFatal(error):
                raise
            cursor.execute("ROLLBACK TO one")
            self._ledger.rollBackTo(mark)
            outcome = refusalOf(error)
        cursor.execute("RELEASE one")
        return outcome


def isFatal(error: Exception) -> bool:
    """
    Is it the database that failed (disk full, I/O, locked), and not what was
    to be written, or one place in it?
    """
    return isinstance(error, (sqlite3.OperationalError, sqlite3.InternalError))


def refusalOf(error: Exception) -> Exception:
    """
    What somebody is told whose change alone could not be done.
    """
    if isinstance(error, (CommandRefused, StoreError)):
        return error
    if type(error) is sqlite3.DatabaseError or isinstance(error, (UnicodeDecodeError, DecodeError)):
        return StoreError(f"the database is damaged: {error}")
    if isinstance(error, (Unstorable, OverflowError, UnicodeError, sqlite3.Error)):
        return CommandRefused(Status.BAD_REQUEST, f"this cannot be stored: {error}")
    log.failure("a change failed, and not for its own sake", Failure(error))
    return StoreError(f"not stored: {error!r}")
