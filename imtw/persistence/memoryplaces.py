"""
What is known of people and of groups, in memory.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal

from imtw.model import Account, Device, Group, Message, Role
from imtw.persistence.memorylog import Log
from imtw.persistence.memoryrecent import Recent

NOBODY: frozenset[str] = frozenset()  # one for all: most block nobody, and each would take 0.2 KB
NOTHING: Any = MappingProxyType({})  # the same for tables, of which each person has seven

Table = Literal["cursors", "devices", "friends", "groups", "reads", "sent", "starts"]


class Person:
    """
    What is known of a name: an account or only a place in conversations.
    Its tables are read as they stand; what is put there goes through L{own}.

    @ivar account: L{None} for a name that nobody has.
    @ivar cursors: by conversation, how far this user has got there.
    @ivar groups: the groups' conversations, in the order of joining.
    @ivar recent: the order of the private ones, if there are any.
    @ivar starts: by group, its last seq when this user came in.
    @ivar reads: by conversation, how far this user has read.
    @ivar devices: by name, those that this user named.
    @ivar blocked: whose private messages this user does not want.
    @ivar friends: by name, the remark and since when, ms.
    @ivar sent: the messages that this user's devices sent, by their id.
    """

    __slots__ = (
        *("account", "blocked", "cursors", "devices", "entered", "friends", "groups", "name", "reads", "recent"),
        *("sent", "starts", "strangers"),
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.account: Account | None = None
        self.cursors: dict[int, int] = NOTHING
        self.groups: dict[int, None] = NOTHING
        self.recent: Recent | None = None
        self.starts: dict[int, int] = NOTHING
        self.reads: dict[int, int] = NOTHING
        self.devices: dict[str, Seat] = NOTHING
        self.blocked = NOBODY
        self.friends: dict[str, tuple[str, int]] = NOTHING
        self.sent: dict[str, Message] = NOTHING
        self.strangers = 0
        self.entered = False

    def own(self, name: Table) -> dict[Any, Any]:
        """
        One of the tables, to be changed.
        """
        table: dict[Any, Any] = getattr(self, name)
        if table is NOTHING:
            table = {}
            setattr(self, name, table)
        return table

    def note(self, log: Log) -> None:
        """
        A private conversation gets rows.
        """
        if self.recent is None:
            self.recent = Recent()
        self.recent.fresh[log.number] = log

    def settle(self) -> Recent:
        """
        The private conversations in their order.
        """
        recent = self.recent or Recent()
        fresh = recent.settle()
        for seat in self.devices.values():
            seat.waiting.update(fresh)
        return recent

    def reached(self) -> dict[int, int]:
        """
        By conversation, how far this user has got, on whichever device.
        """
        everywhere = [self.cursors, self.reads, *(seat.cursors for seat in self.devices.values())]
        return {number: max(cursors.get(number, 0) for cursors in everywhere) for number in self.cursors}


class Seat:
    """
    A device, and how far it has got by conversation.

    @ivar waiting: the settled private conversations in which something waits
        for it, and perhaps others.
    """

    __slots__ = ("cursors", "device", "waiting")

    def __init__(self, device: Device, cursors: dict[int, int], waiting: set[int]) -> None:
        self.device = device
        self.cursors = cursors
        self.waiting = waiting


class Circle:
    """
    A group, its log, and the ids of its users in order.

    @ivar origin: the dialect that made it, or an empty text.
    @ivar roles: of those that are more than members.
    @ivar muted: until when somebody may not speak, ms.
    @ivar kicked: who may not come back.
    """

    __slots__ = ("group", "kicked", "log", "muted", "origin", "roles", "users")

    def __init__(self, group: Group, log: Log, origin: str) -> None:
        self.group = group
        self.log = log
        self.origin = origin
        self.users: list[str] = []
        self.roles: dict[str, Role] = {}
        self.muted: dict[str, int] = {}
        self.kicked: set[str] = set()
