"""
One sweep for all deadlines, in place of a timer for each.

Most deadlines are never met: what is waited for comes.  So starting and
ending one is a dictionary's insertion and removal, and twice a second a
sweep looks at the oldest of each length.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

PERIOD = 0.5  # seconds between two sweeps: how late a deadline may be


class Waiting(Protocol):
    """
    Whoever has a deadline.
    """

    def expired(self) -> None:
        """
        The time is over.
        """


class Deadlines:
    """
    The deadlines of one server.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._seconds = clock.seconds
        self._due: dict[float, dict[Waiting, float]] = {}
        self._sweeps = LoopingCall(self.sweep)
        self._sweeps.clock = clock

    def start(self) -> None:
        """
        Begin to sweep.
        """
        if not self._sweeps.running:
            self._sweeps.start(PERIOD, now=False).addErrback(lambda failure: None)

    def stop(self) -> None:
        """
        Sweep no more.
        """
        if self._sweeps.running:
            self._sweeps.stop()

    def set(self, waiting: Waiting, seconds: float) -> None:
        """
        Call C{waiting.expired} after so many seconds, unless L{clear} is
        called before.  Setting it again begins anew.

        @param seconds: of few different lengths: each has a row of its own.
        """
        row = self._due.get(seconds)
        if row is None:
            row = self._due[seconds] = {}
        row.pop(waiting, None)  # so that the row stays in the order of time
        row[waiting] = self._seconds() + seconds

    def clear(self, waiting: Waiting, seconds: float) -> None:
        """
        It came in time.
        """
        row = self._due.get(seconds)
        if row is not None:
            row.pop(waiting, None)

    def sweep(self) -> None:
        """
        Tell everybody whose time is over.
        """
        now = self._seconds()
        for row in self._due.values():
            late = []
            for waiting, due in row.items():
                if due > now:
                    break
                late.append(waiting)
            for waiting in late:
                if row.pop(waiting, None) is not None:
                    try:
                        waiting.expired()
                    except Exception:
                        self.log.failure("a deadline")
