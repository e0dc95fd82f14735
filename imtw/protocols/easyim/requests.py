"""
From easyim's messages to imtw's own requests.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred

from imtw.commands import (
    CHAT,
    FRIEND_AGREE,
    FRIEND_INVITE,
    HEARTBEAT,
    JOIN,
    READ,
    AgreeFriend,
    Chat,
    Command,
    InviteFriend,
    Nothing,
    Read,
    Status,
)
from imtw.errors import CommandRefused
from imtw.model import isName
from imtw.numbers import Numbers
from imtw.protocols.easyim import message
from imtw.protocols.easyim.message import GROUP, SINGLE, Kind, Msg, Packet, State
from imtw.protocols.easyim.people import userMeant

KINDS: dict[int, str] = {Kind.TEXT: "text", Kind.IMAGE: "image", Kind.VOICE: "voice", Kind.VIDEO: "video"}


def eventKey(msg: Msg) -> str | None:
    """
    Which event a message is; L{None} for none that easyim knows.  An older
    heartbeat says so in C{to_user_id}, or has an address for content.
    """
    if msg.msg_type != Kind.EVENT:
        return None
    if msg.to_user_id == message.KEEP_ALIVE:
        return message.KEEP_ALIVE
    return _AS_WRITTEN.get(msg.content) or _keyIn(msg.content)


def _keyIn(content: str) -> str | None:
    """
    The same of a content, the long way.
    """
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return message.KEEP_ALIVE
    key = read.get("key") if isinstance(read, dict) else None
    return key if isinstance(key, str) and key in _EVENTS else None


def commandOf(msg: Msg) -> Command | None:
    """
    What a message of somebody who is logged in asks for.  A heartbeat that
    names a group is one that enters it first: whoever has its acknowledgement
    misses nothing.
    """
    if msg.msg_type == Kind.EVENT:
        command = _EVENTS.get(eventKey(msg) or "")
        return JOIN if command is HEARTBEAT and groupMeant(msg) is not None else command
    if msg.content or not msg.id:
        return CHAT
    return _REPORTS.get(msg.status, CHAT)


_EVENTS = {
    message.KEEP_ALIVE: HEARTBEAT,
    message.FRIEND_INVITE: FRIEND_INVITE,
    message.FRIEND_AGREE: FRIEND_AGREE,
}
#: What clients report of the message with an id, without words; that it has arrived the server has said itself.
_REPORTS = {State.READ: READ, State.ARRIVED: HEARTBEAT}
#: The contents that clients write, which need not be read to be known.
_AS_WRITTEN = {f'{{"key":"{key}"}}': key for key in _EVENTS}


def groupMeant(msg: Msg) -> str | None:
    """
    The group that a heartbeat names, if it does.
    """
    return msg.to_user_id if msg.chat_type == GROUP and isName(msg.to_user_id) else None


def requestOf(command: Command, packet: Packet, numbers: Numbers) -> Struct | Deferred[Struct]:
    """
    The request in a packet; a Deferred where its addressee has to be looked
    up.

    @raise CommandRefused: it is meant for nobody.
    """
    if command is HEARTBEAT:
        return Nothing()
    msg = packet.msg
    if msg.chat_type == GROUP and command in (CHAT, READ):
        to = checked(msg.to_user_id)
    else:
        known = numbers.userOf(msg.to_user_id)
        if known is None:
            return Deferred.fromCoroutine(_found(command, packet, numbers))
        to = known
    return _requestTo(command, packet, to)


async def _found(command: Command, packet: Packet, numbers: Numbers) -> Struct:
    """
    The request, once it is known for whom.
    """
    return _requestTo(command, packet, checked(await userMeant(numbers, packet.msg.to_user_id)))


def checked(name: str) -> str:
    """
    @raise CommandRefused: this can be the name of nobody.
    """
    if not isName(name):
        raise CommandRefused(Status.USER_NOT_FOUND)
    return name


def _requestTo(command: Command, packet: Packet, to: str) -> Struct:
    """
    The request to somebody.
    """
    if command is FRIEND_INVITE:
        return InviteFriend(to)
    if command is FRIEND_AGREE:
        return AgreeFriend(to)
    msg = packet.msg
    user, group = (None, to) if msg.chat_type == GROUP else (to, None)
    if command is READ:
        return Read(to=user, group=group, id=msg.id)
    return Chat(user, group, KINDS.get(msg.msg_type, "text"), msg.content, msg.id, 0, extrasOf(packet))


def extrasOf(packet: Packet) -> dict[str, Any] | None:
    """
    What the common model has no field for.
    """
    msg = packet.msg
    extras: dict[str, Any] = {}
    if msg.seq:
        extras["seq"] = msg.seq
    if msg.status > State.SENT:
        extras["status"] = msg.status
    if msg.msg_type not in KINDS:
        extras["msg_type"] = msg.msg_type
    if msg.chat_type not in (SINGLE, GROUP):
        extras["chat_type"] = msg.chat_type
    if packet.rest:
        extras["rest"] = b64encode(packet.rest).decode()
    return {"easyim": extras} if extras else None
