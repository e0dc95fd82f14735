"""
Tests for L{imtw.persistence.turns}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from imtw.errors import StoreError
from imtw.persistence.turns import Turns


class TurnsTests(SynchronousTestCase):
    """
    Work is done in slices.
    """

    def setUp(self) -> None:
        self.turns = Turns()
        self.done: list[str] = []
        self.waiting: list[tuple[Deferred[Any], Any]] = []

    def take(self, user: str, name: str, slices: int) -> Deferred[Any]:
        """
        Begin some work.
        """
        left = [None] * (slices - 1) + [name]

        def step() -> Deferred[Any]:
            self.done.append(name)
            slice: Deferred[Any] = Deferred()
            self.waiting.append((slice, left.pop(0)))
            return slice

        return Deferred.fromCoroutine(self.turns.take(user, step))

    def commit(self) -> None:
        """
        All slices that were asked for are done.
        """
        while self.waiting:
            self.assertEqual(len(self.waiting), 1)
            slice, result = self.waiting.pop()
            slice.callback(result)

    def test_inTurn(self) -> None:
        """
        One slice is done at a time.  Users take turns, whoever asked for how
        much; of one user one thing is done after the other.
        """
        work = (("ann", "a1", 3), ("ann", "a2", 2), ("bob", "b", 2), ("cid", "c", 1))
        asked = [self.take(*one) for one in work]
        self.commit()
        self.assertEqual([self.successResultOf(one) for one in asked], ["a1", "a2", "b", "c"])
        self.assertEqual(self.done, ["a1", "b", "c", "a1", "b", "a1", "a2", "a2"])
        self.assertEqual(self.turns._users, {})

    def test_failed(self) -> None:
        """
        What fails lets others go on, of the same user, too.
        """
        broken = self.take("ann", "a1", 3)
        asked = [self.take("ann", "a2", 1), self.take("bob", "b", 1)]
        slice, _ = self.waiting.pop()
        slice.errback(StoreError("no"))
        self.failureResultOf(broken, StoreError)
        self.commit()
        self.assertEqual([self.successResultOf(one) for one in asked], ["a2", "b"])
        self.assertEqual(self.turns._users, {})

    def test_atOnce(self) -> None:
        """
        Slices that are done at once make the stack no deeper.
        """
        left = [None] * 2000 + ["all"]
        taken = Deferred.fromCoroutine(self.turns.take("ann", lambda: succeed(left.pop(0))))
        self.assertEqual(self.successResultOf(taken), "all")
        self.failureResultOf(Deferred.fromCoroutine(self.turns.take("ann", lambda: fail(StoreError("no")))), StoreError)
