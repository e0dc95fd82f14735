"""
One port, many dialects: the first bytes decide.

A connection is first a L{Recogniser}.  It asks the dialects of its port in
order, knows none of them by name, and hands the connection over to the
protocol that one of them makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.interfaces import IDialect
from imtw.protocols.handover import handOver
from imtw.protocols.undecided import Undecided, named
from imtw.protocols.websocket.factory import SpeakerMaker
from imtw.server import Core

METHODS = (b"GET ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"HEAD ", b"PATCH ", b"TRACE ", b"CONNECT ", b"UPDATE ")
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

#: The name of a header, or the beginning of a line that goes on with the one above (RFC 9112, 5.2).
_beginsField = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:|[ \t]").match
_OTHER = re.compile(rb"[A-Z]{1,20} [/*]")  # a method that nobody knows, with its target
_BEGUN = re.compile(rb"([A-Z]{1,20} ?)?")
_BARE_END = re.compile(rb"\n\r?\n")  # of a head whose lines do not all end with both characters


def mayBeHTTP(head: bytes, anyMethod: bool = True) -> bool | None:
    """
    Do these bytes begin an HTTP request?  L{None}: not enough to tell.

    @param anyMethod: also of a method that nobody knows.
    """
    if head.startswith(METHODS) or (anyMethod and _OTHER.match(head)):
        return True
    if anyMethod:
        return None if _BEGUN.fullmatch(head) else False
    return None if any(method.startswith(head) for method in METHODS) else False


#: What a client says who asks for a WebSocket (RFC 6455, 4.1), beside its key: a word in a header.
UPGRADE = {b"upgrade": b"websocket", b"connection": b"Upgrade", b"sec-websocket-version": b"13"}
KEY = b"sec-websocket-key"  # 16 bytes in base64
LINE = b""  # the first line, which has no name: GET, a target in ASCII, HTTP/1.1
HOST = b"host"

_isKey = re.compile(rb"\s*[A-Za-z0-9+/]{22}==\s*").fullmatch
_STAND_IN = b"AAAAAAAAAAAAAAAAAAAAAA=="


class Head:
    """
    The head of an HTTP request, as far as it decides who gets it.

    @ivar isBroken: the request line is none of HTTP/1.x, a header has no
        name, the body's length is no number, or there are several hosts.
    @ivar isOld: it is HTTP/1.0.
    @ivar hasKey: it asks for a WebSocket, well or not.
    @ivar key: what it has for one.
    @ivar lacks: what of L{UPGRADE}, of a L{LINE} and of a L{KEY} it does not
        say as it should, and the host, if it names none.
    @ivar path: of its target, as it was sent.
    """

    def __init__(self, head: bytes) -> None:
        """
        @param head: up to the blank line, without it.
        """
        self._line, *self._fields = head.replace(b"\r\n", b"\n").split(b"\n")
        parts = self._line.split(b" ")
        values: dict[bytes, list[bytes]] = {}
        for field in self._fields:
            name, _, value = field.partition(b":")
            values.setdefault(name.strip().lower(), []).append(value)
        hosts = len(values.get(HOST, ()))
        self.isBroken = (
            len(parts) != 3
            or not parts[2].startswith(b"HTTP/1.")
            or not all(map(_beginsField, self._fields))
            or not all(length.strip().isdigit() for length in values.get(b"content-length", ()))
            or hosts > 1
        )
        self.isOld = parts[-1] == b"HTTP/1.0"
        self.isGet = parts[0] == b"GET"
        self.hasKey = KEY in values
        self.key = values.get(KEY, [b""])[0].strip()
        self.lacks = {name for name, word in UPGRADE.items() if not _says(word, values.get(name, ()))}
        if not hosts:
            self.lacks.add(HOST)
        if self.key and not _isKey(self.key):
            self.lacks.add(KEY)
        if not (self.isGet and parts[-1] == b"HTTP/1.1" and self._line.isascii()):
            self.lacks.add(LINE)
        self._target = originForm(parts[1]) if len(parts) > 1 else b"/"
        self.path, _, query = self._target.decode("latin-1").partition("?")
        self.query = dict(parse_qsl(query, keep_blank_values=True))

    def saying(self, names: Set[bytes]) -> bytes:
        """
        The same head, with some of what it lacks in it, up to and with the
        blank line.
        """
        line = b"GET %s HTTP/1.1" % quoted(self._target) if LINE in names else self._line
        fields = [field for field in self._fields if field.partition(b":")[0].strip().lower() not in names]
        said = {**UPGRADE, KEY: _STAND_IN}
        added = [name + b": " + said.get(name, b"") for name in sorted(names - {LINE})]
        return b"\r\n".join([line, *added, *fields, b"", b""])


def originForm(target: bytes) -> bytes:
    """
    A request's target without scheme and host, which a proxy's client puts
    in front (RFC 9112, 3.2.2).
    """
    found = _ORIGIN.match(target)
    if found is None:
        return target
    rest = target[found.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest


def quoted(target: bytes) -> bytes:
    """
    A request's target with percent signs for what is not ASCII, which some
    clients send as it is.
    """
    return _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], target)


_NOT_ASCII = re.compile(rb"[^\x00-\x7f]")
_ORIGIN = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)


def _says(word: bytes, values: Sequence[bytes]) -> bool:
    """
    Is this among the words of a header, in whatever case?
    """
    return word.lower() in (one.strip().lower() for value in values for one in value.split(b","))


class Recogniser(Protocol):
    """
    A connection that nobody speaks on yet.
    """

    factory: PortFactory
    transport: Any

    def __init__(self) -> None:
        self._received = b""
        self._deadline = 0.0
        self._isHTTP: bool | None = None

    def connectionMade(self) -> None:
        """
        Wait for the first byte, not for ever.
        """
        self._setDeadline(self.factory.firstByte)

    def dataReceived(self, data: bytes) -> None:
        """
        Look whether it is enough to tell whose it is.
        """
        if not self._received:
            self._setDeadline(self.factory.core.limits.head)
        self._received += data
        if self._isHTTP is None:
            self._isHTTP = mayBeHTTP(self._received, self.factory.anyMethod)
        if self._isHTTP is None:
            return
        try:
            target = self._http() if self._isHTTP else self._stream()
        except Exception:
            self.factory.log.failure("recognising a connection", Failure())
            self.transport.loseConnection()
            target = None
        if target is not None:
            self._clearDeadline()
            self.factory.countEnd(target)
            handOver(self.transport, target, self._received)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        It is gone, and nobody spoke on it.
        """
        self._clearDeadline()
        self.factory.core.connections -= 1

    def _stream(self) -> IProtocol | None:
        """
        The protocol of the dialect that knows these bytes.
        """
        for dialect in self.factory.dialects:
            maker = dialect.recogniseStream(self._received, self.factory.isAlone)
            if maker is not None:
                protocol: IProtocol = named(dialect, maker)
                return protocol
        if self.factory.isAlone:
            self._refuse()
        else:
            self.transport.loseConnection()
        return None

    def _http(self) -> Any:
        """
        The protocol of an HTTP request whose head is there.
        """
        end = self._received.find(b"\r\n\r\n")
        lines = self._received[:end] if end >= 0 else self._received
        if self.factory.isTooLong(lines) or (end < 0 and _BARE_END.search(lines)):
            self._refuse()
            return None
        if end < 0:
            return None
        head = Head(lines)
        if head.isBroken or (HOST in head.lacks - self.factory.assumed and not self._isForgivenHost(head)):
            self._refuse()
            return None
        if self.factory.takes(head):
            target, whole = self.factory.socketFor(head, self.transport.getPeer())
            self._received = whole + self._received[end + 4 :]
            return target
        said = head.lacks & self.factory.assumed & {HOST}
        if said:
            self._received = head.saying(said) + self._received[end + 4 :]
        return self.factory.site.buildProtocol(self.transport.getPeer())

    def _isForgivenHost(self, head: Head) -> bool:
        """
        HTTP/1.0 knows no hosts, but J-IM wants one all the same.
        """
        return head.isOld and self.factory.answersBroken

    def _refuse(self) -> None:
        """
        This is no HTTP: say so, where the port is not the own one of a
        dialect that hangs up without a word, as J-IM does.
        """
        if self.factory.answersBroken:
            self.transport.write(BAD_REQUEST)
        self.transport.loseConnection()

    def expired(self) -> None:
        """
        What was due did not come in time.
        """
        self.transport.abortConnection()

    def _setDeadline(self, seconds: float) -> None:
        self._clearDeadline()
        self._deadline = seconds
        self.factory.core.deadlines.set(self, seconds)

    def _clearDeadline(self) -> None:
        self.factory.core.deadlines.clear(self, self._deadline)


class TurnedAway(Protocol):
    """
    A connection that is one too many.  Twisted has a shorter word for that,
    no protocol at all, which its own TLS does not understand.
    """

    transport: Any

    def connectionMade(self) -> None:
        """
        End it.
        """
        self.transport.abortConnection()


class Ending:
    """
    Stands in for a protocol's C{connectionLost}, and counts before it.
    """

    __slots__ = ("_core", "_target")

    def __init__(self, core: Core, target: IProtocol) -> None:
        self._core = core
        self._target = target

    def __call__(self, reason: Failure) -> None:
        """
        The connection is gone.
        """
        del self._target.connectionLost
        self._core.connections -= 1
        self._target.connectionLost(reason)


class PortFactory(Factory):
    """
    The connections of one port.

    @ivar dialects: who may speak here, in the order in which they are asked.
    @ivar isAlone: the port is one dialect's own, and its rules hold from the
        first byte.
    @ivar site: makes HTTP protocols.
    @ivar sockets: makes WebSocket protocols; asks L{whoSpeaks}.
    @ivar firstByte: seconds for a connection's first byte.
    @ivar onlyKnown: an upgrade that no dialect recognises is an ordinary
        request.
    @ivar answersBroken: what is not even HTTP is told so.
    @ivar anyMethod: a method that nobody knows makes a request, too.
    @ivar longest: bytes of a head in all, and of a line of it.
    @ivar assumed: what a request need not say: of L{UPGRADE}, or the L{HOST}.
    """

    protocol = Recogniser  # type: ignore[assignment]
    log = Logger()
    noisy = False
    site: Any
    sockets: Any

    def __init__(self, core: Core, dialects: Sequence[IDialect], isAlone: bool) -> None:
        self.core = core
        self.dialects = dialects
        self.isAlone = isAlone
        self.firstByte = core.limits.firstByte
        self.onlyKnown = False
        self.answersBroken = not isAlone
        self.anyMethod = True
        self.assumed: Set[bytes] = frozenset()
        self.longest = core.limits.headSize, core.limits.headSize

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        A connection came; past the limit it is ended.
        """
        if self.core.connections >= self.core.limits.connections:
            self.core.counters.turnedAway += 1
            return TurnedAway()
        self.core.connections += 1
        return super().buildProtocol(addr)

    def isTooLong(self, head: bytes) -> bool:
        """
        Is this more than the head of a connection's first request may have?
        """
        inAll, inLine = self.longest
        return len(head) > inAll or (len(head) > inLine and max(map(len, head.split(b"\r\n"))) > inLine)

    def countEnd(self, target: IProtocol) -> None:
        """
        Count the connection as gone when its new protocol hears that it is.
        """
        target.connectionLost = Ending(self.core, target)  # type: ignore[method-assign]

    def takes(self, head: Head) -> bool:
        """
        Does a request lead to a WebSocket?  Without what the dialect that
        knows its target needs, or with another method than GET, it does not.
        One where that cannot be said does: there it is refused.
        """
        if not head.hasKey:
            return False
        try:
            for dialect, maker in self._recognised(head.path, head.query):
                needs = getattr(dialect, "needs", None)
                return bool(maker) and (not needs or (head.isGet and not head.lacks & needs))
        except Exception:
            return True
        return not self.onlyKnown

    def whoSpeaks(self, path: str, query: dict[str, str]) -> SpeakerMaker | None:
        """
        Who speaks on a WebSocket with this target: the dialect that knows
        it, else whoever knows its first message.
        """
        for dialect, maker in self._recognised(path, query):
            return partial(named, dialect, maker) if maker else None
        if self.onlyKnown:
            return None
        limits = self.core.limits
        longest = max([limits.bodyBeforeLogin, *(getattr(one, "longestMessage", 0) for one in self.dialects)])
        return lambda: Undecided(self.dialects, self.core.deadlines, limits.login, min(longest, limits.webSocketBody))

    def socketFor(self, head: Head, peer: IAddress) -> tuple[Any, bytes]:
        """
        The protocol of a WebSocket, and the head that it has to see: with
        what the upgrade lacks that the dialect which knows its target does
        not look for.
        """
        forgiven: Set[bytes] = frozenset()
        if head.lacks:
            for dialect, _ in self._recognised(head.path, head.query):
                forgiven = head.lacks & getattr(dialect, "assumes", frozenset())
                break
        made = self.sockets.buildProtocol(peer)
        if KEY in forgiven:
            made.oddKey = head.key
        return made, head.saying(forgiven)

    def _recognised(self, path: str, query: dict[str, str]) -> Iterator[tuple[IDialect, Any]]:
        """
        The dialects that know the target of an upgrade, with what each says.
        """
        for dialect in self.dialects:
            maker = dialect.recogniseUpgrade(path, query, self.isAlone)
            if maker is not None:
                yield dialect, maker
