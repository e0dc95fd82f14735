"""
Small clients for live tests, which know no more of a server than the wire
(L{imtw.test.wire}): raw TCP, J-IM over TCP and WebSocket, HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from struct import unpack_from
from typing import Any, NamedTuple

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from imtw.test.conformance.replay.websocket import splitFrame
from imtw.test.wire import CLOSE, HEARTBEAT, HOST, TEXT, Frame, bodyOf, frameOf, socketFrame, upgradeOf

reactor: Any = _reactor

PATIENCE = 5.0  # seconds for what has to come


class Client(Protocol):
    """
    One connection.

    @ivar received: every byte that came.
    @ivar isClosed: the other side has hung up.
    """

    def __init__(self) -> None:
        self.received = b""
        self.isClosed = False
        self._bell: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.received += data
        self._ring()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Note it.
        """
        self.isClosed = True
        self._ring()

    def write(self, data: bytes) -> None:
        """
        Send bytes as they are.
        """
        self.transport.write(data)  # type: ignore[union-attr]

    def hangUp(self) -> None:
        """
        End the connection at once.
        """
        if not self.isClosed:
            self.transport.abortConnection()  # type: ignore[union-attr]

    async def until(self, isReady: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """
        Wait for something to be so.
        """
        end = reactor.seconds() + seconds
        while not isReady():
            left = end - reactor.seconds()
            if self.isClosed or left <= 0:
                how = "the connection ended" if self.isClosed else f"{seconds} s passed"
                raise AssertionError(f"{how} without {what}; what came: {self.received[-2000:]!r}")
            self._bell = Deferred()
            try:
                await self._bell.addTimeout(left, reactor)
            except TimeoutError:
                continue

    async def closed(self, seconds: float = PATIENCE) -> float:
        """
        Wait for the server to hang up.

        @return: how long it took, in seconds.
        """
        began = reactor.seconds()
        await self.until(lambda: self.isClosed, "its end", seconds)
        return float(reactor.seconds() - began)

    async def closedByUs(self) -> None:
        """
        End the connection, and wait until it is.
        """
        self.hangUp()
        await self.until(lambda: self.isClosed, "its end")

    def _ring(self) -> None:
        bell, self._bell = self._bell, None
        if bell is not None:
            bell.callback(None)


class Talker(Client):
    """
    A client that talks J-IM; a subclass knows how on its carrier.

    @ivar events: what came and was not looked at yet: JSON, as objects.
    """

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []

    def say(self, command: int, body: Any = None) -> None:
        """
        Send a command.
        """
        raise NotImplementedError

    async def hear(self, count: int = 1, seconds: float = PATIENCE) -> list[Any]:
        """
        The next events.
        """
        await self.until(lambda: len(self.events) >= count, f"{count} events", seconds)
        taken, self.events = self.events[:count], self.events[count:]
        return taken

    async def sync(self) -> list[Any]:
        """
        All events up to here: those in front of the answer to a heartbeat.
        """
        self.say(HEARTBEAT)
        return (await self.upTo(HEARTBEAT))[:-1]

    async def upTo(self, command: int) -> list[Any]:
        """
        All events up to the first with this code, that one, too.
        """

        def position() -> int | None:
            return next((at for at, one in enumerate(self.events) if one.get("command") == command), None)

        await self.until(lambda: position() is not None, f"a command {command}")
        at = (position() or 0) + 1
        taken, self.events = self.events[:at], self.events[at:]
        return taken

    async def ask(self, command: int, body: Any = None) -> list[Any]:
        """
        Send a command; all events up to now.
        """
        self.say(command, body)
        return await self.sync()

    async def login(self, name: str, password: str = "123", **more: Any) -> list[Any]:
        """
        Log in; all events up to the answer.
        """
        self.say(5, {"cmd": 5, "loginname": name, "password": password, **more})
        return await self.upTo(6)


class StreamClient(Talker):
    """
    J-IM over TCP.

    @ivar frames: all that came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self._at = 0

    def say(self, command: int, body: Any = None, mask: int = 0x51, sequence: int | None = None) -> None:
        """
        Send a frame.
        """
        self.write(frameOf(command, bodyOf(body), mask, sequence))

    def dataReceived(self, data: bytes) -> None:
        """
        Cut it into frames.
        """
        self.received += data
        while (frame := self._next()) is not None:
            self.frames.append(frame)
            self.events.append(json.loads(frame.body))
        self._ring()

    def _next(self) -> Frame | None:
        stream, at = self.received, self._at
        if len(stream) < at + 7:
            return None
        mask = stream[at + 1]
        head = 11 if mask & 0x20 else 7
        if len(stream) < at + head:
            return None
        sequence = unpack_from(">i", stream, at + 2)[0] if mask & 0x20 else None
        command, length = unpack_from(">bi", stream, at + head - 5)
        end = at + head + length
        if len(stream) < end:
            return None
        self._at = end
        return Frame(command, mask, sequence, stream[at + head : end])


class SocketClient(Talker):
    """
    J-IM over WebSocket.

    @ivar status: of the answer to the upgrade; 0 while there is none.
    @ivar head: that answer.
    @ivar frames: (first byte, payload) of all frames that came.
    @ivar code: of the close frame that came, 0 for one without, L{None}
        while there is none.
    @ivar answersClose: whether a close frame is echoed.
    """

    answersClose = True

    def __init__(self) -> None:
        super().__init__()
        self.status = 0
        self.head = b""
        self.frames: list[tuple[int, bytes]] = []
        self.code: int | None = None
        self._rest = b""
        self._isClosing = False

    async def upgrade(
        self, path: str = "/", headers: Mapping[str, str | None] | None = None, glued: bytes = b""
    ) -> int:
        """
        Ask for a WebSocket.

        @return: the answer's status.
        """
        self.write(upgradeOf(path, headers) + glued)
        await self.until(lambda: self.status > 0, "an answer to the upgrade")
        return self.status

    def say(self, command: int, body: Any = None) -> None:
        """
        Send a text message; C{cmd} is put in front where it is an object.
        """
        if isinstance(body, dict) or body is None:
            body = {"cmd": command, **(body or {})}
        self.send(bodyOf(body))

    def send(self, payload: bytes, first: int = 0x80 | TEXT, isMasked: bool = True) -> None:
        """
        Send a frame.
        """
        self._isClosing |= first & 15 == CLOSE
        self.write(socketFrame(payload, first, isMasked))

    def dataReceived(self, data: bytes) -> None:
        """
        Cut it into frames, once the upgrade is answered.
        """
        self.received += data
        self._rest += data
        if not self.status and b"\r\n\r\n" in self._rest:
            self.head, _, self._rest = self._rest.partition(b"\r\n\r\n")
            self.status = int(self.head.split(b" ", 2)[1])
        if self.status == 101:
            while (frame := splitFrame(self._rest)) is not None:
                first, payload, self._rest = frame
                self._frame(first, payload)
        self._ring()

    def _frame(self, first: int, payload: bytes) -> None:
        self.frames.append((first, payload))
        opcode = first & 15
        if opcode == CLOSE:
            self.code = int.from_bytes(payload[:2], "big")
            if self.answersClose and not self._isClosing:
                self.send(payload[:2], 0x80 | CLOSE)
        elif opcode == TEXT:
            self.events.append(json.loads(payload))


class Answer(NamedTuple):
    """
    An answer over HTTP; the names of headers in lower case.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """
        The body as an object.
        """
        return json.loads(self.body)


class WebClient(Client):
    """
    A connection for HTTP requests.
    """

    _at = 0

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str | None] | None = None,
        version: str = "1.1",
    ) -> None:
        """
        Send a request; a header that is L{None} is left out.
        """
        payload = bodyOf(body)
        size = {"Content-Length": str(len(payload))} if payload else {}
        fields = {"Host": f"{HOST}:9733", **size, **(headers or {})}
        lines = [f"{method} {path} HTTP/{version}"]
        lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
        self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)

    async def answer(self, seconds: float = PATIENCE) -> Answer:
        """
        The next answer.
        """
        found: list[Answer] = []

        def isThere() -> bool:
            head, blank, rest = self.received[self._at :].partition(b"\r\n\r\n")
            if not blank:
                return False
            first, *lines = head.decode("latin-1").split("\r\n")
            fields = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
            size = int(fields.get("content-length", 0))
            if len(rest) < size:
                return False
            self._at += len(head) + 4 + size
            found.append(Answer(int(first.split()[1]), fields, rest[:size]))
            return True

        await self.until(isThere, "an answer", seconds)
        return found[0]
