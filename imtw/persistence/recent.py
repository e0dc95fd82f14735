"""
The order of a user's private conversations in a SQLite database, and those in
which something waits: so that neither a page of the list nor a login looks at
all of them.

A user's place in a conversation says when that had its last row, and up to
where others have spoken; both are in an index.  To change that with each
message would cost as much as the message.  So it is only noted for both users
that the conversation is not I{settled}, which mostly it is already; and a
user who logs in, or asks for the list, settles what came since the last time.
What has rows in the journal is never settled.

Groups have no such thing, for one message would concern each member.  A user
is in few enough to look at all of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from msgspec.json import Encoder

from imtw.persistence.rules import OWN_ROWS

FIRST = 100  # conversations settled in the first commit
SLICE = 500  # in the second, where there are more: some milliseconds
MORE = 50  # and how many more in each that follows
FEW = 100  # that need not be settled before a page of the list is read

NOTE = """
    INSERT OR IGNORE INTO unsettled (user, conversation)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
"""
UNSETTLED = "SELECT conversation FROM unsettled WHERE user = ? LIMIT ?"
TAKE = "DELETE FROM unsettled WHERE user = ? AND conversation IN (SELECT value FROM json_each(?))"

#: A row of others is looked for among the last; where all those are the user's own, there may be one before them.
SETTLE = f"""
    UPDATE members SET
        settled = 1 + coalesce((
            SELECT max(settled) FROM members INDEXED BY members_by_settled WHERE user = ?1 AND scope = 1
        ), 0),
        last = coalesce((
            SELECT ts FROM messages WHERE conversation = members.conversation ORDER BY seq DESC LIMIT 1
        ), 0),
        heard = max(heard, coalesce((
            SELECT seq FROM (
                SELECT seq, sender FROM messages WHERE conversation = members.conversation AND seq > members.heard
                ORDER BY seq DESC LIMIT {OWN_ROWS}
            ) WHERE sender <> ?1 LIMIT 1
        ), (SELECT max(seq) - {OWN_ROWS} FROM messages WHERE conversation = members.conversation), 0))
    WHERE user = ?1 AND scope = 1 AND conversation IN (SELECT value FROM json_each(?2))
"""  # noqa: S608 - a constant

_encode = Encoder().encode


def note(cursor: sqlite3.Cursor, places: Sequence[tuple[str, int]]) -> None:
    """
    Conversations of these users get rows.
    """
    cursor.execute(NOTE, (_encode(places).decode(),))


def unsettled(cursor: sqlite3.Cursor, user: str, most: int) -> list[int]:
    """
    A user's conversations that are not settled, at most so many.
    """
    return [number for (number,) in cursor.execute(UNSETTLED, (user, most))]


def settle(cursor: sqlite3.Cursor, user: str, numbers: Sequence[int]) -> None:
    """
    Settle some of a user's conversations, whose rows are in their places.
    """
    settled = user, _encode(numbers).decode()
    cursor.execute(TAKE, settled)
    cursor.execute(SETTLE, settled)
