"""
easyim's one message, whatever it is written in (docs/wire/easyim.rst).
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from imtw.errors import RemoteProtocolError

Seq = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
Number = Annotated[int, Meta(ge=-0x80000000, le=0x7FFFFFFF)]  # enumerations are open: an unknown number is kept


class Msg(Struct, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """
    What travels on an easyim connection, in both directions.

    @ivar seq: the client's own count; nobody looks at it on the way.
    @ivar chat_type: C{SINGLE} or C{GROUP}.
    @ivar msg_type: a L{Kind}, or a number that only the clients know.
    @ivar status: a L{State}, or such a number.
    """

    id: str = ""
    seq: Seq = 0
    from_user_id: str = ""
    to_user_id: str = ""
    chat_type: Number = 0
    msg_type: Number = 0
    status: Number = 0
    content: str = ""
    access_token: str = ""


class Packet(Struct, gc=False):
    """
    A message that came, with what only its writer knows.

    @ivar rest: protobuf fields of other numbers, which go back to where they
        came from.
    """

    msg: Msg
    rest: bytes = b""


class Malformed(RemoteProtocolError):
    """
    These bytes are no message.
    """


SINGLE, GROUP = 0, 1


class Kind:
    """
    Values of C{msg_type}.  They are plain numbers: an enumeration's zero
    would be written.
    """

    TEXT = 0
    IMAGE = 1
    VOICE = 2
    VIDEO = 3
    EVENT = 4
    NOTIFY = 5


class State:
    """
    Values of C{status}.
    """

    FAIL = 0
    SENT = 1
    ARRIVED = 2
    READ = 3


KEEP_ALIVE, FRIEND_INVITE, FRIEND_AGREE = "KEEP_ALIVE", "FRIEND_INVITE", "FRIEND_AGREE"
NOTIFY = "notify"  # from_user_id of a notice

#: What a client is told that speaks before its heartbeat; the hint is left out where it has followed it.
HEARTBEAT_FIRST = "建立连接后发送的第一条消息必须为心跳事件消息"
HINT = "(to_user_id=KEEP_ALIVE)"
WRONG_USER = "access_token 或 from_user_id 不正确"
OLD_SUCCESS = "SUCCESS"


def eventContent(key: str, id: int | None = None) -> str:
    """
    The content of an event that the server sends.

    @param id: of the invitation that it is about.
    """
    more = "" if id is None else f',"id":"{id}"'
    return f'{{"code":200,"msg":"SUCCESS","data":{{"key":"{key}"{more}}}}}'
