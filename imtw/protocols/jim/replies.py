"""
From imtw's own replies to what J-IM's clients expect (docs/wire/jim.rst,
Commands).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from imtw.commands import Command, GroupView, JoinResult, Messages, Reply, Status, Token, UserInList, UserView
from imtw.model import Message, Scope, User
from imtw.protocols.jim.answers import (
    HANDSHAKE_REPLY,
    HEARTBEAT_REPLY,
    AuthOut,
    ChatOut,
    GroupOut,
    JoinOut,
    MessagesOut,
    UserOut,
    envelope,
)
from imtw.protocols.jim.requests import GROUP, KINDS, PRIVATE
from imtw.protocols.jim.statuses import TEXTS, statusFor

NUMBERS = {kind: number for number, kind in KINDS.items()}

#: What J-IM's clients have in a message and imtw has not, with its types.  It
#: comes from clients, some of which write extras as they like.
KEPT: dict[str, Any] = {
    "avatar": str,
    "cmd": int | None,
    "extras": dict,
    "msgType": int | None,
    "nick": str,
}

UNKNOWN_COMMAND = envelope(0, code=Status.UNKNOWN_COMMAND, msg=TEXTS[Status.UNKNOWN_COMMAND])


_GROUP = Scope.GROUP  # an attribute of an enumeration is dear, and every message asks for this one


def chatOut(message: Message, modern: bool = False) -> ChatOut:
    """
    A message as J-IM's clients see it: everybody's in the same shape, their
    own as they were sent.
    """
    isGroup = message.pair.scope is _GROUP
    out = ChatOut(
        chatType=GROUP if isGroup else PRIVATE,
        cmd=11,
        content=message.content,
        createTime=message.created,
        sender=message.sender,
        group_id=message.pair.a if isGroup else None,
        id=message.id,
        msgType=NUMBERS.get(message.kind, 0),
        seq=message.seq if modern and message.seq else None,
        to=None if isGroup else message.pair.partnerOf(message.sender),
    )
    rest = message.extras.get("jim") if message.extras else None
    if isinstance(rest, dict):
        for name, kind in KEPT.items():
            if isinstance(rest.get(name), kind) and name in rest:
                setattr(out, name, rest[name])
        setattr(out, "to" if isGroup else "group_id", textOf(rest.get("to" if isGroup else "group_id")))
    return out


def textOf(value: object) -> str | None:
    """
    A text, or nothing.
    """
    return value if isinstance(value, str) else None


def authData(data: Token, suffix: str) -> AuthOut:
    """
    Data of 4: the token with the original's suffix behind it.
    """
    return AuthOut(createTime=data.created, extras=data.extras, id=data.id, token=data.token + suffix)


def joinData(data: JoinResult, suffix: str) -> JoinOut:
    """
    Data of 8.
    """
    return JoinOut(data.group, int(data.result))


def userData(data: UserView, suffix: str) -> UserOut:
    """
    Data of 18.
    """
    out = userOut(data.user, data.online)
    friends = [GroupOut(group_id=FRIENDS[0], name=FRIENDS[1], users=usersOut(data.friends))]
    out.friends = friends if data.friends else []
    out.groups = [groupOut(group) for group in data.groups]
    return out


def messagesData(data: Messages, suffix: str) -> MessagesOut | None:
    """
    Data of 20: absent where one group, or a history, has nothing.
    """
    if not (data.whole or data.friends or data.groups):
        return None
    return MessagesOut(
        {user: [chatOut(message) for message in messages] for user, messages in data.friends.items()},
        {group: [chatOut(message) for message in messages] for group, messages in data.groups.items()},
        data.user,
    )


def userOut(user: User, online: bool | UnsetType) -> UserOut:
    """
    A user, with a status where a store is there to tell it.
    """
    status = None if online is UNSET else "online" if online else "offline"
    return UserOut(
        avatar=user.avatar,
        extras=user.extras,
        id=user.id,
        nick=user.nick,
        sign=user.sign,
        status=status,
        terminal=user.terminal,
    )


def groupOut(group: GroupView) -> GroupOut:
    """
    A group with the users that were asked for.
    """
    return GroupOut(
        avatar=group.avatar,
        group_id=group.id,
        name=group.name,
        users=None if group.users is None else usersOut(group.users),
    )


def usersOut(users: list[UserInList]) -> list[UserOut]:
    """
    Users in a list.
    """
    return [userOut(listed.user, listed.online) for listed in users]


#: The one category that friends are in: the demo's id and name for it.
FRIENDS = ("1", "我的好友")
DATA: dict[int, Callable[[Any, str], Struct | None]] = {
    3: authData,
    7: joinData,
    17: userData,
    19: messagesData,
}
BARE = frozenset([5, 11, 14])  # whose answers have no data (11: without a device)
FIXED = {1: HANDSHAKE_REPLY, 13: HEARTBEAT_REPLY}
RECALL = 15


def answer(command: Command, reply: Reply, modern: bool, suffix: str) -> bytes:
    """
    The body of an answer.

    @param modern: the client names a device.
    @param suffix: what an auth echo gets behind the token (D-24).
    """
    if command.code in FIXED:
        return FIXED[command.code]
    status = reply.status or Status.OK
    if not modern:
        status = statusFor(command, status)
    if status is Status.OFFLINE and command.code == RECALL:
        status = Status.SENT
    data: Any = reply.data
    if data is not None:
        if command.code in DATA:
            data = DATA[command.code](data, suffix)
        elif command.code == RECALL:
            data = {"id": data.id}
        elif command.code in BARE and not (modern and command.code == 11):
            data = None
        else:
            data = msgspec.to_builtins(data, order="sorted")
    text = reply.reason if modern and reply.reason else TEXTS[status]
    return envelope(command.replyCode, code=status, msg=text, data=data)
