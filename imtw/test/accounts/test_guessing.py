"""
Tests of L{imtw.accounts.guessing}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.accounts.guessing import Figures, Guessing
from imtw.commands import Status
from imtw.errors import CommandRefused


class GuessingTests(SynchronousTestCase):
    """
    L{Guessing} with the figures as they are.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.guessing = Guessing(self.clock, Figures())

    def fail_(self, name: str, address: str, isKnown: bool = False) -> bool:
        """
        Guess wrong; L{False} where no guess was left.
        """
        try:
            self.guessing.begin(name, address, isKnown)
        except CommandRefused as refused:
            self.assertEqual((refused.status, refused.close), (Status.TOO_MANY, True))
            self.assertFalse(self.guessing.mayGuess(name, address, isKnown))
            return False
        return True

    def test_pair(self) -> None:
        """
        An account has 10 guesses at once from one address, then one every
        six minutes.
        """
        self.assertEqual(sum(self.fail_("ann", "away") for _ in range(100)), 10)
        self.clock.advance(359)
        self.assertFalse(self.fail_("ann", "away"))
        self.clock.advance(1)
        self.assertTrue(self.fail_("ann", "away"))
        self.assertTrue(self.fail_("bob", "away"))

    def test_account(self) -> None:
        """
        All strange addresses together have 20 guesses at an account at once,
        then one every 90 s; an address that it knows is not among them.
        """
        addresses = [f"198.51.100.{number}" for number in range(100)]
        self.assertEqual(sum(self.fail_("ann", address) for address in addresses), 20)
        self.assertTrue(self.guessing.mayGuess("ann", "home", True))
        self.assertFalse(self.guessing.mayGuess("ann", "home", False))
        self.clock.advance(90)
        self.assertEqual(sum(self.fail_("ann", address) for address in addresses), 1)

    def test_address(self) -> None:
        """
        One address has 200 guesses over all accounts at once, 2000 if it is
        this machine's; it takes nothing from accounts that know it.
        """
        for address, burst in [("198.51.100.1", 200), ("127.0.0.1", 2000)]:
            self.assertEqual(sum(self.fail_(f"user {number}", address) for number in range(3000)), burst)
            self.assertTrue(self.guessing.mayGuess("ann", address, True))
        self.assertTrue(self.fail_("ann", "198.51.100.2"))

    def test_withdrawn(self) -> None:
        """
        A guess that was right counts nowhere: 10,000 users behind one address
        log in.
        """
        for number in range(10000):
            self.guessing.begin(f"user {number}", "198.51.100.1", False).withdraw()
        self.assertEqual(len(self.guessing), 0)

    def test_atOnce(self) -> None:
        """
        A guess counts while it is being evaluated, so guesses that are made
        together are no more than those made in turn.
        """
        pending = [self.guessing.begin("ann", "away", False) for _ in range(10)]
        self.assertFalse(self.fail_("ann", "away"))
        pending[0].withdraw()
        self.assertTrue(self.fail_("ann", "away"))

    def test_spellings(self) -> None:
        """
        Spellings that a checker may take for one name have one bucket.
        """
        names = ["ann", "Ann", "ANN", "aNN", "\uff21nn"]
        self.assertEqual(sum(self.fail_(name, "away") for name in names * 10), 10)

    def test_bounded(self) -> None:
        """
        10^5 names and addresses leave no more than the bound of each table
        behind, and no delayed call.
        """
        self.guessing = Guessing(self.clock, Figures(table=100))
        for number in range(10**5):
            self.fail_(f"user {number}", f"198.51.{number // 256 % 256}.{number % 256}")
        self.assertLessEqual(len(self.guessing), 400)
        self.assertEqual(self.clock.getDelayedCalls(), [])
