"""
J-IM over WebSocket: a JSON text a message, which names its command itself.
"""

from __future__ import annotations

from collections import deque

from imtw.commands import Status
from imtw.protocols.jim.answers import envelope
from imtw.protocols.jim.bodies import commandOf
from imtw.protocols.jim.forms import WEBSOCKET_FORM
from imtw.protocols.jim.frames import Frame
from imtw.protocols.jim.voice import JimOptions, JimVoice
from imtw.protocols.websocket import SocketCarrier
from imtw.server import Core

LOGIN = 5
BEFORE_LOGIN = 1009  # message too big
RESTART = 1012  # service restart


class JimSpeaker(JimVoice):
    """
    One WebSocket that speaks J-IM.
    """

    def __init__(self, core: Core, options: JimOptions) -> None:
        self.core = core
        self.options = options
        self._waiting: deque[Frame] = deque()
        self._held = 0
        self._isPulling = False
        self._isPaused = False

    def opened(self, socket: SocketCarrier, query: dict[str, str]) -> None:
        """
        The handshake is done.  A name in the query logs in, as a command 5
        would.
        """
        self._socket = socket
        self.begin(self.core, self.options, socket.outlet, WEBSOCKET_FORM, "ws", socket.address)
        if query.get("username") or query.get("token"):
            login = {
                "device": query.get("device"),
                "loginname": query.get("username"),
                "password": query.get("password"),
                "token": query.get("token"),
            }
            self._take((LOGIN, 0, envelope(LOGIN, data=login)[len(b'{"command":5,"data":') : -1]))

    def received(self, payload: bytes, isBinary: bool) -> None:
        """
        A message came; binary ones are read as text, as J-IM does.
        """
        self._outlet.isActive = True
        if self.session.user is None and len(payload) > self.core.limits.bodyBeforeLogin and not self.options.strict:
            self._socket.finish(BEFORE_LOGIN, "too long before a login")
            return
        command = commandOf(payload)
        self._take((-1 if command is None else command, 0, payload))

    def closed(self) -> None:
        """
        The connection is gone.
        """
        self._waiting.clear()
        self.end()

    def resume(self) -> None:
        """
        The lane takes packets again.
        """
        if self._isPulling:
            return
        self._pull()
        if self._isPaused and not self.lane.busy:  # all that was kept is handled
            self._isPaused = False
            self._socket.unpause()

    def finish(self) -> None:
        """
        Close with a close frame.
        """
        self.lane.close()
        self._socket.finish()

    def expired(self) -> None:
        """
        Nobody logged in.
        """
        self._isWaited = False
        self.lane.close()
        self._socket.expire("nobody has logged in")

    def goAway(self) -> None:
        """
        The server goes, and will be back.
        """
        self.lane.close()
        self._socket.finish(RESTART, "come back in a moment")

    def _take(self, packet: Frame) -> None:
        """
        Handle a packet in its turn.
        """
        self._waiting.append(packet)
        self._held += len(packet[2])
        if not self.lane.busy:
            self._pull()
        elif not self._isPaused and self._held > self.core.limits.unparsed:
            self._isPaused = True
            self._socket.pause()

    def _pull(self) -> None:
        """
        Hand packets to the lane while it takes them.
        """
        lane = self.lane
        waiting = self._waiting
        self._isPulling = True
        try:
            while waiting and not lane.busy:
                packet = waiting.popleft()
                self._held -= len(packet[2])
                if packet[0] < 0:
                    lane.refuse(packet, Status.UNKNOWN_COMMAND)
                else:
                    lane.take(packet[0], packet)
        finally:
            self._isPulling = False
