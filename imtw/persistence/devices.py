"""
Devices that users named, how far each has got, and how far users have read,
in a SQLite database.

Each change is called in the writer's thread, within a transaction.
"""

from __future__ import annotations

import sqlite3

from imtw.model import Device, Pair
from imtw.persistence.ledger import Ledger

SEEN = "UPDATE devices SET seen = ? WHERE user = ? AND device = ?"
ADD = "INSERT INTO devices (user, device, created, seen) VALUES (?1, ?2, ?3, ?3)"

#: A new device starts where its user has got, on whichever device that was.
SNAPSHOT = """
    INSERT OR IGNORE INTO device_cursors (user, device, conversation, cursor)
    SELECT user, ?2, members.conversation, max(cursor, read, coalesce(got, 0))
    FROM members LEFT JOIN (
        SELECT conversation, max(cursor) AS got FROM device_cursors WHERE user = ?1 GROUP BY conversation
    ) AS others ON others.conversation = members.conversation
    WHERE user = ?1 AND max(cursor, read, coalesce(got, 0)) > start
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


def note(ledger: Ledger, user: str, device: str, most: int) -> None:
    """
    A device logs in.  Of more than C{most} devices of a user, those that were
    not seen for longest are forgotten.
    """
    cursor = ledger.cursor
    if cursor.execute(SEEN, (ledger.now, user, device)).rowcount:
        return
    cursor.execute(ADD, (user, device, ledger.now))
    cursor.execute(SNAPSHOT, (user, device))
    for (old,) in cursor.execute(UNSEEN, (user, most)).fetchall():
        drop(ledger, user, old)


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
