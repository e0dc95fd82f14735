"""
A dialect's end of a WebSocket: a message is a packet.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from imtw.errors import RemoteProtocolError
from imtw.protocols.dialect import Speaker
from imtw.protocols.voice import Voice
from imtw.protocols.websocket.carrier import SocketCarrier

RESTART = 1012  # service restart


class SocketVoice(Voice, Speaker):
    """
    One WebSocket.  Messages are handled while the lane takes them.

    A subclass says in C{opened} what it needs of the handshake, beginning
    with L{attach}, and in C{received} makes packets and L{queue}s them.
    """

    socket: SocketCarrier
    _waiting: deque[tuple[Any, int]] | None = None  # made when something has to wait: an empty one takes 0.7 KB
    _held = 0

    def attach(self, socket: SocketCarrier) -> None:
        """
        The handshake is done.
        """
        self.socket = socket

    def closed(self) -> None:
        """
        The connection is gone.
        """
        self._waiting = None
        self.end()

    def queue(self, packet: Any, size: int) -> None:
        """
        Handle a packet in its turn.

        @param size: the bytes it takes while it waits.
        """
        if self._waiting is None and not self._isPulling and not self.lane.busy:
            self._pull(packet)
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((packet, size))
        self._held += size
        if not self.lane.busy and not self._isPulling:
            self._pull()
        else:
            self.wait(self._held)

    def pause(self) -> None:
        """
        Do not read the peer for now.
        """
        self.socket.pause()

    def unpause(self) -> None:
        """
        Read it again.
        """
        self.socket.unpause()

    def finish(self) -> None:
        """
        Close with a close frame.
        """
        self.lane.close()
        self.socket.finish()

    def tooLate(self) -> None:
        """
        Nobody logged in.
        """
        self.lane.close()
        self.socket.expire("nobody has logged in")

    def goAway(self) -> None:
        """
        The server goes, and will be back.
        """
        self.lane.close()
        self.socket.finish(RESTART, "come back in a moment")

    def _pull(self, first: Any = None) -> None:
        """
        Hand packets to the lane while it takes them.

        @param first: one that need not wait, because none does.
        """
        lane = self.lane
        self._isPulling = True
        try:
            if first is not None:
                self.take(first)
            while self._waiting and not lane.busy:
                packet, size = self._waiting.popleft()
                self._held -= size
                self.take(packet)
        except RemoteProtocolError:
            self.finish()
        finally:
            self._isPulling = False
            if not self._waiting:
                self._waiting = None
