"""
easyim over TCP.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from imtw.protocols.easyim.decoder import EasyimDecoder, Reader
from imtw.protocols.easyim.forms import EasyimForm
from imtw.protocols.easyim.tokens import Tokens
from imtw.protocols.easyim.voice import EasyimOptions, EasyimVoice
from imtw.protocols.outlet import TransportOutlet
from imtw.protocols.streamvoice import StreamVoice
from imtw.server import Core

# Which names of the module's find sooner than super().
_send = TransportOutlet.send
_dataReceived = StreamVoice.dataReceived
GRACE = 0.2  # seconds for the rest of a message that ends in the middle of a field


class PieceOutlet(TransportOutlet):
    """
    Sends each message with a write of its own: to most clients a message is
    what they read at once.

    @ivar form: knows the messages in what is sent.
    """

    __slots__ = ("form",)
    form: EasyimForm

    def send(self, data: bytes) -> None:
        """
        Send now, or with the rest of this turn.
        """
        form = self.form
        if data is form.latest:
            _send(self, data)
        else:
            for piece in form.split(data):
                _send(self, piece)

    def flush(self) -> None:
        """
        Send what this turn brought, one after the other.
        """
        queue = self._queue
        while queue:  # it stays there meanwhile: what is sent now comes behind it
            self._write(queue.pop(0))
        self._queue = None


class EasyimProtocol(EasyimVoice, StreamVoice):
    """
    One TCP connection that speaks easyim, in the format of its first bytes.
    """

    decoder: EasyimDecoder | Reader
    outletClass = PieceOutlet

    def __init__(
        self, core: Core, options: EasyimOptions, tokens: Tokens, forms: dict[bool, EasyimForm], protobuf: Any
    ) -> None:
        """
        @param forms: of TCP, by whether they are texts.
        """
        super().__init__(core, options, tokens)
        self._forms = forms
        self._protobuf = protobuf
        decoder = self.decoder = self.newDecoder()
        decoder.recognised = self._recognised
        self._grace: IDelayedCall | None = None

    def newDecoder(self) -> EasyimDecoder:
        """
        One that does not know the format yet.
        """
        return EasyimDecoder(self._protobuf, self.options.maxMessage)

    def known(self) -> None:
        """
        A heartbeat came once more; its answer is one message.
        """
        self.isAlive()
        self.outlet.form.latest = self._answer

    def opened(self, outlet: Any, address: str) -> None:
        """
        The connection is there.
        """
        outlet.form = self._forms[True]
        self.beginEasyim(outlet, self._forms[True], "tcp", address)

    def dataReceived(self, data: bytes) -> None:
        """
        Some more of the stream.
        """
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        _dataReceived(self, data)
        if self.decoder.isCut and not self.lane.busy:
            self._grace = self.core.clock.callLater(GRACE, self._readFirst)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        The connection is gone.
        """
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        super().connectionLost(reason)

    def _recognised(self, isText: bool, reader: Reader) -> None:
        """
        Answer in the format that is spoken.
        """
        self.decoder = reader
        self.session.form = self.outlet.form = self._forms[isText]

    def _readFirst(self) -> None:
        """
        The rest may have come while we were held up: the reactor has a turn
        to read it (L{imtw.deadlines}).
        """
        self._grace = self.core.clock.callLater(0, self._cutOff)

    def _cutOff(self) -> None:
        """
        The rest did not come.
        """
        self._grace = None
        self.finish()
