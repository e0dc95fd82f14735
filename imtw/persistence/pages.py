"""
Pages of a log in a SQLite database.

A page costs the same wherever it lies and however long the log is: rows are
found by their place.  How many messages stand before a row is its C{n}, less
those that were recalled (the table C{recalls} counts them).  Pages of some
time are in L{imtw.persistence.spans}.

The last rows of a log may not be in their place yet.  A query gets them as
C{tail} (L{imtw.persistence.tail}): rows read before the transaction began,
so that those it also finds in the database are left out, and none is missed.
All of them are messages that were not recalled.

However many rows are asked for, no more are read than there is C{room} for
(L{imtw.persistence.rules.fill}): they can be of any size.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain

from imtw.errors import StoreError
from imtw.model import Message, Pair, Tally
from imtw.persistence.conversations import checkPair, floorOf, headOf, homeOf, numberOf
from imtw.persistence.rows import Row, messageOf, messagesOf, namedOf, weigh
from imtw.persistence.rules import fill, pageOf, weightOf

N = "SELECT n FROM messages WHERE conversation = ? AND seq = ?"
TS = "SELECT ts FROM messages WHERE conversation = ? AND seq = ?"
RECALLED = "SELECT n - visible FROM recalls WHERE conversation = ? AND n <= ? ORDER BY n DESC LIMIT 1"
UNTIL = "SELECT seq, n FROM messages WHERE conversation = ? AND seq <= ? ORDER BY seq DESC LIMIT 1"
RECALLED_BEFORE = """
    SELECT n - visible FROM recalls WHERE conversation = ? AND visible <= ? ORDER BY visible DESC, n DESC LIMIT 1
"""
AT = "SELECT * FROM messages WHERE conversation = ? AND seq = ?"
VISIBLE_AT = AT + " AND fact = 0 AND recalled IS NULL"
WALK = "SELECT * FROM messages WHERE conversation = ? AND seq > ? ORDER BY seq LIMIT ?"
FROM = """
    SELECT * FROM messages WHERE conversation = ? AND seq >= ? AND fact = 0 AND recalled IS NULL ORDER BY seq LIMIT ?
"""
UP_TO = """
    SELECT * FROM messages WHERE conversation = ? AND seq <= ? AND fact = 0 AND recalled IS NULL
    ORDER BY seq DESC LIMIT ?
"""
FOR = """
    SELECT * FROM messages WHERE conversation = ? AND seq > ? AND fact = 0 AND recalled IS NULL AND sender <> ?
    ORDER BY seq LIMIT ?
"""
# SQLite takes the primary key for cheaper than these indexes, and would walk the log: it has to be told.
WITH_ID = """
    SELECT * FROM messages INDEXED BY messages_by_id
    WHERE conversation = ? AND id = ? AND fact = 0 AND recalled IS NULL ORDER BY seq DESC LIMIT 1
"""


def counted(
    cursor: sqlite3.Cursor,
    pair: Pair,
    offset: int | None,
    count: int | None,
    page: int,
    room: int,
    tail: Sequence[Row],
) -> list[Message]:
    """
    Messages by how many come before them; see L{imtw.interfaces.IStore.history}.

    @param page: how many at most.
    """
    number = numberOf(cursor, pair)
    if number is None:
        return []
    seq, n, _ = headOf(cursor, number)
    late = later(tail, seq)
    placed = _visible(cursor, number, n)
    first, last = pageOf(offset, count, page, placed + len(late))
    late = late[max(0, first - placed) : max(0, last - placed)]
    if offset is None:
        return _latest(cursor, number, pair, seq, first, placed, room, late)
    rows: list[Row] = []
    if first < min(last, placed):
        rows = _counted(cursor, number, seq, n, first, min(last, placed), room)
    return messagesOf(fill([*rows, *late], room, weigh), number, pair)


def newest(
    cursor: sqlite3.Cursor,
    pairs: Sequence[Pair],
    count: int,
    until: int | None,
    room: int,
    tails: Sequence[Sequence[Row]],
) -> list[Tally]:
    """
    See L{imtw.interfaces.IStore.newest}.

    @param tails: of each conversation, the rows that may not be in their
        places.
    """
    found = []
    for pair, tail in zip(pairs, tails, strict=True):
        tally = _newest(cursor, pair, count if room >= 0 else 0, until, room, tail)
        room -= sum(map(weightOf, tally.messages))
        found.append(tally)
    return found


def _newest(
    cursor: sqlite3.Cursor, pair: Pair, count: int, until: int | None, room: int, tail: Sequence[Row]
) -> Tally:
    """
    How one conversation stands.
    """
    number, floor = homeOf(cursor, pair)
    if number is None:
        return Tally(0, [])
    seq, n, _ = headOf(cursor, number)
    late = later(tail, seq)
    if until is not None:
        late = [row for row in late if row[1] <= until]
        seq, n = cursor.execute(UNTIL, (number, until)).fetchone() or (0, 0)
        if seq < floor:
            return Tally(0, [])
    placed = _visible(cursor, number, n)
    total = placed + len(late)
    first = max(0, total - count)
    return Tally(total, _latest(cursor, number, pair, seq, first, placed, room, late[max(0, first - placed) :]))


def at(cursor: sqlite3.Cursor, pair: Pair, ts: int, tail: Sequence[Row] = ()) -> Message | None:
    """
    See L{imtw.interfaces.IStore.at}.
    """
    number, floor = homeOf(cursor, pair)
    if number is None:
        return None
    head = headOf(cursor, number)[0]
    for late in later(tail, head):
        if late[3] == ts:
            return messageOf(late, number, pair)
    row = cursor.execute(VISIBLE_AT, (number, firstSeq(cursor, TS, number, ts, 1, head + 1))).fetchone()
    return messageOf(row, number, pair) if row is not None and row[3] == ts and row[1] >= floor else None


def _visible(cursor: sqlite3.Cursor, number: int, n: int) -> int:
    """
    How many of the first C{n} messages were not recalled.
    """
    recalled = cursor.execute(RECALLED, (number, n)).fetchone()
    return n - (int(recalled[0]) if recalled else 0)


def _counted(
    cursor: sqlite3.Cursor, number: int, seq: int, n: int, first: int, last: int, room: int
) -> list[Row]:
    """
    Messages by how many that were not recalled come before them: from
    C{first} to the one before C{last}.

    @param seq: a place behind all of these, with its C{n}.
    """
    wanted = _nOf(cursor, number, first)
    start = firstSeq(cursor, N, number, wanted, wanted, wanted + seq - n)
    rows = fill(cursor.execute(FROM, (number, start, last - first)), room, weigh)
    if not (len(rows) == last - first or isCut(rows, room)) or rows[0][2] != wanted:
        raise incomplete(number)
    return rows


def _latest(
    cursor: sqlite3.Cursor,
    number: int,
    pair: Pair,
    seq: int,
    first: int,
    placed: int,
    room: int,
    late: Sequence[Row],
) -> list[Message]:
    """
    The same from C{first} on, up to a place and what comes behind it; but
    the last of these, where there is no room for all.

    @param seq: that place.
    @param placed: how many messages there are up to it.
    @param late: those behind it.
    """
    wanted = max(0, placed - first)
    rows = fill(chain(reversed(late), cursor.execute(UP_TO, (number, seq, wanted))), room, weigh)
    there = len(rows) - min(len(rows), len(late))
    if not (there == wanted or isCut(rows, room)) or (there and rows[-1][2] != _nOf(cursor, number, placed - there)):
        raise incomplete(number)
    return messagesOf(reversed(rows), number, pair)


def _nOf(cursor: sqlite3.Cursor, number: int, before: int) -> int:
    """
    The C{n} of the message before which there are so many that were not
    recalled.
    """
    recalled = cursor.execute(RECALLED_BEFORE, (number, before)).fetchone()
    return before + 1 + (int(recalled[0]) if recalled else 0)


def isCut(rows: Sequence[Row], room: int) -> bool:
    """
    Did L{fill} leave some out, perhaps?
    """
    return len(rows) > 1 and sum(map(weigh, rows)) > room


def firstSeq(cursor: sqlite3.Cursor, query: str, number: int, wanted: float, low: int, high: int) -> int:
    """
    The first seq from C{low} on whose row has at least C{wanted} of what
    C{query} asks for, which grows with seq; C{high} where no lower one has.
    """
    while low < high:
        middle = (low + high) // 2
        found = cursor.execute(query, (number, middle)).fetchone()
        if found is not None and found[0] >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def visibleUpTo(cursor: sqlite3.Cursor, number: int, seq: int) -> int:
    """
    How many messages there are up to a row that is there, or 0, without those
    that were recalled.
    """
    n = cursor.execute(N, (number, seq)).fetchone() if seq else (0,)
    if seq <= floorOf(cursor, number):
        return 0
    if n is None:
        raise incomplete(number)
    return _visible(cursor, number, int(n[0]))


def rowAt(cursor: sqlite3.Cursor, number: int, seq: int) -> Row:
    """
    The row with a seq, which is there.

    @raise StoreError: it is not.
    """
    row: Row | None = cursor.execute(AT, (number, seq)).fetchone()
    if row is None or row[1] != seq:
        raise incomplete(number)
    return row


def walk(
    cursor: sqlite3.Cursor, pair: Pair, after: int, limit: int, room: int, tail: Sequence[Row] = ()
) -> list[Message]:
    """
    See L{imtw.interfaces.IStore.walk}.
    """
    number, floor = homeOf(cursor, pair)
    if number is None:
        return []
    after = max(0, after, floor - 1)
    rows = fill(cursor.execute(WALK, (number, after, limit)), room, weigh)
    if tail and len(rows) < limit:
        late = later(tail, max(after, headOf(cursor, number)[0]))
        rows = fill([*rows, *late[: limit - len(rows)]], room, weigh)
    found = messagesOf(rows, number, pair, after)
    if found and found[-1].seq != after + len(found):
        raise incomplete(number)
    return found


def find(cursor: sqlite3.Cursor, pair: Pair, id: str, tail: Sequence[Row] = ()) -> Message | None:
    """
    See L{imtw.interfaces.IStore.find}.
    """
    number, floor = homeOf(cursor, pair)
    if tail and number is not None:
        for late in reversed(later(tail, headOf(cursor, number)[0])):
            if late[4] == id:
                return namedOf(late, number, pair, id)
    row = None if number is None else cursor.execute(WITH_ID, (number, id)).fetchone()
    return None if number is None or row is None or row[1] < floor else namedOf(row, number, pair, id)


def later(tail: Sequence[Row], seq: int) -> list[Row]:
    """
    The rows of a tail behind a seq.
    """
    return list(tail[max(0, seq + 1 - tail[0][1]) :]) if tail else []


def incomplete(number: int) -> StoreError:
    """
    What is answered where messages are missing.
    """
    return StoreError(
        f"conversation {number} is damaged: messages are missing or out of their order; "
        "restore the database from a backup"
    )


def pending(
    cursor: sqlite3.Cursor, number: int, pair: Pair, user: str, after: int, limit: int, room: int
) -> tuple[int, list[Message]]:
    """
    The oldest messages of others after a cursor, all being in their places.

    @return: how far that is, and the messages.
    """
    after = max(after, floorOf(cursor, number))
    rows = fill(cursor.execute(FOR, (number, after, user, limit + 1)), room, weigh)
    checkPair(cursor, number, pair, user)
    found = messagesOf(rows[:limit], number, pair, after)
    if len(rows) > limit or isCut(rows, room):
        return found[-1].seq, found
    return headOf(cursor, number)[0], found
