"""
Conversations, and what is said in them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from msgspec import Struct


class Scope(IntEnum):
    """
    What kind of conversation a row belongs to.
    """

    PRIVATE = 1
    GROUP = 2


class Pair(NamedTuple):
    """
    What names a conversation outside the store: its scope and its ends.

    A private one has both users in string order, a group has its id and an
    empty C{b}.
    """

    scope: Scope
    a: str
    b: str = ""

    def partnerOf(self, user: str) -> str:
        """
        The other end of a private conversation (oneself, when talking to
        oneself).
        """
        return self.b if user == self.a else self.a


_PRIVATE = Scope.PRIVATE  # an attribute of an enumeration is dear, and every message asks for this one


def privatePair(one: str, other: str) -> Pair:
    """
    The private conversation of two users, whoever speaks.
    """
    return Pair(_PRIVATE, one, other) if one <= other else Pair(_PRIVATE, other, one)


def groupPair(group: str) -> Pair:
    """
    The conversation of a group.
    """
    return Pair(Scope.GROUP, group)


#: The kind of a message that was recalled, where a log is read as it stands.
RECALLED = "recalled"


class Fact(IntEnum):
    """
    What a row of a conversation's log says.
    """

    MESSAGE = 0
    RECALL = 1
    EDIT = 2


class Draft(Struct, gc=False):
    """
    A message on its way into the log: all that is known before it has a
    place there.

    @ivar pair: the conversation.
    @ivar id: as other people see it; the client's own, or one made by the
        server.
    @ivar given: whether the client gave the id, so that the same one again
        may be a repeat.
    @ivar sender: the user who speaks: checked, never just claimed.
    @ivar device: the device that speaks, or C{""} for a client that names
        none.  With a device (sender, id) is unique.
    @ivar kind: C{"text"}, C{"image"}, C{"voice"}, C{"video"}, C{"music"},
        C{"news"} or a dialect's own word.
    @ivar content: L{None} where the client sent none.
    @ivar created: the client's time, ms since the epoch.
    @ivar extras: what the common model has no field for, by dialect name, or
        L{None}.  A dialect's own clients get theirs back unchanged.
    @ivar fact: what the row says; of a recall or an edit C{id} is the
        message meant.
    @ivar meant: that message's seq, where its id could mean another; or 0.
    @ivar within: how long after it was stored a recall or an edit may come,
        seconds; 0 for as long as the limit says.
    @ivar weight: bytes that it keeps while it waits, about.
    """

    pair: Pair
    id: str
    sender: str
    content: str | None
    created: int
    kind: str = "text"
    given: bool = False
    device: str = ""
    extras: dict[str, Any] | None = None
    fact: Fact = Fact.MESSAGE
    meant: int = 0
    within: float = 0.0
    weight: int = 0


class Message(Struct, gc=False):
    """
    A row of the log.  What is not described here is as in a L{Draft}.

    @ivar conversation: the conversation's number in this store.
    @ivar seq: dense position in the conversation, from 1.
    @ivar n: the number of messages up to here (a recall is a row, too).
    @ivar ts: the server's time, ms; strictly increasing in a conversation.
    @ivar repeat: this draft came again: it is stored once and this is the
        row it has.
    @ivar edited: the server's time of the last edit, ms; 0 for never.
    @ivar unheard: who just did this is blocked by the other one, who is told
        nothing of it.  The log does not keep that.
    """

    conversation: int
    seq: int
    n: int
    ts: int
    pair: Pair
    id: str
    sender: str
    content: str | None
    created: int
    kind: str = "text"
    device: str = ""
    extras: dict[str, Any] | None = None
    fact: Fact = Fact.MESSAGE
    repeat: bool = False
    edited: int = 0
    unheard: bool = False
