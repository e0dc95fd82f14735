"""
What one transaction adds to a SQLite database's logs.

All of this belongs to the thread that writes: it alone knows the heads, so
it alone gives seq.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from imtw.model import Draft, Message, Pair, Role
from imtw.persistence import recent
from imtw.persistence import tail as journal
from imtw.persistence.conversations import headOf
from imtw.persistence.headcache import Head, HeadCache
from imtw.persistence.heads import unsure
from imtw.persistence.places import groupNumbers
from imtw.persistence.rows import Row, insert, rowOf
from imtw.persistence.tail import Key, Tail, keyOf

KEPT = 100_000  # private conversations of which it is known that they are noted
CHUNK = 512  # rows of one conversation that get their place in one commit

ADD_CONVERSATION = "INSERT INTO conversations (scope, a, b, created) VALUES (?, ?, ?, ?)"
ADD_PRIVATE = """
    INSERT OR IGNORE INTO members (user, scope, conversation, joined, cursor)
    VALUES (?1, 1, ?3, ?4, 0), (?2, 1, ?3, ?4, 0)
"""

#: After all groups that the user is in, whatever the clock says.
ADD_MEMBER = """
    INSERT OR IGNORE INTO members (user, scope, conversation, joined, cursor, start, read, role)
    SELECT ?1, 2, ?2, max(?3, 1 + coalesce(max(joined), 0)), ?4, ?4, ?4, ?5 FROM members WHERE user = ?1 AND scope = 2
"""

class Ledger:
    """
    The logs, and what one transaction adds to them.

    @ivar heads: where they end.
    @ivar tail: what earlier transactions have added and is not in its place.
    @ivar cursor: the transaction's.
    @ivar now: ms since the epoch, when it began.
    @ivar named: the new messages whose ids clients gave.
    @ivar floors: of conversations whose messages it has ended, their last
        seq.
    """

    cursor: sqlite3.Cursor
    now: int

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.tail = Tail()
        self._seconds = seconds
        self.heads = HeadCache(self._waiting)
        # Private conversations of which it is noted for both users that they are not settled.
        self._noted: set[int] = set()
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
        self.heads.begin(cursor)
        if len(self._noted) >= KEPT:
            self._noted = set()

    def _reset(self) -> None:
        """
        Nothing is added yet.
        """
        # By conversation: the rows that are new, the rows of the tail that got their place; whose pair is to be noted.
        self._new: dict[int, tuple[Key, list[Row]]] = {}
        self._placed: dict[int, int] = {}
        self._undo: list[tuple[int, int, tuple[Key, list[Row]] | None]] = []
        self._notes: dict[int, Key] = {}
        self._large: set[int] = set()
        self._weight = 0
        self.named: list[Message] = []
        self.floors: dict[int, int] = {}

    def mark(self) -> int:
        """
        A savepoint is made.
        """
        self._note()
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
        The transaction has failed: what was found out in it is not true.
        """
        self.heads.rollBack()
        self._noted = set()
        self._reset()

    def finish(self) -> None:
        """
        Write what was added, right before the commit.
        """
        self._note()
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
        self.heads.recovered()
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
        insert(self.cursor, rows)

    def placeAmong(self, numbers: Iterable[int]) -> None:
        """
        Put all rows of some conversations into their places.
        """
        for number in numbers:
            if number in self._new or number in self.tail.rows:
                self.place(number)

    def placeGroups(self, user: str) -> None:
        """
        Put all rows of a user's groups into their places.
        """
        self.placeAmong(groupNumbers(self.cursor, user))

    def settle(self, user: str, most: int) -> bool:
        """
        Settle so many of a user's private conversations, and put their rows
        into their places.

        @return: may there be more?
        """
        numbers = recent.unsettled(self.cursor, user, most)
        if numbers:
            self.placeAmong(numbers)
            self._noted.difference_update(numbers)
            recent.settle(self.cursor, user, numbers)
        return len(numbers) == most

    def _note(self) -> None:
        """
        Note for their users which conversations have got rows.
        """
        if self._notes:
            recent.note(self.cursor, [(user, number) for number, key in self._notes.items() for user in key])
            self._notes = {}

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
        rows: list[Row] = []
        for number in self.tail.longestWaiting(self._placed):
            placed = self._placed.get(number, 0)
            chunk = self.tail.rows[number][placed : placed + CHUNK]
            self._placed[number] = placed + len(chunk)
            rows += chunk
            if len(rows) >= excess:
                break
        insert(self.cursor, rows)

    def seqOf(self, number: int) -> int | None:
        """
        The last seq of a conversation, or L{None} where all of it is in its
        place.
        """
        waiting = self._waiting(number)
        return None if waiting is None else int(waiting[1][1])

    def _waiting(self, number: int) -> tuple[Row, Row] | None:
        """
        The first and the last row of a conversation that are not in their
        place.
        """
        old: Sequence[Row] = self.tail.rows.get(number, ())
        placed = self._placed.get(number, 0)
        new: Sequence[Row] = self._new[number][1] if number in self._new else ()
        if placed < len(old):
            return old[placed], (new or old)[-1]
        return (new[0], new[-1]) if new else None

    # what is added

    def add(self, draft: Draft, head: Head, n: int) -> Message:
        """
        Make a draft the next row of a log.

        @raise StoreError: it is not sure where the log ends.
        @raise Exception: it cannot be stored; nothing is added.
        """
        if head.isDamaged:
            raise unsure(head.number)
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
            if number not in self._noted and pair.b:
                self._noted.add(number)
                self._notes[number] = pair[1:]
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

    def openPrivate(self, pair: Pair) -> Head:
        """
        Begin a private conversation, with a place in it for both.
        """
        head = Head(self.newConversation(pair))
        self.cursor.execute(ADD_PRIVATE, (pair.a, pair.b, head.number, self.now))
        self.heads.keep(pair, head)
        return head

    def addMember(self, user: str, number: int, role: Role = Role.MEMBER) -> None:
        """
        Put a user into a group, at the head, unless it is in.
        """
        self.place(number)
        self.cursor.execute(ADD_MEMBER, (user, number, self.now, headOf(self.cursor, number)[0], int(role)))
