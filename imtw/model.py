"""
What a chat server is about, in imtw's own terms: users, groups,
conversations, messages.

Every dialect turns its own shapes into these and back.  Nothing here knows a
wire, a store or a session.
"""

from __future__ import annotations

from enum import Flag, IntEnum, auto
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, UnsetType

MAX_NAME = 64  # characters of a user's or a group's id


def isName(text: str) -> bool:
    """
    May this be the id of a user or a group: 1 to 64 characters, none of them
    a control character, a lone surrogate or a space at either end?
    """
    return 0 < len(text) <= MAX_NAME and text.isprintable() and text == text.strip()


#: No name has this character: ids that begin with it nobody can write who is asked for a name.
MARK = "\x1f"

LONGEST_ID = 255  # characters behind a realm


def realmOf(name: str) -> str:
    """
    What the ids of a realm begin with.  Users who prove nothing live in one
    of their own, with the groups they make: no name leads there, and none of
    their ids leads out.
    """
    return f"{MARK}{name}{MARK}"


def isId(text: str, realm: str = "") -> bool:
    """
    May a user of this realm mean a user or a group by this: a name, or, in a
    realm of its own, any text behind the realm?
    """
    return text.startswith(realm) and len(text) <= len(realm) + LONGEST_ID if realm else isName(text)


class Scope(IntEnum):
    """
    What kind of conversation a row belongs to.
    """

    PRIVATE = 1
    GROUP = 2


class Pair(NamedTuple):
    """
    What names a conversation outside the store: its scope and its ends.

    A private one has both users in string order, a group has its id and an
    empty C{b}.
    """

    scope: Scope
    a: str
    b: str = ""

    def partnerOf(self, user: str) -> str:
        """
        The other end of a private conversation (oneself, when talking to
        oneself).
        """
        return self.b if user == self.a else self.a


_PRIVATE = Scope.PRIVATE  # an attribute of an enumeration is dear, and every message asks for this one


def privatePair(one: str, other: str) -> Pair:
    """
    The private conversation of two users, whoever speaks.
    """
    return Pair(_PRIVATE, one, other) if one <= other else Pair(_PRIVATE, other, one)


def groupPair(group: str) -> Pair:
    """
    The conversation of a group.
    """
    return Pair(Scope.GROUP, group)


#: The kind of a message that was recalled, where a log is read as it stands.
RECALLED = "recalled"


class Fact(IntEnum):
    """
    What a row of a conversation's log says.
    """

    MESSAGE = 0
    RECALL = 1
    EDIT = 2


class Draft(Struct, gc=False):
    """
    A message on its way into the log: all that is known before it has a
    place there.

    @ivar pair: the conversation.
    @ivar id: as other people see it; the client's own, or one made by the
        server.
    @ivar given: whether the client gave the id, so that the same one again
        may be a repeat.
    @ivar sender: the user who speaks: checked, never just claimed.
    @ivar device: the device that speaks, or C{""} for a client that names
        none.  With a device (sender, id) is unique.
    @ivar kind: C{"text"}, C{"image"}, C{"voice"}, C{"video"}, C{"music"},
        C{"news"} or a dialect's own word.
    @ivar content: L{None} where the client sent none.
    @ivar created: the client's time, ms since the epoch.
    @ivar extras: what the common model has no field for, by dialect name, or
        L{None}.  A dialect's own clients get theirs back unchanged.
    @ivar fact: what the row says; of a recall or an edit C{id} is the
        message meant.
    @ivar meant: that message's seq, where its id could mean another; or 0.
    @ivar within: how long after it was stored a recall or an edit may come,
        seconds; 0 for as long as the limit says.
    @ivar weight: bytes that it keeps while it waits, about.
    """

    pair: Pair
    id: str
    sender: str
    content: str | None
    created: int
    kind: str = "text"
    given: bool = False
    device: str = ""
    extras: dict[str, Any] | None = None
    fact: Fact = Fact.MESSAGE
    meant: int = 0
    within: float = 0.0
    weight: int = 0


class Message(Struct, gc=False):
    """
    A row of the log.  What is not described here is as in a L{Draft}.

    @ivar conversation: the conversation's number in this store.
    @ivar seq: dense position in the conversation, from 1.
    @ivar n: the number of messages up to here (a recall is a row, too).
    @ivar ts: the server's time, ms; strictly increasing in a conversation.
    @ivar repeat: this draft came again: it is stored once and this is the
        row it has.
    @ivar edited: the server's time of the last edit, ms; 0 for never.
    """

    conversation: int
    seq: int
    n: int
    ts: int
    pair: Pair
    id: str
    sender: str
    content: str | None
    created: int
    kind: str = "text"
    device: str = ""
    extras: dict[str, Any] | None = None
    fact: Fact = Fact.MESSAGE
    repeat: bool = False
    edited: int = 0


class User(Struct):
    """
    A user as others see it.

    @ivar terminal: the carrier of the last login: C{"tcp"}, C{"ws"},
        C{"http"}.
    @ivar number: what stands for the id in dialects whose ids are numbers;
        unset until one of them needs it.
    """

    id: str
    nick: str
    avatar: str | None = None
    sign: str | None = None
    terminal: str | None = None
    operator: bool = False
    extras: dict[str, Any] | None = None
    number: int | UnsetType = UNSET


class Friend(Struct):
    """
    Somebody in a user's list of friends.

    @ivar remark: what the user calls this one, or an empty text.
    @ivar since: ms since the epoch.
    """

    user: User
    remark: str
    since: int


class Invitation(Struct):
    """
    Somebody wants to be somebody's friend.

    @ivar user: who invites.
    @ivar friend: who is invited.
    @ivar note: what the invitation says.
    @ivar agreed: they are friends; otherwise it waits for an answer.
    """

    id: int
    user: str
    friend: str
    note: str
    agreed: bool
    created: int


#: The shelf of what counts as long as a user's password does; its keys begin
#: with the user's id and a line feed, which no id has.
SECRETS = "secrets"


class Account(Struct):
    """
    A user as the login check sees it.

    @ivar secret: the password's argon2id hash, or C{""} where nobody can
        log in with a password.
    """

    user: User
    secret: str
    disabled: bool = False


class Mode(IntEnum):
    """
    How a group came to be, and so who may post in it.
    """

    OPEN = 0  # by joining it: anybody logged in may post
    MANAGED = 1  # made on purpose: only members post and read


class Role(IntEnum):
    """
    What a member may do; more with each.
    """

    MEMBER = 0
    ADMIN = 1  # mute and kick members
    OWNER = 2  # everything, and make admins


class Group(Struct):
    """
    A group: its id is one namespace for all dialects.
    """

    id: str
    name: str
    avatar: str | None = None
    mode: Mode = Mode.OPEN
    owner: str | None = None


class Membership(Struct, gc=False):
    """
    A user's place in a conversation, as read at login.

    @ivar head: the conversation's last seq.
    @ivar cursor: how far the device that logs in has got, or, if it has no
        name, how far the user's devices without one have.
    """

    conversation: int
    pair: Pair
    head: int
    cursor: int
    name: str = ""
    role: Role = Role.MEMBER


class Standing(Struct):
    """
    A conversation in a user's list.

    @ivar read: how far the user has read.
    @ivar unread: n(head) - n(max(read, own last row)).
    @ivar last: the newest message, or L{None} for a group without any.
    @ivar place: where it stands in the list: the time of its last row, ms,
        and its number.  No client is told this.
    """

    pair: Pair
    name: str
    head: int
    read: int
    unread: int
    last: Message | None
    place: tuple[int, int] | UnsetType = UNSET


class Tally(Struct):
    """
    How a conversation stands: what of it was not recalled.

    @ivar total: how many messages.
    @ivar messages: the newest of them, in the order of the log.
    """

    total: int
    messages: list[Message]


class Device(Struct):
    """
    A device that a user named at a login.

    @ivar seen: its last login, ms.
    """

    id: str
    created: int
    seen: int


class Receipt(Struct):
    """
    Whether a device has got a message.

    @ivar device: C{""} for a user's devices without a name, together.
    @ivar cursor: how far it has got in the conversation.
    @ivar queued: when a connection of it was handed the message, ms; L{None}
        where that is not known, or is not so.
    @ivar written: when the socket had taken it.
    @ivar received: when the device confirmed it.
    """

    user: str
    device: str
    cursor: int
    confirmed: bool
    queued: int | None = None
    written: int | None = None
    received: int | None = None


class Passport(Struct):
    """
    How far a row of a conversation has got among those who did not send it.

    @ivar total: their devices: those with a name, or, of a user who named
        none, all together.
    @ivar confirmed: how many of these have got it.
    @ivar receipts: each of them, in a private conversation; none in a group.
    """

    total: int
    confirmed: int
    receipts: list[Receipt]


class Entry(Struct):
    """
    What a login finds: read in the order of the log, so that whatever is
    appended later is told as a live event.

    @ivar new: the account came to be with this login.
    @ivar groups: all groups the user is in.
    @ivar behind: private conversations with something pending: for a device
        any row after its cursor, for those without a name one of others.
    """

    user: User
    new: bool
    groups: list[Membership]
    behind: list[Membership]


class Token(Struct):
    """
    An opaque login token: kept hashed, never as itself.

    @ivar expires: ms since the epoch.
    @ivar audience: the dialect that alone takes it, or an empty text for
        one that lets in everywhere.
    """

    user: str
    device: str
    created: int
    expires: int
    audience: str = ""


class Admission(Struct):
    """
    Who was let in.

    @ivar token: the hash of the token that did it; nothing for a password,
        or a token of a dialect's own making.
    """

    user: User
    token: bytes = b""


class TokenTerms(Struct, frozen=True, kw_only=True):
    """
    What the tokens of a dialect are, whose clients know them in a shape of
    their own: a user has one, a new one takes the place of the old one, and
    with each use it lasts anew.

    @ivar audience: the dialect.
    @ivar lifetime: seconds after it was last used, at least.
    @ivar size: random bytes, which are written as twice as many hex digits.
    """

    audience: str
    lifetime: float
    size: int = 16


class Liberty(Flag):
    """
    What a session may do beyond its own user's business.

    A strict dialect grants what its original let anybody do; the operator's
    HTTP secret grants some, too.
    """

    NONE = 0
    ANONYMOUS = auto()  # commands that need a login, without one
    SPEAK_FOR_OTHERS = auto()  # send messages in another user's name
    CLOSE_OTHERS = auto()  # cut another user's connections
    READ_OTHERS = auto()  # read what another user could read
