"""
J-IM over TCP: frames.
"""

from __future__ import annotations

from collections.abc import Container

from imtw.protocols.jim.forms import TCP_FORM
from imtw.protocols.jim.frames import FrameDecoder
from imtw.protocols.jim.voice import JimOptions, JimVoice
from imtw.protocols.outlet import TransportOutlet
from imtw.protocols.streamvoice import StreamVoice
from imtw.server import Core


class JimProtocol(JimVoice, StreamVoice):
    """
    One TCP connection that speaks J-IM.
    """

    decoder: FrameDecoder

    def __init__(self, core: Core, options: JimOptions, known: Container[int]) -> None:
        super().__init__(core, options)
        self._commands = known
        self.decoder = self.newDecoder()

    def newDecoder(self) -> FrameDecoder:
        """
        One for somebody who did not log in.
        """
        limits = self.core.limits
        return FrameDecoder(limits.body if self.options.strict else limits.bodyBeforeLogin, self._commands)

    def opened(self, outlet: TransportOutlet, address: str) -> None:
        """
        The connection is there.
        """
        self.beginJim(outlet, TCP_FORM, "tcp", address)

    def loggedIn(self) -> None:
        """
        Frames may be large now.
        """
        self.decoder.maxBody = self.core.limits.body
