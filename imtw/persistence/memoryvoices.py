"""
Who may speak, in memory: managed groups, roles, mutes, kicks, blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from twisted.internet.defer import Deferred, fail, succeed

from imtw.errors import CommandRefused
from imtw.model import Group, Membership, Mode, Pair, Role, Scope
from imtw.persistence.memorypeople import MemoryPeople
from imtw.persistence.memoryplaces import Circle
from imtw.persistence.rules import NEVER, checkVoice, refuseGroup, refuseTaken

_PRIVATE = Scope.PRIVATE  # an attribute of an enumeration is dear, and every message asks for this one


class MemoryVoices(MemoryPeople):
    """
    The part of a store in memory that knows who may do what.
    """

    def verdict(self, sender: str, pair: Pair) -> int:
        """
        From when on somebody may speak in a conversation, ms.
        """
        if pair.scope is _PRIVATE:
            partner = self.persons.get(pair.partnerOf(sender))
            return NEVER if partner is not None and sender in partner.blocked else 0
        circle = self.circles.get(pair.a)
        if circle is None:
            return 0
        if sender in circle.kicked or (circle.group.mode is Mode.MANAGED and not self.isIn(sender, circle)):
            return NEVER
        return circle.muted.get(sender, 0)

    def maySpeak(self, user: str, pair: Pair) -> Deferred[None]:
        try:
            checkVoice(self.verdict(user, pair), self.now)
        except CommandRefused as refused:
            return fail(refused)
        return succeed(None)

    def addGroup(self, group: Group, members: Sequence[str], limit: int) -> Deferred[list[tuple[str, Membership]]]:
        owner = group.owner or ""
        if group.id in self.circles:
            return fail(refuseTaken(group.id))
        if self.groupCount(self.person(owner)) >= limit:
            return fail(refuseGroup(limit))
        circle = self.circle(group.id, group.name)
        circle.group = copy(group)
        circle.group.mode = Mode.MANAGED
        circle.roles[owner] = Role.OWNER
        self.add(owner, circle)
        mine = owner, self.placeIn(self.person(owner), circle.log)
        return succeed([mine, *self._takeIn(circle, members, limit, owner)])

    def addMembers(
        self, group: str, users: Sequence[str], limit: int, by: str
    ) -> Deferred[list[tuple[str, Membership]]]:
        circle = self.circles.get(group)
        return succeed([] if circle is None else self._takeIn(circle, users, limit, by))

    def _takeIn(self, circle: Circle, users: Sequence[str], limit: int, by: str) -> list[tuple[str, Membership]]:
        """
        Put those into a group whom a user can put there.
        """
        added = []
        for user in dict.fromkeys(users):
            person = self.persons.get(user)
            isWilling = person is not None and person.account is not None and by not in person.blocked
            mayCome = not self.isIn(user, circle) and user not in circle.kicked
            if person is not None and isWilling and mayCome and self.groupCount(person) < limit:
                self.add(user, circle)
                added.append((user, self.placeIn(person, circle.log)))
        return added

    def membership(self, user: str, group: str) -> Deferred[Membership | None]:
        circle = self.circles.get(group)
        if circle is None or not self.isIn(user, circle):
            return succeed(None)
        return succeed(self.placeIn(self.persons[user], circle.log))

    def setRole(self, user: str, group: str, role: Role) -> Deferred[bool]:
        circle = self.circles.get(group)
        if circle is None or not self.isIn(user, circle):
            return succeed(False)
        if role is Role.OWNER:
            circle.roles.update({other: Role.ADMIN for other, held in circle.roles.items() if held is Role.OWNER})
            circle.group.owner = user
        circle.roles[user] = role
        return succeed(True)

    def kick(self, user: str, group: str, kicked: bool = True) -> Deferred[bool]:
        circle = self.circles.get(group)
        if circle is None:
            return succeed(False)
        if kicked:
            self.remove(user, circle)
            circle.kicked.add(user)
        else:
            circle.kicked.discard(user)
        return succeed(True)

    def mute(self, user: str, group: str, until: int) -> Deferred[bool]:
        circle = self.circles.get(group)
        if circle is None:
            return succeed(False)
        if until > self.now:
            circle.muted[user] = until
        else:
            circle.muted.pop(user, None)
        return succeed(True)

    def block(self, user: str, other: str, blocked: bool) -> Deferred[None]:
        person = self.person(user)
        if blocked:
            person.blocked |= {other}
        else:
            person.blocked -= {other}
        return succeed(None)
