"""
One WebSocket between Autobahn, which carries, and a speaker, who speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.interfaces import ISocketSpeaker
from imtw.protocols.framing import PONG, frame
from imtw.protocols.head import splitTarget
from imtw.protocols.outlet import TransportOutlet
from imtw.protocols.websocket.lean import LeanProtocol

if TYPE_CHECKING:
    from imtw.protocols.websocket.factory import SocketFactory

VERSION = "Sec-WebSocket-Version"
UPGRADE = b"Upgrade: WebSocket"  # as Autobahn writes it, and J-IM
NORMAL = 1000
PROTOCOL_ERROR = 1002
POLICY = 1008
INTERNAL_ERROR = 1011
LAST_WORDS = 0.25  # seconds for a close frame to go out to a peer that is cut
CLOSE_PATIENCE = 2  # seconds for the peer to echo a close frame

#: That a peer may close with, below 3000.
CLOSE_CODES = frozenset(WebSocketServerProtocol.CLOSE_STATUS_CODES_ALLOWED)


class SocketOutlet(TransportOutlet):
    """
    The way out of a WebSocket: it ends with a close frame.
    """

    __slots__ = ()
    _holder: SocketCarrier | None

    def close(self) -> None:
        """
        Close behind what was sent.
        """
        if self._holder is not None:
            self._holder.finish()


class SocketCarrier(LeanProtocol):
    """
    One WebSocket.

    @ivar outlet: where frames are sent, as bytes, from the handshake on.
    @ivar oddKey: what the client has for a key, where that is none and need
        be none: the answer proves it all the same.
    """

    _log = Logger()
    factory: SocketFactory
    transport: Any
    maxMessagePayloadSize: int
    http_request_uri: str
    data: bytes
    message_data: Any
    speaker: ISocketSpeaker | None = None
    outlet: SocketOutlet
    oddKey: bytes | None = None
    _isOpened = False
    _hurry: IDelayedCall | None = None

    @property
    def utf8validateIncoming(self) -> bool:
        """
        Is a text that is no UTF-8 the end of this connection (RFC 6455, 8.1)?
        """
        return self.speaker is None or not self.speaker.readsAnything

    @utf8validateIncoming.setter
    def utf8validateIncoming(self, value: bool) -> None:
        """
        Autobahn copies what its factory says; here the speaker says it.
        """

    def onConnect(self, request: Any) -> None:
        """
        The handshake is asked for: who speaks here?

        @raise ConnectionDeny: nobody does, or the page it comes from is none
            of ours.
        """
        if self.oddKey is not None:
            self._wskey = self.oddKey.decode("latin-1")
        path, query = splitTarget(self.http_request_uri.encode())
        try:
            maker = self.factory.whoSpeaks(path, query)
            self.speaker = maker() if maker is not None else None
        except Exception as error:  # dialects are anybody's code
            self._log.failure("upgrade of {path}", path="/".join(path.split("/")[:3]))  # behind it may be tokens
            raise ConnectionDeny(ConnectionDeny.INTERNAL_SERVER_ERROR) from error
        if self.speaker is None:
            raise ConnectionDeny(ConnectionDeny.NOT_FOUND, "no dialect speaks here")
        self.query = query
        self.bound(self.speaker.longest)
        if self.speaker.deflates:
            self.perMessageCompressionAccept = acceptDeflate
        return None

    def bound(self, longest: int | None) -> None:
        """
        Take no longer messages from now on.

        @param longest: bytes, or L{None} for as many as the port takes.
        """
        own = vars(self)
        for name in ("maxMessagePayloadSize", "maxFramePayloadSize"):
            if longest is None:
                own.pop(name, None)
            else:
                own[name] = longest

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        """
        Say what is wrong; to who speaks another version, or names none, which
        ones there are (RFC 6455, 4.4).
        """
        if "Hixie76" in (reason or ""):  # what Autobahn takes it for
            responseHeaders = [(VERSION, "13")]
        if any(name == VERSION for name, _ in responseHeaders or ()):
            code = 426
        super().failHandshake(reason, code, responseHeaders)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """
        Send; the handshake's answer in the letters of the dialect.
        """
        if self.state == self.STATE_CONNECTING and self.speaker is not None:
            data = data.replace(UPGRADE, b"Upgrade: " + self.speaker.upgradesTo, 1)
        super().sendData(data, sync, chopsize)

    def onOpen(self) -> None:
        """
        The handshake is done.
        """
        self._isOpened = True
        self.outlet = SocketOutlet(self.transport, self.factory.cork, self.factory.sendBudget, self)
        self._guarded("onOpen", self.speaker.opened, self, self.query)  # type: ignore[union-attr]

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        A whole message came; behind a close nothing is heard.
        """
        if self.state == self.STATE_OPEN:
            self._guarded("onMessage", self.speaker.received, payload, isBinary)  # type: ignore[union-attr]

    def onMessageBegin(self, isBinary: bool) -> None:
        """
        A message begins that is not read whole.  Its bytes are put together
        as they come: its fragments may be any number, since nothing may be in
        them, and so may the pieces of one.
        """
        super().onMessageBegin(isBinary)
        self.message_data = [bytearray()]

    def onMessageFrameData(self, payload: bytes) -> None:
        """
        Some more of it.
        """
        if not self.failedByMe:
            self.message_data[0] += payload

    def onPing(self, payload: bytes) -> None:
        """
        A ping came: its answer is sent like anything else, so that who pings
        and does not read is cut, too.
        """
        if self.state == self.STATE_OPEN:
            self.outlet.send(frame(payload, PONG))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """
        The connection is gone.
        """
        if self._hurry is not None and self._hurry.active():
            self._hurry.cancel()
        if self._isOpened:
            self.outlet.forget()
            self._leave()
            del self.outlet  # which has this: no circle is left to be found as garbage
        self.speaker = None

    def onCloseFrame(self, code: Any, reasonRaw: Any) -> bool | None:
        """
        The peer closes, and is answered with its own code; one whose frame is
        broken is told so.  Autobahn would hang up with that on its way, and
        with all that was sent before.
        """
        if self.state == self.STATE_OPEN and isCloseCode(code) and isText(reasonRaw or b""):
            answered: bool | None = super().onCloseFrame(code, reasonRaw)
            return answered
        self.wasClean = True
        self.finish(PROTOCOL_ERROR)  # unless a close was sent before
        timer, self.closeHandshakeTimeoutCall = self.closeHandshakeTimeoutCall, None
        if timer is not None:
            timer.cancel()
        self.dropConnection(abort=False)
        return None

    def sendCloseFrame(self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False) -> None:
        """
        Send what was said before, then the close frame, then nothing any
        more (RFC 6455, 5.5.1).
        """
        if self.state == self.STATE_OPEN and self._isOpened:
            self.outlet.flush()
            self.transport.unregisterProducer()
            super().sendCloseFrame(code, reasonUtf8, isReply)
            self.outlet.mute()
            self._leave()
        else:
            super().sendCloseFrame(code, reasonUtf8, isReply)

    def _leave(self) -> None:
        """
        Nobody is here any more: what is said from now on waits for who comes
        back, and does not count as told.
        """
        speaker, self.speaker = self.speaker, None
        if speaker is not None:
            self._guarded("onClose", speaker.closed)

    def _closeConnection(self, abort: bool = False) -> None:
        """
        Hang up, and do not wait for ever for a peer that does not read.
        """
        if not abort and self._hurry is None:
            self._hurry = self.factory.reactor.callLater(CLOSE_PATIENCE, self.transport.abortConnection)
        super()._closeConnection(abort)

    @property
    def address(self) -> str:
        """
        The peer's address without its port.
        """
        return getattr(self.transport.getPeer(), "host", "")

    def finish(self, code: int = NORMAL, reason: str | None = None) -> None:
        """
        Close with a close frame, behind what was sent.
        """
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code, reason.encode() if reason else None)  # sendClose has no server's codes

    def expire(self, reason: str) -> None:
        """
        What was due did not come: close, and wait for no goodbye.
        """
        self.finish(POLICY, reason)
        if self._hurry is None:
            self._hurry = self.factory.reactor.callLater(LAST_WORDS, self.transport.abortConnection)

    def pause(self) -> None:
        """
        Do not read for now.
        """
        self.transport.pauseProducing()

    def unpause(self) -> None:
        """
        Read again.
        """
        self.transport.resumeProducing()

    def _guarded(self, what: str, call: Callable[..., None], *args: Any) -> None:
        """
        Call a speaker; what it fails with is our bug, logged, and ends the
        connection.
        """
        try:
            call(*args)
        except Exception:
            self._broken(what)

    def _broken(self, what: str) -> None:
        """
        A speaker failed.
        """
        self._log.failure("{what} of a WebSocket", Failure(), what=what)
        self.finish(INTERNAL_ERROR)

    def evicted(self) -> None:
        """
        The peer did not read.
        """
        self.factory.counters.evicted += 1
        self._log.info("{peer} did not read and is cut", peer=self.address)


def isCloseCode(code: int | None) -> bool:
    """
    May a peer close with this?
    """
    return code is None or code in CLOSE_CODES or 3000 <= code < 5000


def isText(data: bytes) -> bool:
    """
    Is this UTF-8?
    """
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def acceptDeflate(offers: Sequence[Any]) -> PerMessageDeflateOfferAccept | None:
    """
    Take compressed messages (RFC 7692), each compressed for itself, so that
    a connection keeps no window.  How far they inflate is bounded as the
    message is.  What is sent goes uncompressed, the same bytes to all.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer, request_no_context_takeover=True)
    return None
