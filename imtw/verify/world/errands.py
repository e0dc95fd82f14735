"""
One HTTP request on a connection of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imtw.verify.wire import encode, read
from imtw.verify.world.wires import Dialer, Wire


class Errand:
    """
    A request, and whoever waits for what is answered.
    """

    def __init__(self, done: Callable[[dict[str, Any]], None]) -> None:
        """
        @param done: called with the JSON that is answered, or an empty object
            where the connection breaks before.
        """
        self._done = done
        self._answer = b""

    def post(self, world: Dialer, path: str, body: dict[str, Any]) -> bool:
        """
        Send it.

        @return: was anybody there?
        """
        wire = world.dial(self)
        if wire is None:
            return False
        data = encode(body)
        wire.send(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                  % (path.encode(), len(data), data))  # fmt: skip
        return True

    def heard(self, data: bytes) -> None:
        """
        Some of the answer.
        """
        self._answer += data

    def lost(self) -> None:
        """
        It is all there, or never will be.
        """
        self._done(read(self._answer.partition(b"\r\n\r\n")[2]))

    def handed(self, wire: Wire, data: bytes) -> None:
        """
        The server has sent some of it.
        """

    def evicted(self) -> None:
        """
        The server has given up.
        """
