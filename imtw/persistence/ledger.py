"""
How messages get into the logs of a SQLite database.

All of this belongs to the thread that writes: it alone knows the heads, so
it alone gives seq.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from msgspec.json import Encoder
from msgspec.structs import replace

from imtw.limits import Limits
from imtw.model import Draft, Fact, Message, Pair, Scope
from imtw.persistence.pages import headOf, numberOf
from imtw.persistence.rows import INSERT, Row, clear, messageOf, rowOf
from imtw.persistence.rules import CANDIDATES, checkRecall, isRepeat, isSame, refuseRecall, refuseStranger

HEADS = 100_000  # heads kept of conversations that were lately written to

#: The messages that may be meant again, for many drafts at once: [[conversation, id, sender], ...].
EARLIER = """
    SELECT earlier.* FROM json_each(?) AS asked CROSS JOIN messages AS earlier
    WHERE earlier.conversation = json_extract(asked.value, '$[0]') AND earlier.seq IN (
        SELECT seq FROM messages INDEXED BY messages_by_id
        WHERE conversation = json_extract(asked.value, '$[0]') AND id = json_extract(asked.value, '$[1]')
            AND sender = json_extract(asked.value, '$[2]') AND fact = 0
        ORDER BY seq DESC LIMIT ?
    )
"""

#: The same for devices, whose ids are unique: [[sender, id], ...].
EARLIER_BY_DEVICE = """
    SELECT earlier.*, home.scope, home.a, home.b FROM json_each(?) AS asked
    CROSS JOIN messages AS earlier INDEXED BY messages_by_device CROSS JOIN conversations AS home
    WHERE earlier.sender = json_extract(asked.value, '$[0]') AND earlier.id = json_extract(asked.value, '$[1]')
        AND earlier.fact = 0 AND earlier.device <> '' AND home.id = earlier.conversation
"""

# SQLite takes the primary key for cheaper, and would walk the log: it has to be told.
LATEST_BY = """
    SELECT * FROM messages INDEXED BY messages_by_id
    WHERE conversation = ? AND id = ? AND sender = ? AND fact = 0 ORDER BY seq DESC LIMIT 1
"""
ANYBODYS = "SELECT 1 FROM messages INDEXED BY messages_by_id WHERE conversation = ? AND id = ? AND fact = 0 LIMIT 1"
LATEST_RECALL = "SELECT n, visible FROM recalls WHERE conversation = ? AND n < ? ORDER BY n DESC LIMIT 1"

_encode = Encoder().encode


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

    @ivar cursor: the transaction's.
    @ivar now: ms since the epoch, when it began.
    """

    cursor: sqlite3.Cursor
    now: int

    def __init__(self, limits: Limits, seconds: Callable[[], float]) -> None:
        self._limits = limits
        self._seconds = seconds
        # Two generations, by the ends of the pair: what was not asked for while the younger one filled up is forgotten.
        self._heads: dict[tuple[Any, ...], Head] = {}
        self._olderHeads: dict[tuple[Any, ...], Head] = {}
        self._joined = 0
        self._rows: list[Row] = []
        self._earlier: dict[tuple[Any, ...], list[Row]] = {}
        self._said: dict[tuple[Any, ...], list[Message]] = {}

    def begin(self, cursor: sqlite3.Cursor) -> None:
        """
        A transaction has begun.
        """
        self.cursor = cursor
        self.now = int(self._seconds() * 1000)
        self._rows = []
        self._earlier = {}
        self._said = {}

    def rollBack(self) -> None:
        """
        A transaction has failed: what it made of the heads is not true.
        """
        self._heads = {}
        self._olderHeads = {}
        self._rows = []

    def prepare(self, drafts: Iterable[Draft]) -> None:
        """
        Read at once what L{append} will want to know of these: the messages
        they may repeat.
        """
        asked = []
        askedByDevice = []
        for draft in drafts:
            if draft.given and draft.fact is Fact.MESSAGE:
                if draft.device:
                    askedByDevice.append((draft.sender, draft.id))
                else:
                    head = self._head(draft.pair)
                    if head is not None and head.seq:
                        asked.append((head.number, draft.id, draft.sender))
        if asked:
            for row in self.cursor.execute(EARLIER, (_encode(asked).decode(), CANDIDATES)):
                self._earlier.setdefault((row[0], row[4], row[6]), []).append(row)
        if askedByDevice:
            for row in self.cursor.execute(EARLIER_BY_DEVICE, (_encode(askedByDevice).decode(),)):
                self._earlier[row[6], row[4]] = [row]

    def append(self, draft: Draft) -> Message | None:
        """
        Add a message or a recall to its log.

        @return: its row, or L{None} where there is no such group.
        @raise CommandRefused: it must not be stored.
        @raise StoreError: a row that it has to do with is damaged.
        """
        pair = draft.pair
        head = self._heads.get(pair[1:])
        if head is None or draft.given or draft.fact is not Fact.MESSAGE:
            head = self._head(pair)
            if draft.fact is not Fact.MESSAGE:
                return self._recall(draft, head)
            if head is None and pair.scope is Scope.GROUP:
                return None
            if draft.given:
                repeated = self._repeated(draft, head)
                if repeated is not None:
                    return repeated
            if head is None:
                head = self._open(draft)
        message = self._add(draft, head, head.n + 1)
        if draft.given:
            key = (draft.sender, draft.id) if draft.device else (head.number, draft.id, draft.sender)
            self._said.setdefault(key, []).append(message)
        return message

    def flush(self) -> None:
        """
        Write the rows that were added.
        """
        if self._rows:
            rows, self._rows = self._rows, []
            self.cursor.executemany(INSERT, rows)

    def forget(self, pair: Pair) -> None:
        """
        What was added to one conversation was taken back.
        """
        self._rows = []
        self._heads.pop(pair[1:], None)
        self._olderHeads.pop(pair[1:], None)

    def newConversation(self, pair: Pair) -> int:
        """
        The number of a conversation, made now.
        """
        self.cursor.execute(
            "INSERT INTO conversations (scope, a, b, created) VALUES (?, ?, ?, ?)",
            (pair.scope.value, pair.a, pair.b, self.now),
        )
        assert self.cursor.lastrowid is not None
        return self.cursor.lastrowid

    def addMember(self, user: str, scope: Scope, number: int, cursor: int) -> None:
        """
        Give a user a place in a conversation, unless it has one.
        """
        self._joined = max(self.now, self._joined + 1)
        self.cursor.execute(
            "INSERT OR IGNORE INTO members (user, scope, conversation, joined, cursor) VALUES (?, ?, ?, ?, ?)",
            (user, scope.value, number, self._joined, cursor),
        )

    def _add(self, draft: Draft, head: Head, n: int) -> Message:
        """
        Make a draft the next row of a log.
        """
        ts = head.ts + 1
        if self.now > ts:
            ts = self.now
        seq = head.seq + 1
        message = Message(
            head.number, seq, n, ts, draft.pair, draft.id, draft.sender, draft.content, draft.created,
            draft.kind, draft.device, draft.extras, draft.fact,
        )  # fmt: skip
        self._rows.append(rowOf(message))
        head.seq = seq
        head.n = n
        head.ts = ts
        return message

    def _head(self, pair: Pair) -> Head | None:
        """
        Where the log of a conversation ends; L{None} where there is no such
        conversation.
        """
        key = pair[1:]
        head = self._heads.get(key) or self._olderHeads.get(key)
        if head is None:
            number = numberOf(self.cursor, pair)
            if number is None:
                return None
            head = Head(number, *headOf(self.cursor, number))
        if len(self._heads) >= HEADS:
            self._olderHeads = self._heads
            self._heads = {}
        self._heads[key] = head
        return head

    def _open(self, draft: Draft) -> Head:
        """
        Begin a private conversation.
        """
        pair = draft.pair
        partner = pair.partnerOf(draft.sender)
        if self.cursor.execute("SELECT 1 FROM users WHERE id = ?", (partner,)).fetchone() is None:
            found = self.cursor.execute("SELECT strangers FROM users WHERE id = ?", (draft.sender,)).fetchone()
            if found is not None and found[0] >= self._limits.strangersPerUser:
                raise refuseStranger(self._limits.strangersPerUser)
            self.cursor.execute("UPDATE users SET strangers = strangers + 1 WHERE id = ?", (draft.sender,))
        number = self.newConversation(pair)
        self.addMember(draft.sender, Scope.PRIVATE, number, 0)
        self.addMember(partner, Scope.PRIVATE, number, 0)
        head = self._heads[pair[1:]] = Head(number)
        return head

    def _repeated(self, draft: Draft, head: Head | None) -> Message | None:
        """
        The row of the message that this draft is once more.
        """
        if draft.device:
            said = self._said.get((draft.sender, draft.id), ())
            stored = (
                messageOf(row[:-3], Pair(Scope(row[-3]), row[-2], row[-1]))
                for row in self._earlier.get((draft.sender, draft.id), ())
            )
            same = isRepeat
        elif head is not None:
            key = (head.number, draft.id, draft.sender)
            said = self._said.get(key, ())
            stored = (
                messageOf(row, draft.pair) for row in self._earlier.get(key, ()) if not row[5] and row[12] is None
            )
            same = isSame
        else:
            return None
        for messages in (said, stored):
            for message in messages:
                if same(message, draft):
                    return replace(message, repeat=True)
        return None

    def _recall(self, draft: Draft, head: Head | None) -> Message:
        """
        Take a message back: its place stays, its content goes.
        """
        if head is None:
            raise refuseRecall(draft.id, False)
        self.flush()
        row = self.cursor.execute(LATEST_BY, (head.number, draft.id, draft.sender)).fetchone()
        if row is None:
            others = self.cursor.execute(ANYBODYS, (head.number, draft.id)).fetchone()
            raise refuseRecall(draft.id, others is not None)
        target = messageOf(row, draft.pair)
        if row[12] is not None:
            again = "SELECT * FROM messages WHERE conversation = ? AND seq = ?"
            first = self.cursor.execute(again, (head.number, row[12])).fetchone()
            return replace(messageOf(first, draft.pair), repeat=True)
        checkRecall(target, self.now, self._limits.recall)
        recall = self._add(draft, head, head.n)
        self.flush()
        clear(self.cursor, row, recall.seq)
        self._count(target)
        return recall

    def _count(self, target: Message) -> None:
        """
        Note a recalled message, so that pages can be counted.
        """
        before = self.cursor.execute(LATEST_RECALL, (target.conversation, target.n)).fetchone()
        recalledBefore = before[0] - before[1] if before else 0
        # Few: a message can be recalled for a short time, and only recalls of later messages are changed.
        self.cursor.execute(
            "UPDATE recalls SET visible = visible - 1 WHERE conversation = ? AND n > ?",
            (target.conversation, target.n),
        )
        self.cursor.execute(
            "INSERT INTO recalls (conversation, n, seq, visible) VALUES (?, ?, ?, ?)",
            (target.conversation, target.n, target.seq, target.n - 1 - recalledBefore),
        )
