"""
Devices that users named, how far each has got, and how far users have read,
in a SQLite database.

Each change is called in the writer's thread, within a transaction.
"""

from __future__ import annotations

import sqlite3

from msgspec.json import Encoder

from imtw.model import Device, Pair
from imtw.persistence.ledger import Ledger
from imtw.persistence.places import groupNumbers

SEEN = "UPDATE devices SET seen = ? WHERE user = ? AND device = ?"
ADD = "INSERT INTO devices (user, device, created, seen) VALUES (?1, ?2, ?3, ?3)"

#: A new device starts where its user has got, on whichever device that was.
COPY = """
    INSERT OR REPLACE INTO device_cursors (user, device, conversation, cursor)
    SELECT ?1, ?2, conversation, got FROM (
        SELECT conversation, start, max(cursor, read, coalesce((
            SELECT max(theirs.cursor) FROM devices CROSS JOIN device_cursors AS theirs
            ON theirs.user = ?1 AND theirs.device = devices.device AND theirs.conversation = members.conversation
            WHERE devices.user = ?1
        ), 0)) AS got
        FROM json_each(?3) AS asked CROSS JOIN members
        ON members.user = ?1 AND scope IN (1, 2) AND members.conversation = asked.value
    ) WHERE got > start
"""
PRIVATE = """
    SELECT conversation FROM members WHERE user = ? AND scope = 1 AND conversation > ? ORDER BY conversation LIMIT ?
"""
UNSEEN = "SELECT device FROM devices WHERE user = ? ORDER BY seen DESC, device LIMIT -1 OFFSET ?"
DEVICES = "SELECT device, created, seen FROM devices WHERE user = ? ORDER BY created, device"
KNOWN = "SELECT 1 FROM devices WHERE user = ? AND device = ?"
DROP = "DELETE FROM devices WHERE user = ? AND device = ?"
DROP_CURSORS = "DELETE FROM device_cursors WHERE user = ? AND device = ?"
DROP_TOKENS = "DELETE FROM tokens WHERE user = ? AND device = ? RETURNING digest"

IS_IN = "SELECT 1 FROM members WHERE user = ? AND scope = ? AND conversation = ?"
MOVE = """
    INSERT INTO device_cursors (user, device, conversation, cursor) VALUES (?, ?, ?, ?)
    ON CONFLICT (user, device, conversation) DO UPDATE SET cursor = max(cursor, excluded.cursor)
"""
MOVE_USER = "UPDATE members SET cursor = max(cursor, ?) WHERE user = ? AND scope = ? AND conversation = ?"
READ = """
    UPDATE members SET read = max(read, ?) WHERE user = ? AND scope = ? AND conversation = ? RETURNING read
"""

_encode = Encoder().encode


def isSeen(ledger: Ledger, user: str, device: str) -> bool:
    """
    A device logs in.

    @return: is it known?
    """
    return ledger.cursor.execute(SEEN, (ledger.now, user, device)).rowcount > 0


def copyCursors(cursor: sqlite3.Cursor, user: str, device: str, after: int, most: int) -> list[int]:
    """
    Give a new device its cursors in so many private conversations, those
    after one.

    @return: in which.
    """
    numbers = [number for (number,) in cursor.execute(PRIVATE, (user, after, most))]
    _copy(cursor, user, device, numbers)
    return numbers


def add(ledger: Ledger, user: str, device: str, most: int) -> None:
    """
    There is a new device, which has its cursors in private conversations.  Of
    more than C{most} devices of a user, those others that were not seen for
    longest are forgotten first.
    """
    cursor = ledger.cursor
    _copy(cursor, user, device, groupNumbers(cursor, user))
    for (old,) in cursor.execute(UNSEEN, (user, most - 1)).fetchall():
        drop(ledger, user, old)
    cursor.execute(ADD, (user, device, ledger.now))


def _copy(cursor: sqlite3.Cursor, user: str, device: str, numbers: list[int]) -> None:
    cursor.execute(COPY, (user, device, _encode(numbers).decode()))


def received(ledger: Ledger, user: str, device: str, pair: Pair, seq: int) -> bool:
    """
    See L{imtw.interfaces.IStore.received}.
    """
    cursor = ledger.cursor
    head = ledger.heads.get(pair)
    if head is None:
        return False
    seq = min(seq, head.seq)
    place = user, pair.scope.value, head.number
    if not device:
        return cursor.execute(MOVE_USER, (seq, *place)).rowcount == 1
    if not cursor.execute(KNOWN, (user, device)).fetchone() or not cursor.execute(IS_IN, place).fetchone():
        return False
    cursor.execute(MOVE, (user, device, head.number, seq))
    return True


def markRead(ledger: Ledger, user: str, pair: Pair, seq: int) -> int | None:
    """
    See L{imtw.interfaces.IStore.markRead}.
    """
    head = ledger.heads.get(pair)
    if head is None:
        return None
    asked = min(seq, head.seq), user, pair.scope.value, head.number
    found = ledger.cursor.execute(READ, asked).fetchall()
    return int(found[0][0]) if found else None


def headOf(ledger: Ledger, pair: Pair) -> int:
    """
    See L{imtw.interfaces.IStore.head}.
    """
    head = ledger.heads.get(pair)
    return 0 if head is None else head.seq


def devices(cursor: sqlite3.Cursor, user: str) -> list[Device]:
    """
    See L{imtw.interfaces.IStore.devices}.
    """
    return [Device(*row) for row in cursor.execute(DEVICES, (user,))]


def drop(ledger: Ledger, user: str, device: str) -> list[bytes] | None:
    """
    See L{imtw.interfaces.IStore.dropDevice}.
    """
    cursor = ledger.cursor
    cursor.execute(DROP_CURSORS, (user, device))
    dropped = [digest for (digest,) in cursor.execute(DROP_TOKENS, (user, device))]
    return dropped if cursor.execute(DROP, (user, device)).rowcount else None
