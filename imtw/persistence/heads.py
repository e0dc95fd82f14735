"""
Whether a log ends where it seems to, in a SQLite database.

A new row's seq comes from the last row.  Where the page that has a log's last
rows is damaged, or holds something else, an earlier row is found to be the
last, or none, and seqs would be given a second time.  So before a log is
added to for the first time, its end is looked at: the last row has the
checksum it was written with, as many rows are found by the indexes, and the
rows around stand in their order: SQLite spreads them over its pages anew when
one is added, and loses some where one of these pages is another one.

All of that costs the same however long the log is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from imtw.errors import StoreError
from imtw.persistence.conversations import LAST, floorOf
from imtw.persistence.rows import Row, isSound

COUNTED = 256  # rows of a log; those of longer ones are not counted
NEAR = 128  # rows looked at before and behind the end of a log: a few pages of the file

#: Each row is in one of these: messages, edits, recalls.
WITNESSES = """
    SELECT count(*) FROM (
        SELECT 1 FROM messages INDEXED BY messages_by_id WHERE conversation = ?1 AND fact = 0
        UNION ALL SELECT 1 FROM messages INDEXED BY messages_by_edit WHERE conversation = ?1 AND fact = 2
        UNION ALL SELECT 1 FROM recalls WHERE conversation = ?1
        LIMIT ?2
    )
"""
BEFORE = """
    SELECT conversation, seq FROM messages WHERE (conversation, seq) < (?, ?)
    ORDER BY conversation DESC, seq DESC LIMIT ?
"""
BEHIND = """
    SELECT conversation, seq FROM messages WHERE (conversation, seq) > (?, ?) ORDER BY conversation, seq LIMIT ?
"""


def isSure(cursor: sqlite3.Cursor, number: int, seq: int) -> bool:
    """
    Does a conversation's log end where it seems to, as far as it is in its
    place?

    @param seq: of what was found to be its last row, or 0.
    """
    last = cursor.execute(LAST, (number,)).fetchone()
    if last is None:
        return not seq and not _witnesses(cursor, number, 1)
    if not isSound(last) or last[:2] != (number, seq):
        return False
    floor = floorOf(cursor, number)
    if not floor and min(seq, COUNTED + 1) != _witnesses(cursor, number, COUNTED + 1):
        return False
    return seq >= floor and _isAmong(cursor, number, seq)


def _witnesses(cursor: sqlite3.Cursor, number: int, most: int) -> int:
    """
    How many rows of a log the indexes know, but no more than C{most}.
    """
    return int(cursor.execute(WITNESSES, (number, most)).fetchone()[0])


def _isAmong(cursor: sqlite3.Cursor, number: int, seq: int) -> bool:
    """
    Do the rows before and behind a log's end stand in their order, none of
    them missing?
    """
    before = cursor.execute(BEFORE, (number, seq, NEAR)).fetchall()
    behind = cursor.execute(BEHIND, (number, seq, NEAR)).fetchall()
    return (not behind or behind[0][0] != number) and _isOrdered(cursor, [*reversed(before), (number, seq), *behind])


def _isOrdered(cursor: sqlite3.Cursor, places: Iterable[Row]) -> bool:
    """
    Is each the next place in its log, or the first of a later one?

    @param places: conversation and seq, or whatever else stands there.
    """
    conversation, seq = 0, 0
    for place in places:
        if place[0] == conversation:
            if place[1] != seq + 1:
                return False
        elif not isinstance(place[0], int) or not isinstance(place[1], int) or place[0] < conversation:
            return False
        elif conversation and place[1] > 1 and place[1] > floorOf(cursor, place[0]):
            return False
        conversation, seq = place
    return True


def unsure(number: int) -> StoreError:
    """
    What is answered to who wants to add to such a log.
    """
    return StoreError(
        f"conversation {number} is damaged: it is not sure where its log ends, so nothing is added to it; "
        "restore the database from a backup"
    )
