"""
Groups of one's own, who may do what in them, and whom one does not want to
hear.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from imtw.commands.declaration import LONGEST_TITLE, Access, Command, Name, Status


class CreateGroup(Struct, forbid_unknown_fields=True):
    """
    Make a group in which only members speak and read; the asker owns it.

    @ivar group: its id; made by the server if there is none.
    @ivar members: who is in it from the start.
    """

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
    group: str | None = None
    avatar: Annotated[str, Meta(max_length=2000)] | None = None
    members: Annotated[list[Name], Meta(max_length=500)] = []


class CreatedGroup(Struct):
    """
    The group that was made.
    """

    group: str


class AddMembers(Struct, forbid_unknown_fields=True):
    """
    Take users into a group that was made on purpose.
    """

    group: Name
    users: Annotated[list[Name], Meta(min_length=1, max_length=500)]


class AddedMembers(Struct):
    """
    Who of them is in it now and was not.
    """

    group: str
    users: list[str]


class Rank(Enum):
    """
    A role by its name.
    """

    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"


class ChangeRole(Struct, forbid_unknown_fields=True):
    """
    Say what a member may do; a new owner takes the place of the old one.
    """

    group: Name
    user: Name
    role: Rank


class Mute(Struct, forbid_unknown_fields=True):
    """
    Let a user not speak in a group for a while.

    @ivar seconds: for how long from now on; 0 to let it speak again.
    """

    group: Name
    user: Name
    seconds: Annotated[int, Meta(ge=0, le=10 * 365 * 86400)]


class Muted(Struct):
    """
    Until when, ms since the epoch; 0 for not at all.
    """

    until: int


class Kick(Struct, forbid_unknown_fields=True):
    """
    Take a user out of a group for good.

    @ivar back: let it come back instead.
    """

    group: Name
    user: Name
    back: bool = False


class Block(Struct, forbid_unknown_fields=True):
    """
    Take no private messages of a user, or take them again.
    """

    user: Name
    blocked: bool = True


# fmt: off
CREATE_GROUP = Command(111, "create-group", CreateGroup, 111, CreatedGroup, Access.USER, False, Status.BAD_REQUEST,
                       "make a group of one's own")
ROLE         = Command(112, "role", ChangeRole, 112, None, Access.USER, False, Status.BAD_REQUEST,
                       "say what a member of a group may do")
MUTE         = Command(113, "mute", Mute, 113, Muted, Access.USER, False, Status.BAD_REQUEST,
                       "let somebody not speak in a group for a while")
KICK         = Command(114, "kick", Kick, 114, None, Access.USER, False, Status.BAD_REQUEST,
                       "take somebody out of a group for good")
BLOCK        = Command(115, "block", Block, 115, None, Access.USER, False, Status.BAD_REQUEST,
                       "take no private messages of somebody")
INVITE       = Command(121, "invite", AddMembers, 121, AddedMembers, Access.USER, False, Status.BAD_REQUEST,
                       "take users into a group of one's own")
# fmt: on
