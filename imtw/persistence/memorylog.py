"""
The log of one conversation, in memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from imtw.model import Draft, Fact, Message, Pair
from imtw.persistence.rules import RECALLED, checkRecall, isSame, pageOf, refuseRecall


class Log:
    """
    One conversation's rows, in the order of seq: the row of seq 1 comes
    first.

    @ivar number: the conversation's number.
    @ivar rows: all rows, or none at all in a store that keeps no log.
    @ivar recalled: by the seq of a message that was taken back, the row that
        says so.
    """

    __slots__ = ("_byId", "_indexed", "n", "number", "pair", "recalled", "rows", "seq", "ts")

    def __init__(self, number: int, pair: Pair) -> None:
        self.number = number
        self.pair = pair
        self.seq = 0
        self.n = 0
        self.ts = 0
        self.rows: list[Message] = []
        self.recalled: dict[int, Message] = {}
        self._byId: dict[str, list[Message]] = {}
        self._indexed = 0

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
        if draft.fact is Fact.MESSAGE:
            self.n += 1
        return Message(
            self.number, seq, self.n, ts, draft.pair, draft.id, draft.sender, draft.content, draft.created,
            draft.kind, draft.device, draft.extras, draft.fact,
        )  # fmt: skip

    def withId(self, id: str) -> list[Message]:
        """
        The messages with this id as they were sent, oldest first.
        """
        # The index is made when it is first needed and then brought up to date: most logs are never asked.
        for row in self.rows[self._indexed :]:
            if row.fact is Fact.MESSAGE:
                self._byId.setdefault(row.id, []).append(row)
        self._indexed = len(self.rows)
        return self._byId.get(id, [])

    def find(self, id: str) -> Message | None:
        """
        The newest message with this id that was not recalled.
        """
        for row in reversed(self.withId(id)):
            if row.seq not in self.recalled:
                return row
        return None

    def repeated(self, draft: Draft) -> Message | None:
        """
        The message that a draft of a client without a device repeats.
        """
        for row in reversed(self.withId(draft.id)):
            if row.sender == draft.sender and not row.device and isSame(row, draft) and row.seq not in self.recalled:
                return row
        return None

    def recall(self, draft: Draft, now: int, window: float) -> Message | None:
        """
        Check that a message may be taken back, before that is written.

        @return: the row that has taken it back already.
        """
        sent = self.withId(draft.id)
        target = next((row for row in reversed(sent) if row.sender == draft.sender), None)
        if target is None:
            raise refuseRecall(draft.id, bool(sent))
        before = self.recalled.get(target.seq)
        if before is None:
            checkRecall(target, now, window)
        return before

    def takeBack(self, row: Message) -> None:
        """
        Clear the message that a recall, just written, names.
        """
        target = next(old for old in reversed(self.withId(row.id)) if old.sender == row.sender)
        self.recalled[target.seq] = row
        self.rows[target.seq - 1] = replace(target, content=None, extras=None, kind=RECALLED)

    def visible(self, after: int = 0) -> Iterator[Message]:
        """
        The messages after seq C{after} that were not recalled.
        """
        for at in range(after, len(self.rows)):
            row = self.rows[at]
            if row.fact is Fact.MESSAGE and row.seq not in self.recalled:
                yield row

    def page(
        self, begin: float | None, end: float | None, offset: int | None, count: int | None, limit: int
    ) -> list[Message]:
        """
        See L{imtw.interfaces.IStore.history}.
        """
        if begin is None and end is None:
            if self.n == self.seq:  # nothing but messages
                first, last = pageOf(offset, count, limit, len(self.rows))
                return self.rows[first:last]
            found = list(self.visible())
        else:
            low = float("-inf") if begin is None else begin
            high = float("inf") if end is None else end
            found = [row for row in self.visible() if low <= row.created <= high]
        first, last = pageOf(offset, count, limit, len(found))
        return found[first:last]

    def pending(self, user: str, cursor: int, limit: int) -> tuple[int, list[Message]]:
        """
        The oldest messages of others after a cursor.

        @return: how far that is, and the messages.
        """
        found: list[Message] = []
        for row in self.visible(cursor):
            if row.sender != user:
                if len(found) == limit:
                    return found[-1].seq, found
                found.append(row)
        return self.seq, found
