"""
What a user who comes finds in its private conversations, in a SQLite database.

However many there are, nobody else has to wait for it: a slice of them is
looked at in each transaction, and in the last one, with which the user comes
in, those that were settled meanwhile (L{imtw.persistence.recent}).

A device is asked about all that was settled after the last of which it had
all; those without a name, about what an index has for them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.json import Encoder

from imtw.model import Membership, Pair, Scope
from imtw.persistence import devices
from imtw.persistence.ledger import Ledger
from imtw.persistence.places import CURSOR

FIRST = 100  # conversations looked at in the first transaction
SLICE = 1000  # and in each that follows: some milliseconds
END = (1 << 63) - 1  # no conversation has a larger number

#: SQLite takes the primary key for cheaper than these indexes: it has to be told.
WAITING = """
    SELECT conversation FROM members INDEXED BY members_waiting
    WHERE user = ? AND scope = 1 AND heard > cursor AND conversation > ? ORDER BY conversation LIMIT ?
"""
COUNT = "SELECT count(*) FROM members INDEXED BY members_waiting WHERE user = ? AND scope = 1 AND heard > cursor"
SETTLED = """
    SELECT settled, conversation FROM members INDEXED BY members_by_settled
    WHERE user = ? AND scope = 1 AND (settled, scope, conversation) > (?, 1, ?) ORDER BY settled, conversation LIMIT ?
"""
LAST = "SELECT coalesce(max(settled), 0) FROM members INDEXED BY members_by_settled WHERE user = ? AND scope = 1"
DEVICE = "SELECT created, settled FROM devices WHERE user = ? AND device = ?"
HAS_ALL = "UPDATE devices SET settled = ?1 WHERE user = ?2 AND device = ?3 AND settled < ?1"

#: Conversation, when it was settled, a, b, head, cursor, and up to where somebody else has spoken.
PLACES = """
    SELECT members.conversation, members.settled, a, b,
        coalesce((SELECT max(seq) FROM messages WHERE messages.conversation = members.conversation), 0),
        cursor, heard
    FROM json_each(?) AS asked
    CROSS JOIN members ON members.user = ? AND members.scope = 1 AND members.conversation = asked.value
    CROSS JOIN conversations ON conversations.id = members.conversation
"""

_encode = Encoder().encode

#: By conversation: when it was settled, and the place where something waits.
Waits = dict[int, tuple[int, Membership]]
Looked = dict[int, tuple[int, Membership] | None]  # the same of all that were looked at


class Progress(NamedTuple):
    """
    How far a search has got.

    @ivar listed: of those without a name: the last conversation that the
        index had; L{None} once that was all.
    @ivar copied: conversations up to this one have a cursor for a device that
        is to be made.
    @ivar created: when the device was made that this is about, ms.
    @ivar settled: all that was settled up to there was looked at: when, and
        the conversation.
    @ivar waits: what earlier transactions have found.
    @ivar looked: what this one has found.
    """

    waits: Waits
    looked: Looked
    listed: int | None = 0
    copied: int = 0
    created: int = 0
    settled: tuple[int, int] = (0, END)


class Arrival:
    """
    A search of a user's private conversations for those in which something
    waits for its devices without a name.

    A transaction that has failed may be done again: what it has found counts
    with L{goOn}.
    """

    places = PLACES

    def __init__(self, user: str) -> None:
        self._user = user
        self._done = self._next = Progress({}, {})
        self._slice = FIRST

    def goOn(self) -> None:
        """
        The transaction is committed, and there is more to look at.
        """
        done = self._next
        merge(done.waits, done.looked)
        self._done = self._next = done._replace(looked={})
        self._slice = SLICE

    def look(self, ledger: Ledger) -> list[Membership] | None:
        """
        Look at a slice.  The user's conversations are settled.

        @return: all places where something waits, or L{None} where there is
            more to look at.
        """
        self._next = self._done
        if not self._begin(ledger) or not self._follow(ledger.cursor):
            return None
        waits = dict(self._next.waits)
        merge(waits, self._next.looked)
        self._end(ledger.cursor, waits)
        return [waits[number][1] for number in sorted(waits)]

    def _begin(self, ledger: Ledger) -> bool:
        """
        Ask the index, which is right as long as nothing is settled.

        @return: was that all?
        """
        done = self._done
        if done.listed is None:
            return True
        cursor = ledger.cursor
        if not done.listed:
            done = done._replace(settled=(cursor.execute(LAST, (self._user,)).fetchone()[0], END))
        numbers = [number for (number,) in cursor.execute(WAITING, (self._user, done.listed, self._slice))]
        isAll = len(numbers) < self._slice
        self._next = done._replace(listed=None if isAll else numbers[-1], looked=self._look(cursor, numbers))
        return isAll

    def _follow(self, cursor: sqlite3.Cursor) -> bool:
        """
        Look at what was settled since.

        @return: was that all?
        """
        done = self._next
        settled = cursor.execute(SETTLED, (self._user, *done.settled, self._slice)).fetchall()
        if settled:
            looked = self._look(cursor, [number for _, number in settled])
            self._next = done._replace(settled=settled[-1], looked={**done.looked, **looked})
        return len(settled) < self._slice

    def _look(self, cursor: sqlite3.Cursor, numbers: Sequence[int]) -> Looked:
        """
        What there is in some conversations.
        """
        looked: Looked = dict.fromkeys(numbers)
        if numbers:
            asked = *self._more(), _encode(numbers).decode(), self._user
            for number, settled, a, b, head, got, heard in cursor.execute(self.places, asked):
                if self._waits(head, heard, got):
                    looked[number] = settled, Membership(number, Pair(Scope.PRIVATE, a, b), head, got)
        return looked

    def _more(self) -> tuple[str, ...]:
        """
        What else L{places} asks for.
        """
        return ()

    def _waits(self, head: int, heard: int, got: int) -> bool:
        """
        Does something wait behind a cursor?
        """
        return heard > got

    def _end(self, cursor: sqlite3.Cursor, waits: Waits) -> None:
        """
        All was looked at: cursors may have moved meanwhile.
        """
        if cursor.execute(COUNT, (self._user,)).fetchone()[0] < len(waits):
            left = {number for (number,) in cursor.execute(WAITING, (self._user, 0, -1))}
            for number in waits.keys() - left:
                del waits[number]


class DeviceArrival(Arrival):
    """
    The same for a device: it is looked through what was settled after the
    last of which it had all.
    """

    places = PLACES.replace("cursor,", CURSOR + ",")

    def __init__(self, user: str, device: str, most: int) -> None:
        """
        @param most: devices that a user has.
        """
        super().__init__(user)
        self._device = device
        self._most = most

    def _begin(self, ledger: Ledger) -> bool:
        """
        The device is there, or made: with cursors of its own.

        @return: was that all?
        """
        cursor, user, device = ledger.cursor, self._user, self._device
        done = self._done
        if not devices.isSeen(ledger, user, device):
            numbers = devices.copyCursors(cursor, user, device, done.copied, self._slice)
            if len(numbers) == self._slice:
                self._next = Progress({}, {}, copied=numbers[-1])
                return False
            devices.add(ledger, user, device, self._most)
        created, settled = cursor.execute(DEVICE, (user, device)).fetchone()
        if created != done.created:  # this is about no device yet, or about one that was forgotten meanwhile
            self._next = Progress({}, {}, created=created, settled=(settled, END))
        return True

    def _more(self) -> tuple[str, ...]:
        return (self._device,)

    def _waits(self, head: int, heard: int, got: int) -> bool:
        return head > got

    def _end(self, cursor: sqlite3.Cursor, waits: Waits) -> None:
        """
        All was looked at: note up to where the device has everything.
        """
        first = min((settled for settled, _ in waits.values()), default=self._next.settled[0] + 1)
        cursor.execute(HAS_ALL, (first - 1, self._user, self._device))


def merge(waits: Waits, looked: Looked) -> None:
    """
    Add what was found last to what was found before.
    """
    for number, place in looked.items():
        if place is not None:
            waits[number] = place
        else:
            waits.pop(number, None)
