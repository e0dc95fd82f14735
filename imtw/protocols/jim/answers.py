"""
What J-IM's server says (docs/wire/jim.rst, Commands).

Everything is declared in alphabetical order, as J-IM writes it, and what is
L{None} is left out; attributes are called as the keys on the wire, but for
C{sender}, which is C{from}.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct


class ChatOut(Struct, kw_only=True, rename={"sender": "from"}, gc=False, omit_defaults=True):
    """
    A message as it is pushed (11) and listed (20).

    @ivar cmd: as the sender wrote it, possibly not at all.
    @ivar seq: for modern clients only.
    """

    avatar: str | None = None
    chatType: int | None = None
    cmd: int | None = None
    content: str | None = None
    createTime: int | None = None
    extras: dict[str, Any] | None = None
    sender: str | None = None
    group_id: str | None = None
    id: str | None = None
    msgType: int | None = None
    nick: str | None = None
    seq: int | None = None
    to: str | None = None


class AuthOut(Struct, kw_only=True, omit_defaults=True):
    """
    Data of 4.
    """

    createTime: int | None = None
    extras: dict[str, Any] | None = None
    id: str | None = None
    token: str


class JoinOut(Struct):
    """
    Data of 8.
    """

    group: str
    result: int


class UserOut(Struct, kw_only=True, omit_defaults=True):
    """
    A user, in the data of 18 and, with C{id} and C{nick} alone, of 9 and 10.
    """

    avatar: str | None = None
    extras: dict[str, Any] | None = None
    friends: list[GroupOut] | None = None
    groups: list[GroupOut] | None = None
    id: str | None = None
    nick: str | None = None
    sign: str | None = None
    status: str | None = None
    terminal: str | None = None


class GroupOut(Struct, kw_only=True, omit_defaults=True):
    """
    A group, or a category of friends, in the data of 18.
    """

    avatar: str | None = None
    cmd: int | None = None
    createTime: int | None = None
    extras: dict[str, Any] | None = None
    group_id: str | None = None
    id: str | None = None
    name: str | None = None
    online: int | None = None
    users: list[UserOut] | None = None


class NoticeOut(Struct):
    """
    Data of 9 and 10.
    """

    group: str
    user: UserOut


class MessagesOut(Struct):
    """
    Data of 20.
    """

    friends: dict[str, list[ChatOut]]
    groups: dict[str, list[ChatOut]]
    userid: str


class _ChatPush(Struct, gc=False):
    """
    What is around a chat.
    """

    command: int
    data: ChatOut


class _Envelope(Struct, kw_only=True, omit_defaults=True):
    """
    What is around every message of the server.
    """

    code: int | None = None
    command: int
    data: object = None
    msg: str | None = None


_encode = msgspec.json.Encoder().encode


def _json(value: object) -> bytes:
    """
    JSON as fastjson writes it, which escapes the two line ends that
    JavaScript has and JSON has not: old pages evaluate what they get.
    """
    text = _encode(value)
    if not text.isascii() and b"\xe2\x80" in text:
        text = text.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return text


def encodeChatPush(chat: ChatOut) -> bytes:
    """
    The body of a push 11.
    """
    return _json(_ChatPush(11, chat))


def envelope(command: int, *, code: int | None = None, msg: str | None = None, data: object = None) -> bytes:
    """
    The body of any message of the server.

    @param data: a Struct, or a dict: its keys are sorted and members that
        are L{None} left out, but not those of what is in it.
    """
    if isinstance(data, dict):
        data = {key: value for key, value in sorted(data.items()) if value is not None}
    return _json(_Envelope(code=code, command=command, data=data, msg=msg))


HANDSHAKE_REPLY = envelope(2, data={"hbyte": -127})
HEARTBEAT_REPLY = envelope(13, data={"hbbyte": -128})
