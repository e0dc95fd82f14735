"""
Looking at users and reading messages, as J-IM's clients do.
"""

from __future__ import annotations

from enum import Enum

from msgspec import UNSET, Struct, UnsetType

from imtw.commands.declaration import Access, Command, Status
from imtw.model import Message, User


class Presence(Enum):
    """
    Which users a list holds.
    """

    ONLINE = "online"
    OFFLINE = "offline"
    ALL = "all"


class GetUser(Struct, forbid_unknown_fields=True):
    """
    Look at a user and at who else is in its groups.
    """

    user: str
    show: Presence = Presence.ALL


class UserInList(Struct):
    """
    A user as a list shows it; C{online} is unset where no store keeps it.
    """

    user: User
    online: bool | UnsetType = UNSET


class GroupView(Struct):
    """
    A group with some of its users; C{users} is L{None} where they are not
    known.
    """

    id: str
    name: str
    avatar: str | None
    users: list[UserInList] | None


class UserView(Struct):
    """
    A user with its groups.

    @ivar friends: those that were asked for, as far as they are the asker's
        business.
    """

    user: User
    online: bool | UnsetType
    friends: list[UserInList]
    groups: list[GroupView]


class GetMessages(Struct, forbid_unknown_fields=True):
    """
    Read what was said.

    @ivar pending: what the user's devices without a name have not got yet;
        reading moves the cursor.  Otherwise history.
    @ivar partner: only the private conversation with this user.
    @ivar group: only this group; wins over C{partner}.
    @ivar begin: ms, inclusive, by the client's time; with C{end}.
    @ivar offset: messages to leave out, from the oldest; with C{count}.
    @ivar count: at most so many; negative for no limit of the client's.
    """

    user: str
    pending: bool = False
    partner: str | None = None
    group: str | None = None
    begin: float | None = None
    end: float | None = None
    offset: int | None = None
    count: int | None = None


class Messages(Struct):
    """
    Messages by conversation, each list in the order of the log.

    @ivar whole: the question was about everything or about one partner, so
        that empty maps are an answer, too.
    """

    user: str
    friends: dict[str, list[Message]]
    groups: dict[str, list[Message]]
    whole: bool


# fmt: off
GET_USER     = Command(17, "user", GetUser, 18, UserView, Access.USER, False, Status.USER_NOT_FOUND,
                       "look at a user and its groups")
GET_MESSAGES = Command(19, "messages", GetMessages, 20, Messages, Access.USER, False, Status.NO_MESSAGES,
                       "read what is pending, or the history")
# fmt: on
