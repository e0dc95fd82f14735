"""
Devices, what was received and what was read, in memory.
"""

from __future__ import annotations

from copy import copy
from heapq import merge
from itertools import islice

from twisted.internet.defer import Deferred, succeed

from imtw.model import Device, Pair, Passport, Receipt, Scope, Standing
from imtw.persistence.memorylog import Log
from imtw.persistence.memorypeople import MemoryPeople
from imtw.persistence.memoryplaces import Person
from imtw.persistence.rules import fill, isBehind, weightOf


class MemoryDevices(MemoryPeople):
    """
    The part of a store in memory that knows how far people have got.
    """

    def received(self, user: str, device: str, pair: Pair, seq: int) -> Deferred[bool]:
        place = self._placeOf(user, pair)
        if place is None:
            return succeed(False)
        person, log = place
        if device and device not in person.devices:
            return succeed(False)
        cursors = person.devices[device].cursors if device else person.cursors
        cursors[log.number] = max(cursors.get(log.number, 0), min(seq, log.seq))
        return succeed(True)

    def head(self, pair: Pair) -> Deferred[int]:
        log = self.logs.byPair.get(pair[1:])
        return succeed(0 if log is None else log.seq)

    def markRead(self, user: str, pair: Pair, seq: int) -> Deferred[int | None]:
        place = self._placeOf(user, pair)
        if place is None:
            return succeed(None)
        person, log = place
        read = person.own("reads")[log.number] = max(person.reads.get(log.number, 0), min(seq, log.seq))
        return succeed(read)

    def standings(
        self, user: str, before: int | None, limit: int, behind: int | None = None
    ) -> Deferred[list[Standing]]:
        person = self.persons.get(user)
        if person is None:
            return succeed([])
        groups = sorted(
            (-log.ts, log.number)
            for log in self.groupsIn(person)
            if before is None or isBehind(log.ts, log.number, before, behind)
        )
        found = merge(person.settle().newest(before, behind), groups)
        shown = (self._standing(user, self.logs.numbered[number - 1]) for _, number in islice(found, limit))
        return succeed(fill(shown, self.room, lambda each: 0 if each.last is None else weightOf(each.last)))

    def devices(self, user: str) -> Deferred[list[Device]]:
        seats = self.persons[user].devices.values() if user in self.persons else ()
        found = [copy(seat.device) for seat in seats]
        return succeed(sorted(found, key=lambda device: (device.created, device.id)))

    def passport(self, pair: Pair, seq: int, sender: str) -> Deferred[Passport]:
        log = self.logs.byPair.get(pair[1:])
        if log is None:
            return succeed(Passport(0, 0, []))
        isGroup = pair.scope is Scope.GROUP
        names = self.circles[pair.a].users if isGroup else sorted({pair.a, pair.b})
        found = []
        for person in [self.persons[name] for name in names if name != sender]:
            for device in sorted(person.devices) or [""]:
                cursor = self.placeIn(person, log, device).cursor
                found.append(Receipt(person.name, device, cursor, cursor >= seq))
        confirmed = sum(receipt.confirmed for receipt in found)
        return succeed(Passport(len(found), confirmed, [] if isGroup else found))

    def _placeOf(self, user: str, pair: Pair) -> tuple[Person, Log] | None:
        """
        Somebody's place in a conversation.
        """
        log = self.logs.byPair.get(pair[1:])
        person = self.persons.get(user)
        if log is None or person is None or log.number not in person.cursors:
            return None
        return person, log

    def _standing(self, user: str, log: Log) -> Standing:
        """
        What is shown of one conversation.  Without a log nothing is unread.
        """
        read = self.persons[user].reads.get(log.number, 0)
        name = self.circles[log.pair.a].group.name if log.pair.a in self.circles and not log.pair.b else ""
        unread = log.n - log.seen(user, read) if self.keepsLog else 0
        last = next(iter(log.between(None, None, 1, self.room)), None)
        return Standing(log.pair, name, log.seq, read, unread, last, (log.ts, log.number))
