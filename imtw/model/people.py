"""
Who there is, and how they show it.
"""

from __future__ import annotations

from enum import Flag, auto
from typing import Any

from msgspec import UNSET, Struct, UnsetType


class User(Struct, gc=False):
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


class Account(Struct, gc=False):
    """
    A user as the login check sees it.

    @ivar secret: the password's argon2id hash, or C{""} where nobody can
        log in with a password.
    """

    user: User
    secret: str
    disabled: bool = False


class Device(Struct):
    """
    A device that a user named at a login.

    @ivar seen: its last login, ms.
    """

    id: str
    created: int
    seen: int


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
