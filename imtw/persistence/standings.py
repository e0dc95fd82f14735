"""
What a user's list of conversations shows, and pages by seq, in a SQLite
database.

Nothing is counted per member: what is unread is the distance between two
places in the log.  As in L{imtw.persistence.pages}, rows that are not in
their place yet come with the question.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from heapq import merge
from itertools import chain, islice
from typing import Any

from msgspec.json import Encoder

from imtw.model import Membership, Message, Pair, Passport, Receipt, Role, Scope, Standing, groupPair
from imtw.persistence.conversations import ambiguous, checkPair, floorOf, headOf, homeOf, numberOf
from imtw.persistence.pages import N, incomplete, visibleUpTo
from imtw.persistence.places import groupNumbers
from imtw.persistence.recent import unsettled
from imtw.persistence.rows import Row, messageOf, messagesOf, weigh
from imtw.persistence.rules import OWN_ROWS, fill, isBehind, weightOf

#: A user's private conversations as they are settled, newest first.
SETTLED = """
    SELECT last, conversation FROM members INDEXED BY members_by_last
    WHERE user = ? AND scope = 1 AND last <= ? ORDER BY last DESC, conversation
"""

#: One of a user's conversations: scope, a, b, name, read.
ONE = """
    SELECT conversations.scope, a, b, coalesce(groups.name, ''), read
    FROM members CROSS JOIN conversations ON conversations.id = members.conversation
    LEFT JOIN groups ON groups.conversation = members.conversation
    WHERE members.user = ? AND members.scope IN (1, 2) AND members.conversation = ?
"""
#: Where the logs of some conversations end, as far as they are in their places: conversation, seq, n, ts.
ENDS = """
    SELECT value, coalesce(seq, 0), coalesce(n, 0), coalesce(ts, 0) FROM json_each(?) LEFT JOIN messages
        ON conversation = value AND seq = (SELECT max(seq) FROM messages WHERE conversation = value)
"""
OWN = """
    SELECT seq, n FROM (
        SELECT seq, n, sender FROM messages WHERE conversation = ? AND seq > ? AND seq > ? ORDER BY seq DESC
    ) WHERE sender = ? LIMIT 1
"""
AFTER = """
    SELECT * FROM messages WHERE conversation = ? AND seq > ? AND seq < ? AND fact = 0 AND recalled IS NULL
    ORDER BY seq LIMIT ?
"""
BEFORE = """
    SELECT * FROM messages WHERE conversation = ? AND seq > ? AND seq < ? AND fact = 0 AND recalled IS NULL
    ORDER BY seq DESC LIMIT ?
"""
PLACE_IN = """
    SELECT members.conversation, cursor, name, role FROM groups CROSS JOIN members
    WHERE groups.id = ? AND user = ? AND scope = 2 AND members.conversation = groups.conversation
"""
#: How far the devices of a conversation's users have got: a user who named none counts as one.
RECEIPTS = """
    SELECT members.user, coalesce(devices.device, ''),
        CASE WHEN devices.device IS NULL THEN members.cursor ELSE max(start, coalesce((
            SELECT cursor FROM device_cursors AS mine
            WHERE mine.user = members.user AND mine.device = devices.device AND mine.conversation = ?1
        ), 0)) END AS got
    FROM members LEFT JOIN devices ON devices.user = members.user
    WHERE members.conversation = ?1 AND members.user <> ?2
"""
TALLY = "SELECT count(*), coalesce(sum(got >= ?3), 0) FROM (" + RECEIPTS + ")"  # noqa: S608 - both are constants
END = (1 << 63) - 1  # no seq is larger

Tails = Mapping[int, Sequence[Row]]
Last = list[Any]  # seq, n and ts of a log's last row

_encode = Encoder().encode


def page(
    cursor: sqlite3.Cursor,
    pair: Pair,
    after: int | None,
    before: int | None,
    limit: int,
    room: int,
    tail: Sequence[Row] = (),
) -> list[Message]:
    """
    See L{imtw.interfaces.IStore.page}.
    """
    number, floor = homeOf(cursor, pair)
    if number is None:
        return []
    head = headOf(cursor, number)[0]
    first, last = max(after or 0, floor), END if before is None else before
    late = [row for row in tail if row[1] > head and first < row[1] < last]
    if after is not None:
        rows = fill(cursor.execute(AFTER, (number, first, last, limit)), room, weigh)
        placed = messagesOf(rows, number, pair, first)
        late = fill([*rows, *late[: limit - len(rows)]], room, weigh)[len(rows) :]
    else:
        late = late[max(0, len(late) - limit) :]
        rows = fill(chain(late[::-1], cursor.execute(BEFORE, (number, first, last, limit - len(late)))), room, weigh)
        placed = messagesOf(reversed(rows[len(late) :]), number, pair, first)
        late = rows[: len(late)][::-1]
    if placed:
        # Nothing stands between them and where the page begins, or ends.
        have = visibleUpTo(cursor, number, placed[-1].seq)
        if after is None:
            gap = visibleUpTo(cursor, number, min(last - 1, head)) - have
        else:
            gap = have - len(placed) - visibleUpTo(cursor, number, max(0, first))
        if gap or have - visibleUpTo(cursor, number, placed[0].seq) != len(placed) - 1:
            raise incomplete(number)
    return placed + messagesOf(late, number, pair)


def membership(cursor: sqlite3.Cursor, user: str, group: str, tail: Sequence[Row] = ()) -> Membership | None:
    """
    See L{imtw.interfaces.IStore.membership}.
    """
    found = cursor.execute(PLACE_IN, (group, user)).fetchone()
    if found is None:
        return None
    number, got, name, role = found
    head = headOf(cursor, number)[0]
    head = max(head, tail[-1][1]) if tail else head
    return Membership(number, groupPair(group), head, got, name, Role(role))


def passport(cursor: sqlite3.Cursor, pair: Pair, seq: int, sender: str) -> Passport:
    """
    See L{imtw.interfaces.IStore.passport}.
    """
    number = numberOf(cursor, pair)
    if pair.scope is Scope.GROUP:
        total, confirmed = cursor.execute(TALLY, (number, sender, seq)).fetchone()
        return Passport(total, confirmed, [])
    found = [Receipt(user, device, got, got >= seq) for user, device, got in cursor.execute(RECEIPTS, (number, sender))]
    found.sort(key=lambda receipt: (receipt.user, receipt.device))
    return Passport(len(found), sum(receipt.confirmed for receipt in found), found)


def standings(
    cursor: sqlite3.Cursor,
    user: str,
    before: int | None,
    limit: int,
    behind: int | None,
    room: int,
    tails: Tails,
    most: int = END,
) -> list[Standing] | None:
    """
    See L{imtw.interfaces.IStore.standings}.

    @param tails: by conversation, the rows that may not be in their places.
    @param most: of the user's conversations that are not settled.
    @return: L{None} where there are more.
    """
    fresh = unsettled(cursor, user, min(most + 1, END))
    if len(fresh) > most:
        return None
    ends = _endsOf(cursor, [*fresh, *groupNumbers(cursor, user)], tails)
    with closing(cursor.connection.cursor()) as reading:
        settled = reading.execute(SETTLED, (user, END if before is None else max(0, min(before, END))))
        found = merge(
            ((-ts, number) for ts, number in settled if number not in ends),
            sorted((-ts, number) for number, (_, _, ts) in ends.items()),
        )
        wanted = (number for ts, number in found if before is None or isBehind(-ts, number, before, behind))
        shown = (
            _standing(cursor, user, number, ends.get(number), tails.get(number, ()))
            for number in islice(wanted, limit)
        )
        return fill(shown, room, lambda standing: 0 if standing.last is None else weightOf(standing.last))


def _endsOf(cursor: sqlite3.Cursor, numbers: Sequence[int], tails: Tails) -> dict[int, Last]:
    """
    Where the logs of some conversations end.
    """
    ends: dict[int, Last] = {number: end for number, *end in cursor.execute(ENDS, (_encode(numbers).decode(),))}
    for number in numbers:
        tail = tails.get(number)
        if tail:
            ends[number] = max(ends[number], list(tail[-1][1:4]))
    return ends


def _standing(cursor: sqlite3.Cursor, user: str, number: int, end: Last | None, tail: Sequence[Row]) -> Standing:
    """
    What is shown of one conversation.

    @param end: where its log ends, if not with the last row in its place.
    """
    found = cursor.execute(ONE, (user, number)).fetchone()
    if found is None:
        raise ambiguous(number)
    scope, a, b, name, read = found
    pair = Pair(Scope(scope), a, b)
    checkPair(cursor, number, pair, user)
    placed, floor = headOf(cursor, number), floorOf(cursor, number)
    head, n, ts = end or placed
    tail = [late for late in tail if placed[0] < late[1] <= head]
    last = tail[-1] if tail else next(iter(cursor.execute(BEFORE, (number, floor, END, 1))), None)
    seen = _seen(cursor, number, user, max(read, floor), head, tail)
    message = None if last is None else messageOf(last, number, pair)
    return Standing(pair, name, head, read, n - seen, message, (ts, number))


def _seen(cursor: sqlite3.Cursor, number: int, user: str, read: int, head: int, tail: Sequence[Row]) -> int:
    """
    How many messages there are up to what a user has read: who speaks has
    read what was said before.
    """
    for late in reversed(tail):
        if late[1] <= max(read, head - OWN_ROWS):
            break
        if late[6] == user:
            return int(late[2])
    own = cursor.execute(OWN, (number, read, head - OWN_ROWS, user)).fetchone()
    if own is not None:
        return int(own[1])
    if not read:
        return 0
    if tail and read >= tail[0][1]:
        return int(tail[read - tail[0][1]][2])
    found = cursor.execute(N, (number, read)).fetchone()
    return int(found[0]) if found else 0
