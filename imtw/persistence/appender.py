"""
How messages and recalls get into the logs of a SQLite database.

All of this belongs to the thread that writes.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.json import Encoder
from msgspec.structs import replace

from imtw.limits import Limits
from imtw.model import Draft, Fact, Message, Pair, Scope
from imtw.persistence.ledger import Head, Ledger
from imtw.persistence.rows import Row, clear, messageOf
from imtw.persistence.rules import CANDIDATES, checkRecall, isRepeat, isSame, refuseRecall, refuseStranger
from imtw.persistence.tail import Key, keyOf

#: The messages that may be meant again, for many drafts at once: [[conversation, id, sender], ...].
EARLIER = """
    SELECT earlier.* FROM json_each(?) AS asked CROSS JOIN messages AS earlier
    WHERE earlier.conversation = json_extract(asked.value, '$[0]') AND earlier.seq IN (
        SELECT seq FROM messages INDEXED BY messages_by_id
        WHERE conversation = json_extract(asked.value, '$[0]') AND id = json_extract(asked.value, '$[1]')
            AND sender = json_extract(asked.value, '$[2]') AND fact = 0
        ORDER BY seq DESC LIMIT ?
    )
    ORDER BY earlier.seq DESC
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
AT = "SELECT * FROM messages WHERE conversation = ? AND seq = ?"

STRANGERS = "SELECT strangers FROM users WHERE id = ?"
ONE_MORE_STRANGER = "UPDATE users SET strangers = strangers + 1 WHERE id = ?"
LATEST_RECALL = "SELECT n, visible FROM recalls WHERE conversation = ? AND n < ? ORDER BY n DESC LIMIT 1"
SHIFT_RECALLS = "UPDATE recalls SET visible = visible - 1 WHERE conversation = ? AND n > ?"
ADD_RECALL = "INSERT INTO recalls (conversation, n, seq, visible) VALUES (?, ?, ?, ?)"

_encode = Encoder().encode


class Appender:
    """
    Finds out whether a draft is new, and makes it a row.
    """

    def __init__(self, ledger: Ledger, limits: Limits) -> None:
        self._ledger = ledger
        self._limits = limits
        # What is known of ids that clients gave, in this transaction: rows that were read, messages that were added.
        self._stored: dict[Key, list[Row]] = {}
        self._said: dict[Key, list[Message]] = {}

    def begin(self) -> None:
        """
        A transaction has begun.
        """
        self._stored = {}
        self._said = {}

    def prepare(self, drafts: Iterable[Draft]) -> None:
        """
        Read at once what L{append} will want to know of these: the messages
        they may repeat.
        """
        asked = []
        askedByDevice = []
        for draft in drafts:
            if (draft.given or draft.device) and draft.fact is Fact.MESSAGE:
                if draft.device:
                    askedByDevice.append((draft.sender, draft.id))
                else:
                    head = self._ledger.head(draft.pair)
                    if head is not None and head.seq:
                        asked.append((head.number, draft.id, draft.sender))
        cursor = self._ledger.cursor
        if asked:
            for row in cursor.execute(EARLIER, (_encode(asked).decode(), CANDIDATES)):
                self._stored.setdefault((row[0], row[4], row[6]), []).append(row)
        if askedByDevice:
            for row in cursor.execute(EARLIER_BY_DEVICE, (_encode(askedByDevice).decode(),)):
                self._stored[row[6], row[4]] = [row]

    def append(self, draft: Draft) -> Message | None:
        """
        Add a message or a recall to its log.

        @return: its row, or L{None} where there is no such group.
        @raise CommandRefused: it must not be stored.
        @raise StoreError: a row that it has to do with is damaged.
        """
        head = self._ledger.head(draft.pair)
        if draft.fact is not Fact.MESSAGE:
            return self._recall(draft, head)
        if head is None and draft.pair.scope is Scope.GROUP:
            return None
        named = draft.given or draft.device
        if named:
            repeated = self._repeated(draft, head)
            if repeated is not None:
                return repeated
        if head is None:
            head = self._open(draft)
        message = self._ledger.add(draft, head, head.n + 1)
        if named:
            self._ledger.named.append(message)
            self._of(keyOf(message)).append(message)
        return message

    def _open(self, draft: Draft) -> Head:
        """
        Begin a private conversation.
        """
        ledger = self._ledger
        partner = draft.pair.partnerOf(draft.sender)
        if ledger.cursor.execute(STRANGERS, (partner,)).fetchone() is None:
            found = ledger.cursor.execute(STRANGERS, (draft.sender,)).fetchone()
            if found is not None and found[0] >= self._limits.strangersPerUser:
                raise refuseStranger(self._limits.strangersPerUser)
            ledger.cursor.execute(ONE_MORE_STRANGER, (draft.sender,))
        head = ledger.newHead(draft.pair)
        ledger.addPrivate(draft.sender, head.number)
        ledger.addPrivate(partner, head.number)
        return head

    def _of(self, key: Key) -> list[Message]:
        """
        The messages with an id that are not in their place, oldest first.
        """
        said = self._said.get(key)
        if said is None:
            said = self._said[key] = list(self._ledger.tail.named.get(key, ()))
        return said

    def _repeated(self, draft: Draft, head: Head | None) -> Message | None:
        """
        The row of the message that this draft is once more.
        """
        if draft.device:
            return self._repeatedByDevice(draft)
        if head is None:
            return None
        key = head.number, draft.id, draft.sender
        for message in self._of(key)[: -CANDIDATES - 1 : -1]:
            if isSame(message, draft):
                return replace(message, repeat=True)
        for row in self._stored.get(key, ()):
            if not row[5] and row[12] is None:
                message = messageOf(row, draft.pair)
                if isSame(message, draft):
                    return replace(message, repeat=True)
        return None

    def _repeatedByDevice(self, draft: Draft) -> Message | None:
        """
        The same for a device, whose ids are unique.

        @raise CommandRefused: the id is that of another message.
        """
        key = draft.sender, draft.id
        found = self._of(key)[-1:]
        if not found:
            found = [
                messageOf(row[:-3], Pair(Scope(row[-3]), row[-2], row[-1])) for row in self._stored.get(key, ())
            ]
        for message in found:
            if isRepeat(message, draft):
                return replace(message, repeat=True)
        return None

    def _recall(self, draft: Draft, head: Head | None) -> Message:
        """
        Take a message back: its place stays, its content goes.
        """
        if head is None:
            raise refuseRecall(draft.id, False)
        ledger, cursor, number = self._ledger, self._ledger.cursor, head.number
        ledger.place(number)
        row = cursor.execute(LATEST_BY, (number, draft.id, draft.sender)).fetchone()
        if row is None:
            raise refuseRecall(draft.id, cursor.execute(ANYBODYS, (number, draft.id)).fetchone() is not None)
        target = messageOf(row, draft.pair)
        if row[12] is not None:
            first = cursor.execute(AT, (number, row[12])).fetchone()
            return replace(messageOf(first, draft.pair), repeat=True)
        checkRecall(target, ledger.now, self._limits.recall)
        recall = ledger.add(draft, head, head.n)
        ledger.place(number)
        clear(cursor, row, recall.seq)
        self._count(target)
        self._changed(target)
        return recall

    def _count(self, target: Message) -> None:
        """
        Note a recalled message, so that pages can be counted.
        """
        cursor, number = self._ledger.cursor, target.conversation
        before = cursor.execute(LATEST_RECALL, (number, target.n)).fetchone()
        recalledBefore = before[0] - before[1] if before else 0
        # Few: a message can be recalled for a short time, and only recalls of later messages are changed.
        cursor.execute(SHIFT_RECALLS, (number, target.n))
        cursor.execute(ADD_RECALL, (number, target.n, target.seq, target.n - 1 - recalledBefore))

    def _changed(self, target: Message) -> None:
        """
        A message was recalled: see that nobody is told what it said.
        """
        key = keyOf(target)
        self._said[key] = [message for message in self._of(key) if message.seq != target.seq]
        if target.device:
            row = self._ledger.cursor.execute(AT, (target.conversation, target.seq)).fetchone()
            self._stored[key] = [(*row, *target.pair)]
        else:
            self._stored[key] = [row for row in self._stored.get(key, ()) if row[1] != target.seq]
