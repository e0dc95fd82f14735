"""
What the nodes of a cluster tell each other: which rows were stored, and what
is not stored at all.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from imtw.events import (
    Admitted,
    Event,
    Expelled,
    Invited,
    Joined,
    Left,
    Logged,
    Pushed,
    Read,
    Revoked,
    Typed,
    Whispered,
)
from imtw.model import Invitation, Message, User


class RowNotice(Struct, tag="row"):
    """
    A row was stored.
    """

    message: Message


class WhisperNotice(Struct, tag="whisper"):
    """
    A message that nobody keeps.
    """

    message: Message


class PushNotice(Struct, tag="push"):
    """
    What an application's command has to tell, to a user or to a group.

    @ivar data: the fields of its Struct, as JSON has them: the type of it is
        the application's, which another node may know in another version.
    """

    user: str | None
    group: str | None
    code: int
    data: dict[str, Any]


class VisitNotice(Struct, tag="visit"):
    """
    Somebody came into a group, or went.
    """

    group: str
    user: User
    came: bool


class TypingNotice(Struct, tag="typing"):
    """
    Somebody is writing.
    """

    user: str
    to: str | None
    group: str | None


class ReadNotice(Struct, tag="read"):
    """
    Somebody has read.
    """

    user: str
    to: str | None
    group: str | None
    seq: int
    id: str | None = None
    alone: bool = False


class ExpelledNotice(Struct, tag="expelled"):
    """
    Somebody is in a group no more.
    """

    user: str
    group: str


class AdmittedNotice(Struct, tag="admitted"):
    """
    Somebody was taken into a group.
    """

    user: str
    group: str
    name: str
    by: str


class RevokedNotice(Struct, tag="revoked"):
    """
    A device or a token counts no more; or nothing of a user's.
    """

    user: str
    device: str
    token: bytes


class InvitedNotice(Struct, tag="invited"):
    """
    Somebody was invited, or has agreed.
    """

    invitation: Invitation


Notice = (
    RowNotice
    | WhisperNotice
    | PushNotice
    | VisitNotice
    | TypingNotice
    | ReadNotice
    | AdmittedNotice
    | ExpelledNotice
    | RevokedNotice
    | InvitedNotice
)

decode = msgspec.msgpack.Decoder(Notice).decode
encode = msgspec.msgpack.Encoder().encode


def noticeOf(event: Event, user: str | None = None, group: str | None = None) -> Notice | None:
    """
    What other nodes are told of an event.

    @param user: whom it is for, where the event does not say so; or the
    @param group: whose members it is for.
    """
    if isinstance(event, Logged):
        return None if event.own else RowNotice(event.message)
    if isinstance(event, Whispered):
        return WhisperNotice(event.message)
    if isinstance(event, Pushed):
        return PushNotice(user, group, event.code, msgspec.to_builtins(event.data))
    if isinstance(event, Joined):
        return VisitNotice(event.group, event.user, not isinstance(event, Left))
    if isinstance(event, Typed):
        return TypingNotice(event.user, event.to, event.group)
    if isinstance(event, Read):
        return ReadNotice(event.user, event.to, event.group, event.seq, event.id, event.alone)
    if isinstance(event, Admitted):
        return AdmittedNotice(event.user, event.group, event.name, event.by)
    if isinstance(event, Expelled):
        return ExpelledNotice(event.user, event.group)
    if isinstance(event, Revoked):
        return RevokedNotice(event.user, event.device, event.token)
    if isinstance(event, Invited):
        return InvitedNotice(event.invitation)
    return None
