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
from twisted.python.failure import Failure

from imtw.delivery import eventOf
from imtw.groups import LiveGroups
from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.model import RECALLED, Fact, Membership, Message, Pair, Scope
from imtw.sessions import Session

PAGE = 200  # rows read and sent at once


class CatchUp:
    """
    One session's way back to the present.
    """

    log = Logger()

    def __init__(self, session: Session, store: IStore, groups: LiveGroups, limits: Limits) -> None:
        self._session = session
        self._store = store
        self._groups = groups
        self._limits = limits
        self._pairs: dict[int, tuple[Pair, int]] = {}  # conversation: where it is, how far it was sent
        self._isRunning = False

    def begin(self, memberships: Iterable[Membership]) -> None:
        """
        Lag wherever something waits.  Reading begins with L{relieved}, so
        that the login can be answered first.
        """
        for found in memberships:
            if found.cursor < found.head:
                self.hold(found.conversation, found.pair, found.cursor)
                self._session.lagging[found.conversation] = found.head

    def stop(self) -> None:
        """
        Somebody else is on this session, or nobody.
        """
        self._pairs.clear()
        self._session.lagging.clear()
        self._session.catchUp = None

    def lag(self, conversation: int, pair: Pair, seq: int) -> None:
        """
        What comes after C{seq} in a conversation is to be read from the log.
        """
        if conversation not in self._pairs:
            self.hold(conversation, pair, seq)
            self._wake()

    def hold(self, conversation: int, pair: Pair, seq: int) -> None:
        """
        The same, but do not read before L{relieved}.
        """
        self._pairs[conversation] = (pair, seq)
        self._session.lagging[conversation] = seq

    def relieved(self) -> None:
        """
        The peer has read what it was sent, or begins to.
        """
        self._wake()

    def _wake(self) -> None:
        """
        Read on, unless that is being done.
        """
        if self._isRunning or not self._pairs or self._session.outlet.level:
            return
        self._isRunning = True
        Deferred.fromCoroutine(self._run()).addErrback(self._failed).addBoth(self._rest)

    def _failed(self, failure: Failure) -> None:
        """
        The log cannot be read: the client has to come again for the rest.
        """
        self.log.failure("catching up", failure)
        self._session.close()

    def _rest(self, result: object) -> None:
        self._isRunning = False

    async def _run(self) -> None:
        """
        One conversation after the other, a page at a time, while the peer
        reads.
        """
        while self._pairs and self._session.ended is not None and not self._session.outlet.level:
            conversation, (pair, seq) = next(iter(self._pairs.items()))
            if seq >= self._headOf(conversation, pair):  # nothing came meanwhile
                self._goLive(conversation, pair)
                continue
            found = await self._store.walk(pair, seq, PAGE)
            if self._session.catchUp is not self or self._session.ended is None:
                return
            head = self._headOf(conversation, pair)
            rows = self._limits.fitting([row for row in found if row.seq <= head])
            form = self._session.form
            data = b"".join([eventOf(row, row.sender == self._user).bytesFor(form) for row in rows if not isEmpty(row)])
            if rows:
                seq = rows[-1].seq
                self._pairs[conversation] = (pair, seq)
            if seq >= head or not rows:
                self._goLive(conversation, pair)
            if data:
                self._session.outlet.send(data)

    @property
    def _user(self) -> str:
        user = self._session.user
        return user.id if user is not None else ""

    def _headOf(self, conversation: int, pair: Pair) -> int:
        """
        How far this has to read: what is told from now on comes after it.
        """
        if pair.scope is not Scope.GROUP:
            return self._session.lagging[conversation]
        member = self._session.members.get(pair.a)
        return member.group.head if member is not None else 0  # out of it meanwhile: what was said is not for it

    def _goLive(self, conversation: int, pair: Pair) -> None:
        """
        Take part again from here on.
        """
        del self._pairs[conversation]
        self._session.lagging.pop(conversation, None)
        member = self._session.members.get(pair.a) if pair.scope is Scope.GROUP else None
        if member is not None:
            member.skip()


def isEmpty(row: Message) -> bool:
    """
    Is nothing left of a message or an edit, because it was recalled?  The
    row that says so comes later.
    """
    return row.fact is not Fact.RECALL and row.content is None and row.kind == RECALLED
