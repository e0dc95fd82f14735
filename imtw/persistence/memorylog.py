"""
The log of one conversation, in memory.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from imtw.model import RECALLED, Draft, Fact, Message, Pair, Scope, Tally
from imtw.persistence.rules import CANDIDATES, OWN_ROWS, checkRecall, fill, isSame, pageOf, refuseRecall, weightOf

_MESSAGE = Fact.MESSAGE  # an attribute of an enumeration is dear, and every message asks for this one


class Log:
    """
    One conversation's rows, in the order of seq.

    @ivar number: the conversation's number.
    @ivar rows: all rows that are left, or none at all in a store that keeps
        no log.
    @ivar floor: the first row that is left, where others went before it: it
        says nothing any more.
    @ivar recalled: by the seq of a message that was taken back, the row that
        says so.
    @ivar edits: by the seq of a message, the rows that say how it was edited.
    @ivar isNoted: nobody has to be told that there are rows: of a group, or
        it is done.
    """

    __slots__ = (
        *("_indexed", "_newest", "_previous", "edits", "floor", "isNoted", "n", "number", "pair", "recalled", "rows"),
        *("seq", "ts"),
    )

    def __init__(self, number: int, pair: Pair) -> None:
        self.number = number
        self.pair = pair
        self.seq = 0
        self.n = 0
        self.ts = 0
        self.rows: list[Message] = []
        self.floor = 0
        self.isNoted = pair.scope is Scope.GROUP
        self.recalled: dict[int, Message] = {}
        self.edits: dict[int, list[Message]] = {}
        self._newest: dict[tuple[str, str], Message] = {}
        self._previous: dict[int, Message] = {}
        self._indexed = 0

    @property
    def gone(self) -> int:
        """
        How many rows went.
        """
        return self.floor - 1 if self.floor else 0

    def row(self, seq: int) -> Message:
        """
        The row with a seq, which is left.
        """
        return self.rows[seq - 1 - self.gone]

    def put(self, row: Message) -> None:
        """
        Have a row in the place of the one with its seq.
        """
        self.rows[row.seq - 1 - self.gone] = row

    def walk(self, after: int, limit: int, room: int) -> list[Message]:
        """
        See L{imtw.interfaces.IStore.walk}.
        """
        start = max(0, after - self.gone)
        return fill(self.rows[start : start + limit], room, weightOf)

    @property
    def lastTs(self) -> int:
        """
        The time of the last row, or 0 where nothing is left but what says
        that there was something.
        """
        return self.ts if self.rows and self.floor < self.seq else 0

    def expire(self) -> None:
        """
        Forget all messages: of the last row its place is left.
        """
        if not self.lastTs:
            return
        last = self.rows[-1]
        if last.fact is not Fact.RECALL:
            last = replace(last, content=None, extras=None, kind=RECALLED)
        self.floor = last.seq
        self.rows = [last]
        self.edits = {}
        self.recalled = {last.seq: last}
        self._newest = {}
        self._previous = {}
        self._indexed = 1

    def next(self, draft: Draft, now: int) -> Message:
        """
        The row that a draft becomes.  It is counted, but not kept yet.

        @param now: ms since the epoch.
        """
        ts = self.ts + 1
        if now > ts:
            ts = now
        self.ts = ts
        self.seq = seq = self.seq + 1
        if draft.fact is _MESSAGE:
            self.n += 1
        return Message(
            self.number, seq, self.n, ts, draft.pair, draft.id, draft.sender, draft.content, draft.created,
            draft.kind, draft.device, draft.extras, draft.fact,
        )  # fmt: skip

    def sent(self, id: str, sender: str) -> Iterator[Message]:
        """
        What somebody sent with this id, as it was sent, newest first.
        """
        # The index is made when it is first needed and then brought up to date: most logs are never asked.
        newest = self._newest
        for at in range(self._indexed, len(self.rows)):
            row = self.rows[at]
            if row.fact is Fact.MESSAGE:
                key = row.id, row.sender
                if key in newest:
                    self._previous[row.seq] = newest[key]
                newest[key] = row
        self._indexed = len(self.rows)
        found = newest.get((id, sender))
        while found is not None:
            yield found
            found = self._previous.get(found.seq)

    def find(self, id: str) -> Message | None:
        """
        The newest message with this id that was not recalled.
        """
        for row in reversed(self.rows):
            if row.id == id and self._isVisible(row):
                return row
        return None

    def repeated(self, draft: Draft) -> Message | None:
        """
        The message that a draft of a client without a device repeats.
        """
        for sent in islice(self.sent(draft.id, draft.sender), CANDIDATES):
            row = self.row(sent.seq)
            if not row.device and row.seq not in self.recalled and isSame(row, draft):
                return row
        return None

    def meant(self, draft: Draft) -> Message:
        """
        The message that a recall or an edit means, as it is now.
        """
        target = next((row for row in self.sent(draft.id, draft.sender) if draft.meant in (0, row.seq)), None)
        if target is None:
            raise refuseRecall(draft.id, any(row.id == draft.id and row.fact is Fact.MESSAGE for row in self.rows))
        return self.row(target.seq)

    def edit(self, draft: Draft, now: int, window: float) -> Message | None:
        """
        Check that a message may be edited, before that is written.

        @return: the row that has done the same already.
        """
        target = self.meant(draft)
        if target.seq in self.recalled:
            raise refuseRecall(draft.id, False)
        if target.edited and target.content == draft.content:
            return self.edits[target.seq][-1]
        checkRecall(target, now, window)
        return None

    def change(self, row: Message, draft: Draft) -> None:
        """
        Let the message that an edit, just written, names say what it says.
        """
        target = self.meant(draft)
        self.edits.setdefault(target.seq, []).append(row)
        self.put(replace(self.row(target.seq), content=row.content, edited=row.ts))

    def recall(self, draft: Draft, now: int, window: float) -> Message | None:
        """
        Check that a message may be taken back, before that is written.

        @return: the row that has taken it back already.
        """
        target = self.meant(draft)
        before = self.recalled.get(target.seq)
        if before is None:
            checkRecall(target, now, window)
        return before

    def takeBack(self, row: Message, draft: Draft) -> None:
        """
        Clear the message that a recall, just written, names.
        """
        target = self.meant(draft)
        self.recalled[target.seq] = row
        for gone in (target, *self.edits.pop(target.seq, ())):
            self.put(replace(gone, content=None, extras=None, kind=RECALLED))

    def visible(self, after: int = 0) -> Iterator[Message]:
        """
        The messages after seq C{after} that were not recalled.
        """
        for at in range(max(0, after - self.gone), len(self.rows)):
            row = self.rows[at]
            if self._isVisible(row):
                yield row

    def page(
        self, begin: float | None, end: float | None, offset: int | None, count: int | None, limit: int, room: int
    ) -> list[Message]:
        """
        See L{imtw.interfaces.IStore.history}.
        """
        if begin is None and end is None:
            if self.n == self.seq and not self.floor:  # nothing but messages
                first, last = pageOf(offset, count, limit, len(self.rows))
                return oneEnd(self.rows[first:last], room, offset is None)
            found = list(self.visible())
        else:
            low = float("-inf") if begin is None else begin
            high = float("inf") if end is None else end
            found = [row for row in self.visible() if low <= row.created <= high]
        first, last = pageOf(offset, count, limit, len(found))
        return oneEnd(found[first:last], room, offset is None)

    def between(self, after: int | None, before: int | None, limit: int, room: int) -> list[Message]:
        """
        See L{imtw.interfaces.IStore.page}.
        """
        found = [row for row in self.visible(after or 0) if before is None or row.seq < before]
        if after is not None:
            return oneEnd(found[:limit], room, False)
        return oneEnd(found[max(0, len(found) - limit) :], room, True)

    def newest(self, count: int, until: int | None, room: int) -> Tally:
        """
        See L{imtw.interfaces.IStore.newest}.
        """
        rows = self.rows if until is None else self.rows[: max(0, until - self.gone)]
        before = self._before
        total = rows[-1].n - before - sum(seq <= rows[-1].seq for seq in self.recalled) if rows else 0
        found = islice((row for row in reversed(rows) if self._isVisible(row)), count)
        return Tally(total, fill(found, room, weightOf)[::-1])

    def at(self, ts: int) -> Message | None:
        """
        See L{imtw.interfaces.IStore.at}.
        """
        place = bisect_left(self.rows, ts, key=attrgetter("ts"))
        row = self.rows[place] if place < len(self.rows) else None
        return row if row is not None and row.ts == ts and self._isVisible(row) else None

    @property
    def _before(self) -> int:
        """
        How many messages went before those that are left.  The row that says
        so is none, whatever it was.
        """
        return self.rows[0].n - 1 if self.floor else 0

    def _isVisible(self, row: Message) -> bool:
        """
        Is this a message that was not recalled?
        """
        return row.fact is Fact.MESSAGE and row.seq not in self.recalled

    def seen(self, user: str, read: int) -> int:
        """
        How many messages there are up to what a user has read: who speaks
        has read what was said before.
        """
        read = max(read, self.floor)
        for row in reversed(self.rows[max(0, max(read, self.seq - OWN_ROWS) - self.gone) :]):
            if row.sender == user:
                return row.n
        return self.row(read).n if self.gone < read <= self.seq and self.rows else 0

    def hasOthers(self, user: str, cursor: int) -> bool:
        """
        Is there a row after a cursor that is not the user's own?
        """
        rows = self.rows
        return any(rows[at].sender != user for at in range(max(0, cursor - self.gone), len(rows)))

    def pending(self, user: str, cursor: int, limit: int, room: int) -> tuple[int, list[Message]]:
        """
        The oldest messages of others after a cursor.

        @return: how far that is, and the messages.
        """
        waiting = (row for row in self.visible(cursor) if row.sender != user)
        found = fill(islice(waiting, limit + 1), room, weightOf)
        if len(found) > limit or (len(found) > 1 and sum(map(weightOf, found)) > room):
            found = found[:limit]
            return found[-1].seq, found
        return self.seq, found


def oneEnd(rows: list[Message], room: int, newest: bool) -> list[Message]:
    """
    As many of some rows as there is room for.

    @param newest: leave out the first ones rather than the last.
    """
    return fill(reversed(rows), room, weightOf)[::-1] if newest else fill(rows, room, weightOf)


class Logs:
    """
    All logs of a store.

    @ivar byPair: by the ends of their pair alone: hashing an enum is slow,
        and a group's second end is empty.
    @ivar numbered: the one with the number 1 comes first.
    """

    def __init__(self) -> None:
        self.byPair: dict[tuple[Any, ...], Log] = {}
        self.numbered: list[Log] = []

    def new(self, pair: Pair) -> Log:
        """
        A conversation without rows.
        """
        log = self.byPair[pair[1:]] = Log(len(self.numbered) + 1, pair)
        self.numbered.append(log)
        return log
