"""
Server frames of a WebSocket (RFC 6455, 5.2): a header in front of the bytes,
made once and shared by everybody the message goes to.
"""

from __future__ import annotations

from struct import Struct

TEXT = 0x81  # FIN and the opcode of a text frame
BINARY = 0x82  # FIN and the opcode of a binary frame
CLOSE = 0x88  # FIN and the opcode of the end
PONG = 0x8A  # FIN and the opcode of the answer to a ping

_medium = Struct("!BBH").pack
_long = Struct("!BBQ").pack


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """
    A whole, unmasked, unfragmented message.
    """
    length = len(payload)
    if length < 126:
        return bytes((opcode, length)) + payload
    if length < 65536:
        return _medium(opcode, 126, length) + payload
    return _long(opcode, 127, length) + payload
