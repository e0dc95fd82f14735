"""
The server's end of a wire: Twisted's own transport, on a socket that is made
up.
"""

from __future__ import annotations

from errno import ECONNRESET, EWOULDBLOCK
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address
from twisted.python.failure import Failure

from imtw.protocols.accepted import Accepted
from imtw.verify.world.bounds import LARGEST
from imtw.verify.world.lifetime import Lifetime

if TYPE_CHECKING:
    from imtw.verify.world.wires import Wire

ADDRESS = IPv4Address("TCP", "192.0.2.1", 40000)
TURN = 0.0001  # seconds that a turn of the reactor takes


class Socket:
    """
    The server's end, as the transport has it.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.isFlushed = False  # what is sent was handed over before

    def recv(self, size: int) -> bytes:
        """
        Read what is there.
        """
        wire = self._wire
        if wire.isHungUp:
            raise ConnectionResetError(ECONNRESET, "the peer is gone")
        found, wire.inbox = wire.inbox[:size], wire.inbox[size:]
        return found

    def send(self, data: bytes) -> int:
        """
        Send what there is room for.
        """
        wire = self._wire
        if wire.isHungUp:
            raise ConnectionResetError(ECONNRESET, "the peer is gone")
        taken = wire.take(data)
        if not taken:
            raise BlockingIOError(EWOULDBLOCK, "no room")
        if not self.isFlushed:
            wire.handed(data[:taken])
        return taken

    def fileno(self) -> int:
        """
        There is one.
        """
        return 3

    def nothing(self, *args: object) -> None:
        """
        What this socket need not know.
        """

    setblocking = setsockopt = shutdown = close = nothing


class Transport(Accepted):
    """
    The server's end, as a port makes it.
    """

    reactor: Lifetime  # type: ignore[assignment]

    def __init__(self, wire: Wire, protocol: Any) -> None:
        self._wire = wire
        self._isReading = self._isWriting = self._isAwake = False
        self._beyond = 0  # bytes since who sends was paused
        self.bufferSize = wire.width.buffer
        super().__init__(Socket(wire), protocol, (ADDRESS.host, ADDRESS.port), None, 0, wire.reactor)  # type: ignore[arg-type]

    def wake(self) -> None:
        """
        Something may have become possible: look, in the reactor's next turn.
        """
        if not self._isAwake and self.connected and not self.reactor.isOver:
            self._isAwake = True
            self.reactor.callLater(TURN, self._turn)

    def _turn(self) -> None:
        """
        What a reactor does with a descriptor that is ready.
        """
        self._isAwake = False
        wire = self._wire
        why = None
        if self._isReading and self.connected and (wire.inbox or wire.isHungUp):
            why = self.doRead()
            self._lookAtRequests()
        if why is None and self._isWriting and self.connected and self._isFree():
            why = self.doWrite()
        if why is not None:
            self.connectionLost(Failure(why))
        elif (self._isReading and (wire.inbox or wire.isHungUp)) or (self._isWriting and self._isFree()):
            self.wake()

    def _lookAtRequests(self) -> None:
        """
        What was read and cannot be handled yet has its bound.
        """
        if self.connected:
            protocol: Any = self.protocol
            kept = getattr(getattr(protocol, "decoder", None), "buffered", 0)
            kept += getattr(getattr(protocol, "speaker", None), "_held", 0)
            if kept > self._wire.width.unparsed + self.bufferSize + LARGEST:
                self._wire.faults.append(f"{kept} bytes of requests wait")

    def _isFree(self) -> bool:
        wire = self._wire
        return wire.isHungUp or wire.isCut or wire.held < wire.width.room

    def startReading(self) -> None:
        """
        See L{Accepted}.
        """
        self._isReading = True
        self.wake()

    def stopReading(self) -> None:
        """
        See L{Accepted}.
        """
        self._isReading = False

    def startWriting(self) -> None:
        """
        See L{Accepted}.
        """
        self._isWriting = True
        self.wake()

    def stopWriting(self) -> None:
        """
        See L{Accepted}.
        """
        self._isWriting = False

    def write(self, data: bytes) -> None:
        """
        Note what the server has sent, and that it keeps within its budget.
        """
        wire = self._wire
        if self.producer is None or not self.producerPaused:
            self._beyond = 0
        else:
            kept = min(self._beyond, len(self.dataBuffer) - self.offset + self._tempDataLen)
            if kept >= wire.width.budget:
                wire.faults.append(f"{kept} bytes wait for who does not read, and {len(data)} more are kept")
            self._beyond += len(data)
        if self.connected:
            wire.handed(data)
        super().write(data)

    def doWrite(self) -> Any:
        """
        Send what was kept.
        """
        self.socket.isFlushed = True  # type: ignore[attr-defined]
        try:
            return super().doWrite()
        finally:
            if self.connected:
                self.socket.isFlushed = False  # type: ignore[attr-defined]

    def connectionLost(self, reason: Failure) -> None:
        """
        The server knows that this is the end.
        """
        if self._aborting and self.connected:
            self._wire.client.evicted()
        super().connectionLost(reason)

    def getHost(self) -> IPv4Address:
        """
        Where the server is.
        """
        return ADDRESS

    def _closeSocket(self, orderly: bool) -> None:
        self._wire.ended(orderly)
