"""
A dialect's end of a TCP connection: a stream that its decoder cuts into
packets.

Most of what a server reads from its many idle clients are heartbeats, and a
client's heartbeats are the same bytes again and again.  So those of the last
one are kept beside its answer; the very same, read alone, is answered without
being taken apart.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from typing import Protocol as Shape

from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.errors import RemoteProtocolError
from imtw.protocols.outlet import TransportOutlet
from imtw.protocols.voice import Voice

LONGEST = 1024  # bytes of a packet that is kept
GUESSES = 3  # packets of a connection that are kept, each in place of the one before


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
    _known: bytes | None = None  # a packet whose answer is always the same
    _answer = b""
    _settled: tuple[Any, bytes] | None = None  # such a packet, and its answer
    _guesses = GUESSES

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
        if data == self._known and self.lane.isFree and not self.decoder.buffered:
            self.known()
            self.outlet.send(self._answer)
            return
        self.decoder.feed(data)
        if not self.lane.busy:
            self._pull()
        else:
            self.wait(self.decoder.buffered)
        if self._settled is not None:
            self._learn(data)

    def settled(self, packet: Any, answer: bytes) -> None:
        """
        A packet was answered as it always will be.
        """
        if self._guesses and self.core.cork.fast.beats:
            self._settled = packet, answer

    def _learn(self, data: bytes) -> None:
        """
        Keep what was read if it was nothing but the packet that was answered.
        """
        (packet, answer), self._settled = self._settled or (None, b""), None
        if len(data) > LONGEST:
            return
        self._guesses -= 1
        decoder = self.newDecoder()
        if decoder is None:
            return
        decoder.feed(data)
        with suppress(RemoteProtocolError):
            if decoder.next() == packet and not decoder.buffered:
                self._known, self._answer = data, answer

    def newDecoder(self) -> Decoder | None:
        """
        One for the beginning of a packet; L{None} where no packet is like
        another.
        """
        return None

    def known(self) -> None:
        """
        A packet came that is known, and goes past C{take}.
        """

    def forget(self) -> None:
        """
        The same packet may be answered in another way from now on.
        """
        self._known = self._settled = None

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
        End the connection once what was sent is written.  Nobody is here any
        more: what is said from now on waits for who comes back, and does not
        count as told.
        """
        self.lane.close()
        self.session.close()

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
