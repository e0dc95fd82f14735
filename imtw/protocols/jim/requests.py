"""
From what J-IM's clients ask to imtw's own requests (docs/wire/jim.rst,
Commands; the decisions D-n are explained there).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from imtw.commands import (
    LONGEST_TITLE,
    Chat,
    Close,
    Command,
    GetMessages,
    GetUser,
    JoinGroup,
    Login,
    Nothing,
    Presence,
    Recall,
    Status,
    Token,
)
from imtw.errors import CommandRefused, RemoteProtocolError
from imtw.protocols.jim.bodies import (
    AuthBody,
    BadBody,
    ChatBody,
    CloseBody,
    GetMessageBody,
    GetUserBody,
    JoinBody,
    LoginBody,
    RecallBody,
    decode,
)

GROUP = 1  # chatType
PRIVATE = 2

KINDS = {0: "text", 1: "image", 2: "voice", 3: "video", 4: "music", 5: "news"}
PRESENCES = {None: Presence.ALL, 0: Presence.ONLINE, 1: Presence.OFFLINE, 2: Presence.ALL}
PENDING, HISTORY = 0, 1

NOTHING = Nothing()


class Unreadable(CommandRefused):
    """
    A body that is not even of the right shape.
    """


def readNothing(body: bytes) -> Nothing:
    """
    1 and 13: bodies are not looked at.
    """
    return NOTHING


def readAuth(body: bytes) -> Token:
    """
    3.
    """
    read = decode(AuthBody, body)
    return Token(read.token or "", read.id, read.createTime, read.extras)


def readLogin(body: bytes) -> Login:
    """
    5.
    """
    read = decode(LoginBody, body)
    device = read.device or ""
    return Login(read.loginname or read.userId or "", read.password or "", read.token or "", device[:64])


def readJoin(body: bytes) -> JoinGroup:
    """
    7.

    @raise RemoteProtocolError: a blank group; J-IM hangs up.
    """
    read = decode(JoinBody, body)
    group = (read.group_id or "").strip()
    if not group:
        raise RemoteProtocolError("join: the group_id is blank")
    return JoinGroup(group, read.name and read.name[:LONGEST_TITLE])


def readChat(body: bytes) -> Chat:
    """
    11.
    """
    return chatOf(decode(ChatBody, body))


def chatOf(read: ChatBody) -> Chat:
    """
    What a chat says.  What the common model has no field for goes into C{extras} under
    C{jim}, and comes back from there to J-IM's clients.
    """
    chatType = read.chatType
    if chatType == PRIVATE:
        to, group, other = read.to, None, read.group_id
    elif chatType == GROUP:
        to, group, other = None, read.group_id or "", read.to
    else:
        raise CommandRefused(Status.NOT_SENT)
    kind = KINDS.get(read.msgType)  # type: ignore[arg-type]
    isPlain = read.extras is None and read.nick is None and read.avatar is None and other is None
    if isPlain and kind and read.cmd == 11:
        return Chat(to, group, kind, read.content, read.id, read.createTime or 0, None, read.sender)
    rest: dict[str, Any] = {}
    if read.cmd != 11:
        rest["cmd"] = read.cmd
    if kind is None:
        rest["msgType"] = read.msgType
    if other is not None:
        rest["to" if chatType == GROUP else "group_id"] = other
    for name in ("nick", "avatar", "extras"):
        value = getattr(read, name)
        if value is not None:
            rest[name] = value
    transient = read.extras is not None and read.extras.get("transient") is True  # D-34
    return Chat(
        to, group, kind or "text", read.content, read.id, read.createTime or 0, {"jim": rest}, read.sender, transient
    )


def readClose(body: bytes) -> Close:
    """
    14.  An empty body means the asker.
    """
    try:
        return Close(decode(CloseBody, body).userid or None)
    except BadBody as bad:
        if bad.absent:
            return Close()
        raise


def readRecall(body: bytes) -> Recall:
    """
    15 (D-38).
    """
    read = decode(RecallBody, body)
    if not read.id or not (read.to or read.group_id):
        raise CommandRefused(Status.UNKNOWN_COMMAND)
    return Recall(read.id, read.to, read.group_id)


def readGetUser(body: bytes) -> GetUser:
    """
    17.
    """
    read = decode(GetUserBody, body)
    if not read.userid or read.type not in PRESENCES:
        raise CommandRefused(Status.USER_NOT_FOUND)
    return GetUser(read.userid, PRESENCES[read.type])


def readGetMessages(body: bytes) -> GetMessages:
    """
    19.  Times and paging come in pairs or not at all.
    """
    read = decode(GetMessageBody, body)
    if not read.userId or read.type not in (PENDING, HISTORY):
        raise CommandRefused(Status.NO_MESSAGES)
    begin, end = (
        (read.beginTime, read.endTime) if read.beginTime is not None and read.endTime is not None else (None, None)
    )
    offset, count = (read.offset, read.count) if read.offset is not None and read.count is not None else (None, None)
    return GetMessages(
        read.userId, read.type == PENDING, read.fromUserId or None, read.groupId or None, begin, end, offset, count
    )


READERS: dict[int, Callable[[bytes], Struct]] = {
    1: readNothing,
    3: readAuth,
    5: readLogin,
    7: readJoin,
    11: readChat,
    13: readNothing,
    14: readClose,
    15: readRecall,
    17: readGetUser,
    19: readGetMessages,
}


@cache
def readByRule(asked: type[Struct]) -> Callable[[bytes], Struct]:
    """
    How any other command is read: its own fields, and C{cmd} beside them.
    """
    withCmd = msgspec.defstruct(
        asked.__name__,
        [("cmd", int | None, None)],
        bases=(asked,),
        kw_only=True,
    )
    return lambda body: decode(withCmd, body or b"{}")


def read(command: Command, body: bytes) -> Struct:
    """
    The request in a body.

    @raise CommandRefused: it is none; with the status of D-4.
    """
    reader = READERS.get(command.code) or readByRule(command.request)
    try:
        return reader(body)
    except BadBody:
        raise Unreadable(command.failure) from None
