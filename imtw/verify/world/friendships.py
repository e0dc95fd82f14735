"""
Who is whose friend, and who has invited whom, as it was committed.
"""

from __future__ import annotations

from imtw.model import Invitation


class Friendships:
    """
    The friends of a world.

    @ivar friends: by user.
    @ivar waiting: the invitation of one user that waits for another, by both.
    @ivar agreed: those that were agreed to, by who invited and who agreed.
    @ivar known: the ids of invitations that there are or have been, by whom
        they were news for.
    """

    def __init__(self, faults: list[str], blocked: set[tuple[str, str]]) -> None:
        """
        @param blocked: who takes nothing of whom.
        """
        self.friends: dict[str, set[str]] = {}
        self.waiting: dict[tuple[str, str], int] = {}
        self.agreed: dict[tuple[str, str], int] = {}
        self.known: set[tuple[str, int]] = set()
        self._faults = faults
        self._blocked = blocked
        self._silenced: set[tuple[str, str]] = set()  # whom somebody has blocked at some time

    def invited(self, invitation: Invitation, user: str, friend: str) -> None:
        """
        Somebody was invited.
        """
        if (friend, user) in self._blocked or friend in self.friends.get(user, ()):
            self._faults.append(f"{user} could invite {friend}")
        self.agreed.pop((user, friend), None)
        self.waiting[user, friend] = invitation.id
        self.known.add((friend, invitation.id))

    def agreedTo(self, invitation: Invitation, user: str, inviter: str) -> None:
        """
        Somebody has agreed.
        """
        if self.waiting.pop((inviter, user), 0) != invitation.id or (inviter, user) in self._blocked:
            self._faults.append(f"{user} could agree to be a friend of {inviter}")
        self.waiting.pop((user, inviter), None)
        self.agreed.pop((user, inviter), None)
        self.agreed[inviter, user] = invitation.id
        self.known.add((inviter, invitation.id))
        for one, other in ((user, inviter), (inviter, user)):
            self.friends.setdefault(one, set()).add(other)

    def silenced(self, user: str, other: str) -> None:
        """
        Somebody is blocked: what is news of him waits for a login after that
        is over.
        """
        self._silenced.add((user, other))

    def ended(self, user: str, friend: str) -> None:
        """
        Nothing is left between two users.
        """
        for one, other in ((user, friend), (friend, user)):
            self.waiting.pop((one, other), None)
            self.agreed.pop((one, other), None)
            self.friends.get(one, set()).discard(other)

    def newsFor(self, user: str) -> set[int]:
        """
        The invitations that a user has to hear of, sooner or later.
        """
        asked = {(other, id) for (other, friend), id in self.waiting.items() if friend == user}
        agreed = {(other, id) for (inviter, other), id in self.agreed.items() if inviter == user}
        return {id for other, id in asked | agreed if (user, other) not in self._silenced}
