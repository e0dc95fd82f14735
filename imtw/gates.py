"""
Who feeds something that is full is not read until there is room again.
"""

from __future__ import annotations

from typing import Protocol


class Waiter(Protocol):
    """
    Somebody who is not read while something is full.
    """

    def release(self) -> None:
        """
        There is room again.
        """


class Gate:
    """
    Where those wait who feed something that is full.
    """

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: list[Waiter] = []

    def park(self, waiter: Waiter) -> None:
        """
        Call C{waiter.release} when there is room again.
        """
        self._waiters.append(waiter)

    def open(self) -> None:
        """
        There is room: let everybody go on.
        """
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                waiter.release()
