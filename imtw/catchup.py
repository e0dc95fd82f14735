"""
Attaching without a gap: what a device missed is read from the log, page by
page, and then it goes on live.

A session with a device I{lags} in a conversation from its login on, wherever
something waits there, and again whenever its peer reads too slowly: what
happens in that conversation meanwhile is not sent, since the log has it.
Once a page reaches the head it takes part live again.  So its memory is one
page, however much it missed, and the order of the conversation is kept.

The same is done for a session that names no device but is I{fed}: what waits
for its user is sent at its login, without its own words, in the order of
time over its conversations; and the user's cursors move along.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.cursors import Cursors
from imtw.errors import StoreError
from imtw.faults import report
from imtw.gather import together
from imtw.groups import LiveGroups
from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.model import RECALLED, Fact, Membership, Message, Pair, Scope
from imtw.numbers import Numbers
from imtw.sessions import Session
from imtw.telling import eventOf
from imtw.trail import Trail

PAGE = 200  # rows read and sent at once
SIDE_BY_SIDE = 20  # conversations that a fed session's page is made of


class CatchUp:
    """
    One session's way back to the present.

    @ivar isHeld: something that takes a while is to be told first; whoever
        ends that calls L{relieved}.
    """

    log = Logger()

    def __init__(
        self,
        session: Session,
        store: IStore,
        groups: LiveGroups,
        limits: Limits,
        cursors: Cursors,
        numbers: Numbers,
        trail: Trail,
    ) -> None:
        self._cursors = cursors
        self._numbers = numbers
        self._session = session
        self._trail = trail
        self._store = store
        self._groups = groups
        self._limits = limits
        self._lagging: dict[int, int] = {}
        session.lagging = self._lagging
        self._pairs: dict[int, tuple[Pair, int]] = {}  # conversation: where it is, how far it was sent
        self._isRunning = False
        self.isHeld = False

    def begin(self, memberships: Iterable[Membership]) -> None:
        """
        Lag wherever something waits.  Reading begins with L{relieved}, so
        that the login can be answered first.
        """
        for found in memberships:
            if found.cursor < found.head:
                self.hold(found.conversation, found.pair, found.cursor)
                self._lagging[found.conversation] = found.head

    def stop(self) -> None:
        """
        Somebody else is on this session, or nobody.
        """
        self._pairs.clear()
        self._lagging.clear()
        self._session.lagging = None
        self._session.catchUp = None

    def lag(self, conversation: int, pair: Pair, seq: int) -> None:
        """
        What comes after C{seq} in a conversation is to be read from the log.
        """
        if conversation not in self._pairs:
            self.hold(conversation, pair, seq)
            if self._session.isFed:
                self._cursors.fallBehind(self._user, conversation)
            self._wake()

    def hold(self, conversation: int, pair: Pair, seq: int) -> None:
        """
        The same, but do not read before L{relieved}.
        """
        self._pairs[conversation] = (pair, seq)
        self._lagging[conversation] = seq

    def leave(self, conversation: int) -> None:
        """
        Its user is in that group no more: what it has not read there is not
        for it, though it may come back.
        """
        self._pairs.pop(conversation, None)
        self._lagging.pop(conversation, None)

    def relieved(self) -> None:
        """
        The peer has read what it was sent, or begins to.
        """
        self._wake()

    def _wake(self) -> None:
        """
        Read on, unless that is being done.
        """
        if self._isRunning or self.isHeld or not self._pairs or self._session.outlet.level:
            return
        self._isRunning = True
        Deferred.fromCoroutine(self._run()).addErrback(self._failed).addBoth(self._rest)

    def _failed(self, failure: Failure) -> None:
        """
        The log cannot be read: the client has to come again for the rest.
        """
        isWanted = self._isWanted()  # else the server may be about to stop
        if isWanted or not failure.check(StoreError):
            report(self.log, failure, "catching up")
        if isWanted:
            self._session.close()

    def _rest(self, result: object) -> None:
        self._isRunning = False

    async def _run(self) -> None:
        """
        A page at a time, while the peer reads.
        """
        while self._isWanted() and not self._session.outlet.level:
            chosen = self._choose(SIDE_BY_SIDE if self._session.isFed else 1)
            if not chosen:
                return
            limit = PAGE // len(chosen)
            pages = await together(self._store.walk(pair, seq, limit) for _, (pair, seq) in chosen)
            if self._numbers.isWanted:
                await self._numbers.learn(row.sender for page in pages for row in page)
            if not self._isWanted():
                return
            self._send([
                (conversation, pair, page)
                for (conversation, (pair, seq)), page in zip(chosen, pages, strict=True)
                if self._pairs.get(conversation) == (pair, seq)  # else its user has left meanwhile
            ])

    def _choose(self, most: int) -> list[tuple[int, tuple[Pair, int]]]:
        """
        The conversations that are read next; where nothing came meanwhile
        this takes part again.
        """
        chosen, done = [], []
        for conversation, place in self._pairs.items():
            if place[1] >= self._headOf(conversation, place[0]):
                done.append((conversation, place[0]))
            else:
                chosen.append((conversation, place))
                if len(chosen) == most:
                    break
        for conversation, pair in done:
            self._goLive(conversation, pair)
        return chosen

    def _isWanted(self) -> bool:
        """
        Is there anything left to read, and anybody to read it for?
        """
        return bool(self._pairs) and self._session.catchUp is self and self._session.ended is not None

    def _send(self, pages: list[tuple[int, Pair, list[Message]]]) -> None:
        """
        Send a page of each of some conversations, in the order of time: as
        far as all of them are known.
        """
        horizon = min((page[-1].ts for conversation, pair, page in pages if self._isShort(conversation, pair, page)),
                      default=float("inf"))
        found = [
            row for conversation, pair, page in pages for row in page
            if row.seq <= self._headOf(conversation, pair) and row.ts <= horizon
        ]
        rows = self._limits.fitting(sorted(found, key=lambda row: (row.ts, row.conversation, row.seq)))
        reached = {row.conversation: row.seq for row in rows}
        form, user, isFed = self._session.form, self._user, self._session.isFed
        data = b"".join([
            eventOf(row, row.sender == user).bytesFor(form)
            for row in rows
            if not (isEmpty(row) or (isFed and row.sender == user))
        ])
        for conversation, pair, page in pages:
            before = self._pairs[conversation][1]
            seq = reached.get(conversation, before)
            if seq > before:
                self._trail.handed(self._session, pair, before + 1, seq)
            self._pairs[conversation] = (pair, seq)
            isLive = seq >= self._headOf(conversation, pair) or not page
            if isLive:
                self._goLive(conversation, pair)
            if isFed:
                self._cursors.read(user, conversation, seq, isLive)
        if data:
            self._session.outlet.send(data)

    def _isShort(self, conversation: int, pair: Pair, page: list[Message]) -> bool:
        """
        Does more of a conversation follow what was read?
        """
        return bool(page) and page[-1].seq < self._headOf(conversation, pair)

    @property
    def _user(self) -> str:
        user = self._session.user
        return user.id if user is not None else ""

    def _headOf(self, conversation: int, pair: Pair) -> int:
        """
        How far this has to read: what is told from now on comes after it.
        """
        if pair.scope is not Scope.GROUP:
            return self._lagging[conversation]
        return self._session.members[pair.a].group.head

    def _goLive(self, conversation: int, pair: Pair) -> None:
        """
        Take part again from here on.
        """
        del self._pairs[conversation]
        self._lagging.pop(conversation, None)
        member = self._session.members.get(pair.a) if pair.scope is Scope.GROUP else None
        if member is not None:
            member.skip()


def isEmpty(row: Message) -> bool:
    """
    Is nothing left of a message or an edit, because it was recalled?  The
    row that says so comes later.
    """
    return row.fact is not Fact.RECALL and row.content is None and row.kind == RECALLED
