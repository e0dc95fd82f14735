"""
The garbage collector, kept from looking at all connections again and again.

Python's full collections look at every object there is, and meanwhile nobody
is served.  What a full collection has let live is therefore frozen, that is
never looked at again, and they come often enough to find little that is new.
Measured while 15,000 connections come on a busy machine: the longest pause is
14 ms where it was 1,033, and all of them take a tenth of the time.  A connection that ends needs no collector
(C{imtw.test.protocols.test_garbage} holds it to that); for whatever else was
garbage and is frozen, everything is looked at once a day.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import monotonic
from typing import Any

DAY = 86400.0  # seconds
OFTEN = 1  # collections of the middle generation between two full ones, in place of 10


class Freezer:
    """
    Freezes what survives.

    @param seconds: a clock.
    """

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._thawed = 0.0
        self._usual = gc.get_threshold()

    def start(self) -> None:
        """
        Everything is loaded: freeze it, and whatever survives from now on.
        """
        self._thawed = self._seconds()
        gc.collect()
        gc.freeze()
        gc.callbacks.append(self._collects)
        self._usual = gc.get_threshold()
        gc.set_threshold(*self._usual[:2], OFTEN)

    def stop(self) -> None:
        """
        Leave the collector as it was.
        """
        if self._collects in gc.callbacks:
            gc.callbacks.remove(self._collects)
            gc.set_threshold(*self._usual)
            gc.unfreeze()

    def _collects(self, phase: str, about: dict[str, Any]) -> None:
        """
        Called by Python before and after every collection.
        """
        if about["generation"] < 2:
            return
        if phase == "stop":
            gc.freeze()
        elif self._seconds() - self._thawed >= DAY:
            self._thawed = self._seconds()
            gc.unfreeze()
