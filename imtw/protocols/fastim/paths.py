"""
The targets of FastIM's WebSockets.  No I/O.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

CHAT, LIST = "/group/chat/", "/group/list/"


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


def hasSlash(path: str) -> bool:
    """
    Is there a slash, or a backslash, within a segment?  That is refused.
    """
    lower = path.lower()
    return "%2f" in lower or "%5c" in lower or "\\" in path


def targetOf(path: str) -> Room | Roster | None:
    """
    What a path leads to; L{None} where it has too few segments, too many, an
    empty one, one with a slash within, or one that is not UTF-8.  A slash at
    the end does not count.
    """
    if not isOurs(path) or hasSlash(path):
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
