"""
The way out of one connection, as far as those know it who have something to
say: L{imtw.protocols.outlet} is what it really is.
"""

from __future__ import annotations

from collections.abc import Callable


def nothing() -> None:
    """
    Nobody waits for the peer to read.
    """


class Outlet:
    """
    The way out of one connection.

    @ivar level: how much waits for a peer that reads slowly: 0 for little;
        from 1 on what is not kept is not sent; from 2 on a session with a
        device is sent nothing and reads the log later.
    @ivar relieved: called when the peer has read it all.
    @ivar isWaiting: something was sent that the socket has not taken yet.
    @ivar isClosed: nothing is sent any more.
    """

    __slots__ = ()
    level: int = 0
    isWaiting: bool = False
    isClosed: bool = False
    relieved: Callable[[], None] = staticmethod(nothing)

    def send(self, data: bytes) -> None:
        """
        Send, or queue up to the budget; never blocks, never raises.
        """
        raise NotImplementedError

    def close(self) -> None:
        """
        End the connection once what was sent is written.
        """
        raise NotImplementedError


class Nowhere(Outlet):
    """
    The outlet of a session that nothing can be pushed to: one HTTP request.
    """

    __slots__ = ()

    def send(self, data: bytes) -> None:
        """
        Drop it.
        """

    def close(self) -> None:
        """
        There is nothing to end.
        """
