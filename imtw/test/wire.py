"""
What clients of J-IM send and read, as bytes, without a connection: frames and
bodies, requests for a WebSocket and frames over one.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha1
from struct import pack
from typing import Any, NamedTuple

HOST = "127.0.0.1"
HEARTBEAT = 13
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, 1.3
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Frame(NamedTuple):
    """
    A frame of J-IM as it came.
    """

    command: int
    mask: int
    sequence: int | None
    body: bytes


def frameOf(command: int, body: bytes, mask: int = 0x51, sequence: int | None = None) -> bytes:
    """
    A frame of J-IM (docs/wire/jim.rst, Frame).
    """
    if sequence is None:
        return pack(">BBbi", 1, mask, command, len(body)) + body
    return pack(">BBibi", 1, mask | 0x20, sequence, command, len(body)) + body


def bodyOf(body: Any) -> bytes:
    """
    A body: bytes as they are, anything else as JSON.
    """
    if isinstance(body, bytes):
        return body
    return b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def private(to: str | None, content: str, **more: Any) -> dict[str, Any]:
    """
    The body of a message to a user.
    """
    return {"cmd": 11, **({} if to is None else {"to": to}), "chatType": 2, "msgType": 0, "content": content, **more}


def public(group: str | None, content: str, **more: Any) -> dict[str, Any]:
    """
    The body of a message to a group.
    """
    whom = {} if group is None else {"group_id": group}
    return {"cmd": 11, **whom, "chatType": 1, "msgType": 0, "content": content, **more}


def said(events: list[Any]) -> list[tuple[str, str]]:
    """
    Who said what, of the pushes among these events.
    """
    return [(one["data"]["from"], one["data"]["content"]) for one in events if one["command"] == 11]


def codes(events: list[Any], command: int | None = None) -> list[int]:
    """
    The codes of the answers of one kind, or of all that have one.
    """
    return [one["code"] for one in events if "code" in one and command in (None, one["command"])]


def basic(name: str, password: str = "123") -> dict[str, str | None]:
    """
    The header of a basic login; without a name, of none.
    """
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()} if name else {}


def upgradeOf(path: str = "/", headers: Mapping[str, str | None] | None = None, key: str = KEY) -> bytes:
    """
    The head of an upgrade request; a header that is L{None} is left out.
    """
    fields = {
        "Host": f"{HOST}:9733",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        **(headers or {}),
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def acceptOf(key: str = KEY) -> bytes:
    """
    What the answer to an upgrade with this key has to prove.
    """
    return b64encode(sha1(key.encode() + GUID).digest())


def socketFrame(payload: bytes, first: int = 0x80 | TEXT, isMasked: bool = True) -> bytes:
    """
    A frame of a WebSocket client.
    """
    bit, size = 128 * isMasked, len(payload)
    if size < 126:
        head = bytes([first, bit | size])
    elif size < 65536:
        head = pack(">BBH", first, bit | 126, size)
    else:
        head = pack(">BBQ", first, bit | 127, size)
    if not isMasked:
        return head + payload
    key = b"\x11\x22\x33\x44"
    mask = (key * (size // 4 + 1))[:size]
    return head + key + (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")
