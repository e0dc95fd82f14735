"""
What changes a SQLite database besides messages: users, tokens, groups,
cursors, shelves.

Each is called in the writer's thread, within a transaction.  Before messages
are read here, they are put into their places.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.json import Encoder

from imtw.model import SECRETS, Entry, Membership, Message, Mode, Pair, Role, Scope, Token, User, groupPair
from imtw.persistence import devices, pages, reads
from imtw.persistence.ledger import Ledger
from imtw.persistence.rows import textOf
from imtw.persistence.rules import refuseGroup, refuseKicked, weightOf

ADD_USER = """
    INSERT OR IGNORE INTO users (id, nick, avatar, sign, terminal, operator, secret, extras, created)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
DROP_SECRETS = "DELETE FROM shelf WHERE name = ?1 AND key > ?2 || char(10) AND key < ?2 || char(11)"
ENTERED = "SELECT entered FROM users WHERE id = ?"
ENTER = """
    UPDATE users SET terminal = ?2, entered = coalesce(entered, ?3)
    WHERE id = ?1 AND (terminal IS NOT ?2 OR entered IS NULL)
"""
FORGET = """
    DELETE FROM members WHERE user = ? AND scope = 2
        AND conversation NOT IN (SELECT conversation FROM groups WHERE id IN (SELECT value FROM json_each(?)))
        AND (SELECT mode FROM groups WHERE groups.conversation = members.conversation) = 0
"""

#: A user's places: conversation, scope, a, b, head, cursor, a group's name, the role there.
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
    ORDER BY members.scope, members.conversation
"""
GROUPS = PLACE + "= 2 ORDER BY joined"
BEHIND = PLACE + "= 1" + SOMETHING_WAITS
WAITING = PLACE + "IN (1, 2)" + SOMETHING_WAITS
IN_GROUP = PLACE + "= 2 AND members.conversation = ?"
WAITING_IN = PLACE + "= ? AND members.conversation = ?" + SOMETHING_WAITS

#: The same for a device, with its own cursors: the device comes first.
CURSOR = """max(start, coalesce((
    SELECT mine.cursor FROM device_cursors AS mine
    WHERE mine.user = members.user AND mine.device = ? AND mine.conversation = members.conversation
), 0)) AS got"""
DEVICE_GROUPS = GROUPS.replace("cursor,", CURSOR + ",")
DEVICE_BEHIND = BEHIND.replace("cursor,", CURSOR + ",").replace("seq > cursor", "seq > got")

#: Of a group: its mode, and whether a user was kicked from it.
GATE = """
    SELECT mode, coalesce((SELECT kicked FROM restrictions WHERE conversation = ?1 AND user = ?2), 0)
    FROM groups WHERE conversation = ?1
"""
COUNT_GROUPS = "SELECT count(*) FROM members WHERE user = ? AND scope = 2"
ADD_GROUP = "INSERT INTO groups (id, conversation, name, origin, created) VALUES (?, ?, ?, ?, ?)"
LEAVE = "DELETE FROM members WHERE user = ? AND scope = 2 AND conversation = ?"
ORPHAN = "UPDATE groups SET owner = NULL WHERE id = ? AND owner = ?"
MOVE = """
    UPDATE members
    SET cursor = max(cursor, min(?3, coalesce(?4, (SELECT max(seq) FROM messages WHERE conversation = ?2), 0)))
    WHERE user = ?1 AND scope IN (1, 2) AND conversation = ?2
"""
ADD_TOKEN = """
    INSERT OR REPLACE INTO tokens (digest, user, device, created, expires, audience) VALUES (?, ?, ?, ?, ?, ?)
"""

Waiting = list[tuple[Membership, list[Message]]]

_encode = Encoder().encode


def addAccount(ledger: Ledger, user: User, secret: str) -> bool:
    """
    See L{imtw.interfaces.IStore.addAccount}.
    """
    extras = None if user.extras is None else textOf(user.extras)
    fields = (user.id, user.nick, user.avatar, user.sign, user.terminal, user.operator, secret, extras, ledger.now)
    return ledger.cursor.execute(ADD_USER, fields).rowcount == 1


def setSecret(ledger: Ledger, user: str, secret: str) -> bool:
    """
    See L{imtw.interfaces.IStore.setSecret}.
    """
    ledger.cursor.execute("DELETE FROM tokens WHERE user = ?", (user,))
    ledger.cursor.execute(DROP_SECRETS, (SECRETS, user))
    return ledger.cursor.execute("UPDATE users SET secret = ? WHERE id = ?", (secret, user)).rowcount == 1


def renewSecret(ledger: Ledger, user: str, old: str, secret: str) -> bool:
    """
    See L{imtw.interfaces.IStore.renewSecret}.
    """
    sql = "UPDATE users SET secret = ? WHERE id = ? AND secret = ?"
    return ledger.cursor.execute(sql, (secret, user, old)).rowcount == 1


def setOperator(ledger: Ledger, user: str, operator: bool) -> bool:
    """
    See L{imtw.interfaces.IStore.setOperator}.
    """
    return ledger.cursor.execute("UPDATE users SET operator = ? WHERE id = ?", (operator, user)).rowcount == 1


def enter(
    ledger: Ledger, user: User, terminal: str, lobby: Sequence[tuple[str, str]], forget: bool, device: str, most: int
) -> Entry:
    """
    See L{imtw.interfaces.IStore.enter}.

    @param most: devices that a user has.
    """
    cursor = ledger.cursor
    row = cursor.execute(ENTERED, (user.id,)).fetchone()
    if row is None:
        addAccount(ledger, user, "")
    new = row is None or row[0] is None
    cursor.execute(ENTER, (user.id, terminal, ledger.now))
    ledger.placeOf(user.id)
    if forget:
        cursor.execute(FORGET, (user.id, _encode([id for id, _ in lobby]).decode()))
    if new:
        for id, name in lobby:
            number = _group(ledger, id, name)
            if not _isKicked(ledger, user.id, number):
                ledger.addMember(user.id, number)
    if device:
        devices.note(ledger, user.id, device, most)
    entered = reads.user(cursor, user.id)
    assert entered is not None
    groups, behind, who = (DEVICE_GROUPS, DEVICE_BEHIND, (device, user.id)) if device else (GROUPS, BEHIND, (user.id,))
    return Entry(
        entered,
        new,
        [_placeOf(place) for place in cursor.execute(groups, who)],
        [_placeOf(place) for place in cursor.execute(behind, who)],
    )


def addToken(ledger: Ledger, digest: bytes, token: Token, alone: bool) -> None:
    """
    See L{imtw.interfaces.IStore.addToken}.  The user's expired ones go.
    """
    cursor = ledger.cursor
    cursor.execute("DELETE FROM tokens WHERE user = ? AND expires <= ?", (token.user, ledger.now))
    if alone:
        cursor.execute("DELETE FROM tokens WHERE user = ? AND audience = ?", (token.user, token.audience))
    cursor.execute(ADD_TOKEN, (digest, token.user, token.device, token.created, token.expires, token.audience))


def renewToken(ledger: Ledger, digest: bytes, expires: int) -> bool:
    """
    See L{imtw.interfaces.IStore.renewToken}.
    """
    return ledger.cursor.execute("UPDATE tokens SET expires = ? WHERE digest = ?", (expires, digest)).rowcount == 1


def dropToken(ledger: Ledger, digest: bytes) -> Token | None:
    """
    See L{imtw.interfaces.IStore.dropToken}.
    """
    token = reads.token(ledger.cursor, digest)
    ledger.cursor.execute("DELETE FROM tokens WHERE digest = ?", (digest,))
    return token


def openGroups(ledger: Ledger, groups: Sequence[tuple[str, str]]) -> None:
    """
    See L{imtw.interfaces.IStore.openGroups}.
    """
    for id, name in groups:
        _group(ledger, id, name)


def places(ledger: Ledger, user: str) -> list[Membership]:
    """
    See L{imtw.interfaces.IStore.places}.
    """
    ledger.placeOf(user)
    return [_placeOf(place) for place in ledger.cursor.execute(GROUPS, (user,))]


def join(ledger: Ledger, user: str, group: str, name: str | None, limit: int, origin: str) -> Membership:
    """
    See L{imtw.interfaces.IStore.join}.
    """
    number = pages.numberOf(ledger.cursor, groupPair(group))
    if number is not None:
        ledger.place(number)
        place = inGroup(ledger, user, number)
        if place is not None:
            return place
        if _isKicked(ledger, user, number):
            raise refuseKicked(group)
    if groupCount(ledger, user) >= limit:
        raise refuseGroup(limit)
    number = _group(ledger, group, name, origin)
    ledger.addMember(user, number)
    _cameOrWent(ledger, user, group, number)
    place = inGroup(ledger, user, number)
    assert place is not None
    return place


def comeIn(ledger: Ledger, user: str, group: str, number: int, limit: int) -> Membership | None:
    """
    Put a user into a group whose rows are in their places, unless it is in
    it, may not be, or is in C{limit} groups already.

    @return: its place, or L{None}.
    """
    if inGroup(ledger, user, number) or _isKicked(ledger, user, number) or groupCount(ledger, user) >= limit:
        return None
    ledger.addMember(user, number)
    _cameOrWent(ledger, user, group, number)
    return inGroup(ledger, user, number)


def leave(ledger: Ledger, user: str, group: str) -> bool:
    """
    See L{imtw.interfaces.IStore.leave}.
    """
    number = pages.numberOf(ledger.cursor, groupPair(group))
    if number is None or not ledger.cursor.execute(LEAVE, (user, number)).rowcount:
        return False
    ledger.cursor.execute(ORPHAN, (group, user))
    _cameOrWent(ledger, user, group, number)
    return True


def groupCount(ledger: Ledger, user: str) -> int:
    """
    In how many groups a user is.
    """
    return int(ledger.cursor.execute(COUNT_GROUPS, (user,)).fetchone()[0])


def inGroup(ledger: Ledger, user: str, number: int) -> Membership | None:
    """
    A user's place in a group whose rows are in their places.
    """
    place = ledger.cursor.execute(IN_GROUP, (user, number)).fetchone()
    return None if place is None else _placeOf(place)


def _isKicked(ledger: Ledger, user: str, number: int) -> bool:
    """
    May a user not come back into a group?
    """
    found = ledger.cursor.execute(GATE, (number, user)).fetchone()
    return found is not None and bool(found[1])


def _cameOrWent(ledger: Ledger, user: str, group: str, number: int) -> None:
    """
    Who is in a group has changed: where only members speak, that counts.
    """
    (mode, _) = ledger.cursor.execute(GATE, (number, user)).fetchone()
    if mode == Mode.MANAGED:
        ledger.forget(groupPair(group))


def pending(ledger: Ledger, user: str, pair: Pair | None, limit: int, room: int) -> Waiting:
    """
    See L{imtw.interfaces.IStore.pending}.
    """
    cursor = ledger.cursor
    if pair is None:
        ledger.placeOf(user)
        places = cursor.execute(WAITING, (user,)).fetchall()
    else:
        number = pages.numberOf(cursor, pair)
        if number is None:
            return []
        ledger.place(number)
        places = cursor.execute(WAITING_IN, (user, pair.scope.value, number)).fetchall()
    found = []
    for place in map(_placeOf, places):
        place.head, messages = pages.pending(cursor, place.conversation, place.pair, user, place.cursor, limit, room)
        found.append((place, messages))
        limit -= len(messages)
        room -= sum(map(weightOf, messages))
        if limit <= 0 or room < 0:
            break
    return found


def moveCursors(ledger: Ledger, moved: Iterable[tuple[str, int, int]]) -> None:
    """
    See L{imtw.interfaces.IStore.moveCursors}.
    """
    ledger.cursor.executemany(
        MOVE, [(user, conversation, seq, ledger.seqOf(conversation)) for user, conversation, seq in moved]
    )


def put(ledger: Ledger, shelf: str, key: str, value: bytes) -> None:
    """
    See L{imtw.interfaces.IStore.put}.
    """
    ledger.cursor.execute("INSERT OR REPLACE INTO shelf (name, key, value) VALUES (?, ?, ?)", (shelf, key, value))


def _group(ledger: Ledger, id: str, name: str | None, origin: str = "") -> int:
    """
    The number of a group's conversation; the group is made if it is not
    there.
    """
    pair = groupPair(id)
    number = pages.numberOf(ledger.cursor, pair)
    if number is None:
        number = ledger.newConversation(pair)
        ledger.cursor.execute(ADD_GROUP, (id, number, name or id, origin, ledger.now))
    return number


def _placeOf(row: Sequence[Any]) -> Membership:
    """
    The membership in a row of L{PLACE}.
    """
    conversation, scope, a, b, head, cursor, name, role = row
    return Membership(conversation, Pair(Scope(scope), a, b), head, cursor, name, Role(role))
