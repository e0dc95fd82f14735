"""
Who is in which conversation, and how far it has got there.
"""

from __future__ import annotations

from enum import IntEnum

from msgspec import UNSET, Struct, UnsetType

from imtw.model.messages import Message, Pair
from imtw.model.people import User


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
