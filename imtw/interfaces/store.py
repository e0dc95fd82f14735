"""
What keeps everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from imtw.model import (
        Account,
        Device,
        Draft,
        Entry,
        Friend,
        Group,
        Invitation,
        Membership,
        Message,
        Pair,
        Passport,
        Role,
        Standing,
        Tally,
        Token,
        User,
    )

    Listing = list[tuple[str, str]]


class IAppended(Interface):
    """
    Waits for one message to be stored.
    """

    def appended(message: Message | None) -> None:
        """
        The message is committed; nothing after this loses it.  L{None}: there
        is no such conversation and nothing was stored.
        """

    def refused(error: Exception) -> None:
        """
        The message is not stored: a L{imtw.errors.StoreError}, or
        L{imtw.errors.CommandRefused} where it must not be.
        """


class IStore(Interface):
    """
    Keeps users, groups, logs, cursors and tokens.

    What changes something goes through one queue, and its results come in
    the order of the commits, with those of L{append}: whoever reads a head
    in that order misses nothing that is told live afterwards.
    """

    keepsLog: bool = Attribute("Whether messages are kept at all.")
    durable: bool = Attribute("Whether they survive the end of the process.")
    waiting: int = Attribute("Changes queued or being committed.")
    healthy: bool = Attribute("Whether what is to be stored has a chance, as far as is known: C{/readyz} shows it.")

    def start() -> Deferred[None]:
        """
        Open the store.  Fails with L{imtw.errors.StoreError} where that is
        not possible, saying what to do.
        """

    def stop() -> Deferred[None]:
        """
        Commit what waits, then close.
        """

    def append(draft: Draft, waiter: Any) -> None:
        """
        Store a message; C{waiter}, an L{IAppended}, is told.  A draft to a
        group that nobody made is not stored.  A draft that came before is
        stored once (docs/architecture.rst, The log and its cursors).
        """

    def onCommit(begin: Callable[[], None], end: Callable[[], None]) -> None:
        """
        Call C{begin} before and C{end} after the results of each commit are
        told, so that what is sent because of them can be joined.
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
        where none does; fails with C{TOO_MANY}.
        """

    def news(user: str, limit: int) -> Deferred[list[Invitation]]:
        """
        What a user was not told: the invitations it got, and those of its
        own that were agreed to.
        """

    def told(invitations: Sequence[Invitation]) -> Deferred[None]:
        """
        Somebody has been told of these, as they stand.
        """

    # coming in

    def enter(user: User, terminal: str, lobby: Listing, forget: bool, device: str = "") -> Deferred[Entry]:
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

    def addToken(digest: bytes, token: Token, alone: bool = False) -> Deferred[None]:
        """
        Keep a token by its hash.  The user's that have expired go, and those
        that expire first, where there are more than
        L{imtw.limits.Limits.tokensPerUser} for this audience.

        @param alone: in place of all others that the user has for this
            audience.
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

    # groups

    def openGroups(groups: Listing) -> Deferred[None]:
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

    # logs; what a query has of them stops once that is more than L{imtw.limits.Limits.answer} bytes of content and
    # extras: the last row, if there are two, is the one for which there was no room (imtw.persistence.rules.fill)

    def history(
        pair: Pair, begin: float | None, end: float | None, offset: int | None, count: int | None
    ) -> Deferred[list[Message]]:
        """
        Messages of a conversation in the order of the log, without those
        that were recalled.

        @param begin: the client's time in ms, inclusive; with C{end}.
        @param offset: how many to leave out from the oldest, with C{count};
            without them the newest, at most the limit's page.
        """

    def walk(pair: Pair, after: int, limit: int) -> Deferred[list[Message]]:
        """
        Rows of a conversation as they stand in the log, recalls too, those
        after seq C{after}.
        """

    def find(pair: Pair, id: str) -> Deferred[Message | None]:
        """
        The newest message of a conversation with this id.
        """

    def pending(user: str, pair: Pair | None, limit: int) -> Deferred[list[tuple[Membership, list[Message]]]]:
        """
        What the user's devices without a name have not got: the oldest
        C{limit} messages after each conversation's cursor, without the
        user's own, in one conversation or in all.

        @return: fires in the order of the commits, with the conversations
            that have anything after their cursor; asked for all, without
            private ones where that is the user's own.  The membership's
            C{head} is as far as reading these has got.
        """

    def moveCursors(moved: list[tuple[str, int, int]]) -> Deferred[None]:
        """
        Set the cursors of (user, conversation) to a seq, never backwards.
        """

    def received(user: str, device: str, pair: Pair, seq: int) -> Deferred[bool]:
        """
        A device has got everything up to a seq: its cursor moves there,
        never backwards and never past the head.  For an empty device that is
        the user's own cursor.

        @return: fires with L{False} where that is no conversation of the
            user's, or no device.
        """

    def head(pair: Pair) -> Deferred[int]:
        """
        The last seq of a conversation, in the order of the commits; 0 for
        none.
        """

    def page(pair: Pair, after: int | None, before: int | None, limit: int) -> Deferred[list[Message]]:
        """
        Rows by seq, recalls and edits left out, in the order of the log: the
        first after C{after}, or the last before C{before}, or the newest.
        """

    def newest(pairs: Sequence[Pair], count: int, until: int | None = None) -> Deferred[list[Tally]]:
        """
        How many messages each of some conversations has, and the last
        C{count} of them, without those that were recalled.  There may be
        fewer, so that all messages together have room in one answer; but
        the first conversation has one.

        @param until: leave out what comes after this seq.
        """

    def at(pair: Pair, ts: int) -> Deferred[Message | None]:
        """
        The message that was stored at a server's time, which no two rows of
        a conversation share; L{None} where there is none, or it was recalled.
        """

    # messages that live for a while

    def madeBy(origin: str, after: str, limit: int) -> Deferred[list[tuple[str, int]]]:
        """
        The groups that a dialect made, in order of their ids, those after
        C{after}: each with the server's time of its last row, or 0 where it
        has none.
        """

    def expire(pair: Pair, origin: str, before: int) -> Deferred[int | None]:
        """
        Forget all messages of a group, if the last row is not newer than
        C{before}, ms.  Its log goes on behind them.

        @param origin: the dialect that made it.
        @return: fires, once nobody can read them any more, with 0; with the
            time of the last row where that is newer, and with L{None} where
            that is no group of this dialect's.
        """

    # what a user has read

    def markRead(user: str, pair: Pair, seq: int) -> Deferred[int | None]:
        """
        The user has read up to a seq, never backwards and never past the
        head; fires with how far, or L{None} where that is no conversation of
        the user's.
        """

    def standings(
        user: str, before: int | None, limit: int, behind: int | None = None
    ) -> Deferred[list[Standing]]:
        """
        The user's conversations, the ones with the newest row first; of the
        same time, in the order of their numbers.

        @param before: only those whose last row is older than this, ms.
        @param behind: and of those whose last row is of just that time, the
            ones with a larger number than this.
        """

    # devices

    def devices(user: str) -> Deferred[list[Device]]:
        """
        The devices that a user has named.
        """

    def dropDevice(user: str, device: str) -> Deferred[bool]:
        """
        Forget a device: its cursors and its tokens; L{False} where there is
        none.
        """

    # who may do what; in one order with the messages

    def addGroup(group: Group, members: Sequence[str], limit: int) -> Deferred[Membership]:
        """
        Make a managed group with its owner and first members; left out are
        names that nobody has, and who is in C{limit} groups already.

        Fails with C{CONFLICT} where the id is taken, and C{TOO_MANY} where
        the owner is in C{limit} groups already.
        """

    def addMembers(group: str, users: Sequence[str], limit: int) -> Deferred[list[tuple[str, Membership]]]:
        """
        Put users into a group; left out are names that nobody has, who is in
        it, who was kicked, and who is in C{limit} groups already.  Fires with
        those that were put in, each with its place.
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

    def passport(pair: Pair, seq: int, sender: str) -> Deferred[Passport]:
        """
        How far a row has got among the others of a conversation.
        """

    # plugins' own

    def put(shelf: str, key: str, value: bytes) -> Deferred[None]:
        """
        Keep a value on a plugin's own shelf (a table of keys).
        """

    def get(shelf: str, prefix: str) -> Deferred[list[tuple[str, bytes]]]:
        """
        The values whose keys begin so, in order, at most 10,000.
        """
