"""
What one transaction adds to a SQLite database's logs.

All of this belongs to the thread that writes: it alone knows the heads, so
it alone gives seq.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from msgspec.json import Encoder
from twisted.logger import Logger

from imtw.model import Draft, Message, Pair, Role
from imtw.persistence import heads, recent
from imtw.persistence import tail as journal
from imtw.persistence.pages import ambiguous, headOf
from imtw.persistence.places import groupNumbers
from imtw.persistence.rows import Row, insert, rowOf
from imtw.persistence.tail import Key, Tail, keyOf

KEPT = 100_000  # heads kept of conversations that were lately written to
CHUNK = 512  # rows of one conversation that get their place in one commit

#: For many conversations at once: [[scope, a, b], ...].
HEADS_OF = """
    SELECT a, b, conversations.id, coalesce(seq, 0), coalesce(n, 0), coalesce(ts, 0),
        CASE conversations.scope
            WHEN 1 THEN EXISTS (SELECT 1 FROM blocks WHERE user = a AND other = b)
                OR EXISTS (SELECT 1 FROM blocks WHERE user = b AND other = a)
            ELSE coalesce((SELECT mode FROM groups WHERE groups.conversation = conversations.id), 0)
                OR EXISTS (SELECT 1 FROM restrictions WHERE restrictions.conversation = conversations.id)
        END,
        a IS (SELECT a FROM conversations AS home NOT INDEXED WHERE home.id = conversations.id)
            AND b IS (SELECT b FROM conversations AS home NOT INDEXED WHERE home.id = conversations.id)
    FROM json_each(?) AS asked CROSS JOIN conversations
    LEFT JOIN messages ON conversation = conversations.id
        AND seq = (SELECT max(seq) FROM messages WHERE conversation = conversations.id)
    WHERE a = json_extract(asked.value, '$[1]') AND b = json_extract(asked.value, '$[2]')
        AND conversations.scope = json_extract(asked.value, '$[0]')
"""
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


_encode = Encoder().encode

log = Logger()


class Head:
    """
    Where a log ends.

    @ivar isDamaged: it is not sure that it does.
    @ivar verdicts: where not everybody may speak, from what time on users
        may, as far as that was asked (see L{imtw.persistence.voices});
        L{None} where everybody may.
    """

    __slots__ = ("isDamaged", "n", "number", "seq", "ts", "verdicts")

    def __init__(self, number: int, seq: int = 0, n: int = 0, ts: int = 0) -> None:
        self.number = number
        self.seq = seq
        self.n = n
        self.ts = ts
        self.isDamaged = False
        self.verdicts: dict[str, int] | None = None


class Ledger:
    """
    What the logs end with, and what one transaction adds to them.

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
        # Two generations, by the ends of the pair: what was not asked for while the younger one filled up is forgotten.
        self._heads: dict[Key, Head] = {}
        self._olderHeads: dict[Key, Head] = {}
        # Conversations of which it was found out whether their logs end where they seem to.
        self._sure: dict[int, bool] = {}
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
        if len(self._heads) >= KEPT:  # never within a transaction: what was found must stay found
            self._olderHeads = self._heads
            self._heads = {}
        if len(self._sure) >= 4 * KEPT:
            self._sure = {}
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
        The transaction has failed: what it made of the heads is not true.
        """
        self._heads = {}
        self._olderHeads = {}
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
        self.tail.clear()
        self._sure = {}
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

    # heads

    def heads(self, pairs: Sequence[Pair]) -> list[Head | None]:
        """
        Where the logs of some conversations end; L{None} where there is no
        such conversation.
        """
        found = [self._heads.get(pair[1:]) for pair in pairs]
        if None in found:
            missing = {pair for pair, head in zip(pairs, found, strict=True) if head is None}
            self._read(missing)
            found = [self._heads.get(pair[1:]) for pair in pairs]
        return found

    def head(self, pair: Pair) -> Head | None:
        """
        Where the log of one conversation ends.
        """
        return self._heads.get(pair[1:]) or self.heads([pair])[0]

    def _read(self, pairs: set[Pair]) -> None:
        """
        Find out where some logs end, as far as they are there.
        """
        asked = []
        for pair in pairs:
            head = self._olderHeads.get(pair[1:])
            if head is not None:
                self._keep(pair[1:], head)
            else:
                asked.append(pair)
        if asked:
            found = self.cursor.execute(HEADS_OF, (_encode(asked).decode(),)).fetchall()
            for a, b, number, seq, n, ts, isRuled, isSure in found:
                if not isSure:
                    raise ambiguous(number)
                isDamaged = not self._isSure(number, seq)
                last = self._last(number)
                if last is not None:
                    seq, n, ts = last[1:4]
                head = Head(number, seq, n, ts)
                head.isDamaged = isDamaged
                if isRuled:
                    head.verdicts = {}
                self._keep((a, b), head)

    def _isSure(self, number: int, seq: int) -> bool:
        """
        Does the part of a log that is in its place end with this seq?
        """
        isSure = self._sure.get(number)
        if isSure is None:
            waiting = self.tail.rows.get(number, [])[self._placed.get(number, 0) :]
            if number in self._new:
                waiting = waiting + self._new[number][1]
            isSure = waiting[0][1] == seq + 1 if waiting else heads.isSure(self.cursor, number, seq)
            self._sure[number] = isSure
            if not isSure:
                log.error("{error}", error=heads.unsure(number))
        return isSure

    def seqOf(self, number: int) -> int | None:
        """
        The last seq of a conversation, or L{None} where all of it is in its
        place.
        """
        last = self._last(number)
        return None if last is None else int(last[1])

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
        self._heads[key] = head

    def forget(self, pair: Pair) -> None:
        """
        What was added to one conversation was taken back, or others may
        speak in it now.
        """
        self._heads.pop(pair[1:], None)
        self._olderHeads.pop(pair[1:], None)

    # what is added

    def add(self, draft: Draft, head: Head, n: int) -> Message:
        """
        Make a draft the next row of a log.

        @raise StoreError: it is not sure where the log ends.
        @raise Exception: it cannot be stored; nothing is added.
        """
        if head.isDamaged:
            raise heads.unsure(head.number)
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
        self._keep(pair[1:], head)
        return head

    def addMember(self, user: str, number: int, role: Role = Role.MEMBER) -> None:
        """
        Put a user into a group, at the head, unless it is in.
        """
        self.place(number)
        self.cursor.execute(ADD_MEMBER, (user, number, self.now, headOf(self.cursor, number)[0], int(role)))
