"""
What one transaction adds to a SQLite database's logs.

All of this belongs to the thread that writes: it alone knows the heads, so
it alone gives seq.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from imtw.model import Draft, Message, Pair
from imtw.persistence import tail as journal
from imtw.persistence.pages import headOf, numberOf
from imtw.persistence.rows import INSERT, Row, rowOf
from imtw.persistence.tail import Key, Tail, keyOf

HEADS = 100_000  # heads kept of conversations that were lately written to
CHUNK = 512  # rows of one conversation that get their place in one commit

OF_USER = "SELECT conversation FROM members WHERE user = ?"
ADD_CONVERSATION = "INSERT INTO conversations (scope, a, b, created) VALUES (?, ?, ?, ?)"
ADD_PRIVATE = "INSERT OR IGNORE INTO members (user, scope, conversation, joined, cursor) VALUES (?, 1, ?, ?, 0)"

#: After all groups that the user is in, whatever the clock says.
ADD_MEMBER = """
    INSERT OR IGNORE INTO members (user, scope, conversation, joined, cursor)
    SELECT ?1, 2, ?2, max(?3, 1 + coalesce(max(joined), 0)), ?4 FROM members WHERE user = ?1 AND scope = 2
"""


class Head:
    """
    Where a log ends.
    """

    __slots__ = ("n", "number", "seq", "ts")

    def __init__(self, number: int, seq: int = 0, n: int = 0, ts: int = 0) -> None:
        self.number = number
        self.seq = seq
        self.n = n
        self.ts = ts


class Ledger:
    """
    What the logs end with, and what one transaction adds to them.

    @ivar tail: what earlier transactions have added and is not in its place.
    @ivar cursor: the transaction's.
    @ivar now: ms since the epoch, when it began.
    @ivar named: the new messages whose ids clients gave.
    """

    cursor: sqlite3.Cursor
    now: int

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.tail = Tail()
        self._seconds = seconds
        # Two generations, by the ends of the pair: what was not asked for while the younger one filled up is forgotten.
        self._heads: dict[Key, Head] = {}
        self._olderHeads: dict[Key, Head] = {}
        self._position = 0
        self._trimmed = 0
        self._reset()

    # the transaction

    def begin(self, cursor: sqlite3.Cursor) -> None:
        """
        A transaction has begun.
        """
        self.cursor = cursor
        self.now = int(self._seconds() * 1000)
        self._reset()

    def _reset(self) -> None:
        """
        Nothing is added yet.
        """
        # By conversation: the rows that are new, the rows of the tail that got their place.
        self._new: dict[int, tuple[Key, list[Row]]] = {}
        self._placed: dict[int, int] = {}
        self._undo: list[tuple[int, int, tuple[Key, list[Row]] | None]] = []
        self._large: set[int] = set()
        self._weight = 0
        self.named: list[Message] = []

    def mark(self) -> int:
        """
        A savepoint was made.
        """
        return len(self._undo)

    def rollBackTo(self, mark: int) -> None:
        """
        The database went back to a savepoint: what was put into its place
        since then is not there.
        """
        while len(self._undo) > mark:
            number, placed, new = self._undo.pop()
            self._placed[number] = placed
            if new is None:
                self._new.pop(number, None)
            else:
                self._new[number] = new

    def rollBack(self) -> None:
        """
        The transaction has failed: what it made of the heads is not true.
        """
        self._heads = {}
        self._olderHeads = {}
        self._reset()

    def finish(self) -> None:
        """
        Write what was added, right before the commit.
        """
        for number in self._large:
            self.place(number)
        rows = [row for _, added in self._new.values() for row in added]
        excess = self.tail.size - sum(self._placed.values()) + len(rows) - journal.ROWS
        if self.tail.bytes > journal.BYTES:
            excess = max(excess, 2 * len(rows) + CHUNK)
        if excess > 0:
            self._placeOldest(excess)
        oldest = self.tail.oldest
        if oldest is not None and oldest > self._trimmed:
            self.cursor.execute(journal.FORGET, (oldest,))
            self._trimmed = oldest
        if rows:
            self._position += 1
            entry = journal.entryOf(rows)
            self._weight = len(entry)
            self.cursor.execute(journal.ADD, (self._position, entry))

    def committed(self) -> None:
        """
        The transaction is committed.
        """
        for number, count in self._placed.items():
            if count:
                self.tail.drop(number, count)
        if self._new:
            self.tail.add(self._position, self._weight, self._new)
            for message in self.named:
                new = self._new.get(message.conversation)
                if new is not None and message.seq >= new[1][0][1]:
                    self.tail.named.setdefault(keyOf(message), []).append(message)
        self._reset()

    def recovered(self) -> None:
        """
        The database was opened, and all that is in it is in its place.
        """
        self.rollBack()
        self.tail.clear()
        self._position = 0
        self._trimmed = 0

    # places

    def place(self, number: int) -> None:
        """
        Put all rows of a conversation into their places.
        """
        placed = self._placed.get(number, 0)
        new = self._new.pop(number, None)
        waiting = self.tail.rows.get(number, [])
        self._undo.append((number, placed, new))
        self._placed[number] = len(waiting)
        rows = waiting[placed:]
        if new is not None:
            rows = rows + new[1]
        if rows:
            self.cursor.executemany(INSERT, rows)

    def placeOf(self, user: str) -> None:
        """
        Put all rows of a user's conversations into their places.
        """
        for (number,) in self.cursor.execute(OF_USER, (user,)).fetchall():
            if number in self._new or number in self.tail.rows:
                self.place(number)

    def placeAll(self) -> None:
        """
        Put everything into its place.
        """
        for number in {**self.tail.rows, **self._new}:
            self.place(number)
        self.cursor.execute(journal.CLEAR)

    def _placeOldest(self, excess: int) -> None:
        """
        Put so many rows into their places, those of a conversation together,
        or some more.
        """
        for number in self.tail.longestWaiting(self._placed):
            placed = self._placed.get(number, 0)
            chunk = self.tail.rows[number][placed : placed + CHUNK]
            self.cursor.executemany(INSERT, chunk)
            self._placed[number] = placed + len(chunk)
            excess -= len(chunk)
            if excess <= 0:
                return

    # heads

    def head(self, pair: Pair) -> Head | None:
        """
        Where the log of a conversation ends; L{None} where there is no such
        conversation.
        """
        key = pair[1:]
        head = self._heads.get(key)
        if head is None:
            head = self._olderHeads.get(key)
            if head is None:
                number = numberOf(self.cursor, pair)
                if number is None:
                    return None
                head = self._headOf(number)
            self._keep(key, head)
        return head

    def seqOf(self, number: int) -> int | None:
        """
        The last seq of a conversation, or L{None} where all of it is in its
        place.
        """
        last = self._last(number)
        return None if last is None else int(last[1])

    def _headOf(self, number: int) -> Head:
        """
        Where a log ends, as it was written.
        """
        last = self._last(number)
        seq, n, ts = headOf(self.cursor, number) if last is None else (last[1], last[2], last[3])
        return Head(number, seq, n, ts)

    def _last(self, number: int) -> Row | None:
        """
        The last row of a conversation that is not in its place.
        """
        if number in self._new:
            return self._new[number][1][-1]
        waiting: Sequence[Row] = self.tail.rows.get(number, ())
        return waiting[-1] if self._placed.get(number, 0) < len(waiting) else None

    def _keep(self, key: Key, head: Head) -> None:
        """
        Remember a head.
        """
        if len(self._heads) >= HEADS:
            self._olderHeads = self._heads
            self._heads = {}
        self._heads[key] = head

    def forget(self, pair: Pair) -> None:
        """
        What was added to one conversation was taken back.
        """
        self._heads.pop(pair[1:], None)
        self._olderHeads.pop(pair[1:], None)

    # what is added

    def add(self, draft: Draft, head: Head, n: int) -> Message:
        """
        Make a draft the next row of a log.

        @raise Exception: it cannot be stored; nothing is added.
        """
        ts = head.ts + 1
        if self.now > ts:
            ts = self.now
        seq = head.seq + 1
        number = head.number
        pair = draft.pair
        message = Message(
            number, seq, n, ts, pair, draft.id, draft.sender, draft.content, draft.created,
            draft.kind, draft.device, draft.extras, draft.fact,
        )  # fmt: skip
        row, size = rowOf(message)
        if size > journal.LARGE:
            self._large.add(number)
        new = self._new.get(number)
        if new is None:
            self._new[number] = pair[1:], [row]
        else:
            new[1].append(row)
        head.seq = seq
        head.n = n
        head.ts = ts
        return message

    def newConversation(self, pair: Pair) -> int:
        """
        The number of a conversation, made now.
        """
        self.cursor.execute(ADD_CONVERSATION, (pair.scope.value, pair.a, pair.b, self.now))
        assert self.cursor.lastrowid is not None
        return self.cursor.lastrowid

    def newHead(self, pair: Pair) -> Head:
        """
        Begin a conversation.
        """
        head = Head(self.newConversation(pair))
        self._keep(pair[1:], head)
        return head

    def addPrivate(self, user: str, number: int) -> None:
        """
        Give a user a place in a private conversation, unless it has one.
        """
        self.cursor.execute(ADD_PRIVATE, (user, number, self.now))

    def addMember(self, user: str, number: int) -> None:
        """
        Put a user into a group, at the head, unless it is in.
        """
        self.place(number)
        self.cursor.execute(ADD_MEMBER, (user, number, self.now, headOf(self.cursor, number)[0]))
