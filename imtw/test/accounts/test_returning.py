"""
Tests of L{imtw.accounts.login}: users who come back, with a password that is
remembered, changed, or kept under a hash of another time.
"""

from __future__ import annotations

from hashlib import sha256

from argon2 import PasswordHasher
from twisted.internet.defer import fail

from imtw.accounts.guessing import Figures
from imtw.accounts.hashing import VERIFIERS
from imtw.commands import Status
from imtw.errors import StoreBusy
from imtw.model import Token, User
from imtw.test.accounts.fakes import AWAY, AccountsTestCase


class ComingBackTests(AccountsTestCase):
    """
    Logging in again.
    """

    def test_tenThousand(self) -> None:
        """
        10,000 verified users come back, all behind one address, and pass
        without an argon2; none has to wait.
        """
        self.figures = Figures(signup=self.figures.localSignup, localSignup=self.figures.localSignup)
        names = [f"user {number}" for number in range(10000)]
        for name in names:
            self.makeUser(name, "pass of " + name)
        for name in names:
            self.login(name, "pass of " + name)
        self.assertEqual(self.hashes.done, 10000)
        self.hashes.hold()
        for name in names:
            self.login(name, "pass of " + name)
        self.assertEqual(self.hashes.done, 10000)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_afterRestart(self) -> None:
        """
        10,000 users behind one address that come back at once to a new
        process wait in its queue, and all get in; a stranger that comes last
        is not last.
        """
        names = [f"user {number}" for number in range(10000)]
        secret = self.successResultOf(self.hashes.hash("pass"))
        for name in [*names, "lone"]:
            self.successResultOf(self.store.addAccount(User(name, name), secret))
        self.hashes.hold()
        logins = [self.begin(name, "pass") for name in names]
        lone = self.begin("lone", "pass", AWAY)
        held, self.hashes.held = self.hashes.held or [], []
        for each in held:
            each.callback(None)
        while not lone.called:
            assert self.hashes.held
            self.hashes.held.pop(0).callback(None)
        self.assertLess(sum(login.called for login in logins), 20)
        self.hashes.release()
        self.clock.advance(0)
        for login in logins:
            self.successResultOf(login)

    def test_elsewhere(self) -> None:
        """
        At another address the password is checked once more.
        """
        self.login("ann", "pass")
        before = self.hashes.done
        for done in (1, 1):
            self.login("ann", "pass", AWAY)
            self.assertEqual(self.hashes.done - before, done)

    def test_togetherOnce(self) -> None:
        """
        Devices of one user that log in together cost few hashes: who waited
        meanwhile is recognised.
        """
        self.makeUser("ann", "pass")
        self.hashes.hold()
        logins = [self.begin("ann", "pass") for _ in range(100)]
        self.hashes.release()
        self.clock.advance(0)
        for login in logins:
            self.successResultOf(login)
        self.assertLessEqual(self.hashes.done, self.figures.checks)

    def test_passwordChange(self) -> None:
        """
        A changed password is forgotten at once: the old one is refused, the
        new one is right.
        """
        self.login("ann", "pass")
        self.assertTrue(self.successResultOf(self.accounts.setPassword("ann", "new")))
        self.assertEqual(self.outcome("ann", "pass"), Status.LOGIN_FAILED)
        self.assertEqual(self.outcome("ann", "new"), Status.LOGGED_IN)
        self.assertFalse(self.successResultOf(self.accounts.setPassword("nobody", "new")))
        refused = self.accounts.setPassword("ann", "\ud800")
        self.assertEqual(self.statusOf(refused), Status.BAD_REQUEST)

    def test_changedMeanwhile(self) -> None:
        """
        A password that is changed while it is being checked lets nobody in.
        """
        self.makeUser("ann", "pass")
        self.hashes.hold()
        login = self.begin("ann", "pass", AWAY)
        [verifying] = self.hashes.held or []
        self.hashes.held = None
        self.successResultOf(self.accounts.setPassword("ann", "new"))
        verifying.callback(None)
        self.assertEqual(self.statusOf(login), Status.LOGIN_FAILED)
        self.assertEqual(self.outcome("ann", "pass", AWAY), Status.LOGIN_FAILED)


class RenewTests(AccountsTestCase):
    """
    Hashes of another kind or cost are replaced when their password is known.
    """

    OLD = PasswordHasher(2, 16, 1)

    def secretOf(self, name: str) -> str:
        """
        What is stored.
        """
        account = self.successResultOf(self.store.account(name))
        assert account is not None
        return account.secret

    def test_parameters(self) -> None:
        """
        A login replaces a hash of other parameters, once; a wrong password
        does not.
        """
        self.successResultOf(self.store.addAccount(User("ann", "ann"), self.OLD.hash("pass")))
        old = self.secretOf("ann")
        self.assertEqual(self.outcome("ann", "word"), Status.LOGIN_FAILED)
        self.assertEqual(self.secretOf("ann"), old)
        self.login("ann", "pass")
        new = self.secretOf("ann")
        self.assertIn("m=8,t=1,p=1", new)
        before = self.hashes.done
        self.login("ann", "pass")
        self.assertEqual((self.secretOf("ann"), self.hashes.done), (new, before))
        self.accounts = self.makeAccounts()
        self.login("ann", "pass")
        self.assertEqual(self.secretOf("ann"), new)

    def test_tokens(self) -> None:
        """
        The user's tokens stay: its password is the same.
        """
        self.successResultOf(self.store.addAccount(User("ann", "ann"), self.OLD.hash("pass")))
        self.successResultOf(self.store.addToken(b"token", Token("ann", "phone", 0, 2**50)))
        old = self.secretOf("ann")
        self.login("ann", "pass")
        self.assertNotEqual(self.secretOf("ann"), old)
        self.assertIsNotNone(self.successResultOf(self.store.token(b"token")))

    def test_foreign(self) -> None:
        """
        A login replaces a hash that was brought in from elsewhere.
        """
        # An importer's line in the table of verifiers:
        verifiers = {**VERIFIERS, "{sha256}": lambda secret, word: secret[8:] == sha256(word).hexdigest()}
        self.hashes._verifiers = verifiers
        self.successResultOf(self.store.addAccount(User("ann", "ann"), "{sha256}" + sha256(b"pass").hexdigest()))
        self.assertEqual(self.outcome("ann", "word"), Status.LOGIN_FAILED)
        self.login("ann", "pass")
        self.assertTrue(self.secretOf("ann").startswith("$argon2id$"))

    def test_changedMeanwhile(self) -> None:
        """
        A password that somebody changes while the hash is made anew stays
        changed.
        """
        self.successResultOf(self.store.addAccount(User("ann", "ann"), self.OLD.hash("pass")))
        self.hashes.hold()
        self.begin("ann", "pass")
        verifying = self.hashes.held or []
        self.hashes.held = []
        verifying[0].callback(None)
        [renewing] = self.hashes.held
        self.hashes.held = None
        self.successResultOf(self.accounts.setPassword("ann", "new"))
        changed = self.secretOf("ann")
        renewing.callback(None)
        self.assertEqual(self.secretOf("ann"), changed)
        self.assertEqual(self.outcome("ann", "new", AWAY), Status.LOGGED_IN)

    def test_notPossible(self) -> None:
        """
        A store that is busy does not keep anybody out.
        """
        self.successResultOf(self.store.addAccount(User("ann", "ann"), self.OLD.hash("pass")))
        self.store.renewSecret = lambda *args: fail(StoreBusy())  # type: ignore[method-assign]
        self.assertEqual(self.outcome("ann", "pass"), Status.LOGGED_IN)
