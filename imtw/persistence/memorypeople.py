"""
Users, their devices and their tokens, in memory.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from copy import copy

from msgspec import UNSET
from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed

from imtw.limits import Limits
from imtw.model import SECRETS, Account, Device, Entry, Membership, Mode, Token, User
from imtw.persistence.memorygroups import MemoryGroups
from imtw.persistence.memoryplaces import Person, Seat
from imtw.persistence.memorytokens import Tokens
from imtw.persistence.rules import MANY_VALUES


class MemoryPeople(MemoryGroups):
    """
    The part of a store in memory that knows users, and their tokens.
    """

    def __init__(self, seconds: Callable[[], float], limits: Limits) -> None:
        super().__init__(seconds, limits)
        self._names: list[str] = []
        self.tokens = Tokens()
        self._shelves: dict[str, dict[str, bytes]] = {}

    # users

    def account(self, user: str) -> Deferred[Account | None]:
        return succeed(self.copyOf(user))

    def addAccount(self, user: User, secret: str) -> Deferred[bool]:
        person = self.person(user.id)
        if person.account is not None:
            return succeed(False)
        person.account = Account(replace(user, number=UNSET), secret)
        insort(self._names, user.id)
        return succeed(True)

    def setSecret(self, user: str, secret: str) -> Deferred[bool]:
        account = self.accountOf(user)
        if account is None:
            return succeed(False)
        account.secret = secret
        shelf = self._shelves.get(SECRETS, {})
        for key in [key for key in shelf if key.startswith(user + "\n")]:
            del shelf[key]
        self.tokens.dropOf(user, lambda token: True)
        return succeed(True)

    def renewSecret(self, user: str, old: str, secret: str) -> Deferred[bool]:
        account = self.accountOf(user)
        if account is None or account.secret != old:
            return succeed(False)
        account.secret = secret
        return succeed(True)

    def setOperator(self, user: str, operator: bool) -> Deferred[bool]:
        account = self.accountOf(user)
        if account is None:
            return succeed(False)
        account.user.operator = operator
        return succeed(True)

    def user(self, user: str) -> Deferred[User | None]:
        account = self.copyOf(user)
        return succeed(None if account is None else account.user)

    def users(self, after: str, limit: int) -> Deferred[list[Account]]:
        at = bisect_right(self._names, after)
        found = [self.copyOf(name) for name in self._names[at : at + limit]]
        return succeed([account for account in found if account is not None])

    def enter(
        self, user: User, terminal: str, lobby: Iterable[tuple[str, str]], forget: bool, device: str = ""
    ) -> Deferred[Entry]:
        person = self.person(user.id)
        if person.account is None:
            person.account = Account(replace(user, number=UNSET), "")
            insort(self._names, user.id)
        person.account.user.terminal = terminal
        new = not person.entered
        person.entered = True
        if forget:
            kept = {id for id, _ in lobby}
            for group in self.groupsIn(person):
                if group.pair.a not in kept and self.circles[group.pair.a].group.mode is Mode.OPEN:
                    self.remove(user.id, self.circles[group.pair.a])
        if new:
            for id, name in lobby:
                circle = self.circle(id, name)
                if user.id not in circle.kicked:
                    self.add(user.id, circle)
        if device:
            self._note(person, device)
        groups = [self.placeIn(person, log, device) for log in self.groupsIn(person)]
        return succeed(Entry(copy(person.account.user), new, groups, list(self.behind(person, device))))

    def _note(self, person: Person, device: str) -> None:
        """
        A device logs in; for a new one, that which was not seen for longest
        goes.
        """
        devices: dict[str, Seat] = person.own("devices")
        if device in devices:
            devices[device].device.seen = self.now
            return
        seat = Seat(Device(device, self.now, self.now), person.reached(), set(person.cursors) - set(person.groups))
        for old in sorted(devices, key=lambda id: (-devices[id].device.seen, id))[self._limits.devicesPerUser - 1 :]:
            self.dropDevice(person.name, old)
        devices[device] = seat

    def dropDevice(self, user: str, device: str) -> Deferred[list[bytes] | None]:
        dropped = self.tokens.dropOf(user, lambda token: token.device == device)
        wasThere = user in self.persons and self.persons[user].own("devices").pop(device, None) is not None
        return succeed(dropped if wasThere else None)

    def behind(self, person: Person, device: str = "") -> Iterator[Membership]:
        """
        The private conversations in which something waits for a device, or
        for those without a name, in the order of their numbers.  For these
        what the user itself has said does not wait.
        """
        recent = person.settle()
        waiting = person.devices[device].waiting if device else recent.waiting
        for number in sorted(waiting):
            log = self.logs.numbered[number - 1]
            cursor = self._cursorIn(person, log, device)
            if log.seq > cursor and (device or log.hasOthers(person.name, cursor)):
                yield self.placeIn(person, log, device)
            else:
                waiting.remove(number)

    # tokens

    def addToken(self, digest: bytes, token: Token, alone: bool = False) -> Deferred[list[bytes]]:
        now = self.now
        replaced = self.tokens.dropOf(token.user, lambda one: alone and one.audience == token.audience)
        self.tokens.dropOf(token.user, lambda one: one.expires <= now)
        self.tokens.add(digest, token, self._limits.tokensPerUser)
        return succeed(replaced)

    def renewToken(self, digest: bytes, expires: int) -> Deferred[bool]:
        token = self.tokens.byDigest.get(digest)
        if token is None:
            return succeed(False)
        self.tokens.byDigest[digest] = replace(token, expires=expires)
        return succeed(True)

    def token(self, digest: bytes) -> Deferred[Token | None]:
        return succeed(self.tokens.byDigest.get(digest))

    def dropToken(self, digest: bytes) -> Deferred[Token | None]:
        return succeed(self.tokens.drop(digest))

    # plugins' own

    def put(self, shelf: str, key: str, value: bytes) -> Deferred[None]:
        self._shelves.setdefault(shelf, {})[key] = value
        return succeed(None)

    def get(self, shelf: str, prefix: str) -> Deferred[list[tuple[str, bytes]]]:
        values = self._shelves.get(shelf, {})
        found = sorted(key for key in values if key.startswith(prefix))[:MANY_VALUES]
        return succeed([(key, values[key]) for key in found])
