"""
Friends and invitations in a SQLite database, and the numbers that some
dialects know users by.

What changes something is called in the writer's thread, within a
transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from imtw.model import Friend, Invitation
from imtw.persistence.ledger import Ledger
from imtw.persistence.reads import USER, userOf
from imtw.persistence.rules import refuseFriend, refuseInvitation, refuseNumber, refuseUnwanted
from imtw.persistence.voices import BLOCKED

NUMBER = "SELECT number FROM users WHERE id = ?"
HAS_NUMBER = "SELECT 1 FROM users WHERE number = ?"
SET_NUMBER = "UPDATE users SET number = ? WHERE id = ?"

FRIENDS = f"""
    SELECT {USER}, remark, since FROM friends CROSS JOIN users
    WHERE friends.user = ? AND friend > ? AND users.id = friend ORDER BY friend LIMIT ?
"""  # noqa: S608 - constants
IS_FRIEND = "SELECT 1 FROM friends WHERE user = ? AND friend = ?"
COUNT_FRIENDS = "SELECT count(*) FROM friends WHERE user = ?"
ADD_FRIEND = """
    INSERT INTO friends (user, friend, remark, since) VALUES (?, ?, ?, ?)
    ON CONFLICT (user, friend) DO UPDATE SET remark = excluded.remark
"""
DROP_FRIEND = "DELETE FROM friends WHERE user = ? AND friend = ?"

INVITATION = "SELECT id, user, friend, note, agreed, created FROM invitations WHERE "
BY_ID = INVITATION + "id = ?"
WAITING = INVITATION + "user = ? AND friend = ? AND agreed = 0"
#: What a user has not been told, and wants to hear: who invites it, and who has agreed.
NEWS = f"""
    {INVITATION} friend = ?1 AND agreed = 0 AND told = 0
        AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.user = ?1 AND other = invitations.user)
    UNION ALL {INVITATION} user = ?1 AND agreed = 1 AND told = 0
        AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.user = ?1 AND other = friend)
    ORDER BY id LIMIT ?2
"""  # noqa: S608 - constants
COUNT_WAITING = "SELECT count(*) FROM invitations WHERE user = ? AND agreed = 0"
INVITE = """
    INSERT INTO invitations (id, user, friend, note, created) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (user, friend) DO UPDATE SET note = excluded.note, agreed = 0, told = 0
"""
AGREE = "UPDATE invitations SET agreed = 1, told = 0 WHERE id = ?"
TOLD = "UPDATE invitations SET told = 1 WHERE id = ? AND agreed = ?"
DROP_INVITATION = "DELETE FROM invitations WHERE user = ? AND friend = ?"


def number(ledger: Ledger, user: str, candidate: int) -> int | None:
    """
    See L{imtw.interfaces.IStore.number}.
    """
    cursor = ledger.cursor
    row = cursor.execute(NUMBER, (user,)).fetchone()
    if row is None or row[0] is not None:
        return None if row is None else int(row[0])
    if cursor.execute(HAS_NUMBER, (candidate,)).fetchone() is not None:
        raise refuseNumber(candidate)
    cursor.execute(SET_NUMBER, (candidate, user))
    return candidate


def friends(cursor: sqlite3.Cursor, user: str, after: str, limit: int) -> list[Friend]:
    """
    See L{imtw.interfaces.IStore.friends}.
    """
    return [Friend(userOf(row), row[-2], row[-1]) for row in cursor.execute(FRIENDS, (user, after, limit))]


def addFriend(ledger: Ledger, user: str, friend: str, remark: str, since: int, limit: int) -> None:
    """
    See L{imtw.interfaces.IStore.addFriend}.
    """
    (count,) = ledger.cursor.execute(COUNT_FRIENDS, (user,)).fetchone()
    if count >= limit and ledger.cursor.execute(IS_FRIEND, (user, friend)).fetchone() is None:
        raise refuseFriend(limit)
    ledger.cursor.execute(ADD_FRIEND, (user, friend, remark, since))


def unfriend(ledger: Ledger, user: str, friend: str) -> bool:
    """
    See L{imtw.interfaces.IStore.unfriend}.
    """
    gone = 0
    for ends in ((user, friend), (friend, user)):
        gone += ledger.cursor.execute(DROP_FRIEND, ends).rowcount
        gone += ledger.cursor.execute(DROP_INVITATION, ends).rowcount
    return gone > 0


def invite(ledger: Ledger, user: str, friend: str, note: str, limit: int, id: int | None) -> Invitation:
    """
    See L{imtw.interfaces.IStore.invite}.
    """
    cursor = ledger.cursor
    waiting = cursor.execute(WAITING, (user, friend)).fetchone()
    (count,) = cursor.execute(COUNT_WAITING, (user,)).fetchone()
    why = refuseInvitation(
        friend,
        cursor.execute(NUMBER, (friend,)).fetchone() is not None,
        cursor.execute(BLOCKED, (friend, user)).fetchone() is not None,
        cursor.execute(IS_FRIEND, (user, friend)).fetchone() is not None,
        waiting is None and count >= limit,
    )
    if why is not None:
        raise why
    if waiting is not None:
        return invitationOf(waiting)
    if id is not None and cursor.execute(BY_ID, (id,)).fetchone() is not None:
        id = None
    cursor.execute(INVITE, (id, user, friend, note, ledger.now))
    return invitationOf(cursor.execute(WAITING, (user, friend)).fetchone())


def invitation(cursor: sqlite3.Cursor, id: int) -> Invitation | None:
    """
    See L{imtw.interfaces.IStore.invitation}.
    """
    row = cursor.execute(BY_ID, (id,)).fetchone()
    return None if row is None else invitationOf(row)


def agree(ledger: Ledger, user: str, inviter: str, limit: int) -> Invitation | None:
    """
    See L{imtw.interfaces.IStore.agree}.
    """
    row = ledger.cursor.execute(WAITING, (inviter, user)).fetchone()
    if row is None:
        return None
    if ledger.cursor.execute(BLOCKED, (inviter, user)).fetchone() is not None:
        raise refuseUnwanted()
    for one, other in ((user, inviter), (inviter, user)):
        if ledger.cursor.execute(IS_FRIEND, (one, other)).fetchone() is None:
            addFriend(ledger, one, other, "", ledger.now, limit)
    ledger.cursor.execute(DROP_INVITATION, (user, inviter))  # they may have invited each other
    ledger.cursor.execute(AGREE, (row[0],))
    agreed = invitationOf(row)
    agreed.agreed = True
    return agreed


def news(cursor: sqlite3.Cursor, user: str, limit: int) -> list[Invitation]:
    """
    See L{imtw.interfaces.IStore.news}.
    """
    return [invitationOf(row) for row in cursor.execute(NEWS, (user, limit))]


def told(ledger: Ledger, invitations: Sequence[Invitation]) -> None:
    """
    See L{imtw.interfaces.IStore.told}.
    """
    ledger.cursor.executemany(TOLD, [(one.id, one.agreed) for one in invitations])


def invitationOf(row: Sequence[Any]) -> Invitation:
    """
    The invitation in a row.
    """
    id, user, friend, note, agreed, created = row
    return Invitation(id, user, friend, note, bool(agreed), created)
