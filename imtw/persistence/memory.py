"""
Stores in memory: C{memory:} keeps everything until the process ends,
C{none:} keeps no messages at all.

Both are done at once: L{MemoryStore.append} tells its waiter before it
returns, and every Deferred has fired already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from itertools import islice
from operator import attrgetter
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from imtw.errors import CommandRefused
from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.model import Draft, Fact, Membership, Message, Pair, Scope, Tally
from imtw.persistence.memorydevices import MemoryDevices
from imtw.persistence.memoryfriends import MemoryFriends
from imtw.persistence.memorylog import Log
from imtw.persistence.memorypeople import MemoryPeople
from imtw.persistence.memoryvoices import MemoryVoices
from imtw.persistence.rules import checkId, checkVoice, isRepeat, refuseRecall, refuseStranger, weightOf
from imtw.plugin import takesNothing

# An attribute of an enumeration costs ten times as much as a name of the module's.
_GROUP = Scope.GROUP
_MESSAGE, _RECALL, _EDIT = Fact.MESSAGE, Fact.RECALL, Fact.EDIT


@implementer(IStore)
class MemoryStore(MemoryDevices, MemoryFriends, MemoryVoices, MemoryPeople):
    """
    Keeps everything in memory.

    @ivar healthy: it always is.
    """

    keepsLog = True
    durable = False
    waiting = 0
    healthy = True
    path = ""
    commits = None

    def __init__(self, argument: str, reactor: Any, limits: Limits) -> None:
        takesNothing(f"--store {'memory' if self.keepsLog else 'none'}", argument)
        super().__init__(reactor.seconds, limits)
        self._begin: Callable[[], None] = _nothing
        self._end: Callable[[], None] = _nothing
        self._telling = False

    def start(self) -> Deferred[None]:
        return succeed(None)

    def stop(self) -> Deferred[None]:
        return succeed(None)

    def onCommit(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._begin = begin
        self._end = end

    # messages

    def append(self, draft: Draft, waiter: Any) -> None:
        if self._telling:  # from within a waiter: a part of the same commit
            self._tell(draft, waiter)
            return
        self._telling = True
        self._begin()
        try:
            self._tell(draft, waiter)
        finally:
            self._telling = False
            self._end()

    def _tell(self, draft: Draft, waiter: Any) -> None:
        """
        Store one message and say so.
        """
        try:
            message = self._store(draft)
        except CommandRefused as error:
            waiter.refused(error)
        else:
            waiter.appended(message)

    def _store(self, draft: Draft) -> Message | None:
        """
        The row that this draft has now.
        """
        fact = draft.fact
        isMessage = fact is _MESSAGE
        log = self.logs.byPair.get(draft.pair[1:])
        if log is None:
            if not isMessage:
                raise refuseRecall(draft.id, False)
            if draft.pair.scope is _GROUP:
                return None
        now = self.now
        if fact is _EDIT:
            checkVoice(self.verdict(draft.sender, draft.pair), now)
        if isMessage and (draft.given or draft.device):
            checkId(draft.id)
        earlier = self._earlier(draft, log, now) if draft.given or not isMessage else None
        isUnheard = fact is _RECALL and draft.pair.scope is not _GROUP and self.verdict(draft.sender, draft.pair) > 0
        if earlier is not None:
            earlier.unheard = isUnheard
        if earlier is not None and draft.device:  # it is told to nobody again
            return earlier
        if isMessage:
            checkVoice(self.verdict(draft.sender, draft.pair), now)
        if earlier is not None:
            return earlier
        if log is None:
            log = self._open(draft)
        message = log.next(draft, now)
        if not log.isNoted:
            self._unsettle(log)
        if self.keepsLog:
            log.rows.append(message)
            if fact is _RECALL:
                log.takeBack(message, draft)
            elif fact is _EDIT:
                message.kind = log.meant(draft).kind
                log.change(message, draft)
            elif draft.device and draft.given:
                self.person(draft.sender).own("sent")[draft.id] = message
        return replace(message, unheard=True) if isUnheard else message

    def _unsettle(self, log: Log) -> None:
        """
        A private conversation, settled so far, gets rows.
        """
        log.isNoted = True
        self.persons[log.pair.a].note(log)
        self.persons[log.pair.b].note(log)

    def _earlier(self, draft: Draft, log: Log | None, now: int) -> Message | None:
        """
        The row that this draft repeats.
        """
        found: Message | None = None
        if draft.fact is not _MESSAGE:
            if log is not None:
                check = log.recall if draft.fact is _RECALL else log.edit
                found = check(draft, now, draft.within or self._limits.recall)
        elif draft.device:
            sender = self.persons.get(draft.sender)
            found = sender.sent.get(draft.id) if sender is not None else None
            if found is not None:
                home = self.logs.numbered[found.conversation - 1]
                found = home.row(found.seq) if found.seq > home.floor else None
            if found is not None:
                isRepeat(found, draft)
        elif log is not None:
            found = log.repeated(draft)
        if found is not None:
            found = copy(found)
            found.repeat = True
        return found

    def _open(self, draft: Draft) -> Log:
        """
        Begin a private conversation.
        """
        sender = self.person(draft.sender)
        other = draft.pair.partnerOf(draft.sender)
        if self.accountOf(other) is None and sender.account is not None:
            if sender.strangers >= self._limits.strangersPerUser:
                raise refuseStranger(self._limits.strangersPerUser)
            sender.strangers += 1
        log = self.logs.new(draft.pair)
        sender.own("cursors")[log.number] = 0
        self.person(other).own("cursors")[log.number] = 0
        return log

    def history(
        self, pair: Pair, begin: float | None, end: float | None, offset: int | None, count: int | None
    ) -> Deferred[list[Message]]:
        log = self.logs.byPair.get(pair[1:])
        return succeed([] if log is None else log.page(begin, end, offset, count, self._limits.page, self.room))

    def walk(self, pair: Pair, after: int, limit: int) -> Deferred[list[Message]]:
        log = self.logs.byPair.get(pair[1:])
        return succeed([] if log is None else log.walk(after, limit, self.room))

    def find(self, pair: Pair, id: str) -> Deferred[Message | None]:
        log = self.logs.byPair.get(pair[1:])
        return succeed(None if log is None else log.find(id))

    def pending(
        self, user: str, pair: Pair | None, limit: int
    ) -> Deferred[list[tuple[Membership, list[Message]]]]:
        found: list[tuple[Membership, list[Message]]] = []
        room = self.room
        for place in islice(self._waiting(user, pair), limit):
            log = self.logs.numbered[place.conversation - 1]
            place.head, messages = log.pending(user, place.cursor, limit, room)
            found.append((place, messages))
            limit -= len(messages)
            room -= sum(map(weightOf, messages))
            if limit <= 0 or room < 0:
                break
        return succeed(found)

    def _waiting(self, user: str, pair: Pair | None) -> Iterator[Membership]:
        """
        The conversations in which something waits: all of them, or one, in
        which that may be the user's own.
        """
        person = self.persons.get(user)
        if person is None:
            return
        if pair is None:
            yield from self.behind(person)
            logs = sorted(self.groupsIn(person), key=attrgetter("number"))
        else:
            log = self.logs.byPair.get(pair[1:])
            logs = [log] if log is not None and log.number in person.cursors else []
        for log in logs:
            place = self.placeIn(person, log)
            if place.head > place.cursor:
                yield place

    def page(self, pair: Pair, after: int | None, before: int | None, limit: int) -> Deferred[list[Message]]:
        log = self.logs.byPair.get(pair[1:])
        return succeed([] if log is None else log.between(after, before, limit, self.room))

    def newest(self, pairs: Sequence[Pair], count: int, until: int | None = None) -> Deferred[list[Tally]]:
        found, room = [], self.room
        for pair in pairs:
            log = self.logs.byPair.get(pair[1:])
            tally = Tally(0, []) if log is None else log.newest(count if room >= 0 else 0, until, room)
            room -= sum(map(weightOf, tally.messages))
            found.append(tally)
        return succeed(found)

    def at(self, pair: Pair, ts: int) -> Deferred[Message | None]:
        log = self.logs.byPair.get(pair[1:])
        return succeed(None if log is None else log.at(ts))

    def moveCursors(self, moved: list[tuple[str, int, int]]) -> Deferred[None]:
        for user, conversation, seq in moved:
            cursors = self.persons[user].cursors if user in self.persons else {}
            if conversation in cursors:
                head = self.logs.numbered[conversation - 1].seq
                cursors[conversation] = max(cursors[conversation], min(seq, head))
        return succeed(None)


class ForgetfulStore(MemoryStore):
    """
    Keeps users, groups, memberships and tokens in memory, and no messages:
    they get a seq and are forgotten.
    """

    keepsLog = False


def _nothing() -> None:
    """
    Nobody wants to know of commits.
    """
