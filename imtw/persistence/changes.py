"""
What changes a SQLite database besides messages: users, tokens, groups,
cursors, shelves.

Each is called in the writer's thread, within a transaction.  Before messages
are read here, they are put into their places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from msgspec.json import Encoder

from imtw.model import SECRETS, Entry, Membership, Message, Mode, Pair, Token, User, groupPair
from imtw.persistence import conversations, pages, places, reads
from imtw.persistence.arrival import Arrival
from imtw.persistence.ledger import Ledger
from imtw.persistence.rows import textOf
from imtw.persistence.rules import refuseGroup, refuseKicked, weightOf

ADD_USER = """
    INSERT OR IGNORE INTO users (id, nick, avatar, sign, terminal, operator, secret, extras, created)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
DROP_SECRETS = "DELETE FROM shelf WHERE name = ?1 AND key >= ?2 || char(10) AND key < ?2 || char(11)"
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
REPLACE_TOKENS = "DELETE FROM tokens WHERE user = ? AND audience = ? RETURNING digest"
DROP_TOKENS = """
    DELETE FROM tokens WHERE digest IN (
        SELECT digest FROM tokens WHERE user = ? AND audience = ? ORDER BY expires DESC LIMIT -1 OFFSET ?
    )
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
    if ledger.cursor.execute("UPDATE users SET secret = ? WHERE id = ?", (secret, user)).rowcount != 1:
        return False
    ledger.cursor.execute("DELETE FROM tokens WHERE user = ?", (user,))
    ledger.cursor.execute(DROP_SECRETS, (SECRETS, user))
    return True


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
    ledger: Ledger,
    user: User,
    terminal: str,
    lobby: Sequence[tuple[str, str]],
    forget: bool,
    device: str,
    arrival: Arrival,
) -> Entry | None:
    """
    See L{imtw.interfaces.IStore.enter}.  The user's conversations are
    settled.

    @return: L{None} where there are more of them to be looked at.
    """
    behind = arrival.look(ledger)
    if behind is None:
        return None
    cursor = ledger.cursor
    row = cursor.execute(ENTERED, (user.id,)).fetchone()
    if row is None:
        addAccount(ledger, user, "")
    new = row is None or row[0] is None
    cursor.execute(ENTER, (user.id, terminal, ledger.now))
    ledger.placeGroups(user.id)
    if forget:
        cursor.execute(FORGET, (user.id, _encode([id for id, _ in lobby]).decode()))
    if new:
        for id, name in lobby:
            number = _group(ledger, id, name)
            if not _isKicked(ledger, user.id, number):
                ledger.addMember(user.id, number)
    entered = reads.user(cursor, user.id)
    assert entered is not None
    return Entry(entered, new, places.groups(cursor, user.id, device), behind)


def addToken(ledger: Ledger, digest: bytes, token: Token, alone: bool, most: int) -> list[bytes]:
    """
    See L{imtw.interfaces.IStore.addToken}.

    @param most: of a user and an audience.
    """
    cursor = ledger.cursor
    replaced = [each for (each,) in cursor.execute(REPLACE_TOKENS, (token.user, token.audience))] if alone else []
    cursor.execute("DELETE FROM tokens WHERE user = ? AND expires <= ?", (token.user, ledger.now))
    cursor.execute(ADD_TOKEN, (digest, token.user, token.device, token.created, token.expires, token.audience))
    cursor.execute(DROP_TOKENS, (token.user, token.audience, most))
    return replaced


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


def placesOf(ledger: Ledger, user: str) -> list[Membership]:
    """
    See L{imtw.interfaces.IStore.places}.
    """
    ledger.placeGroups(user)
    return places.groups(ledger.cursor, user)


def join(ledger: Ledger, user: str, group: str, name: str | None, limit: int, origin: str) -> Membership:
    """
    See L{imtw.interfaces.IStore.join}.
    """
    number = conversations.numberOf(ledger.cursor, groupPair(group))
    if number is not None:
        ledger.place(number)
        place = places.inGroup(ledger.cursor, user, number)
        if place is not None:
            return place
        if _isKicked(ledger, user, number):
            raise refuseKicked(group)
    if groupCount(ledger, user) >= limit:
        raise refuseGroup(limit)
    number = _group(ledger, group, name, origin)
    ledger.addMember(user, number)
    _cameOrWent(ledger, user, group, number)
    place = places.inGroup(ledger.cursor, user, number)
    assert place is not None
    return place


def comeIn(ledger: Ledger, user: str, group: str, number: int, limit: int) -> Membership | None:
    """
    Put a user into a group whose rows are in their places, unless it is in
    it, may not be, or is in C{limit} groups already.

    @return: its place, or L{None}.
    """
    isIn = places.inGroup(ledger.cursor, user, number) is not None
    if isIn or _isKicked(ledger, user, number) or groupCount(ledger, user) >= limit:
        return None
    ledger.addMember(user, number)
    _cameOrWent(ledger, user, group, number)
    return places.inGroup(ledger.cursor, user, number)


def leave(ledger: Ledger, user: str, group: str) -> bool:
    """
    See L{imtw.interfaces.IStore.leave}.
    """
    number = conversations.numberOf(ledger.cursor, groupPair(group))
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
        ledger.heads.forget(groupPair(group))


def pending(ledger: Ledger, user: str, pair: Pair | None, limit: int, room: int) -> Waiting:
    """
    See L{imtw.interfaces.IStore.pending}.  Asked for all, the user's
    conversations are settled.
    """
    cursor = ledger.cursor
    if pair is None:
        ledger.placeGroups(user)
        waiting = places.waiting(cursor, user)
    else:
        number = conversations.numberOf(cursor, pair)
        if number is None:
            return []
        ledger.place(number)
        waiting = places.waitingIn(cursor, user, number, pair.scope)
    found = []
    with closing(waiting):
        for place in islice(waiting, limit):
            place.head, messages = pages.pending(
                cursor, place.conversation, place.pair, user, place.cursor, limit, room
            )
            found.append((place, messages))
            limit -= len(messages)
            room -= sum(map(weightOf, messages))
            if limit <= 0 or room < 0:
                break
    return found


def settled(ledger: Ledger, user: str, work: Callable[[Ledger], Any], most: int) -> Any:
    """
    Do something for which a user's conversations have to be settled.

    @param most: that are settled in this transaction.
    @return: its result, or L{None} where there may be more, and it is not
        done, or not all of it.
    """
    return None if ledger.settle(user, most) else work(ledger)


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
    number = conversations.numberOf(ledger.cursor, pair)
    if number is None:
        number = ledger.newConversation(pair)
        ledger.cursor.execute(ADD_GROUP, (id, number, name or id, origin, ledger.now))
    return number
