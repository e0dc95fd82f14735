"""
Entering and leaving groups.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from msgspec import Meta, Struct

from imtw.commands.declaration import LONGEST_TITLE, Access, Command, Name, Status


class JoinGroup(Struct, forbid_unknown_fields=True):
    """
    Enter a group; it is made if it is not there.
    """

    group: str
    name: Annotated[str, Meta(max_length=LONGEST_TITLE)] | None = None


class JoinVerdict(IntEnum):
    """
    Why a group lets somebody in or not.
    """

    REFUSED = 0
    OK = 1
    NO_SUCH_GROUP = 2
    FULL = 3
    BLACKLISTED = 4
    KICKED = 5


class JoinResult(Struct):
    """
    What came of an attempt to join.
    """

    group: str
    result: JoinVerdict


class LeaveGroup(Struct, forbid_unknown_fields=True):
    """
    Leave a group for good, with all one's devices.
    """

    group: Name


# fmt: off
JOIN  = Command(7, "join", JoinGroup, 8, JoinResult, Access.USER, False, Status.UNKNOWN_COMMAND,
                "enter a group")
LEAVE = Command(100, "leave", LeaveGroup, 100, None, Access.USER, False, Status.BAD_REQUEST,
                "leave a group for good")
# fmt: on
