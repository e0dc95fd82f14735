"""
Frames of a WebSocket that are read before Autobahn sees them.
"""

from __future__ import annotations

from imtw.protocols.fastframes import MASKED, asData, frameSize, wholeFrame
from imtw.protocols.framing import CLOSE
from imtw.protocols.websocket.carrier import SocketCarrier


class FrontReader(SocketCarrier):
    """
    Reads in front of Autobahn what needs nothing of it, and what it would
    refuse and a dialect takes; the rest it hands on as it came.
    """

    _rest = b""  # the head of a frame that is cut, or a frame that is not Autobahn's and not all there
    _owed = 0  # bytes to come of a frame that Autobahn has the beginning of
    _dropped = 0  # bytes to come of a frame that is ignored

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
            self.slim()
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
            ignored = self.speaker.ignores  # type: ignore[union-attr]
            if data[at] in ignored and data[at + 1] & MASKED and not self.inside_message:
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
