"""
Virtual time, as one run of the server has it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from imtw.verify.world.timeline import Timeline

RESTLESS = 20_000  # calls at one moment of a server that does nothing else any more
DAWN = 1_700_000_000.0  # seconds since the epoch: when a world begins


class Lifetime:
    """
    The reactor of one run of the server: the world's clock with the server's
    own idea of what time it is.  After a crash nothing happens that was
    planned.

    @ivar skew: seconds that the server's clock is ahead of the world's.
    """

    def __init__(self, clock: Timeline, skew: float, chance: Random) -> None:
        self._clock = clock
        self._chance = chance
        self._handedOver = 0.0  # when what threads said last is heard
        self._moment, self._calls = 0.0, 0
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
        The same, soon, and in the order in which threads said so: until
        then it is done and nobody knows.
        """
        now = self._clock.seconds()
        self._handedOver = max(self._handedOver, now + self._chance.expovariate(300))
        self.callLater(self._handedOver - now, function, *args, **more)

    def getDelayedCalls(self) -> Any:
        """
        What is planned.
        """
        return self._clock.getDelayedCalls()

    def _do(self, function: Callable[..., Any], args: Any, more: Any) -> None:
        if self.isOver:
            return
        if self._clock.seconds() != self._moment:
            self._moment, self._calls = self._clock.seconds(), 0
        self._calls += 1
        if self._calls > RESTLESS:
            raise RuntimeError(f"time stands still, for {function}")
        function(*args, **more)


class Due:
    """
    Something that Autobahn has planned.
    """

    def __init__(self, call: IDelayedCall) -> None:
        self._call = call

    def cancel(self) -> None:
        """
        It is not to be done, if it is not done yet.
        """
        if self._call.active():
            self._call.cancel()


class Timers:
    """
    In place of Autobahn's timers, which belong to the process's one reactor.
    """

    def __init__(self, reactor: Lifetime) -> None:
        self._reactor = reactor

    def call_later(self, delay: float, function: Callable[..., Any], *args: Any) -> Due:
        """
        Do something later.
        """
        return Due(self._reactor.callLater(delay, function, *args))
