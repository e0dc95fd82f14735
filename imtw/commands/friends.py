"""
Friends: inviting, agreeing, parting, and who they are.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from imtw.commands.declaration import Access, Command, Name, Status
from imtw.model import Friend


class InviteFriend(Struct, forbid_unknown_fields=True):
    """
    Ask a user to be one's friend.
    """

    user: Name
    note: Annotated[str, Meta(max_length=200)] = ""


class Invited(Struct):
    """
    An invitation that waits for its answer.
    """

    id: int


class AgreeFriend(Struct, forbid_unknown_fields=True):
    """
    Accept an invitation: that of a user, or the one with this id.
    """

    user: Name | None = None
    id: int | None = None


class RemoveFriend(Struct, forbid_unknown_fields=True):
    """
    Have somebody as a friend no more; it has not oneself, either.  An
    invitation between the two is gone, too.
    """

    user: Name


class ListFriends(Struct, forbid_unknown_fields=True):
    """
    Look at one's friends, in the order of their ids.

    @ivar after: only those whose id is larger; for the next page.
    """

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=500)] = 200


class Friends(Struct):
    """
    A page of a user's friends.
    """

    friends: list[Friend]


# fmt: off
FRIEND_INVITE = Command(105, "friend-invite", InviteFriend, 105, Invited, Access.USER, False, Status.BAD_REQUEST,
                        "ask a user to be one's friend")
FRIEND_AGREE  = Command(106, "friend-agree", AgreeFriend, 106, None, Access.USER, False, Status.BAD_REQUEST,
                        "accept an invitation")
FRIEND_REMOVE = Command(107, "friend-remove", RemoveFriend, 107, None, Access.USER, False, Status.BAD_REQUEST,
                        "end a friendship, or refuse an invitation")
FRIENDS       = Command(122, "friends", ListFriends, 122, Friends, Access.USER, False, Status.BAD_REQUEST,
                        "list one's friends")
# fmt: on
