"""
How the messages of a SQLite database's conversations end.

That they are gone is one small change: the conversation has a I{floor}, its
last row, which keeps its place and says nothing any more; so seq, n and ts go
on from there.  Nothing below a floor is read.  The rows there are removed
afterwards, a slice at a time, so that nobody has to wait for long; what a
stop leaves over is removed after the next start.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.errors import StoreError
from imtw.model import Fact, Pair
from imtw.persistence.conversations import LAST, floorOf
from imtw.persistence.ledger import Ledger
from imtw.persistence.rows import clear, damaged, isSound

SLICE = 500  # rows removed in one commit
MANY = 1000  # conversations looked up at once

MADE_BY = """
    SELECT groups.id, groups.conversation, floor, coalesce(seq, 0), coalesce(ts, 0)
    FROM groups INDEXED BY groups_by_origin CROSS JOIN conversations ON conversations.id = groups.conversation
    LEFT JOIN messages ON messages.conversation = groups.conversation
        AND seq = (SELECT max(seq) FROM messages WHERE messages.conversation = groups.conversation)
    WHERE origin = ? AND origin <> '' AND groups.id > ? ORDER BY groups.id LIMIT ?
"""
ORIGIN = "SELECT conversation, origin FROM groups WHERE id = ?"
SET_FLOOR = "UPDATE conversations SET floor = ? WHERE id = ?"
FORGET_RECALLS = "DELETE FROM recalls WHERE conversation = ?"
ALL_RECALLED = "INSERT INTO recalls (conversation, n, seq, visible) VALUES (?, ?, ?, 0)"
REMOVE = """
    DELETE FROM messages WHERE conversation = ?1
        AND seq IN (SELECT seq FROM messages WHERE conversation = ?1 AND seq < ?2 ORDER BY seq LIMIT ?3)
"""
LEFT_OVER = """
    SELECT id FROM conversations INDEXED BY conversations_by_floor WHERE floor > 0 AND id > ?
        AND EXISTS (SELECT 1 FROM messages WHERE conversation = conversations.id AND seq < floor)
    ORDER BY id LIMIT ?
"""


def madeBy(
    cursor: sqlite3.Cursor, origin: str, after: str, limit: int, newest: dict[int, int]
) -> list[tuple[str, int]]:
    """
    See L{imtw.interfaces.IStore.madeBy}.

    @param newest: by conversation, the ts of the last row that may not be in
        its place.
    """
    return [
        (id, newest.get(number, ts if seq > floor else 0))
        for id, number, floor, seq, ts in cursor.execute(MADE_BY, (origin, after, limit))
    ]


def expire(ledger: Ledger, pair: Pair, origin: str, before: int) -> tuple[int | None, int]:
    """
    See L{imtw.interfaces.IStore.expire}.

    @return: its result, and the conversation's number.
    """
    cursor = ledger.cursor
    number, made = cursor.execute(ORIGIN, (pair.a,)).fetchone() or (0, "")
    if not number or not origin or made != origin:
        return None, 0
    ledger.place(number)
    row = cursor.execute(LAST, (number,)).fetchone()
    if row is None or row[1] <= floorOf(cursor, number):
        return 0, number
    if row[3] > before:
        return int(row[3]), number
    if not isSound(row) or row[0] != number:
        raise damaged(number, row[1])
    if row[11] != Fact.RECALL.value:
        clear(cursor, row, row[1])
    cursor.execute(SET_FLOOR, (row[1], number))
    cursor.execute(FORGET_RECALLS, (number,))
    cursor.execute(ALL_RECALLED, (number, row[2], row[1]))
    ledger.floors[number] = row[1]
    return 0, number


def remove(ledger: Ledger, number: int) -> bool:
    """
    Remove a slice of the rows below a floor.

    @return: are there more?
    """
    floor = floorOf(ledger.cursor, number)
    return ledger.cursor.execute(REMOVE, (number, floor, SLICE)).rowcount == SLICE


def leftOver(cursor: sqlite3.Cursor, after: int) -> list[int]:
    """
    Conversations that have rows below their floor.
    """
    return [number for (number,) in cursor.execute(LEFT_OVER, (after, MANY))]


class Remover:
    """
    Removes rows below floors, a slice at a time.

    @param change: L{imtw.persistence.writer.Writer.change}.
    @param ask: L{imtw.persistence.readers.Readers.ask}.
    """

    log = Logger()

    def __init__(self, change: Callable[..., Deferred[Any]], ask: Callable[..., Deferred[Any]]) -> None:
        self._change = change
        self._ask = ask
        self._waiting: deque[int] = deque()
        self._isRunning = False
        self._isStopped = False

    async def start(self) -> None:
        """
        Find what was left over, and go on with it.
        """
        self._isStopped = False
        after = 0
        try:
            while found := await self._ask(leftOver, after):
                for number in found:
                    self.add(number)
                after = found[-1]
        except StoreError:
            self._failed(Failure())

    def stop(self) -> None:
        """
        Leave the rest for the next start.
        """
        self._isStopped = True
        self._waiting.clear()

    def add(self, number: int) -> None:
        """
        A conversation has a floor now.
        """
        self._waiting.append(number)
        if not self._isRunning:
            self._isRunning = True
            Deferred.fromCoroutine(self._run()).addErrback(self._failed).addBoth(self._rest)

    async def _run(self) -> None:
        while self._waiting and not self._isStopped:
            number = self._waiting.popleft()
            if await self._change(partial(remove, number=number)):
                self._waiting.append(number)

    def _rest(self, result: object) -> None:
        self._isRunning = False

    def _failed(self, failure: Failure) -> None:
        """
        What is left over is found at the next start.
        """
        if not self._isStopped:
            self.log.warn("messages that are gone are not removed yet: {why}", why=failure.getErrorMessage())
