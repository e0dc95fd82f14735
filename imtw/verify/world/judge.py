"""
What people saw, beside what they were promised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from imtw.model import Fact, Scope
from imtw.persistence.tail import recover
from imtw.verify.wire import Conversation, group, pair
from imtw.verify.world.clients import Client
from imtw.verify.world.social import social
from imtw.verify.world.story import World
from imtw.verify.world.words import Seen, Words

ROWS = """
    SELECT scope, a, b, seq, n, ts, m.id, sender, content, fact, recalled
    FROM messages m JOIN conversations c ON c.id = m.conversation ORDER BY m.conversation, seq
"""
READ = """
    SELECT user, c.scope, a, b, read FROM members m JOIN conversations c ON c.id = m.conversation
"""


class Row(NamedTuple):
    """
    A row of the log, as it stands on the disk.
    """

    seq: int
    n: int
    ts: int
    id: str
    sender: str
    content: str | None
    fact: int
    recalled: int | None


Logs = dict[Conversation, list[Row]]


def violations(world: World) -> Iterator[str]:
    """
    Every promise that was broken in a story that is over.
    """
    world.end()
    cursor = world.disk.database.cursor()
    recover(cursor)
    logs: Logs = {}
    for scope, a, b, *row in cursor.execute(ROWS):
        logs.setdefault(conversationOf(scope, a, b), []).append(Row(*row))
    for where, rows in logs.items():
        yield from _order(where, rows)
    for where, drafts in world.record.rows.items():
        there = [(row.sender, row.id, row.fact) for row in logs.get(where, [])]
        if there != [(draft.sender, draft.id, draft.fact) for draft in drafts]:
            yield f"{where}: the log is not what was committed"
    for client in world.clients:
        if not client.isContent:
            yield f"{client.name} did not get everything settled"
        for words in client.said:
            yield from _kept(words, logs.get(words.where, []), world)
        yield from _due(client, logs, world)
        yield from _shown(client, logs, world)
        yield from _inOrder(client, logs, world)
    for user in world.users:
        yield from social(user, world)
    for user, scope, a, b, mark in cursor.execute(READ).fetchall():
        where = conversationOf(scope, a, b)
        yield from _unread(user, where, logs.get(where, []), mark, world)
    yield from world.record.faults
    yield from (f"the server logged {text}" for text in world.errors)


def conversationOf(scope: int, a: str, b: str) -> Conversation:
    """
    A conversation's name.
    """
    return group(a) if scope == Scope.GROUP else pair(a, b)


def _order(where: Conversation, rows: list[Row]) -> Iterator[str]:
    """
    A log is dense, its times rise, and it says nothing twice.
    """
    if [row.seq for row in rows] != list(range(1, len(rows) + 1)):
        yield f"{where}: the log is not dense: {[row.seq for row in rows]}"
    for before, row in pairwise(rows):
        if row.ts <= before.ts:
            yield f"{where}: row {row.seq} is not later than the one before it"
    ids = Counter((row.sender, row.id) for row in rows if row.fact == Fact.MESSAGE)
    for (sender, id), count in ids.items():
        if count > 1:
            yield f"{where}: {id} of {sender} is there {count} times"


def _kept(words: Words, rows: list[Row], world: World) -> Iterator[str]:
    """
    What was acknowledged is there, and whoever it is for was shown it.
    """
    found = [row for row in rows if (row.sender, row.id) == (words.sender, words.id) and row.fact == Fact.MESSAGE]
    if words.ackedAt is None:
        return
    if not found:
        yield f"{words.id} was acknowledged and is lost"
        return
    row = found[0]
    if words.recalledAt is not None and row.recalled is None:
        yield f"the recall of {words.id} was acknowledged and is lost"
    if words.isRecalling or row.recalled is not None:
        return  # it may be gone
    if row.content not in (words.content, words.edited):
        yield f"{words.id} is stored as {row.content!r}"


def _due(client: Client, logs: Logs, world: World) -> Iterator[str]:
    """
    A client on a device with a name was shown every row since it first came,
    or since its user is in the group, but for what was recalled before, and
    for recalls by whom its user has blocked.
    """
    if not client.device:
        yield from _handed(client, logs, world)
        return
    shown = {(one.where, one.seq) for one in client.seen} | client.amended | world.record.hushed
    for where, rows in logs.items():
        for seq in world.record.due(client.user, client.device, where):
            row = rows[seq - 1]
            if (where, seq) not in shown and row.recalled is None:
                yield f"{client.name} was never shown row {seq} of {where} ({row.id} of {row.sender})"


def _handed(client: Client, logs: Logs, world: World) -> Iterator[str]:
    """
    A client that names no device does not say what it got, so it can miss
    what is under way when a connection breaks; its history has it.  But every
    message of others was sent to one of its user's clients like it, unless
    that one was cut for not reading.
    """
    mates = [mate for mate in world.clients if mate.user == client.user and not mate.device]
    sent = {one for mate in mates for one in mate.sent}
    for where, rows in logs.items():
        for seq in world.record.due(client.user, "", where):
            row = rows[seq - 1]
            isTold = (where, row.sender, row.id) in sent or row.sender == client.user
            isTold = isTold or any(seq <= mate.missed.get(where, 0) for mate in mates)
            if row.fact == Fact.MESSAGE and row.recalled is None and not isTold:
                yield f"{client.name} was never sent row {seq} of {where} ({row.id} of {row.sender})"


def _shown(client: Client, logs: Logs, world: World) -> Iterator[str]:
    """
    What a client was shown is in the log, and was meant for it.
    """
    contents = {
        (words.sender, words.id): (words.content, words.edited) for mate in world.clients for words in mate.said
    }
    for one in client.seen:
        row = _rowOf(one, logs.get(one.where, []))
        if row is None:
            yield f"{client.name} was shown {one.id} of {one.sender}, which is not in the log of {one.where}"
        elif one.content not in contents.get((row.sender, row.id), ()):
            yield f"{client.name} was shown {one.id} as {one.content!r}"
        if client.user not in one.where and (one.where, client.user) not in world.record.stays:
            yield f"{client.name} was shown {one.id} of {one.where}"


def _inOrder(client: Client, logs: Logs, world: World) -> Iterator[str]:
    """
    What is new to a client came in the order of the log: on a device with a
    name always, else on each connection.  An old client's message is pushed
    again when it is sent again, and may be new to somebody then.
    """
    again = {(words.sender, words.id) for mate in world.clients for words in mate.said if words.times > 1}
    last: dict[tuple[int, Conversation], int] = {}
    known: set[tuple[Conversation, int]] = set()
    for one in client.seen:
        row = _rowOf(one, logs.get(one.where, []))
        place = 0 if client.device else one.connection, one.where
        if row is None or (one.where, row.seq) in known or not (one.isLive or client.device):
            continue
        known.add((one.where, row.seq))
        if row.seq < last.get(place, 0) and (row.sender, row.id) not in again:
            yield f"{client.name} was shown row {row.seq} of {one.where} after row {last[place]}"
        last[place] = max(row.seq, last.get(place, 0))


def _rowOf(one: Seen, rows: list[Row]) -> Row | None:
    """
    The row that a client was shown.
    """
    if one.seq:
        row = rows[one.seq - 1] if one.seq <= len(rows) else None
        return row if row is not None and (row.sender, row.id) == (one.sender, one.id) else None
    return next((row for row in rows if (row.sender, row.id) == (one.sender, one.id)), None)


def _unread(user: str, where: Conversation, rows: list[Row], mark: int, world: World) -> Iterator[str]:
    """
    What is unread are the messages behind what the user has read or said.
    """
    own = max((row.seq for row in rows if row.sender == user), default=0)
    wanted = sum(row.fact == Fact.MESSAGE and row.seq > max(mark, own) for row in rows)
    for client in world.clients:
        told = client.unread.get(where)
        if client.user == user and told is not None and told != wanted:
            yield f"{client.name} is told of {told} unread in {where}, there are {wanted}"
