"""
Stores in memory: C{memory:} keeps everything until the process ends,
C{none:} keeps no messages at all.

Both are done at once: L{MemoryStore.append} tells its waiter before it
returns, and every Deferred has fired already.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from itertools import chain
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from imtw.errors import CommandRefused
from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.model import (
    Account,
    Draft,
    Entry,
    Fact,
    Group,
    Membership,
    Message,
    Pair,
    Scope,
    Token,
    User,
    groupPair,
)
from imtw.persistence.memorylog import Log
from imtw.persistence.rules import (
    MANY_VALUES,
    isRepeat,
    refuseGroup,
    refuseRecall,
    refuseStranger,
)


class Person:
    """
    What is known of a name: an account or only a place in conversations.

    @ivar account: L{None} for a name that nobody has.
    @ivar cursors: by conversation, how far this user has got there; in the
        order of joining.
    @ivar sent: the messages that this user's devices sent, by their id.
    """

    __slots__ = ("account", "cursors", "entered", "sent", "strangers")

    def __init__(self) -> None:
        self.account: Account | None = None
        self.cursors: dict[int, int] = {}
        self.sent: dict[str, Message] = {}
        self.strangers = 0
        self.entered = False


class Circle:
    """
    A group, its log, and the ids of its users in order.
    """

    __slots__ = ("group", "log", "users")

    def __init__(self, group: Group, log: Log) -> None:
        self.group = group
        self.log = log
        self.users: list[str] = []


@implementer(IStore)
class MemoryStore:
    """
    Keeps everything in memory.

    @ivar healthy: it always is.
    """

    keepsLog = True
    durable = False
    waiting = 0
    healthy = True

    def __init__(self, argument: str, reactor: Any, limits: Limits) -> None:
        self._limits = limits
        self._seconds: Callable[[], float] = reactor.seconds
        self._begin: Callable[[], None] = _nothing
        self._end: Callable[[], None] = _nothing
        self._telling = False
        self._persons: dict[str, Person] = {}
        self._names: list[str] = []
        # By the ends of the pair alone: hashing an enum is slow, and a group's second end is empty.
        self._logs: dict[tuple[Any, ...], Log] = {}
        self._numbered: list[Log] = []
        self._circles: dict[str, Circle] = {}
        self._groupNames: list[str] = []
        self._tokens: dict[bytes, Token] = {}
        self._shelves: dict[str, dict[str, bytes]] = {}

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
        log = self._logs.get(draft.pair[1:])
        if log is None:
            if draft.fact is not Fact.MESSAGE:
                raise refuseRecall(draft.id, False)
            if draft.pair.scope is Scope.GROUP:
                return None
        now = int(self._seconds() * 1000)
        if draft.given or draft.fact is not Fact.MESSAGE:
            earlier = self._earlier(draft, log, now)
            if earlier is not None:
                return earlier
        if log is None:
            log = self._open(draft)
        message = log.next(draft, now)
        if self.keepsLog:
            log.rows.append(message)
            if draft.fact is not Fact.MESSAGE:
                log.takeBack(message)
            elif draft.device and draft.given:
                self._person(draft.sender).sent[draft.id] = message
        return message

    def _earlier(self, draft: Draft, log: Log | None, now: int) -> Message | None:
        """
        The row that this draft repeats.
        """
        found: Message | None = None
        if draft.fact is not Fact.MESSAGE:
            if log is not None:
                found = log.recall(draft, now, self._limits.recall)
        elif draft.device:
            sender = self._persons.get(draft.sender)
            found = sender.sent.get(draft.id) if sender is not None else None
            if found is not None:
                home = self._numbered[found.conversation - 1]
                found = home.rows[found.seq - 1]
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
        sender = self._person(draft.sender)
        partner = self._person(draft.pair.partnerOf(draft.sender))
        if partner.account is None and sender.account is not None:
            if sender.strangers >= self._limits.strangersPerUser:
                raise refuseStranger(self._limits.strangersPerUser)
            sender.strangers += 1
        log = self._newLog(draft.pair)
        sender.cursors[log.number] = 0
        partner.cursors[log.number] = 0
        return log

    def _newLog(self, pair: Pair) -> Log:
        """
        A conversation without rows.
        """
        log = self._logs[pair[1:]] = Log(len(self._numbered) + 1, pair)
        self._numbered.append(log)
        return log

    def history(
        self, pair: Pair, begin: float | None, end: float | None, offset: int | None, count: int | None
    ) -> Deferred[list[Message]]:
        log = self._logs.get(pair[1:])
        return succeed([] if log is None else log.page(begin, end, offset, count, self._limits.page))

    def walk(self, pair: Pair, after: int, limit: int) -> Deferred[list[Message]]:
        log = self._logs.get(pair[1:])
        return succeed([] if log is None else log.rows[after : after + limit])

    def find(self, pair: Pair, id: str) -> Deferred[Message | None]:
        log = self._logs.get(pair[1:])
        return succeed(None if log is None else log.find(id))

    def pending(
        self, user: str, pair: Pair | None, limit: int
    ) -> Deferred[list[tuple[Membership, list[Message]]]]:
        found: list[tuple[Membership, list[Message]]] = []
        if user in self._persons:
            for membership in self._memberships(self._persons[user]):
                if membership.cursor >= membership.head or (pair is not None and membership.pair != pair):
                    continue
                log = self._numbered[membership.conversation - 1]
                membership.head, messages = log.pending(user, membership.cursor, limit)
                found.append((membership, messages))
                limit -= len(messages)
                if limit <= 0:
                    break
        return succeed(found)

    def moveCursors(self, moved: list[tuple[str, int, int]]) -> Deferred[None]:
        for user, conversation, seq in moved:
            cursors = self._persons[user].cursors if user in self._persons else {}
            if conversation in cursors:
                head = self._numbered[conversation - 1].seq
                cursors[conversation] = max(cursors[conversation], min(seq, head))
        return succeed(None)

    # users

    def account(self, user: str) -> Deferred[Account | None]:
        return succeed(self._copyOf(user))

    def addAccount(self, user: User, secret: str) -> Deferred[bool]:
        person = self._person(user.id)
        if person.account is not None:
            return succeed(False)
        person.account = Account(copy(user), secret)
        insort(self._names, user.id)
        return succeed(True)

    def setSecret(self, user: str, secret: str) -> Deferred[bool]:
        account = self._accountOf(user)
        if account is None:
            return succeed(False)
        account.secret = secret
        self._tokens = {digest: token for digest, token in self._tokens.items() if token.user != user}
        return succeed(True)

    def setOperator(self, user: str, operator: bool) -> Deferred[bool]:
        account = self._accountOf(user)
        if account is None:
            return succeed(False)
        account.user.operator = operator
        return succeed(True)

    def user(self, user: str) -> Deferred[User | None]:
        account = self._copyOf(user)
        return succeed(None if account is None else account.user)

    def users(self, after: str, limit: int) -> Deferred[list[Account]]:
        at = bisect_right(self._names, after)
        found = [self._copyOf(name) for name in self._names[at : at + limit]]
        return succeed([account for account in found if account is not None])

    def enter(self, user: User, terminal: str, lobby: Iterable[tuple[str, str]], forget: bool) -> Deferred[Entry]:
        person = self._person(user.id)
        if person.account is None:
            person.account = Account(copy(user), "")
            insort(self._names, user.id)
        person.account.user.terminal = terminal
        new = not person.entered
        person.entered = True
        if forget:
            kept = {id for id, _ in lobby}
            for membership in self._memberships(person):
                if membership.pair.scope is Scope.GROUP and membership.pair.a not in kept:
                    self._remove(user.id, self._circles[membership.pair.a])
        if new:
            for id, name in lobby:
                self._add(user.id, self._circle(id, name))
        places = list(self._memberships(person))
        return succeed(
            Entry(
                copy(person.account.user),
                new,
                [place for place in places if place.pair.scope is Scope.GROUP],
                [place for place in places if place.pair.scope is Scope.PRIVATE and place.head > place.cursor],
            )
        )

    def _person(self, name: str) -> Person:
        """
        What is known of a name, from now on at least.
        """
        person = self._persons.get(name)
        if person is None:
            person = self._persons[name] = Person()
        return person

    def _accountOf(self, name: str) -> Account | None:
        """
        A name's account.
        """
        person = self._persons.get(name)
        return None if person is None else person.account

    def _copyOf(self, name: str) -> Account | None:
        """
        A name's account, for others to keep.
        """
        account = self._accountOf(name)
        return None if account is None else Account(copy(account.user), account.secret, account.disabled)

    def _memberships(self, person: Person) -> list[Membership]:
        """
        The conversations somebody is in, in the order of joining.
        """
        return [self._membership(person, self._numbered[number - 1]) for number in person.cursors]

    def _membership(self, person: Person, log: Log) -> Membership:
        """
        Somebody's place in a conversation.  Without a log nothing waits.
        """
        cursor = person.cursors[log.number] if self.keepsLog else log.seq
        name = self._circles[log.pair.a].group.name if log.pair.scope is Scope.GROUP else ""
        return Membership(log.number, log.pair, log.seq, cursor, name)

    # tokens

    def addToken(self, digest: bytes, token: Token) -> Deferred[None]:
        self._tokens[digest] = token
        return succeed(None)

    def token(self, digest: bytes) -> Deferred[Token | None]:
        return succeed(self._tokens.get(digest))

    def dropToken(self, digest: bytes) -> Deferred[Token | None]:
        return succeed(self._tokens.pop(digest, None))

    # groups

    def join(self, user: str, group: str, name: str | None, limit: int) -> Deferred[Membership]:
        person = self._person(user)
        circle = self._circles.get(group)
        if circle is None or circle.log.number not in person.cursors:
            groups = [number for number in person.cursors if self._numbered[number - 1].pair.scope is Scope.GROUP]
            if len(groups) >= limit:
                return fail(refuseGroup(limit))
            circle = self._circle(group, name)
            self._add(user, circle)
        return succeed(self._membership(person, circle.log))

    def leave(self, user: str, group: str) -> Deferred[bool]:
        circle = self._circles.get(group)
        return succeed(circle is not None and self._remove(user, circle))

    def group(self, group: str) -> Deferred[Group | None]:
        circle = self._circles.get(group)
        return succeed(None if circle is None else copy(circle.group))

    def groups(self, after: str, limit: int) -> Deferred[list[Group]]:
        at = bisect_right(self._groupNames, after)
        return succeed([copy(self._circles[id].group) for id in self._groupNames[at : at + limit]])

    def groupsOf(self, user: str) -> Deferred[list[Group]]:
        person = self._persons.get(user)
        places = [] if person is None else self._memberships(person)
        return succeed(
            [copy(self._circles[place.pair.a].group) for place in places if place.pair.scope is Scope.GROUP]
        )

    def members(self, group: str, limit: int, first: Sequence[str], without: Sequence[str]) -> Deferred[list[User]]:
        circle = self._circles.get(group)
        if circle is None:
            return succeed([])
        left = set(without)
        found: list[User] = []
        for name in chain((name for name in first if self._isIn(name, circle)), circle.users):
            if len(found) >= limit:
                break
            account = self._copyOf(name)
            if account is not None and name not in left:
                found.append(account.user)
                left.add(name)
        return succeed(found)

    def _circle(self, id: str, name: str | None) -> Circle:
        """
        A group, which is made if it is not there.
        """
        circle = self._circles.get(id)
        if circle is None:
            circle = self._circles[id] = Circle(Group(id, name or id), self._newLog(groupPair(id)))
            insort(self._groupNames, id)
        return circle

    def _add(self, user: str, circle: Circle) -> None:
        """
        Put a user into a group.
        """
        cursors = self._person(user).cursors
        if circle.log.number not in cursors:
            cursors[circle.log.number] = circle.log.seq
            insort(circle.users, user)

    def _isIn(self, user: str, circle: Circle) -> bool:
        """
        Is a user in a group?
        """
        return user in self._persons and circle.log.number in self._persons[user].cursors

    def _remove(self, user: str, circle: Circle) -> bool:
        """
        Take a user out of a group, if it is in.
        """
        person = self._persons.get(user)
        if person is None or person.cursors.pop(circle.log.number, None) is None:
            return False
        circle.users.remove(user)
        return True

    # plugins' own

    def put(self, shelf: str, key: str, value: bytes) -> Deferred[None]:
        self._shelves.setdefault(shelf, {})[key] = value
        return succeed(None)

    def get(self, shelf: str, prefix: str) -> Deferred[list[tuple[str, bytes]]]:
        values = self._shelves.get(shelf, {})
        found = sorted(key for key in values if key.startswith(prefix))[:MANY_VALUES]
        return succeed([(key, values[key]) for key in found])


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
