"""
Attaching without a gap: what a device missed is read from the log, page by
page, and then it goes on live.

A session with a device I{lags} in a conversation from its login on, wherever
something waits there, and again whenever its peer reads too slowly: what
happens in that conversation meanwhile is not sent, since the log has it.
Once a page reaches the head it takes part live again.  So its memory is one
page, however much it missed, and the order of the conversation is kept.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from imtw.delivery import eventOf
from imtw.groups import LiveGroups
from imtw.interfaces import IStore
from imtw.model import Membership, Pair, Scope
from imtw.sessions import Session

PAGE = 200  # rows read and sent at once


class CatchUp:
    """
    One session's way back to the present.
    """

    log = Logger()

    def __init__(self, session: Session, store: IStore, groups: LiveGroups) -> None:
        self._session = session
        self._store = store
        self._groups = groups
        self._pairs: dict[int, tuple[Pair, int]] = {}  # conversation: where it is, how far it was sent
        self._isRunning = False

    def begin(self, memberships: Iterable[Membership]) -> None:
        """
        Lag wherever something waits, and begin to read.
        """
        for found in memberships:
            if found.cursor < found.head:
                self.lag(found.conversation, found.pair, found.cursor)

    def lag(self, conversation: int, pair: Pair, seq: int) -> None:
        """
        What comes after C{seq} in a conversation is to be read from the log.
        """
        if conversation not in self._pairs:
            self._pairs[conversation] = (pair, seq)
            self._session.lagging[conversation] = seq
            self._wake()

    def relieved(self) -> None:
        """
        The peer has read what it was sent.
        """
        self._wake()

    def _wake(self) -> None:
        """
        Read on, unless that is being done.
        """
        if self._isRunning or not self._pairs or self._session.outlet.level:
            return
        self._isRunning = True
        Deferred.fromCoroutine(self._run()).addErrback(
            lambda failure: self.log.failure("catching up", failure)
        ).addBoth(self._rest)

    def _rest(self, result: object) -> None:
        self._isRunning = False

    async def _run(self) -> None:
        """
        One conversation after the other, a page at a time, while the peer
        reads.
        """
        while self._pairs and self._session.ended is not None and not self._session.outlet.level:
            conversation, (pair, seq) = next(iter(self._pairs.items()))
            rows = await self._store.walk(pair, seq, PAGE)
            if self._session.ended is None:
                return
            head = self._headOf(pair)
            rows = [row for row in rows if head is None or row.seq <= head]
            form = self._session.form
            data = b"".join([eventOf(row, row.sender == self._user).bytesFor(form) for row in rows])
            if rows:
                seq = rows[-1].seq
                self._pairs[conversation] = (pair, seq)
            isLive = seq >= head if head is not None else len(rows) < PAGE
            isLive = isLive and self._session.lagging[conversation] <= seq
            if isLive or not rows:
                self._goLive(conversation, pair)
            if data:
                self._session.outlet.send(data)

    @property
    def _user(self) -> str:
        user = self._session.user
        return user.id if user is not None else ""

    def _headOf(self, pair: Pair) -> int | None:
        """
        The last row of a live group; L{None} for a private conversation.
        """
        if pair.scope is not Scope.GROUP:
            return None
        group = self._groups.get(pair.a)
        return group.head if group is not None else None

    def _goLive(self, conversation: int, pair: Pair) -> None:
        """
        Take part again from here on.
        """
        del self._pairs[conversation]
        self._session.lagging.pop(conversation, None)
        member = self._session.members.get(pair.a) if pair.scope is Scope.GROUP else None
        if member is not None:
            member.skip()
