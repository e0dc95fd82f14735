"""
A user's places in conversations, in a SQLite database: the groups it is in,
and the private conversations in which something waits.

The rows of groups have to be in their places, and private conversations
settled (L{imtw.persistence.recent}): then the ones in which nothing waits are
not looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

from imtw.model import Membership, Pair, Role, Scope

#: Conversation, scope, a, b, head, cursor, a group's name, the role there.
PLACE = """
    SELECT members.conversation, conversations.scope, a, b,
        coalesce((SELECT max(seq) FROM messages WHERE messages.conversation = members.conversation), 0),
        cursor, coalesce(groups.name, ''), role
    FROM members CROSS JOIN conversations ON conversations.id = members.conversation
    LEFT JOIN groups ON groups.conversation = members.conversation
    WHERE members.user = ? AND members.scope
"""
SOMETHING_WAITS = """
    AND EXISTS (SELECT 1 FROM messages WHERE messages.conversation = members.conversation AND seq > cursor)
    ORDER BY members.conversation
"""
GROUP_NUMBERS = "SELECT conversation FROM members WHERE user = ? AND scope = 2"
GROUPS = PLACE + "= 2 ORDER BY joined"
GROUPS_WAITING = PLACE + "= 2" + SOMETHING_WAITS
IN_GROUP = PLACE + "= 2 AND members.conversation = ?"
WAITING_IN = PLACE + "= ? AND members.conversation = ?" + SOMETHING_WAITS

#: Private ones.  SQLite takes the primary key for cheaper than these indexes: it has to be told.
BEHIND = PLACE.replace("FROM members", "FROM members INDEXED BY members_waiting") + (
    "= 1 AND heard > cursor ORDER BY members.conversation"
)

#: The same for a device, with its own cursors: the device comes first.
CURSOR = """max(start, coalesce((
    SELECT mine.cursor FROM device_cursors AS mine
    WHERE mine.user = members.user AND mine.device = ? AND mine.conversation = members.conversation
), 0)) AS got"""
DEVICE_GROUPS = GROUPS.replace("cursor,", CURSOR + ",")


def groups(cursor: sqlite3.Cursor, user: str, device: str = "") -> list[Membership]:
    """
    The groups of a user, in the order of joining.
    """
    found = cursor.execute(DEVICE_GROUPS, (device, user)) if device else cursor.execute(GROUPS, (user,))
    return [_placeOf(place) for place in found]


def groupNumbers(cursor: sqlite3.Cursor, user: str) -> list[int]:
    """
    The conversations of these.
    """
    return [number for (number,) in cursor.execute(GROUP_NUMBERS, (user,))]


def inGroup(cursor: sqlite3.Cursor, user: str, number: int) -> Membership | None:
    """
    A user's place in a group.
    """
    place = cursor.execute(IN_GROUP, (user, number)).fetchone()
    return None if place is None else _placeOf(place)


def waiting(cursor: sqlite3.Cursor, user: str) -> Generator[Membership, None, None]:
    """
    All conversations in which something waits for a user's devices without a
    name, as they are asked for.  Close it.
    """
    with closing(cursor.connection.cursor()) as reading:
        for query in (BEHIND, GROUPS_WAITING):
            yield from map(_placeOf, reading.execute(query, (user,)))


def waitingIn(cursor: sqlite3.Cursor, user: str, number: int, scope: Scope) -> Generator[Membership, None, None]:
    """
    The same, where that is one conversation, which need not be settled.
    """
    yield from map(_placeOf, cursor.execute(WAITING_IN, (user, scope.value, number)).fetchall())


def _placeOf(row: Sequence[Any]) -> Membership:
    """
    The membership in a row of L{PLACE}.
    """
    conversation, scope, a, b, head, cursor, name, role = row
    return Membership(conversation, Pair(Scope(scope), a, b), head, cursor, name, Role(role))
