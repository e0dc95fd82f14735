"""
The client's end of a WebSocket (RFC 6455): the handshake, frames out, frames in.
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct

from .wire import Event, Step, Wire, shown
from .wire_http import BLANK_LINE, isChunked, isComplete, parseHead, unchunked

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE, PING, PONG = 8, 9, 10


class WebSocket:
    """
    Fed with what arrives.

    @ivar replies: what has to be written in answer: pongs, the close frame.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.isOpen = self.isClosing = False
        self.opcode = 0
        self.parts = b""
        self.replies = b""

    def request(self, host: str, port: int, step: Step) -> bytes:
        """
        The upgrade request of an C{open} step; a header that is null is left
        out.
        """
        self.key = step.get("key", base64.b64encode(os.urandom(16)).decode())
        fields = {
            "Host": f"{host}:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": self.key,
            "Sec-WebSocket-Version": "13",
            **step.get("headers", {}),
        }
        lines = [
            f"{step.get('method', 'GET')} {step.get('path', '/')} HTTP/1.1",
            *(f"{name}: {value}" for name, value in fields.items() if value is not None),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def feed(self, data: bytes, ended: bool = False) -> tuple[list[Event], bytes]:
        """
        The events in C{data}, and what is left of it for later.
        """
        events: list[Event] = []
        if not self.isOpen:
            upgrade, data = self.upgraded(data, ended)
            events += upgrade
        while self.isOpen and (frame := splitFrame(data)):
            first, payload, data = frame
            events += self.frameEvents(first, payload)
        return events, data

    def upgraded(self, data: bytes, ended: bool) -> tuple[list[Event], bytes]:
        """
        The answer to the handshake; anything but 101 is an HTTP answer with a
        body.
        """
        blank = BLANK_LINE.search(data)
        if not blank:
            return [], data
        status, fields = parseHead(data[: blank.start()])
        rest = data[blank.end() :]
        if status == 101:
            self.isOpen = True
            good = base64.b64encode(hashlib.sha1((self.key or "").encode() + GUID).digest()).decode()
            isRight = fields.get("sec-websocket-accept") == good
            return [{"upgrade": 101} if isRight else {"upgrade": 101, "accept": "wrong"}], rest
        if not ended and not isComplete(status, fields, rest):
            return [], data
        body = unchunked(rest) if isChunked(fields) else rest
        kind = fields.get("content-type", "").split(";")[0]
        self.isOpen = True
        return [{"upgrade": status, "type": kind, **shown(body, self.wire.exact)}], b""

    def frameEvents(self, first: int, payload: bytes) -> list[Event]:
        """
        The events that one frame makes.
        """
        opcode = first & 15
        if opcode == CLOSE:
            if not self.isClosing:  # answered as every client library does, so that the server can hang up
                self.isClosing = True
                self.replies += clientFrame(CLOSE, payload[:2])
            return [{"close": struct.unpack(">H", payload[:2])[0] if payload else None}]
        if opcode == PING:
            self.replies += clientFrame(PONG, payload)
        if opcode == PONG:
            return [{"pong": payload.hex()}]
        if opcode > 7:
            return []
        self.opcode = opcode or self.opcode
        self.parts += payload
        if not first & 128:  # a long message may come in several frames
            return []
        message, self.parts = self.parts, b""
        return [self.wire.message(self.opcode, message)]

    def frames(self, send: Step) -> bytes:
        """
        The frame, or frames, of one C{send} step.
        """
        payload = self.wire.encode(send)
        if send.get("bare"):
            return payload
        opcode = send.get("opcode", self.wire.opcode)
        self.isClosing |= opcode == CLOSE
        size = send.get("fragment", len(payload)) or 1
        pieces = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
        last = len(pieces) - 1
        return b"".join(
            clientFrame(0 if at else opcode, piece, at == last and send.get("fin", True))
            for at, piece in enumerate(pieces)
        )


def clientFrame(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """
    One frame, masked as a client's must be.
    """
    key, size = os.urandom(4), len(payload)
    if size < 126:
        length = bytes([128 | size])
    elif size < 65536:
        length = bytes([128 | 126]) + struct.pack(">H", size)
    else:
        length = bytes([128 | 127]) + struct.pack(">Q", size)
    mask = (key * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")
    return bytes([128 * fin | opcode]) + length + key + masked


def splitFrame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """
    First byte and payload of the first frame, and the bytes after it; L{None}
    where it is not whole yet.
    """
    if len(data) < 2:
        return None
    size, at = data[1] & 127, 2
    if size > 125:
        at = 4 if size == 126 else 10
        if len(data) < at:
            return None
        size = int.from_bytes(data[2:at], "big")
    if len(data) < at + size:
        return None
    return data[0], data[at : at + size], data[at + size :]
