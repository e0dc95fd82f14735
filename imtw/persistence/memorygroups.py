"""
The groups of a store in memory, who is in them, and how far he has got.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from itertools import chain, islice

from twisted.internet.defer import Deferred, fail, succeed

from imtw.limits import Limits
from imtw.model import Account, Group, Membership, Pair, Role, Scope, User, groupPair
from imtw.persistence.memorylog import Log, Logs
from imtw.persistence.memoryplaces import Circle, Person
from imtw.persistence.rules import refuseGroup, refuseKicked


class MemoryGroups:
    """
    The part of a store in memory that knows groups, and their members.
    """

    keepsLog: bool

    def __init__(self, seconds: Callable[[], float], limits: Limits) -> None:
        self._seconds = seconds
        self._limits = limits
        self.room = limits.answer
        self.logs = Logs()
        self.persons: dict[str, Person] = {}
        self.circles: dict[str, Circle] = {}
        self._groupNames: list[str] = []

    @property
    def now(self) -> int:
        """
        The time, in ms since the epoch.
        """
        return int(self._seconds() * 1000)

    def person(self, name: str) -> Person:
        """
        What is known of a name, from now on at least.
        """
        person = self.persons.get(name)
        if person is None:
            person = self.persons[name] = Person(name)
        return person

    def known(self, name: str) -> Person:
        """
        What is known of a name so far, which is only looked at.
        """
        return self.persons.get(name) or Person(name)

    def accountOf(self, name: str) -> Account | None:
        """
        A name's account.
        """
        person = self.persons.get(name)
        return None if person is None else person.account

    def copyOf(self, name: str) -> Account | None:
        """
        A name's account, for others to keep.
        """
        account = self.accountOf(name)
        return None if account is None else Account(copy(account.user), account.secret, account.disabled)

    def groupsIn(self, person: Person) -> list[Log]:
        """
        The logs of somebody's groups, in the order of joining.
        """
        return [self.logs.numbered[number - 1] for number in person.groups]

    def placeIn(self, person: Person, log: Log, device: str = "") -> Membership:
        """
        Somebody's place in a conversation.  Without a log nothing waits.
        """
        number, cursor = log.number, self._cursorIn(person, log, device)
        if log.pair.scope is not Scope.GROUP:
            return Membership(number, log.pair, log.seq, cursor)
        circle = self.circles[log.pair.a]
        role = circle.roles.get(person.name, Role.MEMBER)
        return Membership(number, log.pair, log.seq, cursor, circle.group.name, role)

    def _cursorIn(self, person: Person, log: Log, device: str) -> int:
        """
        How far somebody has got in a conversation.
        """
        if not self.keepsLog:
            return log.seq
        if device:
            return max(person.starts.get(log.number, 0), person.devices[device].cursors.get(log.number, 0))
        return person.cursors[log.number]

    def openGroups(self, groups: Iterable[tuple[str, str]]) -> Deferred[None]:
        for id, name in groups:
            self.circle(id, name)
        return succeed(None)

    def join(self, user: str, group: str, name: str | None, limit: int, origin: str = "") -> Deferred[Membership]:
        person = self.person(user)
        circle = self.circles.get(group)
        if circle is None or circle.log.number not in person.cursors:
            if circle is not None and user in circle.kicked:
                return fail(refuseKicked(group))
            if self.groupCount(person) >= limit:
                return fail(refuseGroup(limit))
            circle = self.circle(group, name, origin)
            self.add(user, circle)
        return succeed(self.placeIn(person, circle.log))

    def places(self, user: str) -> Deferred[list[Membership]]:
        person = self.persons.get(user)
        return succeed([] if person is None else [self.placeIn(person, log) for log in self.groupsIn(person)])

    def groupCount(self, person: Person) -> int:
        """
        In how many groups somebody is.
        """
        return len(person.groups)

    def leave(self, user: str, group: str) -> Deferred[bool]:
        circle = self.circles.get(group)
        return succeed(circle is not None and self.remove(user, circle))

    def madeBy(self, origin: str, after: str, limit: int) -> Deferred[list[tuple[str, int]]]:
        made = (id for id in self._groupNames[bisect_right(self._groupNames, after) :] if self.isOf(id, origin))
        return succeed([(id, self.circles[id].log.lastTs) for id in islice(made, limit)])

    def isOf(self, group: str, origin: str) -> bool:
        """
        Did this dialect make a group?
        """
        return bool(origin) and group in self.circles and self.circles[group].origin == origin

    def expire(self, pair: Pair, origin: str, before: int) -> Deferred[int | None]:
        if not self.isOf(pair.a, origin):
            return succeed(None)
        log = self.circles[pair.a].log
        if log.lastTs > before:
            return succeed(log.lastTs)
        log.expire()
        return succeed(0)

    def group(self, group: str) -> Deferred[Group | None]:
        circle = self.circles.get(group)
        return succeed(None if circle is None else copy(circle.group))

    def groups(self, after: str, limit: int) -> Deferred[list[Group]]:
        at = bisect_right(self._groupNames, after)
        return succeed([copy(self.circles[id].group) for id in self._groupNames[at : at + limit]])

    def groupsOf(self, user: str) -> Deferred[list[Group]]:
        return self.places(user).addCallback(
            lambda places: [copy(self.circles[place.pair.a].group) for place in places]
        )

    def members(self, group: str, limit: int, first: Sequence[str], without: Sequence[str]) -> Deferred[list[User]]:
        circle = self.circles.get(group)
        if circle is None:
            return succeed([])
        left = set(without)
        found: list[User] = []
        for name in chain((name for name in first if self.isIn(name, circle)), circle.users):
            if len(found) >= limit:
                break
            account = self.copyOf(name)
            if account is not None and name not in left:
                found.append(account.user)
                left.add(name)
        return succeed(found)

    def circle(self, id: str, name: str | None, origin: str = "") -> Circle:
        """
        A group, which is made if it is not there.
        """
        circle = self.circles.get(id)
        if circle is None:
            circle = self.circles[id] = Circle(Group(id, name or id), self.logs.new(groupPair(id)), origin)
            insort(self._groupNames, id)
        return circle

    def add(self, user: str, circle: Circle) -> None:
        """
        Put a user into a group.
        """
        person = self.person(user)
        number, seq = circle.log.number, circle.log.seq
        if number not in person.cursors:
            person.own("cursors")[number] = seq
            person.own("groups")[number] = None
            if seq:
                person.own("starts")[number] = person.own("reads")[number] = seq
            insort(circle.users, user)

    def isIn(self, user: str, circle: Circle) -> bool:
        """
        Is a user in a group?
        """
        return user in self.persons and circle.log.number in self.persons[user].cursors

    def remove(self, user: str, circle: Circle) -> bool:
        """
        Take a user out of a group, if it is in.
        """
        person = self.persons.get(user)
        if person is None or circle.log.number not in person.cursors:
            return False
        del person.cursors[circle.log.number], person.groups[circle.log.number]
        circle.users.remove(user)
        circle.roles.pop(user, None)
        if circle.group.owner == user:
            circle.group.owner = None
        return True
