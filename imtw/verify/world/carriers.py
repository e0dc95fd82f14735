"""
How J-IM's packets travel, as a client has it: framed over TCP, or each a text
message of a WebSocket.
"""

from __future__ import annotations

from random import Random
from struct import unpack_from
from typing import Any, Protocol

from imtw.verify import websocket
from imtw.verify.wire import FrameReader, encode, frame, read

Heard = tuple[int, dict[str, Any]]  # a command's code and what comes with it

LOGGED_IN = 6
GREETING_END = b"\r\n\r\n"
CLOSE = 8  # a WebSocket's opcode
FRAGMENTED, PINGED = 0.05, 0.03  # how often a message is, or comes behind a ping
LENGTH_BYTES = {126: (2, ">H"), 127: (8, ">Q")}


class Carrier(Protocol):
    """
    One connection's way of saying things.

    @ivar isOver: the server has said goodbye.
    """

    isOver: bool

    def greeting(self) -> bytes:
        """
        What is sent first.
        """

    def say(self, command: int, body: dict[str, Any]) -> bytes:
        """
        A packet as it is sent.
        """

    def goodbye(self) -> bytes:
        """
        What a goodbye is answered with.
        """

    def feed(self, data: bytes) -> list[Heard]:
        """
        What the server's next bytes say.
        """

    def reader(self) -> Carrier:
        """
        Somebody else who reads the same connection, from its start.
        """


class Stream:
    """
    J-IM over TCP.
    """

    isOver = False

    def __init__(self) -> None:
        self._frames = FrameReader()

    def greeting(self) -> bytes:
        return b""

    def say(self, command: int, body: dict[str, Any]) -> bytes:
        return frame(command, body)

    def goodbye(self) -> bytes:
        return b""

    def feed(self, data: bytes) -> list[Heard]:
        return [(command, read(body)) for command, body in self._frames.feed(data)]

    def reader(self) -> Stream:
        return Stream()


class Socket:
    """
    J-IM over WebSocket (RFC 6455): text messages, masked, now and then in
    fragments or behind a ping.
    """

    def __init__(self, chance: Random) -> None:
        self.isOver = False
        self._chance = chance
        self._buffer = b""
        self._isOpen = False

    def greeting(self) -> bytes:
        return websocket.upgrade() + b"\r\n"

    def say(self, command: int, body: dict[str, Any]) -> bytes:
        chance, payload = self._chance, encode({"cmd": command, **body})
        ping = self._frame(b"there?", websocket.PING) if chance.random() < PINGED else b""
        if chance.random() >= FRAGMENTED:
            return ping + self._frame(payload)
        at = chance.randrange(len(payload))
        return (
            self._frame(payload[:at], flags=0) + ping + self._frame(payload[at:], websocket.CONTINUATION)
        )

    def goodbye(self) -> bytes:
        return self._frame(b"\x03\xe8", CLOSE)

    def feed(self, data: bytes) -> list[Heard]:
        self._buffer += data
        if not self._isOpen:
            head, end, rest = self._buffer.partition(GREETING_END)
            if not end:
                return []
            self._isOpen = head.startswith(b"HTTP/1.1 101")
            self._buffer = rest
        found = []
        while self._isOpen and (one := self._next()) is not None:
            opcode, payload = one
            if opcode == websocket.TEXT:
                event = read(payload)
                found.append((int(event.get("command", 0)), event))
            elif opcode == CLOSE:
                self.isOver = True
        return found

    def reader(self) -> Socket:
        return Socket(self._chance)

    def _next(self) -> tuple[int, bytes] | None:
        """
        A frame that is all there: the server sends messages whole.
        """
        data = self._buffer
        if len(data) < 2:
            return None
        length, at = data[1], 2
        if length in LENGTH_BYTES:
            more, layout = LENGTH_BYTES[length]
            at += more
            if len(data) < at:
                return None
            (length,) = unpack_from(layout, data, 2)
        if len(data) < at + length:
            return None
        self._buffer = data[at + length :]
        return data[0] & 0x0F, data[at : at + length]

    def _frame(self, payload: bytes, opcode: int = websocket.TEXT, flags: int = websocket.FIN) -> bytes:
        return websocket.masked(payload, self._chance.randbytes(4), opcode, flags)
