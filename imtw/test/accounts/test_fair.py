"""
Tests of L{imtw.accounts.fair}.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.accounts.fair import SLICE, FairQueue
from imtw.commands import Status
from imtw.errors import CommandRefused


class FairQueueTests(SynchronousTestCase):
    """
    L{FairQueue} hands its places out in turn.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.queue = FairQueue(self.clock, 2, 20000)
        self.begun: list[tuple[str, int]] = []
        self.running: list[Deferred[Any]] = []

    def put(self, address: str, number: int = 0) -> Deferred[Any]:
        """
        Queue work that runs until it is ended.
        """

        def work() -> Deferred[Any]:
            self.begun.append((address, number))
            self.running.append(Deferred())
            return self.running[-1]

        return self.queue.run(address, work)

    def endOne(self) -> None:
        """
        End what runs longest.
        """
        self.running.pop(0).callback(None)

    def test_width(self) -> None:
        """
        So many run at once, and the next when one ends.
        """
        for number in range(4):
            self.put("a", number)
        self.assertEqual([number for _, number in self.begun], [0, 1])
        self.endOne()
        self.assertEqual([number for _, number in self.begun], [0, 1, 2])
        self.assertEqual(self.queue.waiting, 1)

    def test_turns(self) -> None:
        """
        One address with 10,000 pieces of work does not hold up another with
        one: it is next but one.
        """
        crowd = [self.put("crowd", number) for number in range(10000)]
        self.put("lone")
        self.endOne()
        self.endOne()
        self.assertIn(("lone", 0), self.begun[:4])
        self.assertEqual([number for address, number in self.begun if address == "crowd"], [0, 1, 2])
        self.assertNoResult(crowd[2])

    def test_order(self) -> None:
        """
        Addresses are served in turn, each in the order of its own work.
        """
        self.queue = FairQueue(self.clock, 1, 20000)
        for address, number in [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("c", 0), ("a", 3)]:
            self.put(address, number)
        while self.running:
            self.endOne()
        self.assertEqual(self.begun, [("a", 0), ("a", 1), ("b", 0), ("c", 0), ("a", 2), ("b", 1), ("a", 3)])

    def test_oneAddressHasHalf(self) -> None:
        """
        One address may fill half of the queue; what comes then is refused,
        and others still find room.
        """
        queue = self.queue = FairQueue(self.clock, 1, 10)
        self.put("crowd")
        kept = [self.put("crowd", number) for number in range(5)]
        over = self.failureResultOf(self.put("crowd"), CommandRefused).value
        self.assertEqual(over.status, Status.BUSY)
        for each in kept:
            self.assertNoResult(each)
        self.assertEqual([self.isTaken("second") for _ in range(4)], [True, True, True, False])
        self.assertEqual([self.isTaken("third") for _ in range(2)], [True, False])
        self.assertTrue(self.isTaken("fourth"))
        self.assertFalse(self.isTaken("fifth"), "full")
        self.assertEqual(queue.waiting, 10)

    def isTaken(self, address: str) -> bool:
        """
        Queue one more; was there room?
        """
        refused: list[Any] = []
        self.put(address).addErrback(refused.append)
        return not refused

    def test_result(self) -> None:
        """
        The owner gets what the work gave, or how it failed, synchronously
        raised errors too.
        """
        self.assertEqual(self.successResultOf(self.queue.run("a", lambda: succeed(7))), 7)
        self.failureResultOf(self.queue.run("a", lambda: fail(KeyError())), KeyError)
        self.failureResultOf(self.queue.run("a", lambda: 1 // 0), ZeroDivisionError)  # type: ignore[arg-type, return-value]
        self.assertEqual(self.successResultOf(self.queue.run("a", lambda: succeed(8))), 8)

    def test_cancelWaiting(self) -> None:
        """
        Work that has not begun is taken out when its owner gives up.
        """
        self.put("a")
        self.put("a")
        waiting = self.put("a", 3)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(self.queue.waiting, 0)
        self.endOne()
        self.assertEqual(len(self.begun), 2)

    def test_cancelRunning(self) -> None:
        """
        Work that has begun goes on and keeps its place until it ends: hanging
        up makes nothing undone.
        """
        gone = self.put("a")
        self.put("a")
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        waiting = self.put("a", 3)
        self.assertEqual(self.queue.waiting, 1)
        self.endOne()
        self.assertEqual(self.begun[-1], ("a", 3))
        self.assertNoResult(waiting)

    def test_slices(self) -> None:
        """
        A crowd whose work ends at once is served in slices, with a turn of
        the reactor between.
        """
        self.put("a")
        self.put("a")
        done: list[int] = []
        for number in range(3 * SLICE):
            self.queue.run("b", partial(succeed, number)).addCallback(done.append)
        self.endOne()
        self.assertEqual(len(done), SLICE)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(0)
        self.assertEqual(done, list(range(3 * SLICE)))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """
        When it stops, whatever waits or runs is refused, nothing more is
        taken, and no delayed call is left.
        """
        ends = [self.put("a", number) for number in range(3)]
        for _ in range(3 * SLICE):
            self.queue.run("b", lambda: succeed(None)).addErrback(lambda why: why.trap(CommandRefused))
        self.endOne()
        self.successResultOf(ends.pop(0))
        self.queue.stop()
        ends.append(self.put("a"))
        for end in ends:
            self.assertEqual(self.failureResultOf(end, CommandRefused).value.status, Status.BUSY)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.queue.waiting, 0)
