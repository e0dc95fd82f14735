"""
Long work in slices, so that a commit has one slice of it, however much there
is to be done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock


class Turns:
    """
    Does a slice at a time.  Users take turns, and of one user one piece of
    work is under way.
    """

    def __init__(self) -> None:
        self._slice = DeferredLock()
        self._users: dict[str, DeferredLock] = {}

    async def take(self, user: str, step: Callable[[], Deferred[Any]]) -> Any:
        """
        Do something in slices.

        @param step: does a slice; fires with the result, or L{None} where
            there is more to be done.
        @return: the result.
        """
        mine = self._users.setdefault(user, DeferredLock())
        await mine.acquire()
        try:
            found = None
            while found is None:
                found = await self._slice.run(step)
        finally:
            mine.release()
            if not mine.locked:
                self._users.pop(user, None)
        return found
