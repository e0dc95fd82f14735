"""
The targets of FastIM's WebSockets.  No I/O.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

CHAT, LIST = "/group/chat/", "/group/list/"

_MALFORMED = re.compile(r"%2f|%5c|%00|%(?![0-9a-f]{2})|\\", re.IGNORECASE)


class Room(NamedTuple):
    """
    C{/group/chat/GROUP/USER/TOKEN}: a room, and who enters it.
    """

    group: str
    user: str
    token: str


class Roster(NamedTuple):
    """
    C{/group/list/USER/TOKEN}: the list of somebody's rooms.
    """

    user: str
    token: str


def isOurs(path: str) -> bool:
    """
    Does a path belong to FastIM's WebSockets, well-formed or not?

    @param path: as it was sent.
    """
    return f"{path}/".startswith((CHAT, LIST))


def isMalformed(path: str) -> bool:
    """
    Is there a slash, a backslash or a NUL within a segment, or a percent
    sign that begins nothing?  That is refused.
    """
    return _MALFORMED.search(path) is not None


def targetOf(path: str) -> Room | Roster | None:
    """
    What a path leads to; L{None} where it has too few segments, too many, an
    empty one, a malformed one, or one that is not UTF-8.  A slash at the end
    does not count.
    """
    if not isOurs(path) or isMalformed(path):
        return None
    segments = path.removesuffix("/").split("/")[3:]
    try:
        names = [unquote_to_bytes(segment).decode() for segment in segments]
    except UnicodeDecodeError:
        return None
    if not all(names) or any(name in (".", "..") for name in names):
        return None
    if path.startswith(CHAT):
        return Room(*names) if len(names) == 3 else None
    return Roster(*names) if len(names) == 2 else None
