"""
J-IM over WebSocket: a JSON text a message, which names its command itself.
"""

from __future__ import annotations

from imtw.commands import Status
from imtw.protocols.jim.answers import envelope
from imtw.protocols.jim.bodies import commandOf
from imtw.protocols.jim.forms import WEBSOCKET_FORM
from imtw.protocols.jim.frames import Frame
from imtw.protocols.jim.voice import JimVoice
from imtw.protocols.socketvoice import SocketVoice
from imtw.protocols.websocket.carrier import SocketCarrier

LOGIN = 5


class JimSpeaker(JimVoice, SocketVoice):
    """
    One WebSocket that speaks J-IM.
    """

    readsAnything = True  # what is no UTF-8 names no command (docs/wire/jim.rst, WebSocket)
    upgradesTo = b"WebSocket"  # as the original writes it

    @property
    def longest(self) -> int:  # type: ignore[override]
        """
        Bytes of a message, before a login.
        """
        limits = self.core.limits
        return limits.webSocketBody if self.options.strict else min(limits.bodyBeforeLogin, limits.webSocketBody)

    def loggedIn(self) -> None:
        """
        Messages may be long now.
        """
        self.socket.bound(None)

    def opened(self, socket: SocketCarrier, query: dict[str, str]) -> None:
        """
        The handshake is done.  A name in the query logs in, as a command 5
        would.
        """
        self.attach(socket)
        self.beginJim(socket.outlet, WEBSOCKET_FORM, "ws", socket.address)
        if query.get("username") or query.get("token"):
            login = {
                "device": query.get("device"),
                "loginname": query.get("username"),
                "password": query.get("password"),
                "token": query.get("token"),
            }
            body = envelope(LOGIN, data=login)[len(b'{"command":5,"data":') : -1]
            self.queue((LOGIN, 0, body), len(body))

    def received(self, payload: bytes, isBinary: bool) -> None:
        """
        A message came; binary ones are read as text, as J-IM does.
        """
        self.outlet.isActive = True
        command = commandOf(payload)
        self.queue((-1 if command is None else command, 0, payload), len(payload))

    def take(self, packet: Frame) -> None:
        """
        A packet that names no command is answered all the same.
        """
        if packet[0] < 0:
            self.lane.refuse(packet, Status.UNKNOWN_COMMAND)
        else:
            self.lane.take(packet[0], packet)
