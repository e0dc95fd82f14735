"""
Virtual time: what is planned, in the order of time, and what is planned for
the same moment in the order of the plans.

Twisted's own L{twisted.internet.task.Clock} sorts all that is planned before
and after each call: that was a third of a story.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

from twisted.internet.base import DelayedCall


def nothing(call: DelayedCall) -> None:
    """
    What is cancelled is passed over when its time comes.
    """


class Timeline:
    """
    A clock that goes when it is told to.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._numbers = count()
        self._planned: list[tuple[float, int, DelayedCall]] = []

    def seconds(self) -> float:
        """
        Since the beginning.
        """
        return self._now

    def callLater(self, delay: float, function: Callable[..., Any], *args: Any, **more: Any) -> DelayedCall:
        """
        Do something later.
        """
        call = DelayedCall(self._now + delay, function, args, more, nothing, self._plan, self.seconds)
        self._plan(call)
        return call

    def getDelayedCalls(self) -> list[DelayedCall]:
        """
        What is planned.
        """
        return [call for _, _, call in self._planned if call.active()]

    def until(self, end: float) -> None:
        """
        Let time pass, and do what is due.
        """
        planned = self._planned
        while planned and planned[0][0] <= end:
            at, _, call = heappop(planned)
            if not call.active():
                continue
            if call.getTime() > at:  # it was put off
                self._plan(call)
                continue
            self._now = at
            call.called = 1
            call.func(*call.args, **call.kw)
        self._now = end

    def _plan(self, call: DelayedCall) -> None:
        heappush(self._planned, (call.getTime(), next(self._numbers), call))
