"""
WebSockets that nobody recognised by their target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from imtw.deadlines import Deadlines
from imtw.interfaces import IDialect
from imtw.protocols.dialect import Speaker
from imtw.protocols.websocket.carrier import POLICY, SocketCarrier


def named(dialect: IDialect, maker: Callable[[], Any]) -> Any:
    """
    What a dialect makes for a connection, with the dialect's name on it.
    """
    made = maker()
    made.dialect = dialect.name
    return made


class Undecided(Speaker):
    """
    Speaks on a WebSocket that nobody recognised by its target: the first
    message says whose it is.

    @ivar longest: bytes of that.
    """

    def __init__(
        self, dialects: Sequence[IDialect], deadlines: Deadlines, patience: float, longest: int = 64 * 1024
    ) -> None:
        self.longest = longest
        self._dialects = dialects
        self._deadlines = deadlines
        self._patience = patience

    def opened(self, socket: SocketCarrier, query: dict[str, str]) -> None:
        """
        Wait for the first message, as long as for a login.
        """
        self._socket = socket
        self._query = query
        self._deadlines.set(self, self._patience)

    def received(self, payload: bytes, isBinary: bool) -> None:
        """
        Hand over to the dialect that knows this message.
        """
        for dialect in self._dialects:
            maker = dialect.recogniseMessage(payload, isBinary)
            if maker is not None:
                self.closed()
                speaker = self._socket.speaker = named(dialect, maker)
                self._socket.bound(speaker.longest)
                speaker.opened(self._socket, self._query)
                speaker.received(payload, isBinary)
                return
        self._socket.finish(POLICY, "no dialect speaks so")

    def expired(self) -> None:
        """
        Nothing was said.
        """
        self._socket.expire("nothing was said")

    def closed(self) -> None:
        """
        Nobody has to wait here any more.
        """
        self._deadlines.clear(self, self._patience)
