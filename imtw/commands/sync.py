"""
What clients that name a device ask beyond J-IM: confirm, read on, watch.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from imtw.commands.declaration import Access, Command, Nothing, Status
from imtw.model import Device, Message


class Received(Struct, forbid_unknown_fields=True):
    """
    This device has got everything up to a row of a conversation.
    """

    seq: Annotated[int, Meta(ge=0)]
    to: str | None = None
    group: str | None = None


class Sync(Struct, forbid_unknown_fields=True):
    """
    Read on in a conversation from where the client is.

    @ivar after: the last seq that the client has; 0 for none.
    @ivar limit: at most so many rows.
    """

    after: Annotated[int, Meta(ge=0)]
    to: str | None = None
    group: str | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 200


class SyncState(Enum):
    """
    What a client that reads on has to do.

    @cvar COMPLETE: nothing: it has everything now.
    @cvar GAP: ask again, after the last row it was given.
    @cvar RESET: forget what it has of this conversation, and begin at 0: the
        log is shorter than the client believes.
    """

    COMPLETE = "complete"
    GAP = "gap"
    RESET = "reset"


class Synced(Struct):
    """
    The next rows of a conversation.

    @ivar head: the last seq there is.
    @ivar start: of a gap, the first seq that is still missing.
    """

    state: SyncState
    head: int
    messages: list[Message]
    start: int | None = None


class Devices(Struct):
    """
    The devices that the user has named.
    """

    devices: list[Device]


class WatchPresence(Struct, forbid_unknown_fields=True):
    """
    Ask who of some users is online, and be told of changes for a while.
    """

    users: Annotated[list[str], Meta(max_length=500)]


class Present(Struct):
    """
    Who is online, and how long changes will be told.

    @ivar expires: ms since the epoch.
    """

    online: list[str]
    expires: int


# fmt: off
RECEIVED = Command(101, "received", Received, 101, None, Access.USER, False, Status.BAD_REQUEST,
                   "confirm what this device has got")
SYNC     = Command(103, "sync", Sync, 103, Synced, Access.USER, False, Status.BAD_REQUEST,
                   "read on in a conversation")
PRESENCE = Command(116, "presence", WatchPresence, 116, Present, Access.USER, False, Status.BAD_REQUEST,
                   "ask who is online, and hear of changes for a while")
DEVICES  = Command(117, "devices", Nothing, 117, Devices, Access.USER, False, Status.BAD_REQUEST,
                   "list one's devices")
# fmt: on
