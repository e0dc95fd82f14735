"""
A message as a row of the table C{messages}, and its checksum.

The checksum is the CRC-32 of the other fields, conversation and seq
included, as a compact JSON array in UTF-8: whatever changes in a row is
found when it is read.  So is a row that is sound and stands where another
belongs: who reads says what was asked for.  The time of the last edit, the
one column behind it, is part of the checksum only where there is one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from msgspec.json import Decoder, Encoder

from imtw.errors import StoreError
from imtw.model import RECALLED, Fact, Message, Pair, Scope

#: A row of the table: all columns, in its order.  A new one, as in the journal, ends with the checksum.
Row = tuple[Any, ...]

CHECKSUM = 13  # its place among the columns
EDITED = 14

VALUES = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

INSERT = """
    INSERT INTO messages
    (conversation, seq, n, ts, id, device, sender, kind, content, created, extras, fact, recalled, checksum)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

# Every statement gives the interpreter's lock away and has to get it back from a reactor that is busy: so it is few
# statements of many rows.  These are all lengths there are.
INSERTS = [(size, INSERT.replace(VALUES, ", ".join([VALUES] * size))) for size in (64, 32, 16, 8, 4, 2, 1)]

#: A message that was recalled keeps its place, and who sent it when; not what it said.
CLEAR = (
    "UPDATE messages SET content = NULL, extras = NULL, recalled = ?, checksum = ?, edited = NULL "
    "WHERE conversation = ? AND seq = ?"
)
STANDING = "SELECT * FROM messages WHERE conversation = ? AND seq = ?"
REWRITE = "UPDATE messages SET content = ?, checksum = ?, edited = ? WHERE conversation = ? AND seq = ?"

_encode = Encoder().encode
_decode = Decoder().decode


def weigh(row: Row) -> int:
    """
    How much room the message in a row takes; see L{weightOf<imtw.persistence.rules.weightOf>}.
    """
    return len(row[8] or "") + len(row[10] or "")


class Unstorable(Exception):
    """
    A value is of a kind that no database keeps.
    """


def textOf(extras: dict[str, Any]) -> str:
    """
    Extras as JSON.
    """
    try:
        return _encode(extras).decode()
    except TypeError as error:
        raise Unstorable(str(error)) from error


def rowOf(message: Message) -> tuple[Row, int]:
    """
    The row of a new message, and how many bytes it has, about.  Once it is
    made, nothing in it can keep it from being stored.

    @raise UnicodeEncodeError: a text cannot be stored.
    @raise OverflowError: a number cannot.
    @raise Unstorable: something else cannot.
    """
    extras = message.extras
    content = message.content
    created = message.created
    if not (
        isinstance(created, int)
        and isinstance(message.id, str)
        and isinstance(message.kind, str)
        and isinstance(message.device, str)
        and isinstance(message.sender, str)
        and (content is None or isinstance(content, str))
    ):
        raise Unstorable("a field has a value of the wrong type")
    if not -(1 << 63) <= created < 1 << 63:
        raise OverflowError("created has more than 64 bits")
    fields = (
        message.conversation,
        message.seq,
        message.n,
        message.ts,
        message.id,
        message.device,
        message.sender,
        message.kind,
        content,
        created,
        None if extras is None else textOf(extras),
        message.fact._value_,  # what "value" gives, without asking Python code for it
        None,
    )
    encoded = _encode(fields)
    return (*fields, crc32(encoded)), len(encoded)


def messageOf(row: Row, number: int, pair: Pair) -> Message:
    """
    The message in a row.

    @param number: the conversation that was asked for; a page of the file
        that stands in another one's place has sound rows of others.
    @param pair: that conversation's.
    @raise StoreError: the row is damaged, or of another conversation.
    """
    if not isSound(row):
        raise damaged(row[0], row[1])
    if row[0] != number or (pair.scope is Scope.PRIVATE and row[6] not in pair[1:]):
        raise misplaced(row, number)
    (conversation, seq, n, ts, id, device, sender, kind, content, created, extras, fact, recalled) = row[:CHECKSUM]
    return Message(
        conversation, seq, n, ts, pair, id, sender, content, created,
        RECALLED if recalled else kind, device, None if extras is None else _decode(extras), _FACTS[fact],
        False, row[EDITED] or 0 if len(row) > EDITED else 0,
    )  # fmt: skip


def messagesOf(rows: Iterable[Row], number: int, pair: Pair, after: int = 0) -> list[Message]:
    """
    The messages in some rows of one conversation, in the order of seq.

    @param after: all have a larger seq.
    @raise StoreError: one is damaged, or does not belong there.
    """
    found = []
    for row in rows:
        message = messageOf(row, number, pair)
        if message.seq <= after:
            raise misplaced(row, number)
        after = message.seq
        found.append(message)
    return found


def namedOf(row: Row, number: int, pair: Pair, id: str, sender: str = "") -> Message:
    """
    The message in a row that was found by its id: that was in an index,
    which can be damaged, too.

    @param sender: whose id it is, or empty for anybody's.
    @raise StoreError: the row is damaged, or does not belong there.
    """
    message = messageOf(row, number, pair)
    if message.id != id or (sender and message.sender != sender):
        raise misplaced(row, number)
    return message


def isSound(row: Row) -> bool:
    """
    Does a row have the checksum it was written with?
    """
    try:
        return bool(crc32(_encode(_covered(row))) == row[CHECKSUM])
    except (OverflowError, TypeError, UnicodeError):
        return False  # nothing that was written here


def _covered(row: Row) -> Row:
    """
    The fields that the checksum covers.
    """
    fields = row[:CHECKSUM]
    return (*fields, row[EDITED]) if len(row) > EDITED and row[EDITED] is not None else fields


def damaged(conversation: int, seq: int) -> StoreError:
    """
    What a damaged row is answered with; it is never served.
    """
    return StoreError(
        f"message {seq} of conversation {conversation} is damaged: its checksum does not fit; "
        "restore the database from a backup"
    )


def misplaced(row: Row, number: int) -> StoreError:
    """
    What a sound row is answered with that was not asked for.
    """
    return StoreError(
        f"message {row[1]} of conversation {row[0]} was found where another one belongs, in conversation {number}: "
        "the file is damaged; restore the database from a backup"
    )


def taken(row: Row) -> StoreError:
    """
    What is said of a row in whose place another one stands.
    """
    return StoreError(
        f"message {row[1]} of conversation {row[0]} has no place, for another one stands there: "
        "the file is damaged; restore the database from a backup"
    )


def insert(cursor: sqlite3.Cursor, rows: Sequence[Row]) -> None:
    """
    Put rows into their places.

    @raise StoreError: somebody else's is there.
    """
    done = 0
    try:
        for size, sql in INSERTS:
            while done + size <= len(rows):
                cursor.execute(sql, [value for row in rows[done : done + size] for value in row])
                done += size
    except sqlite3.IntegrityError as error:
        raise next((taken(row) for row in rows[done:] if standing(cursor, row) is not None), error) from error


def restore(cursor: sqlite3.Cursor, rows: Sequence[Row]) -> None:
    """
    Put rows into their places, some of which may be there already: those
    stay as they are, for they may have been recalled or edited since.

    @raise StoreError: somebody else's is there.
    """
    missing = []
    for row in rows:
        found = standing(cursor, row)
        if found is None:
            missing.append(row)
        elif found[:CHECKSUM] != row[:CHECKSUM] and not _isLater(found, row):
            raise taken(row)
    insert(cursor, missing)


def standing(cursor: sqlite3.Cursor, row: Row) -> Row | None:
    """
    What stands in a row's place.
    """
    found: Row | None = cursor.execute(STANDING, row[:2]).fetchone()
    return found


def _isLater(found: Row, row: Row) -> bool:
    """
    Is this a row after it was recalled or edited?
    """
    isChanged = found[12] is not None or found[EDITED] is not None
    return isChanged and found[:8] == row[:8] and found[9] == row[9] and found[11] == row[11] and isSound(found)


def clear(cursor: sqlite3.Cursor, row: Row, recalled: int) -> None:
    """
    Leave of a message only its tombstone.

    @param recalled: the seq of the row that recalls it.
    """
    fields = (*row[:8], None, row[9], None, row[11], recalled)
    cursor.execute(CLEAR, (recalled, crc32(_encode(fields)), row[0], row[1]))


def rewrite(cursor: sqlite3.Cursor, row: Row, content: str | None, edited: int) -> None:
    """
    Change what a message says.

    @param edited: the server's time, ms.
    """
    fields = (*row[:8], content, *row[9:CHECKSUM], edited)
    cursor.execute(REWRITE, (content, crc32(_encode(fields)), edited, row[0], row[1]))


_FACTS = {fact.value: fact for fact in Fact}
