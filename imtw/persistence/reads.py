"""
What a SQLite database knows of users, tokens, groups and shelves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET
from msgspec.json import Decoder, Encoder

from imtw.model import Account, Group, Mode, Token, User
from imtw.persistence.rules import MANY_VALUES

#: What L{userOf} wants, of the table users.
USER = "users.id, nick, avatar, sign, terminal, operator, extras, number"
ACCOUNT = f"SELECT {USER}, secret, disabled FROM users WHERE id = ?"  # noqa: S608 - constants, here and below
NUMBERED = f"SELECT {USER}, secret, disabled FROM users WHERE number = ?"  # noqa: S608
ACCOUNTS = f"SELECT {USER}, secret, disabled FROM users WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
TOKEN = "SELECT user, device, created, expires, audience FROM tokens WHERE digest = ?"
GROUP = "SELECT id, name, avatar, mode, owner FROM groups WHERE id = ?"
GROUPS = "SELECT id, name, avatar, mode, owner FROM groups WHERE id > ? ORDER BY id LIMIT ?"
GROUPS_OF = """
    SELECT groups.id, name, avatar, mode, groups.owner FROM members JOIN groups USING (conversation)
    WHERE user = ? AND scope = 2 ORDER BY joined
"""
CONVERSATION_OF = "SELECT conversation FROM groups WHERE id = ?"

#: Those of some names that are in a group, in the order of the names.
MEMBERS_AMONG = f"""
    SELECT {USER} FROM json_each(?) AS first
    CROSS JOIN members CROSS JOIN users
    WHERE conversation = ? AND user = first.value AND users.id = user
        AND user NOT IN (SELECT value FROM json_each(?))
    ORDER BY first.key LIMIT ?
"""  # noqa: S608
MEMBERS = f"""
    SELECT {USER} FROM members CROSS JOIN users
    WHERE conversation = ? AND users.id = user AND user NOT IN (SELECT value FROM json_each(?))
    ORDER BY user LIMIT ?
"""  # noqa: S608
SHELF = "SELECT key, value FROM shelf WHERE name = ? AND key >= ? ORDER BY key LIMIT ?"

_encode = Encoder().encode
_decode = Decoder().decode


def userOf(row: Sequence[Any]) -> User:
    """
    The user in the first columns of a row.
    """
    id, nick, avatar, sign, terminal, operator, extras, number = row[:8]
    kept = None if extras is None else _decode(extras)
    return User(id, nick, avatar, sign, terminal, bool(operator), kept, UNSET if number is None else number)


def accountOf(row: Sequence[Any]) -> Account:
    """
    The account in a row.
    """
    return Account(userOf(row), row[8], bool(row[9]))


def groupOf(row: Sequence[Any]) -> Group:
    """
    The group in a row.
    """
    id, name, avatar, mode, owner = row
    return Group(id, name, avatar, Mode(mode), owner)


def account(cursor: sqlite3.Cursor, user: str) -> Account | None:
    """
    See L{imtw.interfaces.IStore.account}.
    """
    row = cursor.execute(ACCOUNT, (user,)).fetchone()
    return None if row is None else accountOf(row)


def numbered(cursor: sqlite3.Cursor, number: int) -> Account | None:
    """
    See L{imtw.interfaces.IStore.numbered}.
    """
    row = cursor.execute(NUMBERED, (number,)).fetchone()
    return None if row is None else accountOf(row)


def user(cursor: sqlite3.Cursor, user: str) -> User | None:
    """
    See L{imtw.interfaces.IStore.user}.
    """
    row = cursor.execute(ACCOUNT, (user,)).fetchone()
    return None if row is None else userOf(row)


def users(cursor: sqlite3.Cursor, after: str, limit: int) -> list[Account]:
    """
    See L{imtw.interfaces.IStore.users}.
    """
    return [accountOf(row) for row in cursor.execute(ACCOUNTS, (after, limit))]


def token(cursor: sqlite3.Cursor, digest: bytes) -> Token | None:
    """
    See L{imtw.interfaces.IStore.token}.
    """
    row = cursor.execute(TOKEN, (digest,)).fetchone()
    return None if row is None else Token(*row)


def group(cursor: sqlite3.Cursor, group: str) -> Group | None:
    """
    See L{imtw.interfaces.IStore.group}.
    """
    row = cursor.execute(GROUP, (group,)).fetchone()
    return None if row is None else groupOf(row)


def groups(cursor: sqlite3.Cursor, after: str, limit: int) -> list[Group]:
    """
    See L{imtw.interfaces.IStore.groups}.
    """
    return [groupOf(row) for row in cursor.execute(GROUPS, (after, limit))]


def groupsOf(cursor: sqlite3.Cursor, user: str) -> list[Group]:
    """
    See L{imtw.interfaces.IStore.groupsOf}.
    """
    return [groupOf(row) for row in cursor.execute(GROUPS_OF, (user,))]


def members(
    cursor: sqlite3.Cursor, group: str, limit: int, first: Sequence[str], without: Sequence[str]
) -> list[User]:
    """
    See L{imtw.interfaces.IStore.members}.
    """
    row = cursor.execute(CONVERSATION_OF, (group,)).fetchone()
    if row is None:
        return []
    among = _encode(list(dict.fromkeys(first))).decode()
    left = _encode(without).decode()
    found = [userOf(row) for row in cursor.execute(MEMBERS_AMONG, (among, row[0], left, limit))]
    if len(found) < limit:
        left = _encode([*without, *(user.id for user in found)]).decode()
        found += [userOf(row) for row in cursor.execute(MEMBERS, (row[0], left, limit - len(found)))]
    return found


def values(cursor: sqlite3.Cursor, shelf: str, prefix: str) -> list[tuple[str, bytes]]:
    """
    See L{imtw.interfaces.IStore.get}.
    """
    found = []
    for key, value in cursor.execute(SHELF, (shelf, prefix, MANY_VALUES)):
        if not key.startswith(prefix):
            break
        found.append((key, value))
    return found
