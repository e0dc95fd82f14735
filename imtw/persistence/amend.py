"""
How messages in the logs of a SQLite database are taken back and edited.

Both add a row that says so, and change the message's own row, which keeps
its place.  All of this belongs to the thread that writes.
"""

from __future__ import annotations

import sqlite3

from msgspec.structs import replace

from imtw.model import Draft, Fact, Message
from imtw.persistence.conversations import floorOf
from imtw.persistence.headcache import Head
from imtw.persistence.ledger import Ledger
from imtw.persistence.pages import AT, rowAt
from imtw.persistence.rows import EDITED, Row, clear, namedOf, rewrite
from imtw.persistence.rules import checkRecall, refuseRecall

# SQLite takes the primary key for cheaper, and would walk the log: it has to be told.
LATEST_BY = """
    SELECT * FROM messages INDEXED BY messages_by_id
    WHERE conversation = ? AND id = ? AND sender = ? AND fact = 0 ORDER BY seq DESC LIMIT 1
"""
ANYBODYS = "SELECT 1 FROM messages INDEXED BY messages_by_id WHERE conversation = ? AND id = ? AND fact = 0 LIMIT 1"
EDITS = """
    SELECT * FROM messages INDEXED BY messages_by_edit
    WHERE conversation = ? AND id = ? AND sender = ? AND fact = 2 AND seq > ? ORDER BY seq DESC
"""

LATEST_RECALL = "SELECT n, visible FROM recalls WHERE conversation = ? AND n < ? ORDER BY n DESC LIMIT 1"
SHIFT_RECALLS = "UPDATE recalls SET visible = visible - 1 WHERE conversation = ? AND n > ?"
ADD_RECALL = "INSERT INTO recalls (conversation, n, seq, visible) VALUES (?, ?, ?, ?)"


def amend(ledger: Ledger, draft: Draft, head: Head | None, window: float) -> tuple[Message, Message | None]:
    """
    Take a message back, or edit it.

    @param draft: names the message by its id.
    @param window: seconds since it was stored for which that can be done.
    @return: the row that says so, and the message, as it was; L{None} where
        the same was done before.
    @raise CommandRefused: there is no such message, it is somebody else's,
        or it is too late.
    """
    if head is None:
        raise refuseRecall(draft.id, False)
    cursor, number = ledger.cursor, head.number
    ledger.place(number)
    row = _meant(cursor, number, draft)
    if row is None or row[1] <= floorOf(cursor, number):
        raise refuseRecall(draft.id, cursor.execute(ANYBODYS, (number, draft.id)).fetchone() is not None)
    target = namedOf(row, number, draft.pair, draft.id, draft.sender)
    done = _recall if draft.fact is Fact.RECALL else _edit
    try:
        return done(ledger, draft, head, row, target, draft.within or window), target
    except _Done as before:
        return replace(namedOf(before.row, number, draft.pair, draft.id, draft.sender), repeat=True), None


def _meant(cursor: sqlite3.Cursor, number: int, draft: Draft) -> Row | None:
    """
    The row of the message that is to be changed.
    """
    if not draft.meant:
        found: Row | None = cursor.execute(LATEST_BY, (number, draft.id, draft.sender)).fetchone()
        return found
    row: Row | None = cursor.execute(AT, (number, draft.meant)).fetchone()
    return row if row is not None and (row[4], row[6], row[11]) == (draft.id, draft.sender, 0) else None


class _Done(Exception):
    """
    The same was done before.
    """

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row


def _recall(ledger: Ledger, draft: Draft, head: Head, row: Row, target: Message, window: float) -> Message:
    """
    Take a message back: its place stays, its content goes, and that of its
    edits.
    """
    cursor, number = ledger.cursor, head.number
    if row[12] is not None:
        raise _Done(rowAt(cursor, number, row[12]))
    checkRecall(target, ledger.now, window)
    recall = ledger.add(draft, head, head.n)
    ledger.place(number)
    clear(cursor, row, recall.seq)
    if row[EDITED] is not None:
        for edit in cursor.execute(EDITS, (number, draft.id, draft.sender, target.seq)).fetchall():
            namedOf(edit, number, draft.pair, draft.id, draft.sender)  # or it would get a checksum that fits
            clear(cursor, edit, recall.seq)
    _count(ledger, target)
    return recall


def _edit(ledger: Ledger, draft: Draft, head: Head, row: Row, target: Message, window: float) -> Message:
    """
    Let a message say something else.
    """
    cursor, number = ledger.cursor, head.number
    if row[12] is not None:
        raise refuseRecall(draft.id, False)
    if row[EDITED] is not None and target.content == draft.content:
        raise _Done(cursor.execute(EDITS, (number, draft.id, draft.sender, target.seq)).fetchone())
    checkRecall(target, ledger.now, window)
    edit = ledger.add(replace(draft, kind=target.kind), head, head.n)
    ledger.place(number)
    rewrite(cursor, row, edit.content, edit.ts)
    return edit


def _count(ledger: Ledger, target: Message) -> None:
    """
    Note a recalled message, so that pages can be counted.
    """
    cursor, number = ledger.cursor, target.conversation
    before = cursor.execute(LATEST_RECALL, (number, target.n)).fetchone()
    recalledBefore = before[0] - before[1] if before else 0
    # Few: a message can be recalled for a short time, and only recalls of later messages are changed.
    cursor.execute(SHIFT_RECALLS, (number, target.n))
    cursor.execute(ADD_RECALL, (number, target.n, target.seq, target.n - 1 - recalledBefore))
