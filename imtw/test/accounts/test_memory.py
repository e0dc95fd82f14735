"""
Tests of L{imtw.accounts.memory}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.accounts.buckets import Rate
from imtw.accounts.memory import VerifiedPasswords


class VerifiedPasswordsTests(SynchronousTestCase):
    """
    L{VerifiedPasswords}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.memory = VerifiedPasswords(self.clock, Rate(3, 60.0), 100)
        self.memory.remember("ann", "pass", "secret", "home")

    def test_knows(self) -> None:
        """
        Exactly what was verified is known: this user, password, stored secret
        and address.
        """
        self.assertTrue(self.memory.knows("ann", "pass", "secret", "home"))
        self.assertFalse(self.memory.knows("bob", "pass", "secret", "home"))
        self.assertFalse(self.memory.knows("ann", "pass", "secret", "away"))
        self.assertFalse(self.memory.knows("ann", "word", "secret", "home"))
        self.assertFalse(self.memory.knows("ann", "pass", "changed", "home"))

    def test_boundary(self) -> None:
        """
        Password and secret do not run into each other.
        """
        self.assertFalse(self.memory.knows("ann", "passsec", "ret", "home"))

    def test_keyIsRandom(self) -> None:
        """
        Two processes keep different marks, neither of which shows the
        password.
        """
        other = VerifiedPasswords(self.clock, Rate(3, 60.0), 100)
        other.remember("ann", "pass", "secret", "home")
        self.assertNotEqual(list(self.memory._marks.values()), list(other._marks.values()))
        self.assertNotIn("pass", repr(vars(self.memory)))

    def test_noWayToGuess(self) -> None:
        """
        After a few misses it knows nothing for a while: 10,000 guesses are
        not evaluated here.
        """
        for number in range(3):
            self.memory.knows("ann", f"guess {number}", "secret", "home")
        self.assertFalse(self.memory.knows("ann", "pass", "secret", "home"))
        self.clock.advance(60)
        self.assertTrue(self.memory.knows("ann", "pass", "secret", "home"))

    def test_bounded(self) -> None:
        """
        10^5 names leave no more than the bound behind; whoever was used last
        stays.
        """
        for number in range(10**5):
            self.memory.remember(f"user {number}", "pass", "secret", "home")
            self.memory.knows("ann", "pass", "secret", "home")
            self.memory.knows(f"user {number}", "wrong", "secret", "home")
        self.assertEqual(len(self.memory), 100)
        self.assertLessEqual(len(self.memory._misses), 100)
        self.assertTrue(self.memory.knows("ann", "pass", "secret", "home"))
