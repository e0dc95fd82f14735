"""
One sweep for all deadlines, in place of a timer for each.

Most deadlines are never met: what is waited for comes.  So starting and
ending one is a dictionary's insertion and removal, and twice a second a
sweep looks at the oldest of each length.

A process that was held up, by whatever else the machine does, finds timers
due first and what its peers sent in time unread.  So a sweep leaves the
reactor a turn to read.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
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
        self._clock = clock
        self._seconds = clock.seconds
        self._due: dict[float, dict[Waiting, float]] = {}
        self._sweeps = LoopingCall(self._readFirst)
        self._sweeps.clock = clock
        self._next: IDelayedCall | None = None

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
        if self._next is not None and self._next.active():
            self._next.cancel()

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

    def _readFirst(self) -> None:
        """
        Sweep in the next turn.
        """
        self._next = self._clock.callLater(0, self.sweep)

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
                    except Exception:  # whoever it was, the others' time is over, too
                        self.log.failure("a deadline")
