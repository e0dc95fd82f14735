"""
What Twisted costs with no chat server in it: each read is answered by a frame
that was made before, on the turn and with the send that imtw has.

    python -m bench.bare PORT
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.protocol import Factory, Protocol

from imtw.protocols.jim.answers import HEARTBEAT_REPLY, envelope
from imtw.protocols.jim.frames import encodeFrame
from imtw.reactor import makeLean, whyNotLean

LOGIN = 5
LOGGED_IN = encodeFrame(6, envelope(6, code=10007))
HEARTBEAT = encodeFrame(13, HEARTBEAT_REPLY)
COMMAND = 2  # its offset in a frame


class Bare(Protocol):
    """
    Answers a login or a heartbeat, one a read.
    """

    transport: Any

    def connectionMade(self) -> None:
        """
        The connection is there.
        """
        self.transport.setTcpNoDelay(True)
        self._send = self.transport.socket.send

    def dataReceived(self, data: bytes) -> None:
        """
        A frame came.
        """
        self._send(LOGGED_IN if data[COMMAND] == LOGIN else HEARTBEAT)


def main(port: int) -> None:
    """
    Serve.
    """
    from twisted.internet import reactor

    if whyNotLean(reactor) is None:
        makeLean(reactor)
    running: Any = reactor
    running.listenTCP(port, Factory.forProtocol(Bare), backlog=1024, interface="127.0.0.1")
    running.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
