"""
Tests of L{imtw.verify.soak}: what its looks are taken to say.
"""

from __future__ import annotations

from collections.abc import Callable
from unittest import TestCase

from imtw.verify.report import Verdict
from imtw.verify.soak import MIB, Sample, judge

HOURS = 2.0


def samples(memory: Callable[[float], float], descriptors: int = 0, calls: int = 0) -> list[Sample]:
    """
    A look every minute.

    @param memory: MiB, by hours.
    @param descriptors: more of them an hour.
    @param calls: the same.
    """
    hours = [minute / 60 for minute in range(int(HOURS * 60))]
    return [
        Sample(at * 3600, int(memory(at) * MIB), 50 + int(at * descriptors), 4 + int(at * calls)) for at in hours
    ]


class JudgeTests(TestCase):
    """
    Slopes.
    """

    def verdict(self, looks: list[Sample], hours: float = HOURS, cut: int = 0) -> Verdict:
        """
        What comes of them.
        """
        return judge(looks, hours, 1000.0, 10**6, cut).verdict

    def test_flat(self) -> None:
        """
        What goes up and down, and what grows in the beginning, is no leak.
        """
        self.assertIs(self.verdict(samples(lambda hours: 80 + (hours * 60 % 2))), Verdict.PASS)
        self.assertIs(self.verdict(samples(lambda hours: 80 + min(0.3, hours) * 100)), Verdict.PASS)

    def test_leaks(self) -> None:
        """
        Memory that grows by more than 1 MiB an hour is one; so are
        descriptors and delayed calls.
        """
        self.assertIs(self.verdict(samples(lambda hours: 80 + 0.9 * hours)), Verdict.PASS)
        self.assertIs(self.verdict(samples(lambda hours: 80 + 1.1 * hours)), Verdict.FAIL)
        self.assertIs(self.verdict(samples(lambda hours: 80, descriptors=10)), Verdict.FAIL)
        self.assertIs(self.verdict(samples(lambda hours: 80, calls=10)), Verdict.FAIL)

    def test_short(self) -> None:
        """
        In less than an hour it is 1 MiB in all.
        """
        looks = [Sample(one.at / 12, *one[1:]) for one in samples(lambda hours: 80 + 0.45 * hours)]
        self.assertIs(self.verdict(looks, HOURS / 12), Verdict.PASS)
        looks = [Sample(one.at / 12, *one[1:]) for one in samples(lambda hours: 80 + 2 * hours)]
        self.assertIs(self.verdict(looks, HOURS / 12), Verdict.FAIL)

    def test_notLooked(self) -> None:
        """
        A server that died, connections that were cut, and metrics that were
        not to be had are failures.
        """
        flat = samples(lambda hours: 80)
        self.assertIs(self.verdict(flat[:30]), Verdict.FAIL)
        self.assertIs(self.verdict(flat, cut=1), Verdict.FAIL)
        self.assertIs(self.verdict([*flat[:-1], flat[-1]._replace(calls=-1)]), Verdict.FAIL)
