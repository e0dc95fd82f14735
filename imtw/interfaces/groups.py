"""
What a store keeps of groups, and of who may do what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from imtw.model import Group, Membership, Pair, Role, User


class IGroupStore(Interface):
    """
    The part of a store that knows groups, and whom somebody may speak to.
    """

    # groups

    def openGroups(groups: Sequence[tuple[str, str]]) -> Deferred[None]:
        """
        See to it that some groups (id, name) are there: those that are not
        are made, open to everybody.
        """

    def places(user: str) -> Deferred[list[Membership]]:
        """
        The groups of a user, in the order of joining; read in the order of
        the commits.
        """

    def join(user: str, group: str, name: str | None, limit: int, origin: str = "") -> Deferred[Membership]:
        """
        Put a user into a group, which is made if it is not there; again is
        no error.  A new member's cursor stands at the head.

        @param origin: the dialect whose group it is, where it is made.

        Fails with L{imtw.errors.CommandRefused} (C{TOO_MANY}) where the user
        is in C{limit} groups already.
        """

    def leave(user: str, group: str) -> Deferred[bool]:
        """
        Take a user out; L{False} where it was not in.
        """

    def group(group: str) -> Deferred[Group | None]:
        """
        A group.
        """

    def groups(after: str, limit: int) -> Deferred[list[Group]]:
        """
        Groups in order of their ids, those after C{after}.
        """

    def groupsOf(user: str) -> Deferred[list[Group]]:
        """
        The groups of a user, in the order of joining.
        """

    def members(group: str, limit: int, first: Sequence[str], without: Sequence[str]) -> Deferred[list[User]]:
        """
        At most C{limit} users of a group: those of C{first} that belong to
        it first, and none of C{without}.
        """

    # who may do what; in one order with the messages

    def addGroup(group: Group, members: Sequence[str], limit: int) -> Deferred[list[tuple[str, Membership]]]:
        """
        Make a managed group with its owner and first members; left out are
        names that nobody has, who has blocked the owner, and who is in
        C{limit} groups already.  Fires with those that are in, each with its
        place, the owner first.

        Fails with C{CONFLICT} where the id is taken, and C{TOO_MANY} where
        the owner is in C{limit} groups already.
        """

    def addMembers(
        group: str, users: Sequence[str], limit: int, by: str
    ) -> Deferred[list[tuple[str, Membership]]]:
        """
        Put users into a group; left out are names that nobody has, who is in
        it, who was kicked, who has blocked the user that does it, and who is
        in C{limit} groups already.  Fires with those that were put in, each
        with its place.
        """

    def membership(user: str, group: str) -> Deferred[Membership | None]:
        """
        A user's place in a group.
        """

    def setRole(user: str, group: str, role: Role) -> Deferred[bool]:
        """
        Change what a member may do; L{False} where it is none.  A group has
        one owner: who was it before is an admin then.
        """

    def kick(user: str, group: str, kicked: bool = True) -> Deferred[bool]:
        """
        Take a user out who may not come back by itself: L{join} then fails
        with C{FORBIDDEN}, and so do its messages.  Or let it come back.

        @return: fires with L{False} where there is no such group; somebody
            who is not in it can be kept out, too.
        """

    def mute(user: str, group: str, until: int) -> Deferred[bool]:
        """
        Let a user's messages to a group fail with C{FORBIDDEN} until a time,
        ms; 0 for from now on no more.  L{False} where there is no such
        group; a mute outlasts leaving.
        """

    def block(user: str, other: str, blocked: bool) -> Deferred[None]:
        """
        Let C{other}'s private messages to C{user} fail with C{FORBIDDEN}, or
        not any more.
        """

    def maySpeak(user: str, pair: Pair) -> Deferred[None]:
        """
        Look whether a message of a user would be taken, where none is
        stored.  Fails with C{FORBIDDEN} where not.
        """
