"""
A WebSocket server that says back what it hears, for the Autobahn test suite
(C{script/wstest}).  Everything but the speaker is what imtw serves with::

    python -m imtw.test.protocols.echo [--deflate] PORT

It prints the address it listens at; port 0 is any that is free.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, cast

from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import react

from imtw.cork import Cork
from imtw.limits import Limits
from imtw.protocols.dialect import Speaker
from imtw.protocols.framing import BINARY, TEXT, frame
from imtw.protocols.websocket.carrier import SocketCarrier
from imtw.protocols.websocket.factory import SocketFactory

HOST = "127.0.0.1"
MOST = 16 * 1024 * 1024  # bytes of the suite's largest message
LIMITS = Limits(webSocketBody=MOST, sendBudget=4 * MOST)


class Echo(Speaker):
    """
    Says back what it hears.
    """

    def opened(self, socket: SocketCarrier, query: dict[str, str]) -> None:
        """
        The handshake is done.
        """
        self._outlet = socket.outlet

    def received(self, payload: bytes, isBinary: bool) -> None:
        """
        Say it back.
        """
        self._outlet.send(frame(payload, BINARY if isBinary else TEXT))

    def closed(self) -> None:
        """
        The connection is gone.
        """


def acceptDeflate(offers: Sequence[Any]) -> Any:
    """
    Take the first offer of permessage-deflate; what a message inflates to is
    bounded.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer, max_message_size=MOST)
    return None


def echoFactory(reactor: Any, deflate: bool) -> SocketFactory:
    """
    What makes the server's connections.

    @param deflate: accept compression, which imtw offers nobody.
    """
    factory = SocketFactory(reactor, Cork(), LIMITS, lambda path, query: Echo)
    if deflate:
        factory.setProtocolOptions(perMessageCompressionAccept=acceptDeflate)
    return factory


async def main(reactor: Any, *arguments: str) -> None:
    """
    Serve until somebody ends the process.
    """
    options = [argument for argument in arguments if argument.startswith("-")]
    ports = [argument for argument in arguments if argument.isdigit()]
    if len(ports) != 1 or len(arguments) != len(options) + 1 or set(options) - {"--deflate"}:
        raise SystemExit(f"usage: python -m {__spec__.name} [--deflate] PORT")
    endpoint = TCP4ServerEndpoint(reactor, int(ports[0]), interface=HOST)
    port = await endpoint.listen(echoFactory(reactor, bool(options)))
    print(f"ws://{HOST}:{cast(IPv4Address, port.getHost()).port}", flush=True)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
