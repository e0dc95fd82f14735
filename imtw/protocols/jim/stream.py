"""
J-IM over TCP: frames.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.errors import RemoteProtocolError
from imtw.protocols.jim.forms import TCP_FORM
from imtw.protocols.jim.frames import FrameDecoder
from imtw.protocols.jim.voice import JimOptions, JimVoice
from imtw.protocols.outlet import TransportOutlet
from imtw.server import Core


class JimProtocol(JimVoice, Protocol):
    """
    One TCP connection that speaks J-IM.
    """

    log = Logger()
    transport: Any

    def __init__(self, core: Core, options: JimOptions, known: Container[int]) -> None:
        self.core = core
        self.options = options
        limits = core.limits
        self._decoder = FrameDecoder(limits.body if options.strict else limits.bodyBeforeLogin, known)
        self._isPulling = False
        self._isPaused = False

    def connectionMade(self) -> None:
        """
        The connection is there.
        """
        self._outlet = TransportOutlet(self.transport, self.core.cork, self.core.limits.sendBudget, self._evicted)
        address = getattr(self.transport.getPeer(), "host", "")
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self.begin(self.core, self.options, self._outlet, TCP_FORM, "tcp", address)

    def dataReceived(self, data: bytes) -> None:
        """
        Some more of the stream.
        """
        self._outlet.isActive = True
        self._decoder.feed(data)
        if not self.lane.busy:
            self._pull()
        elif not self._isPaused and self._decoder.buffered > self.core.limits.unparsed:
            self._isPaused = True
            self.transport.pauseProducing()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        The connection is gone.
        """
        self._outlet.forget()
        self.end()

    def resume(self) -> None:
        """
        The lane takes packets again.
        """
        if self._isPulling:
            return
        self._pull()
        if self._isPaused and not self.lane.busy:  # all that was kept is handled
            self._isPaused = False
            self.transport.resumeProducing()

    def finish(self) -> None:
        """
        End the connection once what was sent is written.
        """
        self.lane.close()
        self._outlet.close()

    def loggedIn(self) -> None:
        """
        Frames may be large now.
        """
        self._decoder.maxBody = self.core.limits.body

    def _pull(self) -> None:
        """
        Hand frames to the lane while it takes them, and send what they cause
        once.
        """
        lane = self.lane
        take = lane.take
        pull = self._decoder.next
        cork = self.core.cork
        cork.push()
        self._isPulling = True
        try:
            while not lane.busy:
                packet = pull()
                if packet is None:
                    break
                take(packet[0], packet)
        except RemoteProtocolError:
            self.finish()
        finally:
            self._isPulling = False
            cork.pull()

    def _evicted(self) -> None:
        self.core.counters.evicted += 1
        self.log.info("{peer} did not read and is cut", peer=self.session.address)
