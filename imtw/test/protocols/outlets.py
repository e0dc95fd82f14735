"""
Connections with small buffers, and their outlets: a sender on this side, a plain
socket on the other.
"""

from __future__ import annotations

import socket
from random import Random
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from imtw.cork import Cork
from imtw.fast import Fast
from imtw.protocols.accepted import keepLittle
from imtw.protocols.listen import endpointFor
from imtw.protocols.outlet import TransportOutlet
from imtw.test.clients import reactor
from imtw.test.live import pause
from imtw.test.wire import HOST

SMALL = 8 * 1024  # bytes of a socket's buffer, as asked for
PLENTY = 1 << 30
TRANSPORT = 64 * 1024  # bytes that a transport holds before it pauses its producer
SEED = 6455
PATIENCE = 5.0  # seconds for what has to come


class Nobody:
    """
    Has an outlet, and does not mind.
    """

    def evicted(self) -> None:
        pass


class Sender(Protocol):
    """
    A server's end of a connection, with its outlet.

    @ivar evictions: how often the outlet said that it cuts the peer.
    @ivar why: the connection is gone; L{None} while it is there.
    """

    transport: Any

    def __init__(self, cork: Cork, budget: int, kind: type[TransportOutlet]) -> None:
        self.cork = cork
        self.budget = budget
        self.kind = kind
        self.evictions = 0
        self.why: Failure | None = None
        self.outlet: TransportOutlet

    def connectionMade(self) -> None:
        self.outlet = self.kind(self.transport, self.cork, self.budget, self)

    def evicted(self) -> None:
        self.evictions += 1

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.outlet.forget()
        self.why = reason

    @property
    def held(self) -> int:
        """
        Bytes that the transport keeps.
        """
        return len(self.transport.dataBuffer) - self.transport.offset + self.transport._tempDataLen  # type: ignore[no-any-return]


class SenderFactory(Factory):
    """
    Makes one sender.
    """

    noisy = False

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.isMade: Deferred[Sender] = Deferred()

    def buildProtocol(self, addr: Any) -> Sender:
        reactor.callLater(0, self.isMade.callback, self.sender)
        return self.sender


class SocketTestCase(TestCase):
    """
    A sender on this side, a plain socket on the other.
    """

    timeout = 20

    async def pair(
        self, budget: int = PLENTY, description: str = "tcp:0", kind: type[TransportOutlet] = TransportOutlet
    ) -> tuple[Sender, socket.socket]:
        """
        A connection with small buffers on the way.
        """
        sender = Sender(Cork(Fast()), budget, kind)
        factory = SenderFactory(sender)
        port = await endpointFor(reactor, f"{description}:interface={HOST}").listen(factory)
        keepLittle(port)
        self.addCleanup(port.stopListening)
        peer = socket.socket()
        self.addCleanup(peer.close)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        peer.connect((HOST, cast(IPv4Address, port.getHost()).port))
        peer.setblocking(False)
        await factory.isMade
        self.addCleanup(self.gone, sender)
        if isinstance(sender.transport, Connection):
            sender.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        return sender, peer

    async def gone(self, sender: Sender) -> None:
        """
        End a connection, if it has not ended.
        """
        if sender.why is None:
            sender.transport.abortConnection()
        await self.ended(sender)

    async def read(self, peer: socket.socket, length: int, random: Random | None = None) -> bytes:
        """
        Read as a peer does: until so many bytes, or the end, are there.

        @param random: read a little at a time.
        """
        found = bytearray()
        until = reactor.seconds() + PATIENCE
        while len(found) < length:
            try:
                piece = peer.recv(length if random is None else random.choice([1, 100, 5000, 60000]))
            except BlockingIOError:
                self.assertLess(reactor.seconds(), until, f"{len(found)} bytes came, wanted {length}")
                await pause(0.0005)
                continue
            if not piece:
                break
            found += piece
        return bytes(found)

    async def ended(self, sender: Sender) -> Failure:
        """
        Why the connection is gone, once it is.
        """
        until = reactor.seconds() + PATIENCE
        while sender.why is None:
            self.assertLess(reactor.seconds(), until, "the connection is still there")
            await pause(0.001)
        return sender.why


def numbered(number: int, length: int) -> bytes:
    """
    Bytes in which every place is unlike its neighbours, and those of other
    numbers.
    """
    word = b"%d." % number
    return (word * (length // len(word) + 1))[:length]
