"""
WebSockets: Autobahn carries, a dialect's speaker speaks.

The only module that knows Autobahn.  Its handshake, control frames, close and
error paths are used as they are; its limits, which are all open by default,
are set here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket import protocol as autobahnProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.protocol import TrafficStats
from autobahn.websocket.types import ConnectionDeny
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.cork import Cork
from imtw.counters import Counters
from imtw.interfaces import ISocketSpeaker
from imtw.limits import Limits
from imtw.protocols.fastframes import MASKED, asData, frameSize, wholeFrame
from imtw.protocols.framing import CLOSE, PONG, frame
from imtw.protocols.opened import USUAL, Setting, slim
from imtw.protocols.outlet import TransportOutlet

SpeakerMaker = Callable[[], ISocketSpeaker]

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


def unread(*args: Any, **more: Any) -> str:
    """
    What stands in place of Autobahn's settings in a log that nobody reads:
    formatting them for each connection is a quarter of what a login costs.
    """
    return ""


autobahnProtocol.pformat = unread  # type: ignore[attr-defined]


class Silent:
    """
    A logger that says nothing.
    """

    def _say(self, *args: Any, **fields: Any) -> None:
        """
        Nothing.
        """

    trace = debug = info = warn = warning = error = critical = failure = _say


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


class SocketCarrier(WebSocketServerProtocol):
    """
    One WebSocket.

    @ivar outlet: where frames are sent, as bytes, from the handshake on.
    @ivar oddKey: what the client has for a key, where that is none and need
        be none: the answer proves it all the same.
    """

    _log = Logger()
    log = Silent()  # Autobahn's own: it prints targets, with passwords in them, and headers as they came
    factory: SocketFactory
    transport: Any
    maxMessagePayloadSize: int
    http_request_uri: str
    data: bytes
    message_data: Any
    speaker: ISocketSpeaker | None = None
    outlet: SocketOutlet
    oddKey: bytes | None = None
    tcpNoDelay = True  # Autobahn looks for it before it has copied it from the factory
    trafficStats = TrafficStats()  # of all that are open: nobody looks
    _isOpened = False
    _rest = b""  # the head of a frame that is cut, or a frame that is not Autobahn's and not all there
    _owed = 0  # bytes to come of a frame that Autobahn has the beginning of
    _ignored: frozenset[int] = frozenset()
    _dropped = 0  # bytes to come of a frame that is ignored
    _hurry: IDelayedCall | None = None

    @cached_property
    def send_queue(self) -> deque[Any]:  # type: ignore[override]
        """
        Frames that Autobahn sends piece by piece: none, most often.
        """
        return deque()

    @cached_property
    def utf8validator(self) -> Utf8Validator:  # type: ignore[override]
        """
        What looks at texts that Autobahn reads.
        """
        return Utf8Validator()

    @cached_property
    def is_closed(self) -> Deferred[Any]:
        """
        Fires when the connection is gone; nobody waits.
        """
        return Deferred()

    @property
    def utf8validateIncoming(self) -> bool:
        """
        Is a text that is no UTF-8 the end of this connection (RFC 6455, 8.1)?
        """
        return not getattr(self.speaker, "readsAnything", False)

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
        target = urlsplit(self.http_request_uri)
        path, query = target.path, dict(parse_qsl(target.query, keep_blank_values=True))
        try:
            maker = self.factory.whoSpeaks(path, query)
            self.speaker = maker() if maker is not None else None
        except Exception as error:
            self._log.failure("upgrade of {path}", path="/".join(path.split("/")[:3]))  # behind it may be tokens
            raise ConnectionDeny(ConnectionDeny.INTERNAL_SERVER_ERROR) from error
        if self.speaker is None:
            raise ConnectionDeny(ConnectionDeny.NOT_FOUND, "no dialect speaks here")
        self.query = query
        self.bound(getattr(self.speaker, "longest", None))
        if getattr(self.speaker, "deflates", False):
            self.perMessageCompressionAccept = acceptDeflate
        ignored: frozenset[int] | None = getattr(self.speaker, "ignores", None)
        if ignored is not None:
            self._ignored = ignored
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
            data = data.replace(UPGRADE, b"Upgrade: " + getattr(self.speaker, "upgradesTo", b"websocket"), 1)
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
        speaker, self.speaker = self.speaker, None
        if self._isOpened:
            self.outlet.forget()
            if speaker is not None:
                self._guarded("onClose", speaker.closed)
            del self.outlet  # which has this: no circle is left to be found as garbage

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        The connection is gone.
        """
        super().connectionLost(reason)
        del self.is_closed  # it has fired with this

    def dataReceived(self, data: bytes) -> None:
        """
        Handle all frames of one read, and send what they cause once; what a
        single one causes is sent as it comes.
        """
        if frameSize(data, 0) == len(data):
            if self.state == self.STATE_OPEN:
                self._frames(data)
                return
            if self.failedByMe and data[0] == CLOSE:  # the answer, which Autobahn may take for more of what was wrong
                self.dropConnection(abort=False)
                return
        cork = self.factory.cork
        cork.push()
        try:
            if self.state == self.STATE_CONNECTING:
                data = self._handshake(data)
            if self.state == self.STATE_OPEN:
                self._frames(data)
            elif data:
                self._dataReceived(data)
        finally:
            cork.pull()

    def _handshake(self, data: bytes) -> bytes:
        """
        Give Autobahn the handshake and no more.

        @return: what was glued to it.
        """
        before = len(self.data)
        end = (self.data + data).find(b"\r\n\r\n")
        if end < 0:
            self._dataReceived(data)
            return b""
        end += 4 - before
        self._dataReceived(data[:end])
        if self.state == self.STATE_OPEN:
            slim(self)
        return data[end:]

    def _frames(self, data: bytes) -> None:
        """
        Take the frames that need nothing of Autobahn, and give it the others
        one by one, so that it is always known where a frame begins.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, end = 0, len(data)
        if self._owed:
            at = min(self._owed, end)
            self._owed -= at
            self._dataReceived(data[:at])
        elif self._dropped:
            at = min(self._dropped, end)
            self._dropped -= at
        factory = self.factory
        most = vars(self).get("maxMessagePayloadSize", factory.maxMessagePayloadSize)  # quicker than its Setting
        onlyLonger = not factory.cork.fast.frames
        while at < end and self.state == self.STATE_OPEN:
            if not self.inside_message:
                found = wholeFrame(data, at, most, onlyLonger)
                if not isinstance(found, int):
                    isBinary, payload, at = found
                    try:  # as onMessage, without two calls a message
                        self.speaker.received(payload, isBinary)  # type: ignore[union-attr]
                    except Exception:
                        self._broken("onMessage")
                    continue
                if found:
                    self._rest = data[at:]
                    return
            size = frameSize(data, at)
            if not size:
                self._rest = data[at:]
                return
            if data[at] in self._ignored and data[at + 1] & MASKED and not self.inside_message:
                self._dropped = max(0, at + size - end)
                at += size
                continue
            piece = data[at : at + size]
            at += len(piece)
            self._owed = size - len(piece)
            if not self.utf8validateIncoming:
                piece = asData(piece, self.inside_message)
            self._dataReceived(piece)
        if at < end:
            self._dataReceived(data[at:])

    def onCloseFrame(self, code: Any, reasonRaw: Any) -> bool | None:
        """
        The peer closes.  Where its code would have to be echoed, and its frame
        is broken, it is told so: Autobahn would hang up with the answer on its
        way.
        """
        self.echoCloseCodeReason = getattr(self.speaker, "echoesClose", False)  # of who speaks by now
        isWhole = isCloseCode(code) and isText(reasonRaw or b"")
        if not self.echoCloseCodeReason or (isWhole and self.state == self.STATE_OPEN):
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
        else:
            super().sendCloseFrame(code, reasonUtf8, isReply)

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


for _name, _value in USUAL.items():
    setattr(SocketCarrier, _name, _value)
for _name in SocketCarrier.CONFIG_ATTRS:
    if _name not in vars(SocketCarrier):
        setattr(SocketCarrier, _name, Setting(_name))


class SocketFactory(WebSocketServerFactory):
    """
    The WebSockets of one port.

    @ivar whoSpeaks: from the path and query of an upgrade to what makes the
        speaker.
    """

    protocol = SocketCarrier  # type: ignore[assignment]
    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        cork: Cork,
        limits: Limits,
        whoSpeaks: Callable[[str, dict[str, str]], SpeakerMaker | None],
        allowedOrigins: Sequence[str] = (),
        acceptUnmasked: bool = False,
        counters: Counters | None = None,
    ) -> None:
        super().__init__(reactor=clock, server="")  # says no name
        self.cork = cork
        self.counters = counters or Counters()
        self.sendBudget = limits.sendBudget
        self.whoSpeaks = whoSpeaks
        self.setProtocolOptions(
            maxFramePayloadSize=limits.webSocketBody,
            maxMessagePayloadSize=limits.webSocketBody,
            openHandshakeTimeout=limits.head,
            closeHandshakeTimeout=CLOSE_PATIENCE,
            requireMaskedClientFrames=not acceptUnmasked,
            allowedOrigins=[originPattern(origin) for origin in allowedOrigins] or ["*"],
            allowNullOrigin=not allowedOrigins,
            versions=[13],  # and none of the drafts that Autobahn knows
            failByDrop=False,
            webStatus=False,
            tcpNoDelay=True,
        )


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


def originPattern(origin: str) -> str:
    """
    An origin as Autobahn compares it, always with a port.
    """
    parts = urlsplit(origin)
    port = "" if parts.port else {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return origin.rstrip("/") + port
