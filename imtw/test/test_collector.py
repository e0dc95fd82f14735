"""
Tests for L{imtw.collector}, with the real garbage collector.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.collector import DAY, Freezer


class Circle:
    """
    Something that only a collector can undo.
    """

    def __init__(self) -> None:
        self.own = self


class FreezerTests(SynchronousTestCase):
    """
    What is frozen, and when it thaws.
    """

    def setUp(self) -> None:
        self.thresholds = gc.get_threshold()
        self.callbacks = list(gc.callbacks)
        self.clock = Clock()
        self.freezer = Freezer(self.clock.seconds)
        self.freezer.start()
        self.addCleanup(self.freezer.stop)

    def collected(self, lost: Any) -> bool:
        """
        Does a full collection find this?
        """
        gc.collect()
        return lost() is None

    def circle(self) -> Any:
        """
        A weak reference to garbage that is new.
        """
        return weakref.ref(Circle())

    def frozen(self) -> Any:
        """
        A weak reference to garbage that was frozen before it was garbage.
        """
        kept = Circle()
        gc.collect()
        return weakref.ref(kept)

    def test_survivors(self) -> None:
        """
        What a full collection lets live is frozen, garbage is not.
        """
        before = gc.get_freeze_count()
        kept = [Circle() for _ in range(1000)]
        self.assertTrue(self.collected(self.circle()))
        self.assertGreaterEqual(gc.get_freeze_count(), before + len(kept))

    def test_young(self) -> None:
        """
        A collection of young objects freezes nothing.
        """
        gc.collect()
        before = gc.get_freeze_count()
        kept = [Circle() for _ in range(1000)]
        gc.collect(1)
        self.assertLess(gc.get_freeze_count(), before + len(kept))

    def test_oncePerDay(self) -> None:
        """
        Garbage that was frozen stays until a day has passed, and is found
        then.
        """
        lost = self.frozen()
        self.assertFalse(self.collected(lost))
        self.clock.advance(DAY - 1)
        self.assertFalse(self.collected(lost))
        self.clock.advance(1)
        self.assertTrue(self.collected(lost))
        self.assertFalse(self.collected(self.frozen()))

    def test_references(self) -> None:
        """
        What is frozen goes with its last reference all the same.
        """
        kept: Any = Circle()
        gc.collect()
        lost = weakref.ref(kept)
        del kept.own, kept
        self.assertIsNone(lost())

    def test_stop(self) -> None:
        """
        Afterwards the collector is as it was, and finds what was frozen.
        """
        lost = self.frozen()
        self.freezer.stop()
        self.assertEqual((gc.get_threshold(), gc.callbacks), (self.thresholds, self.callbacks))
        self.assertEqual(gc.get_freeze_count(), 0)
        self.assertTrue(self.collected(lost))
        self.freezer.stop()
