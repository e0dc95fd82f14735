"""
Pages of what was said in some time, in a SQLite database.

The time is the clients'.  The server's is in the order of the log, and a
message's own is near to it, except for those I{astray}, which have an index.
So the messages of a span are, in the order of the log,

    - those astray that stand before the rows of that time,
    - the rows of that time, nearly all of which claim it,
    - those astray that stand behind them;

and where a page begins is found by counting, not by walking: well within that
time all rows belong to the span but those astray.
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import ceil, floor

from imtw.model import Message, Pair
from imtw.persistence import conversations, pages
from imtw.persistence.pages import TS, firstSeq, rowAt, visibleUpTo
from imtw.persistence.rows import Row, messagesOf, weigh
from imtw.persistence.rules import fill, pageOf

DRIFT = 10000  # ms that a message's two times may be apart and it is not in the index messages_astray
EARLIEST, LATEST = -(1 << 63), (1 << 63) - 1  # times that there can be

CLAIMED = """
    SELECT * FROM messages
    WHERE conversation = :conversation AND seq >= :low AND seq < :high AND fact = 0 AND recalled IS NULL
        AND created BETWEEN :begin AND :end
"""
FIRST_CLAIMED = CLAIMED + "ORDER BY seq LIMIT :count OFFSET :skip"
LAST_CLAIMED = CLAIMED + "ORDER BY seq DESC LIMIT :count"
COUNT_CLAIMED = CLAIMED.replace("*", "count(*)")

# The constants are those of the index, word for word: otherwise it could not be used.
ASTRAY = """
    SELECT seq FROM messages INDEXED BY messages_astray
    WHERE conversation = :conversation AND created BETWEEN :begin AND :end AND seq >= :low AND seq < :high
        AND created NOT BETWEEN ts - 10000 AND ts + 10000 AND fact = 0 AND recalled IS NULL
"""


def history(
    cursor: sqlite3.Cursor,
    pair: Pair,
    begin: float | None,
    end: float | None,
    offset: int | None,
    count: int | None,
    page: int,
    room: int,
    tail: Sequence[Row] = (),
) -> list[Message]:
    """
    See L{imtw.interfaces.IStore.history}.

    @param page: how many messages at most.
    @param room: bytes that they have, about.
    """
    if begin is None and end is None:
        return pages.counted(cursor, pair, offset, count, page, room, tail)
    low = float("-inf") if begin is None else begin
    high = float("inf") if end is None else end
    number, bottom = conversations.homeOf(cursor, pair)
    # How many there are is not known; it matters only where a page is counted from the end.
    first, last = pageOf(offset or 0, count, page, (offset or 0) + page)
    if number is None or first >= last or not low <= high:
        return []
    head = conversations.headOf(cursor, number)[0]
    late = [row for row in pages.later(tail, head) if low <= row[9] <= high]
    span = Span(cursor, number, max(1, bottom), head, low, high)
    if offset is None:
        late = late[first - last :]
        rows = fill(chain(reversed(late), span.newest(last - first - len(late))), room, weigh)[::-1]
    else:
        rows = fill(span.oldest(first, last - first), room, weigh)
        if late and len(rows) < last - first:
            placed = first + len(rows) if rows or not first else span.size
            rows = fill([*rows, *late[max(0, first - placed) :][: last - first - len(rows)]], room, weigh)
    found = messagesOf(rows, number, pair)
    if not all(low <= message.created <= high for message in found):
        raise pages.incomplete(number)
    return found


class Span:
    """
    The messages of one conversation that claim a time from C{begin} to
    C{end}, inclusive.
    """

    def __init__(self, cursor: sqlite3.Cursor, number: int, bottom: int, head: int, begin: float, end: float) -> None:
        """
        @param bottom: the conversation's first seq that is left.
        @param head: the conversation's last seq.
        @param begin: not larger than C{end}.
        """
        self._cursor = cursor
        self._number = number
        self._begin = ceil(max(begin, EARLIEST))
        self._end = floor(min(end, LATEST))
        self._low = self._firstAt(self._begin - DRIFT, bottom, head + 1)
        self._high = self._firstAt(self._end + DRIFT + 1, self._low, head + 1)
        self._before = self._astray(self._begin, self._end, bottom, self._low)
        self._behind = self._astray(self._begin, self._end, self._high, head + 1)

    def oldest(self, skip: int, count: int) -> Iterator[Row]:
        """
        So many messages, in the order of the log, but for the first C{skip}.
        """
        before = self._before[skip : skip + count]
        yield from self._rows(before)
        skip = max(0, skip - len(self._before))
        count -= len(before)
        if count:
            low, left = self._placeOf(skip)
            for row in self._claimed(FIRST_CLAIMED, low, self._high, count=count, skip=left):
                count -= 1
                yield row
        if count and self._behind:
            skip = max(0, skip - (self.size - len(self._before) - len(self._behind)))
            yield from self._rows(self._behind[skip : skip + count])

    def newest(self, count: int) -> Iterator[Row]:
        """
        The last C{count} messages, the last one first.
        """
        behind = self._behind[max(0, len(self._behind) - count) :]
        yield from self._rows(reversed(behind))
        count -= len(behind)
        if count:
            for row in self._claimed(LAST_CLAIMED, self._low, self._high, count=count):
                count -= 1
                yield row
        yield from self._rows(reversed(self._before[max(0, len(self._before) - count) :]))

    @property
    def size(self) -> int:
        """
        How many there are.
        """
        inner, outer, others = self._core()
        edges = self._count(self._low, inner) + self._count(outer, self._high)
        counted = self._upTo(outer) - self._upTo(inner) - len(others)
        return len(self._before) + edges + counted + len(self._behind)

    def _placeOf(self, skip: int) -> tuple[int, int]:
        """
        Where in the rows of that time C{skip} messages were left out: a seq,
        and how many have to be left out behind it.
        """
        inner, outer, others = self._core() if skip else (self._low, self._low, array("q"))
        edge = self._count(self._low, inner)
        if skip <= edge:
            return self._low, skip
        skip -= edge
        start = self._upTo(inner)
        empty = outer - inner - (self._upTo(outer) - start) + len(others)  # rows that are none of these messages
        low = min(inner + skip, outer)
        high = min(low + empty, outer)
        while low < high:
            middle = (low + high) // 2
            if self._upTo(middle) - start - bisect_left(others, middle) >= skip:
                high = middle
            else:
                low = middle + 1
        return low, skip - (self._upTo(low) - start) + bisect_left(others, low)

    def _core(self) -> tuple[int, int, array[int]]:
        """
        The rows that belong to the span unless they are astray: the first
        seq, the one behind the last, and those that claim another time.
        """
        inner = self._firstAt(self._begin + DRIFT, self._low, self._high)
        outer = self._firstAt(self._end - DRIFT + 1, inner, self._high)
        others = self._astray(EARLIEST, self._begin - 1, inner, outer) + self._astray(
            self._end + 1, LATEST, inner, outer
        )
        return inner, outer, array("q", sorted(others))

    def _firstAt(self, ts: int, low: int, high: int) -> int:
        """
        The first seq that the server gave at a time or later.
        """
        return firstSeq(self._cursor, TS, self._number, ts, low, high)

    def _upTo(self, seq: int) -> int:
        """
        How many messages there are before a seq, whatever time they claim.
        """
        return visibleUpTo(self._cursor, self._number, seq - 1)

    def _count(self, low: int, high: int) -> int:
        """
        How many messages of the span there are in some rows.
        """
        return int(self._claimed(COUNT_CLAIMED, low, high).fetchone()[0]) if low < high else 0

    def _claimed(self, query: str, low: int, high: int, **more: int) -> sqlite3.Cursor:
        """
        Ask for messages of the span among some rows.
        """
        asked = {"conversation": self._number, "begin": self._begin, "end": self._end, "low": low, "high": high}
        return self._cursor.execute(query, {**asked, **more})

    def _astray(self, begin: int, end: int, low: int, high: int) -> array[int]:
        """
        The seqs of messages astray that claim some time, among some rows.
        """
        if begin > end or low >= high:
            return array("q")
        asked = {"conversation": self._number, "begin": begin, "end": end, "low": low, "high": high}
        return array("q", sorted(seq for (seq,) in self._cursor.execute(ASTRAY, asked)))

    def _rows(self, seqs: Iterable[int]) -> Iterator[Row]:
        """
        The rows with these seqs.
        """
        return (rowAt(self._cursor, self._number, seq) for seq in seqs)
