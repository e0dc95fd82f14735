"""
Reads a SQLite database for an operator: C{imtw} commands that list, export
or check.  A server may be using it at the same time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

from imtw.errors import StoreError
from imtw.model import Account, Fact, Group, Message, Pair, Scope
from imtw.persistence import conversations, pages, reads
from imtw.persistence.readers import UNREADABLE, errorOf, run
from imtw.persistence.rows import Row, isSound
from imtw.persistence.schema import Unfit, prepareReader, refuseNewer, steps, versionOf
from imtw.persistence.tail import readJournal

P = ParamSpec("P")
T = TypeVar("T")

ROOM = 1024 * 1024  # bytes of messages that are read at once
CHUNK = 1000  # rows read at once, so that a server's log is not kept from being cleared for long

CONVERSATIONS = "SELECT id, scope, a, b FROM conversations WHERE id > ? ORDER BY id LIMIT ?"
#: Places in conversations, and whether they are settled though the last row is another one than they say.
PLACES = """
    SELECT user, scope, conversation,
        scope = 1 AND NOT EXISTS (
            SELECT 1 FROM unsettled WHERE unsettled.user = members.user
                AND unsettled.conversation = members.conversation
        ) AND last <> coalesce((
            SELECT ts FROM messages WHERE messages.conversation = members.conversation ORDER BY seq DESC LIMIT 1
        ), 0)
    FROM members WHERE (user, scope, conversation) > (?, ?, ?) ORDER BY user, scope, conversation LIMIT ?
"""
ROWS = "SELECT * FROM messages WHERE (conversation, seq) > (?, ?) ORDER BY conversation, seq LIMIT ?"


class ReadOnlyDatabase:
    """
    A database that is only read.  Use it in a C{with} statement.

    @ivar looked: how many rows of logs L{damage} has looked at.
    """

    def __init__(self, path: str) -> None:
        if not os.path.exists(path):
            raise StoreError(f"{path}: there is no such file")
        uri = Path(path).absolute().as_uri() + "?mode=ro"
        try:
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
            prepareReader(self._connection)
            version, newest = versionOf(self._connection), steps()[-1][0]
            refuseNewer(version, newest)
        except Unfit as error:
            raise Unfit(f"{path} cannot be used: {error}") from error
        except (sqlite3.Error, *UNREADABLE) as error:
            raise StoreError(f"{path} cannot be read: {error}") from error
        self._tails: dict[int, list[Row]] = {}
        self.looked = 0
        if version < newest:
            raise Unfit(
                f"{path} has version {version}, this imtw reads version {newest}: "
                "start the server once to bring it up to date, or use the imtw that made it"
            )
        # Before anything else: what leaves the journal from now on is found in its place.
        for entry in self._ask(readJournal):
            for row in entry:
                self._tails.setdefault(row[0], []).append(row)

    def __enter__(self) -> ReadOnlyDatabase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def users(self) -> Iterator[Account]:
        """
        All users in the order of their ids.
        """
        after = ""
        while found := self._ask(reads.users, after, CHUNK):
            yield from found
            after = found[-1].user.id

    def groups(self) -> Iterator[Group]:
        """
        All groups in the order of their ids.
        """
        after = ""
        while found := self._ask(reads.groups, after, CHUNK):
            yield from found
            after = found[-1].id

    def conversations(self) -> Iterator[tuple[int, Pair]]:
        """
        All conversations and their numbers.
        """
        after = 0
        while found := self._ask(_conversations, after):
            for after, pair in found:
                yield after, pair

    def messages(self, pair: Pair, after: int = 0) -> Iterator[Message]:
        """
        A log as it stands behind a seq, recalls too.

        @raise StoreError: at the first row that is damaged.
        """
        tail = self._tails.get(self._ask(conversations.numberOf, pair) or 0, [])
        while found := self._ask(pages.walk, pair, after, CHUNK, ROOM, tail):
            yield from found
            after = found[-1].seq

    def damage(self) -> Iterator[str]:
        """
        What is wrong with the database, one finding at a time: nothing where
        it is sound.  This reads all of it.
        """
        try:
            for (finding,) in self._connection.execute("PRAGMA integrity_check"):
                if finding != "ok":
                    yield str(finding)
        except (sqlite3.Error, *UNREADABLE) as error:
            yield str(errorOf(error))
        self.looked = 0
        ends = dict.fromkeys(self._tails, 0)
        yield from self._damagedRows(ends)
        yield from self._damagedPlaces()
        for number, rows in self._tails.items():
            for row in rows:
                if not isSound(row):
                    yield f"message {row[1]} of conversation {row[0]}: its checksum does not fit, in the journal"
                elif row[1] > ends[number]:
                    self.looked += 1

    def _damagedRows(self, ends: dict[int, int]) -> Iterator[str]:
        """
        What is wrong with the rows that are in their places.

        @param ends: gets the last seq of each conversation that is in it.
        """
        after = 0, 0
        conversation, seq, n = 0, 0, 0  # of the last row that was sound
        while rows := self._ask(_rows, after):
            self.looked += len(rows)
            for row in rows:
                if not isSound(row):
                    yield f"message {row[1]} of conversation {row[0]}: its checksum does not fit"
                    conversation = 0
                    continue
                follows = (row[1], row[2]) == (seq + 1, n + (row[11] == Fact.MESSAGE))
                if row[0] == conversation and not follows:
                    yield f"message {row[1]} of conversation {row[0]}: it does not follow the one before it"
                conversation, seq, n = row[:3]
                if conversation in ends:
                    ends[conversation] = seq
            last = rows[-1][:2]
            if not all(isinstance(number, int) for number in last) or last <= after:
                yield f"message {after[1]} of conversation {after[0]}: what follows is out of order and was not read"
                return
            after = last

    def _damagedPlaces(self) -> Iterator[str]:
        """
        What is wrong with users' lists of conversations.
        """
        after = "", 0, 0
        while places := self._ask(_places, after):
            for _, _, conversation, isWrong in places:
                if isWrong:
                    yield f"conversation {conversation}: its place in a user's list is not that of its last message"
            last = places[-1][:3]
            if tuple(map(type, last)) != (str, int, int) or last <= after:
                yield "the places of users in conversations are out of order and were not all read"
                return
            after = last

    def _ask(
        self, query: Callable[Concatenate[sqlite3.Cursor, P], T], *arguments: P.args, **more: P.kwargs
    ) -> T:
        """
        Run a query.
        """
        return run(self._connection, query, *arguments, **more)


def _conversations(cursor: sqlite3.Cursor, after: int) -> list[tuple[int, Pair]]:
    """
    Some conversations.
    """
    return [(id, Pair(Scope(scope), a, b)) for id, scope, a, b in cursor.execute(CONVERSATIONS, (after, CHUNK))]


def _places(cursor: sqlite3.Cursor, after: tuple[str, int, int]) -> list[Row]:
    """
    Some users' places in conversations.
    """
    return cursor.execute(PLACES, (*after, CHUNK)).fetchall()


def _rows(cursor: sqlite3.Cursor, after: tuple[int, int]) -> list[Row]:
    """
    Some rows of all logs.
    """
    return cursor.execute(ROWS, (*after, CHUNK)).fetchall()
