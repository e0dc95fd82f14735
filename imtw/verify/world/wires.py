"""
A network that delays, cuts into pieces, stalls and breaks.

What a kernel keeps for a peer that reads slowly is bounded, what does not fit
is refused, and the server's transport (L{imtw.verify.world.transports}) keeps
it itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from imtw.verify.world.lifetime import Lifetime
from imtw.verify.world.timeline import Timeline
from imtw.verify.world.transports import Transport

OPEN = 3  # a state of Autobahn's


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

    def handed(self, wire: Wire, data: bytes) -> None:
        """
        The server has sent this, and believes that it arrives; even on a wire
        that the client has given up.
        """

    def evicted(self) -> None:
        """
        The server has aborted the connection: what it was about to send, and
        what it takes for sent until it knows that this is the end, is gone.
        """


class Dialer(Protocol):
    """
    Connects to the server.
    """

    def dial(self, end: End) -> Wire | None:
        """
        Connect to the server, if it is there.
        """


class Width(Protocol):
    """
    How much goes through a wire.

    @ivar room: bytes that kernels keep for a client.
    @ivar buffer: bytes that the transport keeps before it pauses who sends.
    @ivar budget: bytes that are kept beyond that for a client.
    @ivar unparsed: bytes of its requests that wait.
    """

    room: int
    buffer: int
    budget: int
    unparsed: int


class Wire:
    """
    One connection, as the client has it.

    @ivar pace: bytes that the client reads in a second.
    @ivar isStalled: it does not read.
    @ivar isCut: nothing gets through any more.
    @ivar isForbidden: nothing may be sent any more to who is on it.
    @ivar faults: what the server may not do.
    """

    def __init__(
        self, clock: Timeline, reactor: Lifetime, chance: Random, client: End, width: Width, pace: float
    ) -> None:
        self.reactor = reactor
        self.isStalled = False
        self.pace = pace
        self.width = width
        self.faults: list[str] = []
        self.client = client
        self._clock = clock
        self._chance = chance
        self._toServer = self._toClient = 0.0  # when what was sent last arrives
        self.isCut = self.isForbidden = False
        self._waiting: deque[bytes] = deque()  # for a client that does not read
        self.inbox = b""  # that the server has not read
        self.isHungUp = False  # there is nothing after it
        self.held = 0  # bytes that the client has not read
        self.transport: Transport | None = None

    def join(self, protocol: Any) -> None:
        """
        The server has accepted.
        """
        self.transport = Transport(self, protocol)
        protocol.makeConnection(self.transport)

    @property
    def isQuiet(self) -> bool:
        """
        Is nothing on its way to the client?
        """
        transport = self.transport
        return not (self.held or transport is None or transport.dataBuffer or transport._tempDataLen)

    @property
    def isEnding(self) -> bool:
        """
        Has the server said that this is over, or does it know?
        """
        transport = self.transport
        if self.isCut or transport is None or not transport.connected or transport.disconnecting:
            return True
        return getattr(transport.protocol, "state", OPEN) != OPEN  # a WebSocket's end begins with a goodbye

    def handed(self, data: bytes) -> None:
        """
        The server has sent this, and believes that it arrives.
        """
        if self.isForbidden:
            self.faults.append(f"{len(data)} bytes are sent to who may not be there any more")
        self.client.handed(self, data)

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
        while self._waiting:
            self._deliver(self._waiting.popleft())

    def cut(self) -> None:
        """
        The connection breaks: what is under way is lost, each side learns of
        it in its own time.
        """
        if not self.isCut:
            self.isCut = True
            self._clock.callLater(self._chance.expovariate(5), self.client.lost)
            self._clock.callLater(self._chance.expovariate(2), self._hangUp)

    # what the server's kernel does

    def take(self, data: bytes) -> int:
        """
        The server sends.

        @return: how much of it is taken.
        """
        taken = data if self.isCut else data[: max(0, self.width.room - self.held)]
        if taken and not self.isCut:
            self.held += len(taken)
            self._travel(bytes(taken))
        return len(taken)

    def ended(self, isOrderly: bool) -> None:
        """
        The server has closed.
        """
        if not self.isCut and isOrderly and not self.isStalled:
            self._toClient = self._later(self._toClient, self._end)
        elif not self.isCut:
            self.isCut = True
            self._clock.callLater(self._chance.expovariate(5), self.client.lost)

    # under way

    def _later(self, last: float, do: Callable[..., None], *args: Any) -> float:
        """
        Let something arrive behind what was sent last.
        """
        at = max(last, self._clock.seconds() + self._chance.expovariate(50))
        self._clock.callLater(at - self._clock.seconds(), do, *args)
        return at

    def _travel(self, data: bytes) -> None:
        """
        Bytes are on their way to the client.
        """
        began = max(self._toClient, self._clock.seconds())
        self._toClient = self._later(began + len(data) / self.pace, self._deliver, data)

    def _arrive(self, data: bytes) -> None:
        """
        Bytes are there for the server.
        """
        if not self.isCut:
            self.inbox += data
            self._wake()

    def _deliver(self, data: bytes) -> None:
        if self.isCut:
            return
        if self.isStalled:
            self._waiting.append(data)
            return
        self.held -= len(data)
        self._wake()
        self.client.heard(data)

    def _end(self) -> None:
        if not self.isCut:
            self.isCut = True
            self.client.lost()

    def _hangUp(self) -> None:
        """
        The server's kernel learns that the client is gone.
        """
        self.isHungUp, self.inbox = True, b""
        self._wake()

    def _wake(self) -> None:
        if self.transport is not None:
            self.transport.wake()
