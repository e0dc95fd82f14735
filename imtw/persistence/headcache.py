"""
Where the logs of a SQLite database end, as far as the thread that writes
remembers it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from msgspec.json import Encoder
from twisted.logger import Logger

from imtw.model import Pair
from imtw.persistence import heads
from imtw.persistence.conversations import ambiguous
from imtw.persistence.rows import Row
from imtw.persistence.tail import Key

KEPT = 100_000  # heads kept of conversations that were lately written to

#: For many conversations at once: [[scope, a, b], ...].
HEADS_OF = """
    SELECT a, b, conversations.id, coalesce(seq, 0), coalesce(n, 0), coalesce(ts, 0),
        CASE conversations.scope
            WHEN 1 THEN EXISTS (SELECT 1 FROM blocks WHERE user = a AND other = b)
                OR EXISTS (SELECT 1 FROM blocks WHERE user = b AND other = a)
            ELSE coalesce((SELECT mode FROM groups WHERE groups.conversation = conversations.id), 0)
                OR EXISTS (SELECT 1 FROM restrictions WHERE restrictions.conversation = conversations.id)
        END,
        a IS (SELECT a FROM conversations AS home NOT INDEXED WHERE home.id = conversations.id)
            AND b IS (SELECT b FROM conversations AS home NOT INDEXED WHERE home.id = conversations.id)
    FROM json_each(?) AS asked CROSS JOIN conversations
    LEFT JOIN messages ON conversation = conversations.id
        AND seq = (SELECT max(seq) FROM messages WHERE conversation = conversations.id)
    WHERE a = json_extract(asked.value, '$[1]') AND b = json_extract(asked.value, '$[2]')
        AND conversations.scope = json_extract(asked.value, '$[0]')
"""
_encode = Encoder().encode

log = Logger()


class Head:
    """
    Where a log ends.

    @ivar isDamaged: it is not sure that it does.
    @ivar verdicts: where not everybody may speak, from what time on users
        may, as far as that was asked (see L{imtw.persistence.voices});
        L{None} where everybody may.
    """

    __slots__ = ("isDamaged", "n", "number", "seq", "ts", "verdicts")

    def __init__(self, number: int, seq: int = 0, n: int = 0, ts: int = 0) -> None:
        self.number = number
        self.seq = seq
        self.n = n
        self.ts = ts
        self.isDamaged = False
        self.verdicts: dict[str, int] | None = None


class HeadCache:
    """
    The heads of the conversations that were lately written to.

    @param waiting: from a conversation to the first and the last of its rows
        that are not in their place; L{None} where all are.
    """

    cursor: sqlite3.Cursor

    def __init__(self, waiting: Callable[[int], tuple[Row, Row] | None]) -> None:
        self._waiting = waiting
        # Two generations, by the ends of the pair: what was not asked for while the younger one filled up is forgotten.
        self._heads: dict[Key, Head] = {}
        self._olderHeads: dict[Key, Head] = {}
        # Conversations of which it was found out whether their logs end where they seem to.
        self._sure: dict[int, bool] = {}

    def begin(self, cursor: sqlite3.Cursor) -> None:
        """
        A transaction has begun.
        """
        self.cursor = cursor
        if len(self._heads) >= KEPT:  # never within a transaction: what was found must stay found
            self._olderHeads = self._heads
            self._heads = {}
        if len(self._sure) >= 4 * KEPT:
            self._sure = {}

    def rollBack(self) -> None:
        """
        The transaction has failed: what it made of the heads is not true.
        """
        self._heads = {}
        self._olderHeads = {}

    def recovered(self) -> None:
        """
        The database was opened: it may be another one.
        """
        self.rollBack()
        self._sure = {}

    def among(self, pairs: Sequence[Pair]) -> list[Head | None]:
        """
        Where the logs of some conversations end; L{None} where there is no
        such conversation.
        """
        found = [self._heads.get(pair[1:]) for pair in pairs]
        if None in found:
            missing = {pair for pair, head in zip(pairs, found, strict=True) if head is None}
            self._read(missing)
            found = [self._heads.get(pair[1:]) for pair in pairs]
        return found

    def get(self, pair: Pair) -> Head | None:
        """
        Where the log of one conversation ends.
        """
        return self._heads.get(pair[1:]) or self.among([pair])[0]

    def _read(self, pairs: set[Pair]) -> None:
        """
        Find out where some logs end, as far as they are there.
        """
        asked = []
        for pair in pairs:
            head = self._olderHeads.get(pair[1:])
            if head is not None:
                self._heads[pair[1:]] = head
            else:
                asked.append(pair)
        if asked:
            found = self.cursor.execute(HEADS_OF, (_encode(asked).decode(),)).fetchall()
            for a, b, number, seq, n, ts, isRuled, isSure in found:
                if not isSure:
                    raise ambiguous(number)
                waiting = self._waiting(number)
                isDamaged = not self._isSure(number, seq, waiting)
                if waiting is not None:
                    seq, n, ts = waiting[1][1:4]
                head = Head(number, seq, n, ts)
                head.isDamaged = isDamaged
                if isRuled:
                    head.verdicts = {}
                self._heads[a, b] = head

    def _isSure(self, number: int, seq: int, waiting: tuple[Row, Row] | None) -> bool:
        """
        Does the part of a log that is in its place end with this seq?
        """
        isSure = self._sure.get(number)
        if isSure is None:
            isSure = waiting[0][1] == seq + 1 if waiting else heads.isSure(self.cursor, number, seq)
            self._sure[number] = isSure
            if not isSure:
                log.error("{error}", error=heads.unsure(number))
        return isSure

    def keep(self, pair: Pair, head: Head) -> None:
        """
        A conversation was made.
        """
        self._heads[pair[1:]] = head

    def forget(self, pair: Pair) -> None:
        """
        What was added to one conversation was taken back, or others may
        speak in it now.
        """
        self._heads.pop(pair[1:], None)
        self._olderHeads.pop(pair[1:], None)
