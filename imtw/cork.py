"""
What goes out in one turn, in one piece.
"""

from __future__ import annotations

from collections.abc import Callable

from imtw.fast import Fast, fastWithout


class Cork:
    """
    Joins what goes out in one turn: while it is in, outlets queue, and each
    of them sends once when it comes out (measured, 16 frames waiting: 16
    times the rate of sending each).

    @ivar fast: the fast paths that outlets and carriers take; without that
        of the cork nothing is queued.
    @ivar tight: it is in.
    @ivar whenPulled: have something called when the cork comes out.
    """

    __slots__ = ("_depth", "_waiting", "fast", "tight", "whenPulled")

    def __init__(self, fast: Fast | None = None) -> None:
        self.fast = fast or fastWithout()
        self._depth = 0
        self._waiting: list[Callable[[], None]] = []
        self.whenPulled = self._waiting.append
        self.tight = False

    def push(self) -> None:
        """
        From now on, queue.
        """
        self._depth += 1
        self.tight = self.fast.cork

    def pull(self) -> None:
        """
        Send what is queued, once this was called as often as L{push}.
        """
        self._depth -= 1
        if self._depth:
            return
        self.tight = False
        waiting = self._waiting
        if waiting:
            flushes = waiting[:]
            waiting.clear()
            for flush in flushes:
                flush()
