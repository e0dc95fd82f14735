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

from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.interfaces import IDialect
from imtw.protocols.dialect import Dialect
from imtw.protocols.handover import handOver
from imtw.protocols.head import HOST, KEY, Head, mayBeHTTP
from imtw.protocols.undecided import Undecided, named
from imtw.protocols.websocket.factory import SpeakerMaker
from imtw.server import Core

BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_BARE_END = re.compile(rb"\n\r?\n")  # of a head whose lines do not all end with both characters


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
            self._isHTTP = mayBeHTTP(self._received, self.factory.rules.anyMethod)
        if self._isHTTP is None:
            return
        try:
            target = self._http() if self._isHTTP else self._stream()
        except Exception:  # dialects are anybody's code
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
        if head.isBroken or (HOST in head.lacks - self.factory.rules.assumes and not self._isForgivenHost(head)):
            self._refuse()
            return None
        if self.factory.takes(head):
            target, whole = self.factory.socketFor(head, self.transport.getPeer())
            self._received = whole + self._received[end + 4 :]
            return target
        said = head.lacks & self.factory.rules.assumes & {HOST}
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
    @ivar rules: whose rules those are; on a common port nobody's.
    @ivar site: makes HTTP protocols.
    @ivar sockets: makes WebSocket protocols; asks L{whoSpeaks}.
    @ivar firstByte: seconds for a connection's first byte.
    @ivar onlyKnown: an upgrade that no dialect recognises is an ordinary
        request.
    @ivar answersBroken: what is not even HTTP is told so.
    @ivar longest: bytes of a head in all, and of a line of it.
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
        self.rules = rules = dialects[0] if isAlone else Dialect()
        limits = core.limits
        self.firstByte = limits.firstByte if rules.patience is None else rules.patience
        self.onlyKnown = rules.elsewhere is not None
        self.answersBroken = rules.answersBroken or not isAlone
        self.longest = rules.longestHead or (limits.headSize, limits.headSize)

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
                return bool(maker) and (not dialect.needs or (head.isGet and not head.lacks & dialect.needs))
        except Exception:  # it fails again where the WebSocket asks who speaks, and is logged there
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
        longest = max([limits.bodyBeforeLogin, *(one.longestMessage for one in self.dialects)])
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
                forgiven = head.lacks & dialect.assumes
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
