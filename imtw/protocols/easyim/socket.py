"""
easyim over WebSocket: a message is a frame's payload.
"""

from __future__ import annotations

from typing import Any

from imtw.protocols.easyim.forms import EasyimForm
from imtw.protocols.easyim.jsontext import decodeText
from imtw.protocols.easyim.message import Malformed, Packet
from imtw.protocols.easyim.splitter import BLANKS
from imtw.protocols.easyim.tokens import Tokens
from imtw.protocols.easyim.voice import EasyimOptions, EasyimVoice
from imtw.protocols.socketvoice import SocketVoice
from imtw.protocols.websocket.carrier import SocketCarrier
from imtw.server import Core

GOING_AWAY = 1001
INVALID = 1007  # a payload that is not what it should be
TOO_BIG = 1009


def isText(payload: bytes) -> bool:
    """
    Does a connection that begins with this write JSON?  Otherwise protobuf.
    """
    return payload.lstrip(BLANKS)[:1] in (b"{", b"n", b"[", b'"', b"")


class EasyimSpeaker(EasyimVoice, SocketVoice):
    """
    One WebSocket that speaks easyim, in the format of its first message,
    whether that comes as text or as binary.
    """

    longest: int

    def __init__(
        self, core: Core, options: EasyimOptions, tokens: Tokens, forms: dict[bool, EasyimForm], protobuf: Any
    ) -> None:
        """
        @param forms: of WebSockets, by whether they are texts.
        """
        super().__init__(core, options, tokens)
        self._forms = forms
        self._protobuf = protobuf
        self._isText: bool | None = None
        self.longest = options.maxMessage

    def opened(self, socket: SocketCarrier, query: dict[str, str]) -> None:
        """
        The handshake is done.
        """
        self.attach(socket)
        self.beginEasyim(socket.outlet, self._forms[True], "ws", socket.address)

    def received(self, payload: bytes, isBinary: bool) -> None:
        """
        A message came.
        """
        self.outlet.isActive = True
        if len(payload) > self.longest:
            self._refuse(TOO_BIG, "too long")
            return
        if self._isText is None:
            self._isText = isText(payload)
            self.session.form = self._forms.get(self._isText, self.session.form)  # else it is refused below
        try:
            packet = self._decode(payload)
        except Malformed as error:
            self._refuse(INVALID, str(error)[:80])
        else:
            self.queue(packet, len(payload))

    def isIdle(self) -> None:
        """
        Nothing was said for too long.
        """
        self._refuse(GOING_AWAY, "nothing was said")

    def _decode(self, payload: bytes) -> Packet:
        """
        The message in a payload.
        """
        if self._isText:
            return Packet(decodeText(payload))
        if self._protobuf is None:
            raise Malformed("protobuf is not installed here")
        packet: Packet = self._protobuf.decodeMessage(payload)
        return packet

    def _refuse(self, code: int, reason: str) -> None:
        """
        Close, and say why.
        """
        self.lane.close()
        self.socket.finish(code, reason)
