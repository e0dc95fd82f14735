"""
J-IM over TCP as a client has it (docs/wire/jim.rst), written apart from the
server's own codec so that both cannot be wrong in the same way.
"""

from __future__ import annotations

from struct import Struct as Layout
from typing import Any, NamedTuple

from msgspec import DecodeError
from msgspec.json import Decoder, Encoder

LOGIN, LOGGED_IN, JOIN, JOINED = 5, 6, 7, 8
CHAT, CHAT_ANSWER, HEARTBEAT = 11, 12, 13
GET_MESSAGES, MESSAGES = 19, 20
RECEIVED = 101  # imtw's own: a client with a device says how far it has got

#: Codes of an answer to a chat that say: it is taken (the second: and nobody is there to read it now).
TAKEN = (10000, 10001)
LOGIN_OK = 10007
HISTORY_OK = 10018

_SHORT = Layout(">BBbi")
_LONG = Layout(">BBibi")
MASK = 0x51
HAS_SEQUENCE = 0x20

encode = Encoder().encode
decode = Decoder().decode


class Conversation(NamedTuple):
    """
    A group, or two users in the order of their names.
    """

    group: str
    a: str = ""
    b: str = ""

    def partnerOf(self, user: str) -> str:
        """
        The other of two users.
        """
        return self.b if user == self.a else self.a

    def addressed(self, sender: str) -> dict[str, Any]:
        """
        The fields of a chat that say where it goes.
        """
        if self.group:
            return {"chatType": 1, "group_id": self.group}
        return {"chatType": 2, "to": self.partnerOf(sender)}

    def asked(self, user: str) -> dict[str, Any]:
        """
        The fields of a question for its messages.
        """
        if self.group:
            return {"userId": user, "groupId": self.group}
        return {"userId": user, "fromUserId": self.partnerOf(user)}


def group(name: str) -> Conversation:
    """
    A group.
    """
    return Conversation(name)


def pair(one: str, other: str) -> Conversation:
    """
    The conversation of two users.
    """
    return Conversation("", min(one, other), max(one, other))


def frame(command: int, body: Any = b"", mask: int = MASK) -> bytes:
    """
    One frame; a body that is not bytes is sent as JSON.
    """
    data = body if isinstance(body, bytes) else encode(body)
    return _SHORT.pack(1, mask, command, len(data)) + data


def announced(command: int, length: int) -> bytes:
    """
    A head that announces a body.
    """
    return _SHORT.pack(1, MASK, command, length)


def login(name: str, device: str = "", password: str = "imtw verify") -> bytes:
    """
    A login.
    """
    body = {"cmd": LOGIN, "loginname": name, "password": password}
    if device:
        body["device"] = device
    return frame(LOGIN, body)


def join(name: str) -> bytes:
    """
    A wish to be in a group.
    """
    return frame(JOIN, {"cmd": JOIN, "group_id": name})


def chat(where: Conversation, sender: str, id: str, content: str) -> bytes:
    """
    A message.
    """
    return frame(
        CHAT, {"cmd": CHAT, **where.addressed(sender), "msgType": 0, "id": id, "from": sender, "content": content}
    )


def read(body: bytes) -> dict[str, Any]:
    """
    A body; an empty one where it is no object.
    """
    try:
        found = decode(body)
    except DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


class FrameReader:
    """
    Cuts a stream into frames.
    """

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """
        Take the next bytes.

        @return: command and body of each frame that is whole now.
        """
        buffer = self._buffer + data if self._buffer else data
        found = []
        at, end = 0, len(buffer)
        while end - at >= _SHORT.size:
            _, mask, command, length = _SHORT.unpack_from(buffer, at)
            body = at + _SHORT.size
            if mask & HAS_SEQUENCE:
                body = at + _LONG.size
                if end < body:
                    break
                _, _, _, command, length = _LONG.unpack_from(buffer, at)
            if end < body + length:
                break
            at = body + length
            found.append((command, buffer[body:at]))
        self._buffer = buffer[at:]
        return found
