"""
Virtual time, as one run of the server has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock

DAWN = 1_700_000_000.0  # seconds since the epoch: when a world begins


class Lifetime:
    """
    The reactor of one run of the server: the world's clock with the server's
    own idea of what time it is.  After a crash nothing happens that was
    planned.

    @ivar skew: seconds that the server's clock is ahead of the world's.
    """

    def __init__(self, clock: Clock, skew: float) -> None:
        self._clock = clock
        self.skew = skew
        self.isOver = False

    def seconds(self) -> float:
        """
        The server's time.
        """
        return DAWN + self._clock.seconds() + self.skew

    def callLater(self, delay: float, function: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """
        Do something later, in this life.
        """
        return self._clock.callLater(delay, self._do, function, args, more)

    def callFromThread(self, function: Callable[..., Any], *args: Any, **more: Any) -> None:
        """
        The same, as soon as possible.
        """
        self.callLater(0, function, *args, **more)

    def getDelayedCalls(self) -> Any:
        """
        What is planned.
        """
        return self._clock.getDelayedCalls()

    def _do(self, function: Callable[..., Any], args: Any, more: Any) -> None:
        if not self.isOver:
            function(*args, **more)
