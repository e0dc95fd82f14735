"""
A small dialect: chat by telnet or nc, a line a request, or over a WebSocket at
C{/lines}, a message a request::

    login NAME PASSWORD     join GROUP      tell USER TEXT
    say GROUP TEXT          quit

    $ nc 127.0.0.1 9733
    login alice secret
    * you are alice
    join tea
    * you are in tea
    say tea anybody here?
    [tea] alice: anybody here?
    [tea] bob: yes
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from zope.interface import implementer

from imtw.commands import CHAT, CLOSE, JOIN, LOGIN, Chat, Close, Command, JoinGroup, Login, Reply, Status
from imtw.errors import CommandRefused, RemoteProtocolError
from imtw.events import Event, Said
from imtw.interfaces import ICore, IForm
from imtw.model import Scope
from imtw.protocols.dialect import Dialect
from imtw.protocols.framing import frame
from imtw.protocols.socketvoice import SocketVoice
from imtw.protocols.streamvoice import StreamVoice
from imtw.protocols.voice import Voice

LONGEST = 4096  # bytes of a line
PATIENCE = 60  # seconds for a person to type a name and a password
HELP = "login NAME PASSWORD, join GROUP, say GROUP TEXT, tell USER TEXT, quit"
CODES = {"login": LOGIN, "join": JOIN, "say": CHAT, "tell": CHAT, "quit": CLOSE}


class LineDecoder:
    """
    Cuts a stream into lines (the codec; no I/O).
    """

    def __init__(self) -> None:
        self._bytes = b""

    @property
    def buffered(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        self._bytes += data

    def next(self) -> list[str] | None:
        line, end, rest = self._bytes.partition(b"\n")
        if len(line) > LONGEST:
            raise RemoteProtocolError(f"a line of {len(line)} bytes, wanted at most {LONGEST}")
        if not end:
            return None
        self._bytes = rest
        return wordsOf(line)


def wordsOf(line: bytes) -> list[str]:
    """
    A packet: the words of a request, the last one with all that comes behind.
    """
    return line.decode("utf-8", "replace").strip().split(None, 2) or [""]


def lineOf(text: str) -> bytes:
    """
    One line, whatever somebody put into it.
    """
    return "".join(sign if sign.isprintable() else " " for sign in text).encode("utf-8", "replace")


def inStream(text: str) -> bytes:
    return lineOf(text) + b"\r\n"


def inFrame(text: str) -> bytes:
    return frame(lineOf(text))


@implementer(IForm)
class LineForm:
    """
    What is told of what happens: what others say, and nothing else.
    """

    tellsOwn = False

    def __init__(self, show: Callable[[str], bytes]) -> None:
        self._show = show

    def encode(self, event: Event) -> bytes:
        if not isinstance(event, Said):
            return b""
        pair = event.message.pair
        place = f"[{pair.a}] " if pair.scope is Scope.GROUP else ""
        return self._show(f"{place}{event.message.sender}: {event.message.content or event.message.kind}")

    def withDevice(self, named: bool) -> LineForm:
        return self


STREAM, SOCKET = LineForm(inStream), LineForm(inFrame)


class LineVoice(Voice):
    """
    Words to requests, and replies to lines, on any carrier.
    """

    show: Callable[[str], bytes]

    def take(self, packet: list[str]) -> None:
        self.lane.take(CODES[packet[0]].code if packet[0] in CODES else -1, packet)

    def read(self, command: Command, packet: list[str]) -> Struct:
        match packet:
            case ["login", name, password]:
                return Login(name, password)
            case ["join", group]:
                return JoinGroup(group)
            case ["say", group, text]:
                return Chat(group=group, content=text)
            case ["tell", user, text]:
                return Chat(to=user, content=text)
            case ["quit"]:
                return Close()
        raise CommandRefused(command.failure)

    def answer(self, command: Command | None, reply: Reply, packet: list[str]) -> bytes:
        match reply.status:
            case Status.LOGGED_IN:
                self.noMoreWaiting()
                return self.show(f"* you are {packet[1]}")
            case Status.JOINED:
                return self.show(f"* you are in {packet[1]}")
            case Status.SENT | Status.CLOSED:
                return b""
            case Status.OFFLINE:
                return self.show(f"* {packet[1]} is not here, and will get it later")
        return self.show("* no. " + (reply.reason or HELP))


class LineProtocol(LineVoice, StreamVoice):
    """
    One connection over TCP.
    """

    show = staticmethod(inStream)

    def __init__(self, core: Any) -> None:
        self.core = core
        self.decoder = LineDecoder()

    def opened(self, outlet: Any, address: str) -> None:
        self.begin(outlet, STREAM, "tcp", address)
        self.waitForLogin(PATIENCE)


class LineSpeaker(LineVoice, SocketVoice):
    """
    One WebSocket.
    """

    show = staticmethod(inFrame)
    longest = LONGEST

    def __init__(self, core: Any) -> None:
        self.core = core

    def opened(self, socket: Any, query: dict[str, str]) -> None:
        self.attach(socket)
        self.begin(socket.outlet, SOCKET, "ws", socket.address)
        self.waitForLogin(PATIENCE)

    def received(self, payload: bytes, isBinary: bool) -> None:
        self.queue(wordsOf(payload), len(payload))


class LineDialect(Dialect):
    """
    Known by its first word, or its path; on a port of its own by nothing.
    """

    name = "lines"

    def __init__(self, core: ICore, strict: bool, options: dict[str, str]) -> None:
        self._core = core

    def recogniseStream(self, head: bytes, alone: bool) -> Callable[[], Any] | None:
        return (lambda: LineProtocol(self._core)) if alone or head.startswith(b"login ") else None

    def recogniseUpgrade(self, path: str, query: dict[str, str], alone: bool) -> Callable[[], Any] | None:
        return (lambda: LineSpeaker(self._core)) if alone or path == "/lines" else None
