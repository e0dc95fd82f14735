"""
Tests of L{imtw.accounts.buckets}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.accounts.buckets import AddressBuckets, Buckets, Rate


class BucketsTests(SynchronousTestCase):
    """
    L{Buckets}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.buckets = Buckets(self.clock, Rate(3, 10.0), 100)

    def takeAll(self, key: str) -> int:
        """
        Take until it is empty; how many there were.
        """
        taken = 0
        while not self.buckets.isEmpty(key):
            self.buckets.take(key)
            taken += 1
        return taken

    def test_burstThenRate(self) -> None:
        """
        A burst at once, then one every so many seconds, and never more than a
        burst.
        """
        self.assertEqual(self.takeAll("a"), 3)
        self.clock.advance(9.9)
        self.assertEqual(self.takeAll("a"), 0)
        self.clock.advance(0.1)
        self.assertEqual(self.takeAll("a"), 1)
        self.clock.advance(20)
        self.assertEqual(self.takeAll("a"), 2)
        self.clock.advance(10**6)
        self.assertEqual(self.takeAll("a"), 3)

    def test_keysApart(self) -> None:
        """
        An empty bucket empties no other.
        """
        self.takeAll("a")
        self.assertEqual(self.takeAll("b"), 3)

    def test_giveBack(self) -> None:
        """
        What is given back can be taken again; a bucket never holds more than
        a burst.
        """
        self.takeAll("a")
        self.buckets.giveBack("a")
        self.assertEqual(self.takeAll("a"), 1)
        for _ in range(10):
            self.buckets.giveBack("a")
        self.assertEqual(len(self.buckets), 0)
        self.assertEqual(self.takeAll("a"), 3)

    def test_clockSetBack(self) -> None:
        """
        A clock that is set back by a day leaves in a bucket what is in it,
        and it fills from there as before.
        """
        self.buckets.take("a")
        self.buckets.take("a")
        self.clock.rightNow -= 86400
        self.assertEqual(self.takeAll("a"), 1)
        self.clock.advance(9.9)
        self.assertEqual(self.takeAll("a"), 0)
        self.clock.advance(0.1)
        self.assertEqual(self.takeAll("a"), 1)
        self.clock.advance(30)
        self.assertEqual(self.takeAll("a"), 3)

    def test_givenBackLater(self) -> None:
        """
        So does one that was taken from before the clock was set back, and is
        given it back afterwards.
        """
        self.buckets.take("a")
        self.clock.rightNow -= 3600
        self.buckets.giveBack("a")
        self.assertEqual(self.takeAll("a"), 3)

    def test_bounded(self) -> None:
        """
        10^5 names leave no more than the bound behind, and the latest are
        those that are kept.
        """
        for number in range(10**5):
            self.buckets.take(number)
        self.assertEqual(len(self.buckets), 100)
        for _ in range(3):
            self.buckets.take(10**5 - 1)
        self.assertTrue(self.buckets.isEmpty(10**5 - 1))

    def test_swept(self) -> None:
        """
        Full buckets are dropped as others are taken from, two for one.
        """
        for number in range(100):
            self.buckets.take(number)
        self.clock.advance(60)
        for number in range(50):
            self.buckets.take(f"late {number}")
        self.assertEqual(len(self.buckets), 50)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_local(self) -> None:
        """
        This machine's addresses have their own rate.
        """
        buckets = AddressBuckets(self.clock, Rate(1, 60.0), Rate(5, 1.0), 100)
        for address, burst in [("203.0.113.1", 1), ("127.0.0.1", 5), ("::1", 5)]:
            table, taken = buckets.of(address), 0
            while not table.isEmpty(address):
                table.take(address)
                taken += 1
            self.assertEqual(taken, burst, address)
        self.assertEqual(len(buckets), 3)
