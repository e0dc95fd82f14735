"""
Tests of L{imtw.verify.world.timeline}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from imtw.verify.world.timeline import Timeline


class TimelineTests(SynchronousTestCase):
    """
    L{Timeline}.
    """

    def setUp(self) -> None:
        self.timeline = Timeline()
        self.done: list[tuple[float, str]] = []

    def do(self, what: str) -> None:
        """
        Note what is done, and when.
        """
        self.done.append((self.timeline.seconds(), what))

    def test_order(self) -> None:
        """
        What is planned is done in the order of time, then of the plans, and
        no sooner.
        """
        for delay, what in [(2.0, "late"), (1.0, "one"), (1.0, "other"), (3.0, "too late")]:
            self.timeline.callLater(delay, self.do, what)
        self.timeline.until(2.5)
        self.assertEqual(self.done, [(1.0, "one"), (1.0, "other"), (2.0, "late")])
        self.assertEqual(self.timeline.seconds(), 2.5)
        self.assertEqual(len(self.timeline.getDelayedCalls()), 1)

    def test_meanwhile(self) -> None:
        """
        What is planned meanwhile is done, too, in its time.
        """
        self.timeline.callLater(1, self.timeline.callLater, 0, self.do, "at once")
        self.timeline.until(5)
        self.assertEqual(self.done, [(1.0, "at once")])

    def test_changed(self) -> None:
        """
        A plan may be dropped, put off or brought forward; it is followed
        once.
        """
        dropped, off, forward = (self.timeline.callLater(2, self.do, what) for what in ("dropped", "off", "forward"))
        dropped.cancel()
        off.reset(4)
        forward.reset(1)
        self.timeline.until(10)
        self.assertEqual(self.done, [(1.0, "forward"), (4.0, "off")])
        self.assertFalse(off.active())
