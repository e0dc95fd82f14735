"""
What is read of peers and kept for them.
"""

from __future__ import annotations

from typing import Any

from twisted.python.reflect import namedAny


def politeClose() -> None:
    """
    Waits for a peer that does not read to read, before it closes.
    """
    from imtw.protocols.outlet import TransportOutlet

    def abort(self: TransportOutlet) -> None:
        self._closed = True
        self._queue = None
        self._transport.loseConnection()

    TransportOutlet.abort = abort  # type: ignore[method-assign]


def believing() -> None:
    """
    Reads JSON however much there is in it.
    """
    bodies, lenient = namedAny("imtw.protocols.jim.bodies"), namedAny("imtw.protocols.jim.lenient")
    lenient.MAX_NODES = 10**9
    bodies.MAX_NODES = 0  # everything goes the long way
    bodies.isSmall = lenient.isSmall = lambda data: False


def inflating() -> None:
    """
    Unpacks what is packed, without a bound.
    """
    from imtw.protocols.websocket.factory import SocketFactory

    speaker = namedAny("imtw.protocols.jim.socket.JimSpeaker")
    speaker.readsAnything = False  # else a frame that says it is packed is data as it is
    accept = namedAny("autobahn.websocket.compress.PerMessageDeflateOfferAccept")
    init = SocketFactory.__init__

    def initAndAccept(self: SocketFactory, *arguments: Any, **more: Any) -> None:
        init(self, *arguments, **more)
        self.setProtocolOptions(
            maxFramePayloadSize=0,
            maxMessagePayloadSize=0,
            perMessageCompressionAccept=lambda offers: accept(offers[0]),
        )

    SocketFactory.__init__ = initAndAccept  # type: ignore[method-assign]


def leaking() -> None:
    """
    Remembers every session, and a little more.
    """
    from imtw.server import Core

    lost, kept = Core.lost, []

    def lostAndKept(self: Core, session: Any) -> None:
        lost(self, session)
        kept.append((session, bytearray(20_000)))

    Core.lost = lostAndKept  # type: ignore[method-assign]


def gorging() -> None:
    """
    Keeps whatever there is for who does not read.
    """
    outlet = namedAny("imtw.protocols.outlet")
    outlet.kept = lambda transport, most: 0


def hoarding() -> None:
    """
    Reads senders on, however many messages wait for a commit.
    """
    from imtw.gates import Gate

    Gate.park = lambda self, waiter: waiter.release()  # type: ignore[method-assign]


def greedy() -> None:
    """
    Reads requests that it cannot handle yet, however many.
    """
    from imtw.protocols.voice import Voice

    Voice.wait = lambda self, held: None  # type: ignore[method-assign]
