"""
One client connection: a carrier (TCP or WebSocket) with a wire on it.
"""

from __future__ import annotations

import asyncio
import time

from .websocket import CLOSE, WebSocket
from .wire import Event, Step, Wire

PIECE_PAUSE = 0.002  # seconds between the pieces of a C{split} send


class Connection:
    """
    A connection of a case.

    @ivar events: what has arrived, already decoded.
    @ivar last: when something last did.
    """

    def __init__(self, wire: Wire, socket: WebSocket | None) -> None:
        self.wire = wire
        self.socket = socket
        self.events: list[Event] = []
        self.buffer = b""
        self.last = time.monotonic()

    async def open(self, host: str, port: int, step: Step) -> None:
        """
        Connect, and begin to read.
        """
        self.reader, self.writer = await asyncio.open_connection(host, port)
        if self.socket:
            self.writer.write(self.socket.request(host, port, step))
        self.task = asyncio.create_task(self.read())

    async def read(self) -> None:
        """
        Read to the end.
        """
        try:
            while data := await self.reader.read(65536):
                self.last = time.monotonic()
                self.buffer += data
                self.decode()
        except ConnectionError:
            pass
        if self.socket and not self.socket.isOpen:
            self.decode(ended=True)
        if self.buffer:
            self.events.append({"rest": self.buffer.hex()})
        self.events.append({"closed": True})
        self.last = time.monotonic()

    def decode(self, ended: bool = False) -> None:
        """
        Make events of what is there.
        """
        if not self.socket:
            events, self.buffer = self.wire.stream(self.buffer)
        else:
            events, self.buffer = self.socket.feed(self.buffer, ended)
            if self.socket.replies:
                self.writer.write(self.socket.replies)
                self.socket.replies = b""
        self.events += events

    def take(self) -> list[Event]:
        """
        The events since the last call.
        """
        events, self.events = self.events, []
        return self.wire.together(events)

    async def send(self, step: Step) -> None:
        """
        Write what a C{send} step says; that the server has hung up shows in
        its C{closed} event.
        """
        encode = self.socket.frames if self.socket else self.wire.encode
        data = b"".join(encode(one) for one in step.get("glued", [step]))
        size = step.get("split", len(data)) or 1
        try:
            for at in range(0, len(data), size):
                self.writer.write(data[at : at + size])
                await self.writer.drain()
                if size < len(data):
                    await asyncio.sleep(step.get("pause", PIECE_PAUSE))
        except ConnectionError:
            pass

    async def close(self, code: int | None = None) -> None:
        """
        Hang up, or with a code send a WebSocket close frame.
        """
        if code is None:
            self.writer.close()
        else:
            await self.send({"opcode": CLOSE, "hex": f"{code:04x}"})
