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

INSERT = "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

#: A message that was recalled keeps its place, and who sent it when; not what it said.
CLEAR = (
    "UPDATE messages SET content = NULL, extras = NULL, recalled = ?, checksum = ? WHERE conversation = ? AND seq = ?"
)

_encode = Encoder().encode
_decode = Decoder().decode


def rowOf(message: Message) -> Row:
    """
    The row of a new message.

    @raise UnicodeEncodeError: a text cannot be stored.
    @raise OverflowError: a number cannot.
    @raise TypeError: something else cannot.
    """
    extras = message.extras
    content = message.content
    if not (isinstance(message.created, int) and (content is None or isinstance(content, str))):
        raise TypeError("created is not a number, or content not a text")  # SQLite would convert it without a word
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
        message.created,
        None if extras is None else _encode(extras).decode(),
        message.fact._value_,  # what "value" gives, without asking Python code for it
        None,
    )
    return (*fields, crc32(_encode(fields)))


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

