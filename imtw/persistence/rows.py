"""
A message as a row of the table C{messages}, and its checksum.

The checksum is the CRC-32 of the other fields, conversation and seq
included, as a compact JSON array in UTF-8: whatever changes in a row, or
where it stands, is found when it is read.
"""

from __future__ import annotations

import sqlite3
from typing import Any
from zlib import crc32

from msgspec.json import Decoder, Encoder

from imtw.errors import StoreError
from imtw.model import Fact, Message, Pair
from imtw.persistence.rules import RECALLED

#: A row of the table: all columns, in its order.
Row = tuple[Any, ...]

#: A row that is there already stays as it is: see L{imtw.persistence.tail.recover}.
INSERT = """
    INSERT INTO messages
    (conversation, seq, n, ts, id, device, sender, kind, content, created, extras, fact, recalled, checksum)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (conversation, seq) DO NOTHING
"""

#: A message that was recalled keeps its place, and who sent it when; not what it said.
CLEAR = (
    "UPDATE messages SET content = NULL, extras = NULL, recalled = ?, checksum = ? WHERE conversation = ? AND seq = ?"
)

_encode = Encoder().encode
_decode = Decoder().decode


def rowOf(message: Message) -> tuple[Row, int]:
    """
    The row of a new message, and how many bytes it has, about.  Once it is
    made, nothing in it can keep it from being stored.

    @raise UnicodeEncodeError: a text cannot be stored.
    @raise OverflowError: a number cannot.
    @raise TypeError: something else cannot.
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
        raise TypeError("a field has a value of the wrong type")
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
        None if extras is None else _encode(extras).decode(),
        message.fact._value_,  # what "value" gives, without asking Python code for it
        None,
    )
    encoded = _encode(fields)
    return (*fields, crc32(encoded)), len(encoded)


def messageOf(row: Row, pair: Pair) -> Message:
    """
    The message in a row.

    @raise StoreError: the row is damaged.
    """
    if not isSound(row):
        raise damaged(row[0], row[1])
    (conversation, seq, n, ts, id, device, sender, kind, content, created, extras, fact, recalled, _) = row
    return Message(
        conversation, seq, n, ts, pair, id, sender, content, created,
        RECALLED if recalled else kind, device, None if extras is None else _decode(extras), _FACTS[fact],
    )  # fmt: skip


def isSound(row: Row) -> bool:
    """
    Does a row have the checksum it was written with?
    """
    try:
        return bool(crc32(_encode(row[:-1])) == row[-1])
    except (OverflowError, TypeError, UnicodeError):
        return False  # nothing that was written here


def damaged(conversation: int, seq: int) -> StoreError:
    """
    What a damaged row is answered with; it is never served.
    """
    return StoreError(
        f"message {seq} of conversation {conversation} is damaged: its checksum does not fit; "
        "restore the database from a backup"
    )


def clear(cursor: sqlite3.Cursor, row: Row, recalled: int) -> None:
    """
    Leave of a message only its tombstone.

    @param recalled: the seq of the row that recalls it.
    """
    fields = (*row[:8], None, row[9], None, row[11], recalled)
    cursor.execute(CLEAR, (recalled, crc32(_encode(fields)), row[0], row[1]))


_FACTS = {fact.value: fact for fact in Fact}

