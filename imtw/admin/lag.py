"""
How late the reactor is: what everybody who is connected feels of a turn that
takes too long.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

PERIOD = 0.01  # seconds

#: Upper ends in seconds by which lags are counted; the reactor's own work is to stay below 0.05.
LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LagProbe:
    """
    Wants to be called every 10 ms, and notes how much later it was.
    """

    def __init__(self, clock: IReactorTime, note: Callable[[float], object]) -> None:
        """
        @param note: called with seconds.
        """
        self._clock = clock
        self._note = note
        self._began = self._due = 0.0
        self._calls = LoopingCall(self._called)
        self._calls.clock = clock

    def start(self) -> None:
        """
        Begin.
        """
        self._began = self._clock.seconds()
        self._due = self._began + PERIOD
        self._calls.start(PERIOD, now=False).addErrback(lambda failure: None)

    def stop(self) -> None:
        """
        End.
        """
        if self._calls.running:
            self._calls.stop()

    def _called(self) -> None:
        """
        It is one period later, or more.  The next call is due at the next
        multiple of the period, as L{LoopingCall} has it; a hundredth makes up
        for what sums of floats are off.
        """
        now = self._clock.seconds()
        self._note(max(0.0, now - self._due))
        passed = floor((now - self._began) / PERIOD + 0.01)
        self._due = self._began + (passed + 1) * PERIOD
