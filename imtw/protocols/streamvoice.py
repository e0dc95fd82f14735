"""
A dialect's end of a TCP connection: a stream that its decoder cuts into
packets.
"""

from __future__ import annotations

from typing import Any
from typing import Protocol as Shape

from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.errors import RemoteProtocolError
from imtw.protocols.outlet import TransportOutlet
from imtw.protocols.voice import Voice


class Decoder(Shape):
    """
    Cuts a stream into packets; no I/O.

    @ivar buffered: bytes that are kept and belong to no packet yet.
    """

    @property
    def buffered(self) -> int: ...

    def feed(self, data: bytes) -> None:
        """
        Take the next bytes, cut anywhere.
        """

    def next(self) -> Any:
        """
        The next packet, or L{None} if it is not all there.

        @raise RemoteProtocolError: there will never be one: hang up.
        """


class StreamVoice(Voice, Protocol):
    """
    One TCP connection.  Packets are handled while the lane takes them.

    A subclass calls C{begin} in L{opened}.

    @ivar decoder: the stream's L{Decoder}.
    @cvar outletClass: what it sends through.
    """

    outletClass = TransportOutlet

    log = Logger()
    transport: Any
    decoder: Decoder

    def opened(self, outlet: TransportOutlet, address: str) -> None:
        """
        The connection is there: begin.
        """
        raise NotImplementedError

    def connectionMade(self) -> None:
        """
        The connection is there.
        """
        limits = self.core.limits
        address = getattr(self.transport.getPeer(), "host", "")
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self.opened(self.outletClass(self.transport, self.core.cork, limits.sendBudget, self), address)

    def dataReceived(self, data: bytes) -> None:
        """
        Some more of the stream.
        """
        self.outlet.isActive = True
        self.decoder.feed(data)
        if not self.lane.busy:
            self._pull()
        else:
            self.wait(self.decoder.buffered)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        The connection is gone.
        """
        self.outlet.forget()
        self.end()

    def pause(self) -> None:
        """
        Do not read the peer for now.
        """
        self.transport.pauseProducing()

    def unpause(self) -> None:
        """
        Read it again.
        """
        self.transport.resumeProducing()

    def finish(self) -> None:
        """
        End the connection once what was sent is written.
        """
        self.lane.close()
        self.outlet.close()

    def _pull(self) -> None:
        """
        Hand packets to the lane while it takes them, and send what they
        cause once; what a single packet causes is sent as it comes.
        """
        lane = self.lane
        decoder = self.decoder
        cork = None
        self._isPulling = True
        try:
            while not lane.busy:
                packet = decoder.next()
                if packet is None:
                    break
                if cork is None and decoder.buffered:
                    cork = self.core.cork
                    cork.push()
                self.take(packet)
        except RemoteProtocolError:
            self.finish()
        finally:
            self._isPulling = False
            if cork is not None:
                cork.pull()

    def evicted(self) -> None:
        """
        The peer did not read.
        """
        self.core.counters.evicted += 1
        self.log.info("{peer} did not read and is cut", peer=self.session.address)
