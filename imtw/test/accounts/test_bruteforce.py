"""
Tests of L{imtw.accounts.login} under attack.
"""

from __future__ import annotations

from imtw.accounts.guessing import Figures
from imtw.commands import Status
from imtw.test.accounts.fakes import AWAY, HOME, AccountsTestCase


class BruteForceTests(AccountsTestCase):
    """
    10,000 guesses: not more than 100 an hour are evaluated, and the victim
    gets in.
    """

    signup = "closed"

    def setUp(self) -> None:
        super().setUp()
        self.makeUser("ann", "pass")

    def attack(self, addresses: list[str], hours: int = 3) -> list[int]:
        """
        Guess from these addresses in turn, 10,000 times an hour, the victim
        logging in from home now and then.

        @return: guesses evaluated, for each hour.
        """
        evaluated = []
        for _ in range(hours):
            before = self.hashes.done
            for number in range(10000):
                end = self.outcome("ann", f"guess {number}", addresses[number % len(addresses)])
                self.assertIn(end, (Status.LOGIN_FAILED, Status.TOO_MANY))
                self.clock.advance(0.36)
            evaluated.append(self.hashes.done - before)
            self.assertVictimGetsIn()
        return evaluated

    def assertVictimGetsIn(self) -> None:
        """
        From home, on a process that knows and on one that has just started.
        """
        self.assertEqual(self.outcome("ann", "pass", HOME), Status.LOGGED_IN)

    def test_oneAddress(self) -> None:
        """
        From one address.
        """
        self.login("ann", "pass", HOME)
        self.assertEqual(self.attack([AWAY]), [19, 10, 10])

    def test_hundredAddresses(self) -> None:
        """
        From a hundred addresses.
        """
        self.login("ann", "pass", HOME)
        first, *later = self.attack([f"198.51.100.{number}" for number in range(100)])
        self.assertLessEqual(first, 60)
        self.assertEqual(later, [40, 40])

    def test_oneNetwork(self) -> None:
        """
        From a hundred addresses of one IPv6 network, which count as one.
        """
        self.login("ann", "pass", HOME)
        self.assertEqual(self.attack([f"2001:db8::{number}" for number in range(100)]), [19, 10, 10])

    def test_afterRestart(self) -> None:
        """
        The victim's address is known after a restart in the midst of it.
        """
        self.login("ann", "pass", HOME)
        self.accounts = self.makeAccounts()
        for number in range(100):
            self.outcome("ann", "guess", f"198.51.100.{number}")
        self.assertEqual(self.outcome("ann", "pass", "198.51.100.200"), Status.TOO_MANY)
        self.assertVictimGetsIn()

    def test_atOnce(self) -> None:
        """
        10,000 guesses sent together, some from home, are no better: few are
        hashed, and the right password at the end of them is not looked at,
        by the memory neither.
        """
        self.login("ann", "pass", HOME)
        before = self.hashes.done
        self.hashes.hold()
        addresses = [HOME, *(f"198.51.100.{number}" for number in range(99))]
        guesses = [self.begin("ann", f"guess {number}", addresses[number % 100]) for number in range(9900)]
        guesses += [self.begin("ann", "pass", address) for address in addresses]
        for _ in range(100):
            self.hashes.release()
            self.clock.advance(0)
        self.assertEqual({self.statusOf(guess) for guess in guesses}, {Status.LOGIN_FAILED, Status.TOO_MANY})
        self.assertLessEqual(self.hashes.done - before, 20 + 10)

    def test_rememberedIsNoWayIn(self) -> None:
        """
        The memory of verified passwords lets no stranger guess: the right
        password as the 10,000th guess is not looked at.
        """
        self.login("ann", "pass", HOME)
        for number in range(9999):
            self.outcome("ann", f"guess {number}", AWAY)
        self.assertEqual(self.outcome("ann", "pass", AWAY), Status.TOO_MANY)
        for number in range(9999):
            self.outcome("ann", f"guess {number}", HOME)
        self.assertEqual(self.outcome("ann", "pass", HOME), Status.TOO_MANY)

    def test_refusedBeforeHashing(self) -> None:
        """
        An empty bucket refuses without an argon2 and without the queue.
        """
        for _ in range(10):
            self.outcome("ann", "guess", AWAY)
        before = self.hashes.done
        self.hashes.hold()
        self.assertEqual(self.outcome("ann", "guess", AWAY), Status.TOO_MANY)
        self.assertEqual(self.hashes.done, before)

    def test_bounded(self) -> None:
        """
        10^4 names from as many addresses leave no more than the bound of each
        table behind (10^5 do so in the tests of each table).
        """
        self.figures = Figures(table=100)
        self.accounts = self.makeAccounts()
        for number in range(10**4):
            self.outcome(f"user {number}", "guess", f"198.51.{number >> 8}.{number & 255}")
        accounts = self.accounts
        self.assertLessEqual(len(accounts._guessing), 400)
        self.assertLessEqual(len(accounts._known), 100)
        self.assertEqual(len(accounts.own._memory), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
