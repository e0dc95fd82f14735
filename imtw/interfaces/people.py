"""
What a store keeps of people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from imtw.model import Account, Device, Entry, Friend, Invitation, Token, User


class IPeopleStore(Interface):
    """
    The part of a store that knows users, who is whose friend, what they log
    in with, and on what.
    """

    # users

    def account(user: str) -> Deferred[Account | None]:
        """
        A user as the login check sees it.
        """

    def addAccount(user: User, secret: str) -> Deferred[bool]:
        """
        Make a user; fires with L{False} where the id is taken.
        """

    def setSecret(user: str, secret: str) -> Deferred[bool]:
        """
        Change the password's hash and drop the user's tokens, and what the
        shelf L{imtw.model.SECRETS} has for it; fires with L{False} where
        there is no such user.
        """

    def renewSecret(user: str, old: str, secret: str) -> Deferred[bool]:
        """
        Put another hash of the same password in the place of C{old}; tokens
        stay.  Fires with L{False} where that is not the user's hash (any
        more).
        """

    def setOperator(user: str, operator: bool) -> Deferred[bool]:
        """
        Make a user an operator, or not; L{False} where there is none.
        """

    def user(user: str) -> Deferred[User | None]:
        """
        A user as others see it.
        """

    def users(after: str, limit: int) -> Deferred[list[Account]]:
        """
        Users in order of their ids, those after C{after}.
        """

    def number(user: str, candidate: int) -> Deferred[int | None]:
        """
        The number that stands for a user in dialects whose ids are numbers:
        C{candidate} from now on, where it has none.  L{None} where there is
        no such user; fails with C{CONFLICT} where C{candidate} is somebody
        else's.
        """

    def numbered(number: int) -> Deferred[Account | None]:
        """
        The user with this number, as the login check sees it.
        """

    # friends

    def friends(user: str, after: str, limit: int) -> Deferred[list[Friend]]:
        """
        A user's friends in the order of their ids, those after C{after}.
        """

    def addFriend(user: str, friend: str, remark: str, since: int) -> Deferred[None]:
        """
        Put somebody into a user's list, one way only, as where a list is
        brought over from elsewhere; again changes the remark.  Fails with
        C{TOO_MANY}.

        @param since: ms since the epoch.
        """

    def unfriend(user: str, friend: str) -> Deferred[bool]:
        """
        End a friendship on both sides, and what waits for an answer between
        the two; L{False} where there was neither.
        """

    def invite(user: str, friend: str, note: str, id: int | None = None) -> Deferred[Invitation]:
        """
        Keep it that a user wants to be somebody's friend; again while it
        waits is the same invitation.  Fails with C{NOT_FOUND} where there is
        nobody of that name, C{FORBIDDEN} where that one has blocked the
        user, C{CONFLICT} where they are friends, C{TOO_MANY}.

        @param id: its number, where it had one elsewhere.
        """

    def invitation(id: int) -> Deferred[Invitation | None]:
        """
        An invitation.
        """

    def agree(user: str, inviter: str) -> Deferred[Invitation | None]:
        """
        Make friends of a user and somebody whose invitation waits.  L{None}
        where none does; fails with C{FORBIDDEN} where that one has blocked
        the user meanwhile, C{TOO_MANY}.
        """

    def news(user: str, limit: int) -> Deferred[list[Invitation]]:
        """
        What a user was not told: the invitations it got, and those of its
        own that were agreed to.  Of whom it has blocked it hears nothing.
        """

    def told(invitations: Sequence[Invitation]) -> Deferred[None]:
        """
        Somebody has been told of these, as they stand.
        """

    # coming in

    def enter(
        user: User, terminal: str, lobby: Sequence[tuple[str, str]], forget: bool, device: str = ""
    ) -> Deferred[Entry]:
        """
        A login: make the user if it is not there (a checker that is not the
        store's knows it), put it into the lobby groups (id, name) at its
        first login, note the terminal, and read what it belongs to.

        @param forget: leave every group but the lobby and managed ones
            first, as the strict J-IM does.
        @param device: the device's name; a new one starts where the user
            has got, on whichever device: at the furthest of its cursors and
            of what it has read.  The memberships' cursors are its own.
        """

    # tokens

    def addToken(digest: bytes, token: Token, alone: bool = False) -> Deferred[list[bytes]]:
        """
        Keep a token by its hash.  The user's that have expired go, and those
        that expire first, where there are more than
        L{imtw.limits.Limits.tokensPerUser} for this audience.

        @param alone: in place of all others that the user has for this
            audience.
        @return: fires with the hashes of those.
        """

    def renewToken(digest: bytes, expires: int) -> Deferred[bool]:
        """
        Let a token last until then, ms; L{False} where there is none.
        """

    def token(digest: bytes) -> Deferred[Token | None]:
        """
        The token with this hash.
        """

    def dropToken(digest: bytes) -> Deferred[Token | None]:
        """
        Forget a token; fires with what it was.
        """

    # devices

    def devices(user: str) -> Deferred[list[Device]]:
        """
        The devices that a user has named.
        """

    def dropDevice(user: str, device: str) -> Deferred[list[bytes] | None]:
        """
        Forget a device: its cursors and its tokens, with whose hashes this
        fires; L{None} where there is no such device.
        """
