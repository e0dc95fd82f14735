"""
How slow a machine is said to be.
"""

from __future__ import annotations

from unittest import TestCase, mock

from imtw.verify import pace


class SlownessTests(TestCase):
    """
    L{pace.slowness}.
    """

    def slowness(self, times: list[float]) -> float:
        """
        What it is where the work takes so long, once and again.
        """
        clock = iter([at for time in times for at in (0.0, time)])
        with mock.patch.object(pace, "thread_time", lambda: next(clock)):
            return pace.slowness()

    def test_slower(self) -> None:
        """
        The least that the work took counts, for others use the machine, too.
        """
        self.assertAlmostEqual(self.slowness([pace.REFERENCE * times for times in (9, 2.5, 3, 9, 9)]), 2.5)

    def test_faster(self) -> None:
        """
        Nothing is wanted of a server that was not, where the machine is a
        faster one.
        """
        self.assertEqual(self.slowness([pace.REFERENCE / 2] * pace.TRIES), 1.0)

    def test_here(self) -> None:
        """
        Here it is something.
        """
        self.assertTrue(1.0 <= pace.slowness() < 1000.0)
        self.assertEqual(pace.work(), 2)
