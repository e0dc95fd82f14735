"""
Autobahn's protocol, with no more in each connection than it needs.

Autobahn gives every connection 86 attributes: its factory's settings, what
the handshake said, and flags that stay as they are until something goes
wrong.  An open one keeps what makes it different from the others, nine of
them; the rest is said here, once for all.  Measured, a logged-in connection:
14.4 KB before, 2.5 after, its session and all.

Whatever Autobahn sets later it sets on the connection again, so it notices
nothing.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket import protocol as autobahnProtocol
from autobahn.websocket.protocol import TrafficStats
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

#: What the handshake was about, and what is empty and made again when it is wanted.
HANDSHAKE = frozenset(
    [
        "_transport_details",
        "_valid_events",
        "_results",
        "_wskey",
        "http_headers",
        "http_request_data",
        "http_request_host",
        "http_request_params",
        "http_request_path",
        "http_request_uri",
        "http_response_data",
        "http_status_line",
        "is_closed",
        "is_open",
        "query",
        "send_queue",
        "trafficStats",
        "utf8validator",
        "websocket_extensions",
        "websocket_extensions_in_use",
        "websocket_origin",
        "websocket_protocols",
    ]
)

#: How everything else stands when a connection has just been opened.
USUAL: dict[str, Any] = {
    **dict.fromkeys(
        [
            "_perMessageCompress",
            "autoPingPending",
            "autoPingPendingCall",
            "autoPingPendingSent",
            "autoPingTimeoutCall",
            "closeHandshakeTimeoutCall",
            "current_frame",
            "localCloseCode",
            "localCloseReason",
            "openHandshakeTimeoutCall",
            "remoteCloseCode",
            "remoteCloseReason",
            "trackedTimings",
            "wasNotCleanReason",
            "websocket_protocol_in_use",
        ]
    ),
    **dict.fromkeys(
        [
            "closedByMe",
            "droppedByMe",
            "failedByMe",
            "inside_message",
            "triggered",
            "wasClean",
            "wasCloseHandshakeTimeout",
            "wasMaxFramePayloadSizeExceeded",
            "wasMaxMessagePayloadSizeExceeded",
            "wasOpenHandshakeTimeout",
            "wasServerConnectionDropTimeout",
            "wasServingFlashSocketPolicyFile",
        ],
        False,
    ),
    "autoPingPendingSeq": 0,
    "data": b"",
    "send_state": 0,
    "websocket_version": 13,
}


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


class Setting:
    """
    An attribute that is the factory's, until a connection has its own.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, carrier: Any, kind: type | None = None) -> Any:
        return self if carrier is None else getattr(carrier.factory, self._name)


class LeanProtocol(WebSocketServerProtocol):
    """
    One connection.
    """

    log = Silent()  # Autobahn's own: it prints targets, with passwords in them, and headers as they came
    tcpNoDelay = True  # Autobahn looks for it before it has copied it from the factory
    trafficStats = TrafficStats()  # of all that are open: nobody looks

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

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        The connection is gone.
        """
        super().connectionLost(reason)
        del self.is_closed  # it has fired with this

    def slim(self) -> None:
        """
        It is open: forget what it need not keep.
        """
        kind, own = type(self), vars(self)
        settings = [name for name in own if isinstance(getattr(kind, name, None), Setting)]
        shared = USUAL | {name: getattr(self.factory, name) for name in settings}
        self.__dict__ = {
            name: value
            for name, value in own.items()
            if name not in HANDSHAKE and (name not in shared or value != shared[name])
        }


for _name, _value in USUAL.items():
    setattr(LeanProtocol, _name, _value)
for _name in LeanProtocol.CONFIG_ATTRS:
    if _name not in vars(LeanProtocol):
        setattr(LeanProtocol, _name, Setting(_name))
