"""
What a port sets for all of its WebSockets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.interfaces import IReactorTime

from imtw.cork import Cork
from imtw.counters import Counters
from imtw.interfaces import ISocketSpeaker
from imtw.limits import Limits
from imtw.protocols.websocket.carrier import CLOSE_PATIENCE, SocketCarrier
from imtw.protocols.websocket.front import FrontReader

SpeakerMaker = Callable[[], ISocketSpeaker]


class SocketFactory(WebSocketServerFactory):
    """
    The WebSockets of one port.

    @ivar whoSpeaks: from the path and query of an upgrade to what makes the
        speaker.
    """

    protocol: type[SocketCarrier] = FrontReader  # type: ignore[assignment]
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
            echoCloseCodeReason=True,
            webStatus=False,
            tcpNoDelay=True,
        )


def originPattern(origin: str) -> str:
    """
    An origin as Autobahn compares it, always with a port.
    """
    parts = urlsplit(origin)
    port = "" if parts.port else {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return origin.rstrip("/") + port
