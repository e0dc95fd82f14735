"""
A WebSocket client's bytes, right and wrong ones.
"""

from __future__ import annotations

from struct import pack

KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
TEXT, CONTINUATION, PING = 1, 0, 9
FIN, COMPRESSED, MASKED = 0x80, 0x40, 0x80


def upgrade(path: str = "/", more: bytes = b"") -> bytes:
    """
    A request for a WebSocket, but for the blank line at its end.
    """
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return head.encode() + KEY + more


def head(length: int, opcode: int = TEXT, flags: int = FIN, mask: bool = True, key: bytes = bytes(4)) -> bytes:
    """
    The head of a frame that announces a length; as it is with a mask of
    zeros, so that what follows is what is sent.
    """
    isMasked = MASKED if mask else 0
    key = key if mask else b""
    if length < 126:
        return pack(">BB", flags | opcode, isMasked | length) + key
    if length < 1 << 16:
        return pack(">BBH", flags | opcode, isMasked | 126, length) + key
    return pack(">BBQ", flags | opcode, isMasked | 127, length) + key


def frame(payload: bytes, opcode: int = TEXT, flags: int = FIN) -> bytes:
    """
    A whole frame.
    """
    return head(len(payload), opcode, flags) + payload


def masked(payload: bytes, key: bytes, opcode: int = TEXT, flags: int = FIN) -> bytes:
    """
    A whole frame with a mask as a browser makes it.
    """
    length = len(payload)
    pad = (key * (length // 4 + 1))[:length]
    hidden = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
    return head(length, opcode, flags, key=key) + hidden.to_bytes(length, "big")
