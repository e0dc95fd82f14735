"""
What a user has read, and what there is to read.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from imtw.commands.declaration import Access, Command, Status
from imtw.model import Message, Receipt, Standing

#: Where a page of a list of conversations begins: the time of a last row, and which one of that time.
Place = Annotated[str, Meta(pattern=r"^[0-9]{1,18}(\.[0-9]{1,18})?$")]


class Read(Struct, forbid_unknown_fields=True):
    """
    The user has read everything up to a row of a conversation.

    @ivar id: the row's message, in place of its seq.
    """

    seq: Annotated[int, Meta(ge=0)] | None = None
    to: str | None = None
    group: str | None = None
    id: str | None = None


class ReadMark(Struct):
    """
    How far the user has read now.
    """

    seq: int


class ListConversations(Struct, forbid_unknown_fields=True):
    """
    Look at one's conversations, the ones with the newest row first.

    @ivar before: only those whose last row is older, ms; or, for the next
        page, what the one before gave as C{next}.
    """

    before: int | Place | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class Conversations(Struct):
    """
    A page of a user's conversations.

    @ivar next: where the next page begins; not there on the last one.
    """

    conversations: list[Standing]
    next: str | UnsetType = UNSET


class GetHistory(Struct, forbid_unknown_fields=True):
    """
    Read a page of a conversation: the first messages after a seq, or the
    last before one, or the newest.
    """

    to: str | None = None
    group: str | None = None
    after: Annotated[int, Meta(ge=0)] | None = None
    before: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class HistoryPage(Struct):
    """
    Messages in the order of the log, without those that were recalled.
    """

    messages: list[Message]


class AskPassport(Struct, forbid_unknown_fields=True):
    """
    Ask what has become of an own message; an operator may ask for any.

    @ivar user: only operators: whose conversation C{to} is meant.
    """

    id: str
    to: str | None = None
    group: str | None = None
    user: str | None = None


class MessagePassport(Struct):
    """
    When a message was stored, and who has it.

    @ivar time: the server's, ms.
    @ivar total: the recipients' devices.
    @ivar confirmed: how many of these have got it.
    @ivar devices: each of them, in a private conversation.
    """

    id: str
    seq: int
    time: int
    total: int
    confirmed: int
    devices: list[Receipt]


# fmt: off
READ          = Command(102, "read", Read, 102, ReadMark, Access.USER, False, Status.BAD_REQUEST,
                        "say how far one has read")
CONVERSATIONS = Command(108, "conversations", ListConversations, 108, Conversations, Access.USER, False,
                        Status.BAD_REQUEST, "list one's conversations with what is unread")
HISTORY       = Command(109, "history", GetHistory, 109, HistoryPage, Access.USER, False, Status.BAD_REQUEST,
                        "read a page of a conversation, by seq")
PASSPORT      = Command(120, "passport", AskPassport, 120, MessagePassport, Access.USER, False, Status.BAD_REQUEST,
                        "ask what has become of a message")
# fmt: on
