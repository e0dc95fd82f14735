"""
The places that answers have in the order of their connection, and answers
that no handler gives.
"""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from twisted.internet.defer import Deferred, fail

from imtw.commands import Command, Reply, Status
from imtw.errors import CommandRefused

if TYPE_CHECKING:
    from imtw.gates import Gate
    from imtw.lanes import Lane

#: What an answer says that grants what was asked.
GRANTED = frozenset(
    [
        Status.SENT,
        Status.OFFLINE,
        Status.USER_FOUND,
        Status.ONLINE_USERS,
        Status.OFFLINE_USERS,
        Status.LOGGED_IN,
        Status.AUTHENTICATED,
        Status.JOINED,
        Status.PENDING,
        Status.HISTORY,
        Status.CLOSED,
        Status.OK,
    ]
)
SILENCE = Reply()  # fills the slot of a handler that answers nothing
HANGUP = Reply(close=True)  # no answer but the end of the connection


class Slot:
    """
    The place of one answer in the order of its connection.

    @ivar before: what goes out in front of the answer, in the same turn.
    @ivar gate: where the lane has to wait before it takes more, or L{None}.
    """

    __slots__ = ("before", "command", "gate", "lane", "packet", "reply")

    def __init__(self) -> None:
        self.lane: Lane | None = None
        self.reply: Reply | None = None
        self.command: Command | None = None
        self.packet: Any = None
        self.before = b""
        self.gate: Gate | None = None

    def fill(self, reply: Reply, before: bytes = b"") -> None:
        """
        The answer is there.
        """
        self.reply = reply
        self.before = before
        if self.lane is not None:
            self.lane.advance()


def refusalOf(refused: CommandRefused) -> Reply:
    """
    The answer that a refusal is.
    """
    data = refused.data if isinstance(refused.data, Struct) else None
    return Reply(Status(refused.status), data, refused.close, refused.reason)


def awaited(result: Any) -> Deferred[Reply | Slot | None]:
    """
    The Deferred that a handler returned, or that of its coroutine; anything
    else that is no answer fails.
    """
    if isinstance(result, CoroutineType):
        return Deferred.fromCoroutine(result)
    if isinstance(result, Deferred):
        return result
    return fail(TypeError(f"a handler returned {result!r}, wanted a Reply"))
