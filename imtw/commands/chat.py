"""
Saying something, changing it, taking it back, and being about to.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from imtw.commands.declaration import Access, Command, Status


class Chat(Struct, forbid_unknown_fields=True, gc=False):
    """
    Say something to a user (C{to}) or to a group (C{group}).

    @ivar sender: who the client says it is; believed only from a session
        that may speak for others.
    @ivar id: the client's name for this message; made by the server if
        there is none.
    @ivar created: ms since the epoch; the server's time if not positive.
    @ivar transient: tell who is online, keep nothing.
    """

    to: str | None = None
    group: str | None = None
    kind: Annotated[str, Meta(max_length=64)] = "text"
    content: str | None = None
    id: str | None = None
    created: int = 0
    extras: dict[str, Any] | None = None
    sender: str | None = None
    transient: bool = False


class ChatResult(Struct):
    """
    Where a message went.
    """

    id: str
    seq: int
    time: int


class Recall(Struct, forbid_unknown_fields=True):
    """
    Take an own message back.
    """

    id: str
    to: str | None = None
    group: str | None = None


class Recalled(Struct):
    """
    The message that is no more.
    """

    id: str


class Edit(Struct, forbid_unknown_fields=True):
    """
    Let an own message say something else.
    """

    id: str
    content: str
    to: str | None = None
    group: str | None = None


class Typing(Struct, forbid_unknown_fields=True):
    """
    Tell that one is writing; kept nowhere, answered by nothing.
    """

    to: str | None = None
    group: str | None = None


# fmt: off
CHAT   = Command(11, "chat", Chat, 12, ChatResult, Access.USER, True, Status.NOT_SENT,
                 "say something to a user or a group")
RECALL = Command(15, "recall", Recall, 16, Recalled, Access.USER, False, Status.UNKNOWN_COMMAND,
                 "take an own message back")
TYPING = Command(104, "typing", Typing, 104, None, Access.USER, True, Status.BAD_REQUEST,
                 "tell that one is writing")
EDIT   = Command(110, "edit", Edit, 110, ChatResult, Access.USER, False, Status.BAD_REQUEST,
                 "let an own message say something else")
# fmt: on
