"""
Which conversation of a SQLite database is a pair's, and what its log begins
and ends with.
"""

from __future__ import annotations

import sqlite3

from imtw.errors import StoreError
from imtw.model import Pair, Scope

#: From the index, and what the table has for it: each is the other's witness.
NUMBER = """
    SELECT found.id, home.a, home.b, home.scope, home.floor FROM conversations AS found
    LEFT JOIN conversations AS home NOT INDEXED ON home.id = found.id
    WHERE found.a = ? AND found.b = ? AND found.scope = ?
"""
FLOOR = "SELECT floor FROM conversations WHERE id = ?"
LAST = "SELECT * FROM messages WHERE conversation = ? ORDER BY seq DESC LIMIT 1"
HEAD = "SELECT seq, n, ts FROM messages WHERE conversation = ? ORDER BY seq DESC LIMIT 1"


def numberOf(cursor: sqlite3.Cursor, pair: Pair) -> int | None:
    """
    The number of a conversation, or L{None} where it is not there.

    @raise StoreError: it is another one's, too.
    """
    return homeOf(cursor, pair)[0]


def homeOf(cursor: sqlite3.Cursor, pair: Pair) -> tuple[int | None, int]:
    """
    The number of a conversation, or L{None} where it is not there; and its
    floor, below which its log is gone (L{imtw.persistence.expiry}), or 0.

    @raise StoreError: it is another one's, too.
    """
    asked = (pair.a, pair.b, pair.scope.value)
    found = cursor.execute(NUMBER, asked).fetchone()
    if found is None:
        return None, 0
    if found[1:4] != asked:
        raise ambiguous(found[0])
    return int(found[0]), int(found[4])


def floorOf(cursor: sqlite3.Cursor, number: int) -> int:
    """
    The floor of a conversation, or 0.
    """
    found = cursor.execute(FLOOR, (number,)).fetchone()
    return int(found[0]) if found else 0


def checkPair(cursor: sqlite3.Cursor, number: int, pair: Pair, user: str) -> None:
    """
    See that a conversation that was found in a user's list is what it is
    said to be.

    @raise StoreError: it is not.
    """
    if numberOf(cursor, pair) != number or (pair.scope is Scope.PRIVATE and user not in pair[1:]):
        raise ambiguous(number)


def ambiguous(number: int) -> StoreError:
    """
    What is answered where it is not sure whose a conversation is.
    """
    return StoreError(
        f"conversation {number} is damaged: it is not sure whose it is; restore the database from a backup"
    )


def headOf(cursor: sqlite3.Cursor, number: int) -> tuple[int, int, int]:
    """
    The seq, n and ts that a log ends with: its last row has them.
    """
    return cursor.execute(HEAD, (number,)).fetchone() or (0, 0, 0)
