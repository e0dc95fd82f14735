"""
A network that delays, cuts into pieces, stalls and breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from imtw.verify.world.lifetime import Lifetime

HIGH = 65536  # bytes that wait before a producer is told
ADDRESS = IPv4Address("TCP", "192.0.2.1", 40000)


class End(Protocol):
    """
    The client's end.
    """

    def heard(self, data: bytes) -> None:
        """
        Bytes came.
        """

    def lost(self) -> None:
        """
        The connection is gone.
        """

    def handed(self, data: bytes) -> None:
        """
        The server has sent this, and believes that it arrives.
        """


class Wire:
    """
    One connection; as C{transport} it is the server's end.

    @ivar isStalled: the client does not read.
    """

    def __init__(self, clock: Clock, reactor: Lifetime, chance: Random, client: End) -> None:
        self.reactor = reactor
        self.protocol: Any = None
        self.producer: Any = None
        self.disconnecting = False
        self.isStalled = False
        self._clock = clock
        self._chance = chance
        self._client = client
        self._toServer = self._toClient = 0.0  # when what was sent last arrives
        self._waiting: list[bytes] = []  # for a client that does not read
        self._held: list[bytes] = []  # for a server that does not
        self._isPaused = False
        self._isCut = False
        self._isGone = False

    # the client's side

    def send(self, data: bytes) -> None:
        """
        The client sends.
        """
        at = self._chance.randrange(1, len(data)) if self._chance.random() < 0.2 and len(data) > 1 else len(data)
        for piece in (data[:at], data[at:]):
            if piece:
                self._toServer = self._later(self._toServer, self._arrive, piece)

    def unstall(self) -> None:
        """
        The client reads again.
        """
        self.isStalled = False
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self._toClient = self._later(self._toClient, self._deliver, data)
        if self.producer is not None and waiting:
            self.producer.resumeProducing()

    def cut(self) -> None:
        """
        The connection breaks: what is under way is lost, each side learns of
        it in its own time.
        """
        if not self._isCut:
            self._isCut = True
            self._clock.callLater(self._chance.expovariate(5), self._client.lost)
            if not self.reactor.isOver:
                self.reactor.callLater(self._chance.expovariate(2), self._gone, ConnectionLost())

    # the server's side

    def write(self, data: bytes) -> None:
        """
        The server sends.
        """
        if self._isGone:
            return
        self._client.handed(data)
        if self._isCut:
            return
        if self.isStalled:
            self._waiting.append(data)
            if self.producer is not None and sum(map(len, self._waiting)) > HIGH:
                self.producer.pauseProducing()
        else:
            self._toClient = self._later(self._toClient, self._deliver, data)

    def loseConnection(self) -> None:
        """
        End it behind what was sent.
        """
        self.disconnecting = True
        if not self.isStalled:
            self._toClient = self._later(self._toClient, self._end)

    def abortConnection(self) -> None:
        """
        End it now.
        """
        if not self._isCut:
            self._isCut = True
            self._clock.callLater(self._chance.expovariate(5), self._client.lost)
        self.reactor.callLater(0, self._gone, ConnectionLost())

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Who wants to know that the client does not read.
        """
        self.producer = producer

    def unregisterProducer(self) -> None:
        """
        Nobody does.
        """
        self.producer = None

    def pauseProducing(self) -> None:
        """
        The server does not read for now.
        """
        self._isPaused = True

    def resumeProducing(self) -> None:
        """
        It reads again.
        """
        self._isPaused = False
        held, self._held = self._held, []
        for data in held:
            self._arrive(data)

    def getPeer(self) -> IPv4Address:
        """
        Where the client is.
        """
        return ADDRESS

    getHost = getPeer

    # under way

    def _later(self, last: float, do: Callable[..., None], *args: Any) -> float:
        """
        Let something arrive behind what was sent last.
        """
        at = max(last, self._clock.seconds() + self._chance.expovariate(50))
        self._clock.callLater(at - self._clock.seconds(), do, *args)
        return at

    def _arrive(self, data: bytes) -> None:
        if self._isCut or self._isGone or self.reactor.isOver:
            return
        if self._isPaused:
            self._held.append(data)
        else:
            self.protocol.dataReceived(data)

    def _deliver(self, data: bytes) -> None:
        if not self._isCut:
            self._client.heard(data)

    def _end(self) -> None:
        if not self._isCut:
            self._isCut = True
            self._client.lost()
            if not self.reactor.isOver:
                self._gone(ConnectionDone())

    def _gone(self, reason: Exception) -> None:
        """
        The server learns that the connection is gone.
        """
        if not self._isGone and not self.reactor.isOver:
            self._isGone = True
            self.protocol.connectionLost(Failure(reason))
