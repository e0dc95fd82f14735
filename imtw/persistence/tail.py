"""
The newest rows of the logs, which are committed but not in their place yet.

A row's place is in a tree by conversation and seq, and another one by id.
Writing 64 messages of 64 conversations there changes 128 pages, and SQLite
writes each changed page whole.  So a commit writes its rows, all of them
together, as one entry of the table C{journal}, and keeps them here.  Each
later commit puts some of the oldest into their places, many of one
conversation at once.  Measured: a third of the processor time a message, and
a commit of 64 takes 0.1 ms in place of 1.

What is here of a conversation are its last rows without exception, and all
of them messages that were not recalled: whatever needs more puts the
conversation's rows into their place first (L{imtw.persistence.ledger}).
After a crash L{recover} does so with the whole journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import DecodeError
from msgspec.json import Decoder, Encoder

from imtw.errors import StoreError
from imtw.model import Message, Pair
from imtw.persistence.rows import Row, restore

ROWS = 16384  # that wait here for their place
BYTES = 16 * 1024 * 1024  # that these may take in the journal
LARGE = 8192  # bytes of a row that gains nothing from waiting

ADD = "INSERT INTO journal (position, entry) VALUES (?, ?)"
READ = "SELECT position, entry FROM journal ORDER BY position"
FORGET = "DELETE FROM journal WHERE position < ?"
CLEAR = "DELETE FROM journal"

Key = tuple[Any, ...]

_encode = Encoder().encode
_decode = Decoder(list[tuple[Any, ...]]).decode


class Tail:
    """
    Rows that are in the journal alone.  The writer's thread changes this,
    after the commit; all threads read it.

    @ivar rows: by conversation, the oldest first.
    @ivar size: how many rows.
    @ivar bytes: how many bytes they take in the journal, or more.
    @ivar named: by L{keyOf}, the messages among them whose ids clients gave,
        the oldest first.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """
        All rows are in their places, and the journal is empty.
        """
        self.rows: dict[int, list[Row]] = {}
        self.size = 0
        self.bytes = 0
        self.named: dict[Key, list[Message]] = {}
        self._keys: dict[int, Key] = {}
        self._numbers: dict[Key, int] = {}
        self._positions: dict[int, list[int]] = {}
        self._entries: dict[int, Entry] = {}

    def of(self, pair: Pair) -> Sequence[Row]:
        """
        The rows of a conversation, in the order of seq.  Who reads the
        database afterwards may find some of them there as well, and misses
        none.  This is no copy: more may be added, none is removed.
        """
        number = self._numbers.get(pair[1:])
        return () if number is None else self.rows.get(number, ())

    @property
    def oldest(self) -> int | None:
        """
        The first entry of the journal that is still needed.
        """
        return next(iter(self._entries), None)

    def longestWaiting(self, placed: dict[int, int]) -> Iterator[int]:
        """
        The conversations whose rows are first in the journal.

        @param placed: how many rows of a conversation do not count.
        """
        for position, entry in self._entries.items():
            for number in entry.numbers:
                positions = self._positions.get(number, ())
                done = placed.get(number, 0)
                if done < len(positions) and positions[done] <= position:
                    yield number

    def add(self, position: int, weight: int, added: dict[int, tuple[Key, list[Row]]]) -> None:
        """
        An entry of the journal was committed.

        @param weight: its bytes.
        @param added: by conversation, the ends of its pair, and the rows.
        """
        count = 0
        for number, (key, rows) in added.items():
            if number in self.rows:
                self.rows[number] += rows
            else:
                self._keys[number] = key
                self._positions[number] = []
                self.rows[number] = rows
                self._numbers[key] = number
            self._positions[number] += [position] * len(rows)
            count += len(rows)
        self._entries[position] = Entry(list(added), count, weight)
        self.size += count
        self.bytes += weight

    def drop(self, number: int, count: int) -> None:
        """
        The oldest rows of a conversation are in their places.
        """
        positions = self._positions[number]
        rows = self.rows[number]
        for position in positions[:count]:
            entry = self._entries[position]
            entry.count -= 1
            if not entry.count:
                self.bytes -= entry.weight
                del self._entries[position]
        if self.named:
            for row in rows[:count]:
                self._forget(row)
        self.size -= count
        if count < len(rows):
            del positions[:count]
            self.rows[number] = rows[count:]
        else:
            del self._numbers[self._keys.pop(number)], self._positions[number], self.rows[number]

    def _forget(self, row: Row) -> None:
        """
        A row's id is found in the database from now on.
        """
        key = (row[6], row[4]) if row[5] else (row[0], row[4], row[6])
        named = self.named.get(key)
        if named is not None and named[0].seq == row[1]:
            del named[0]
            if not named:
                del self.named[key]


class Entry:
    """
    An entry of the journal.

    @ivar numbers: of the conversations that have rows in it.
    @ivar count: how many of its rows are not in their place.
    @ivar weight: its bytes.
    """

    __slots__ = ("count", "numbers", "weight")

    def __init__(self, numbers: list[int], count: int, weight: int) -> None:
        self.numbers = numbers
        self.count = count
        self.weight = weight


def keyOf(message: Message) -> Key:
    """
    What tells the messages apart that one id may mean: a device's id is its
    user's, any other is its sender's in a conversation.
    """
    if message.device:
        return message.sender, message.id
    return message.conversation, message.id, message.sender


def entryOf(rows: Sequence[Row]) -> bytes:
    """
    An entry of the journal: rows as JSON.
    """
    return _encode(rows)


def readJournal(cursor: sqlite3.Cursor) -> list[list[Row]]:
    """
    All entries of the journal.

    @raise StoreError: one is damaged.
    """
    entries = []
    for position, entry in cursor.execute(READ):
        try:
            entries.append(_decode(entry))
        except (DecodeError, TypeError, UnicodeDecodeError) as error:
            raise StoreError(f"entry {position} of the journal is damaged; restore a backup") from error
    return entries


def recover(cursor: sqlite3.Cursor) -> None:
    """
    Put all that is in the journal into its place, if it is not there.

    @raise StoreError: that is damaged, or there is something else.
    """
    cursor.execute("BEGIN IMMEDIATE")
    for rows in readJournal(cursor):
        restore(cursor, rows)
    cursor.execute(CLEAR)
    cursor.execute("COMMIT")
