"""
Who may speak in a conversation, in a SQLite database: managed groups, roles,
mutes, kicks, blocks.

Each is called in the writer's thread, within a transaction, so its order
against the messages is total.  What a head knows of its speakers is
forgotten wherever that changes (C{forget} of
L{imtw.persistence.headcache.HeadCache}), and asked for again with the next
message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from msgspec.json import Encoder

from imtw.model import Draft, Group, Membership, Pair, Role, Scope, groupPair, privatePair
from imtw.persistence import changes, conversations, places
from imtw.persistence.headcache import Head
from imtw.persistence.ledger import Ledger
from imtw.persistence.rules import NEVER, checkVoice, refuseGroup, refuseTaken

KEPT = 10_000  # verdicts kept of one conversation

#: From when on somebody may speak in a group: ms; the conversation, the user, and never.
VERDICT = """
    SELECT max(
        coalesce((
            SELECT CASE WHEN kicked THEN ?3 ELSE muted END FROM restrictions WHERE conversation = ?1 AND user = ?2
        ), 0),
        CASE WHEN (SELECT mode FROM groups WHERE conversation = ?1) = 1 AND NOT EXISTS (
            SELECT 1 FROM members WHERE user = ?2 AND scope = 2 AND conversation = ?1
        ) THEN ?3 ELSE 0 END
    )
"""
BLOCKED = "SELECT 1 FROM blocks WHERE user = ? AND other = ?"

ADD_MANAGED = """
    INSERT INTO groups (id, conversation, name, avatar, mode, owner, created) VALUES (?, ?, ?, ?, 1, ?, ?)
"""

#: Who of these is there, and has not blocked somebody.
WILLING = """
    SELECT users.id FROM json_each(?) AS asked CROSS JOIN users
    WHERE users.id = asked.value AND NOT EXISTS (SELECT 1 FROM blocks WHERE user = users.id AND other = ?)
    ORDER BY asked.key
"""
ROLE = "UPDATE members SET role = ? WHERE user = ? AND scope = 2 AND conversation = ?"
NO_OWNER = "UPDATE members SET role = 1 WHERE conversation = ? AND role = 2 AND user <> ?"
OWNER = "UPDATE groups SET owner = ? WHERE id = ?"
KICK = """
    INSERT INTO restrictions (conversation, user, kicked) VALUES (?1, ?2, ?3)
    ON CONFLICT (conversation, user) DO UPDATE SET kicked = ?3
"""
MUTE = """
    INSERT INTO restrictions (conversation, user, muted) VALUES (?1, ?2, ?3)
    ON CONFLICT (conversation, user) DO UPDATE SET muted = ?3
"""
TIDY = "DELETE FROM restrictions WHERE conversation = ? AND user = ? AND NOT kicked AND muted <= ?"
BLOCK = "INSERT OR IGNORE INTO blocks (user, other) VALUES (?, ?)"
UNBLOCK = "DELETE FROM blocks WHERE user = ? AND other = ?"

_encode = Encoder().encode


def check(ledger: Ledger, draft: Draft, head: Head) -> None:
    """
    May the sender of a draft speak in a conversation where not everybody
    may?

    @raise CommandRefused: no.
    """
    checkVoice(_remembered(ledger, draft, head), ledger.now)


def isHeard(ledger: Ledger, draft: Draft, head: Head) -> bool:
    """
    Is the other one of a private conversation, where not everybody may
    speak, told what the sender of a draft does there?
    """
    return draft.pair.scope is Scope.GROUP or not _remembered(ledger, draft, head)


def _remembered(ledger: Ledger, draft: Draft, head: Head) -> int:
    """
    From when on the sender of a draft may speak, ms.
    """
    verdicts = head.verdicts
    assert verdicts is not None
    sender = draft.sender
    verdict = verdicts.get(sender)
    if verdict is None:
        if len(verdicts) >= KEPT:
            verdicts.clear()
        verdict = verdicts[sender] = _verdict(ledger.cursor, draft.pair, sender, head.number)
    return verdict


def _verdict(cursor: sqlite3.Cursor, pair: Pair, user: str, number: int) -> int:
    """
    From when on somebody may speak in a conversation, ms.
    """
    if pair.scope is Scope.GROUP:
        return int(cursor.execute(VERDICT, (number, user, NEVER)).fetchone()[0])
    blocked = cursor.execute(BLOCKED, (pair.partnerOf(user), user)).fetchone()
    return 0 if blocked is None else NEVER


def maySpeak(cursor: sqlite3.Cursor, user: str, pair: Pair, now: int) -> None:
    """
    See L{imtw.interfaces.IStore.maySpeak}.
    """
    number = conversations.numberOf(cursor, pair)
    checkVoice(_verdict(cursor, pair, user, number or 0), now)


def addGroup(ledger: Ledger, group: Group, members: Sequence[str], limit: int) -> list[tuple[str, Membership]]:
    """
    See L{imtw.interfaces.IStore.addGroup}.
    """
    cursor = ledger.cursor
    pair = groupPair(group.id)
    owner = group.owner or ""
    if conversations.numberOf(cursor, pair) is not None:
        raise refuseTaken(group.id)
    if changes.groupCount(ledger, owner) >= limit:
        raise refuseGroup(limit)
    number = ledger.newConversation(pair)
    cursor.execute(ADD_MANAGED, (group.id, number, group.name, group.avatar, owner, ledger.now))
    ledger.addMember(owner, number, Role.OWNER)
    place = places.inGroup(cursor, owner, number)
    assert place is not None
    return [(owner, place), *_takeIn(ledger, members, owner, group.id, number, limit)]


def addMembers(
    ledger: Ledger, group: str, users: Sequence[str], limit: int, by: str
) -> list[tuple[str, Membership]]:
    """
    See L{imtw.interfaces.IStore.addMembers}.
    """
    number = conversations.numberOf(ledger.cursor, groupPair(group))
    if number is None:
        return []
    ledger.place(number)
    return _takeIn(ledger, users, by, group, number, limit)


def _takeIn(
    ledger: Ledger, users: Sequence[str], by: str, group: str, number: int, limit: int
) -> list[tuple[str, Membership]]:
    """
    Put those into a group whom a user can put there.
    """
    added = []
    for user in _willing(ledger, users, by):
        place = changes.comeIn(ledger, user, group, number, limit)
        if place is not None:
            added.append((user, place))
    return added


def _willing(ledger: Ledger, users: Sequence[str], by: str) -> list[str]:
    """
    Whom a user can put into a group.
    """
    # To SQLite's JSON a text ends at a NUL: that would be somebody else.
    asked = _encode([user for user in dict.fromkeys(users) if "\0" not in user]).decode()
    return [user for (user,) in ledger.cursor.execute(WILLING, (asked, by))]


def setRole(ledger: Ledger, user: str, group: str, role: Role) -> bool:
    """
    See L{imtw.interfaces.IStore.setRole}.  A group has one owner: who was it
    before administrates from then on.
    """
    cursor = ledger.cursor
    number = conversations.numberOf(cursor, groupPair(group))
    if cursor.execute(ROLE, (int(role), user, number)).rowcount != 1:
        return False
    if role is Role.OWNER:
        cursor.execute(NO_OWNER, (number, user))
        cursor.execute(OWNER, (user, group))
    return True


def kick(ledger: Ledger, user: str, group: str, kicked: bool) -> bool:
    """
    See L{imtw.interfaces.IStore.kick}.
    """
    number = conversations.numberOf(ledger.cursor, groupPair(group))
    if number is None:
        return False
    if kicked:
        changes.leave(ledger, user, group)
    ledger.cursor.execute(KICK, (number, user, kicked))
    _restricted(ledger, user, group, number)
    return True


def mute(ledger: Ledger, user: str, group: str, until: int) -> bool:
    """
    See L{imtw.interfaces.IStore.mute}.
    """
    number = conversations.numberOf(ledger.cursor, groupPair(group))
    if number is None:
        return False
    ledger.cursor.execute(MUTE, (number, user, until))
    _restricted(ledger, user, group, number)
    return True


def _restricted(ledger: Ledger, user: str, group: str, number: int) -> None:
    """
    What a user may do in a group has changed.
    """
    ledger.cursor.execute(TIDY, (number, user, ledger.now))
    ledger.heads.forget(groupPair(group))


def block(ledger: Ledger, user: str, other: str, blocked: bool) -> None:
    """
    See L{imtw.interfaces.IStore.block}.
    """
    ledger.cursor.execute(BLOCK if blocked else UNBLOCK, (user, other))
    ledger.heads.forget(privatePair(user, other))
