"""
Friends, invitations and users' numbers, in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

from twisted.internet.defer import Deferred, fail, succeed

from imtw.limits import Limits
from imtw.model import Account, Friend, Invitation
from imtw.persistence.memorypeople import MemoryPeople
from imtw.persistence.rules import refuseFriend, refuseInvitation, refuseNumber, refuseUnwanted


class MemoryFriends(MemoryPeople):
    """
    The part of a store in memory that knows who is whose friend.
    """

    def __init__(self, seconds: Callable[[], float], limits: Limits) -> None:
        super().__init__(seconds, limits)
        self._numbers: dict[int, str] = {}
        self._invitations: dict[int, Invitation] = {}
        self._sent: dict[str, dict[str, Invitation]] = {}  # by who invites, and whom
        self._untold: dict[str, set[int]] = {}  # by whom they are news for

    def number(self, user: str, candidate: int) -> Deferred[int | None]:
        account = self.accountOf(user)
        if account is None:
            return succeed(None)
        if not account.user.number:
            if candidate in self._numbers:
                return fail(refuseNumber(candidate))
            account.user.number = candidate
            self._numbers[candidate] = user
        return succeed(account.user.number or None)

    def numbered(self, number: int) -> Deferred[Account | None]:
        return self.account(self._numbers.get(number, ""))

    def friends(self, user: str, after: str, limit: int) -> Deferred[list[Friend]]:
        known = self.known(user).friends
        found = [(self.copyOf(name), known[name]) for name in sorted(known) if name > after]
        return succeed([Friend(account.user, *rest) for account, rest in found if account is not None][:limit])

    def addFriend(self, user: str, friend: str, remark: str, since: int) -> Deferred[None]:
        known = self.person(user).own("friends")
        if friend not in known and len(known) >= self._limits.friendsPerUser:
            return fail(refuseFriend(self._limits.friendsPerUser))
        known[friend] = (remark, known[friend][1] if friend in known else since)
        return succeed(None)

    def unfriend(self, user: str, friend: str) -> Deferred[bool]:
        gone = False
        for one, other in ((user, friend), (friend, user)):
            if other in self.known(one).friends:
                del self.persons[one].friends[other]
                gone = True
            gone = self._drop(one, other) or gone
        return succeed(gone)

    def invite(self, user: str, friend: str, note: str, id: int | None = None) -> Deferred[Invitation]:
        waiting = self._find(user, friend)
        if waiting is not None and waiting.agreed:
            waiting = None
        why = refuseInvitation(
            friend,
            self.accountOf(friend) is not None,
            user in self.known(friend).blocked,
            friend in self.known(user).friends,
            waiting is None
            and sum(not one.agreed for one in self._sent.get(user, {}).values()) >= self._limits.friendsPerUser,
        )
        if why is not None:
            return fail(why)
        if waiting is not None:
            return succeed(copy(waiting))
        self._drop(user, friend)
        if id is None or id in self._invitations:
            id = max(self._invitations, default=0) + 1
        made = self._invitations[id] = Invitation(id, user, friend, note, False, self.now)
        self._sent.setdefault(user, {})[friend] = made
        self._tellLater(made)
        return succeed(copy(made))

    def invitation(self, id: int) -> Deferred[Invitation | None]:
        found = self._invitations.get(id)
        return succeed(None if found is None else copy(found))

    def agree(self, user: str, inviter: str) -> Deferred[Invitation | None]:
        waiting = self._find(inviter, user)
        if waiting is None or waiting.agreed:
            return succeed(None)
        if user in self.known(inviter).blocked:
            return fail(refuseUnwanted())
        ends = [(self.person(user).own("friends"), inviter), (self.person(inviter).own("friends"), user)]
        if any(len(known) >= self._limits.friendsPerUser and name not in known for known, name in ends):
            return fail(refuseFriend(self._limits.friendsPerUser))
        for known, name in ends:
            known.setdefault(name, ("", self.now))
        self._drop(user, inviter)
        self._isTold(waiting)
        waiting.agreed = True
        self._tellLater(waiting)
        return succeed(copy(waiting))

    def news(self, user: str, limit: int) -> Deferred[list[Invitation]]:
        blocked = self.known(user).blocked
        untold = [self._invitations[id] for id in sorted(self._untold.get(user, ()))]
        return succeed([copy(one) for one in untold if not {one.user, one.friend} & blocked][:limit])

    def told(self, invitations: Sequence[Invitation]) -> Deferred[None]:
        for one in invitations:
            kept = self._invitations.get(one.id)
            if kept is not None and kept.agreed == one.agreed:
                self._isTold(kept)
        return succeed(None)

    def _tellLater(self, invitation: Invitation) -> None:
        """
        An invitation is news, as it stands.
        """
        self._untold.setdefault(whoseNews(invitation), set()).add(invitation.id)

    def _isTold(self, invitation: Invitation) -> None:
        """
        It is news no more.
        """
        user = whoseNews(invitation)
        untold = self._untold.get(user, set())
        untold.discard(invitation.id)
        if not untold:
            self._untold.pop(user, None)

    def _find(self, user: str, friend: str) -> Invitation | None:
        """
        The invitation of one to another.
        """
        return self._sent.get(user, {}).get(friend)

    def _drop(self, user: str, friend: str) -> bool:
        """
        Forget an invitation, if there is one.
        """
        found = self._find(user, friend)
        if found is None:
            return False
        self._isTold(found)
        del self._invitations[found.id], self._sent[user][friend]
        if not self._sent[user]:
            del self._sent[user]
        return True


def whoseNews(invitation: Invitation) -> str:
    """
    Who wants to know how an invitation stands.
    """
    return invitation.user if invitation.agreed else invitation.friend
