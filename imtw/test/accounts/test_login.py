"""
Tests of L{imtw.accounts.login} with the store's own accounts.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import fail
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from imtw.accounts.guessing import Figures
from imtw.accounts.stored import IRemembers
from imtw.commands import Status
from imtw.errors import CommandRefused, StoreBusy, StoreError
from imtw.interfaces import IAccounts, ILoginChecker
from imtw.limits import Limits
from imtw.model import User
from imtw.test.accounts.fakes import AWAY, HOME, AccountsTestCase


class InterfaceTests(AccountsTestCase):
    """
    What the door and its own checker claim to be.
    """

    def test_interfaces(self) -> None:
        """
        They are it.
        """
        verifyObject(IAccounts, self.accounts)
        verifyObject(ILoginChecker, self.accounts.own)
        verifyObject(IRemembers, self.accounts.own)


class OpenSignupTests(AccountsTestCase):
    """
    Logging in where the first login makes the account.
    """

    def test_firstLogin(self) -> None:
        """
        The first login of a new name makes the account with that password,
        an argon2 hash in the store.
        """
        self.assertEqual(self.login("ann", "pass"), User("ann", "ann"))
        account = self.successResultOf(self.store.account("ann"))
        assert account is not None
        self.assertTrue(account.secret.startswith("$argon2id$"))
        self.accounts = self.makeAccounts()
        self.assertEqual(self.outcome("ann", "word"), Status.LOGIN_FAILED)
        self.assertEqual(self.outcome("ann", "pass"), Status.LOGGED_IN)

    def test_userFromStore(self) -> None:
        """
        The user is as the store has it.
        """
        secret = self.successResultOf(self.hashes.hash("pass"))
        ann = User("ann", "Ann", avatar="ann.png", operator=True)
        self.successResultOf(self.store.addAccount(ann, secret))
        self.assertEqual(self.login("ann", "pass"), ann)
        self.assertEqual(self.login("ann", "pass"), ann)

    def test_firstLoginsAtOnce(self) -> None:
        """
        Of many first logins of one name at once exactly one makes the
        account; the others are checked against it.
        """
        self.hashes.hold()
        logins = [self.begin("ann", password) for password in ("one", "two", "one", "two", "one")]
        for _ in range(20):
            self.hashes.release()
        secret = self.successResultOf(self.store.account("ann"))
        winners = [login for login in logins if isinstance(login.result, User)]
        for login in logins:
            if login not in winners:
                self.assertEqual(self.statusOf(login), Status.LOGIN_FAILED)
        self.assertEqual(len(winners), 3, "one won")
        self.assertEqual(self.successResultOf(self.store.account("ann")), secret)
        self.assertEqual(self.outcome("ann", "one"), Status.LOGGED_IN)
        self.assertEqual(self.outcome("ann", "two"), Status.LOGIN_FAILED)

    def test_creationsBounded(self) -> None:
        """
        One address makes 60 accounts at once, then one a minute; refused
        before hashing.  Others, and accounts that are there, do not notice.
        """
        made = [self.outcome(f"user {number}", "pass", AWAY) for number in range(100)]
        self.assertEqual(made, [Status.LOGGED_IN] * 60 + [Status.TOO_MANY] * 40)
        self.assertEqual(self.hashes.done, 60)
        self.assertEqual(self.outcome("user 1", "pass", AWAY), Status.LOGGED_IN)
        self.assertEqual(self.outcome("ann", "pass", HOME), Status.LOGGED_IN)
        self.clock.advance(60)
        self.assertEqual(self.outcome("user 99", "pass", AWAY), Status.LOGGED_IN)
        self.assertEqual(self.outcome("user 98", "pass", AWAY), Status.TOO_MANY)

    def test_localCreations(self) -> None:
        """
        This machine's addresses make 2000 accounts at once.
        """
        made = [self.outcome(f"user {number}", "pass", "127.0.0.1") for number in range(2001)]
        self.assertEqual(made, [Status.LOGGED_IN] * 2000 + [Status.TOO_MANY])

    def test_creationFails(self) -> None:
        """
        An account that could not be made is the store's error, and counts
        neither as one made nor as a failure.
        """
        addAccount = self.store.addAccount
        self.store.addAccount = lambda *args: fail(StoreBusy())  # type: ignore[method-assign]
        for _ in range(100):
            self.failureResultOf(self.begin("ann", "pass", AWAY), StoreError)
        self.store.addAccount = addAccount  # type: ignore[method-assign]
        self.assertEqual(self.outcome("ann", "pass", AWAY), Status.LOGGED_IN)


class ClosedSignupTests(AccountsTestCase):
    """
    Logging in where operators make the accounts.
    """

    signup = "closed"

    def setUp(self) -> None:
        super().setUp()
        self.makeUser("ann", "pass")

    def test_refusals(self) -> None:
        """
        An unknown name, a wrong password, a disabled account and one without
        a password are refused alike: same status, same text, the connection
        closed, one argon2 each.
        """
        self.makeUser("out", "pass")
        self.store.disabled.add("out")
        self.successResultOf(self.store.addAccount(User("company", "company"), ""))
        seen = set()
        for name in ("nobody", "ann", "out", "company"):
            before = self.hashes.done
            refused = self.failureResultOf(self.begin(name, "word"), CommandRefused).value
            seen.add((refused.status, str(refused), refused.close, refused.data, self.hashes.done - before))
        self.assertEqual(seen, {(Status.LOGIN_FAILED, "login failed", True, None, 1)})
        self.assertIsNone(self.successResultOf(self.store.account("nobody")))

    def test_refusedAlikeForLong(self) -> None:
        """
        A name that is there and one that is not run out of guesses alike.
        """
        ends = [[self.outcome(name, "word", AWAY) for _ in range(15)] for name in ("ann", "nobody")]
        self.assertEqual(ends[0], ends[1])
        self.assertEqual(ends[0], [Status.LOGIN_FAILED] * 10 + [Status.TOO_MANY] * 5)

    def test_disabled(self) -> None:
        """
        A disabled account is refused with its right password too, and with
        one that is remembered.
        """
        self.assertEqual(self.outcome("ann", "pass"), Status.LOGGED_IN)
        self.store.disabled.add("ann")
        self.assertEqual(self.outcome("ann", "pass"), Status.LOGIN_FAILED)
        self.accounts = self.makeAccounts()
        self.assertEqual(self.outcome("ann", "pass"), Status.LOGIN_FAILED)

    def test_notNames(self) -> None:
        """
        What cannot be a name or a password is refused at no cost.
        """
        for name in ("", " ann", "a\nb", "a\0", "\ud800", "x" * 65):
            self.assertEqual(self.outcome(name, "pass"), Status.LOGIN_FAILED)
        for password in ("x" * 1025, "密" * 342, "\udfff"):
            self.assertEqual(self.outcome("ann", password), Status.LOGIN_FAILED)
        self.assertEqual(self.hashes.done, 0)

    def test_queueFull(self) -> None:
        """
        A full queue says so, and asks for nothing more.
        """
        self.limits = Limits(loginQueue=4)
        self.figures = Figures(checks=1)
        self.accounts = self.makeAccounts()
        self.hashes.hold()
        running = self.begin("ann", "pass")
        waiting = [self.begin("ann", "pass") for _ in range(2)]
        self.assertEqual(self.statusOf(self.begin("ann", "pass")), Status.BUSY)
        other = self.begin("ann", "pass", AWAY)
        self.assertEqual(self.accounts.waiting, 3)
        self.hashes.release()
        for login in [running, *waiting, other]:
            self.assertEqual(self.successResultOf(login).id, "ann")

    def test_stop(self) -> None:
        """
        Stopping refuses whoever waits or is being checked, and leaves no
        delayed call behind.
        """
        self.hashes.hold()
        logins = [self.begin("ann", "pass", f"203.0.113.{number}") for number in range(20)]
        changed = self.accounts.setPassword("ann", "new")
        self.successResultOf(self.accounts.stop())
        self.assertEqual(self.statusOf(changed), Status.BUSY)
        for login in [*logins, self.begin("ann", "pass")]:
            self.assertEqual(self.statusOf(login), Status.BUSY)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_hangUp(self) -> None:
        """
        Who hangs up while its password is checked has used its guess all the
        same; who hangs up while it waits has not.
        """
        self.hashes.hold()
        for number in range(100):
            self.begin("ann", f"guess {number}", AWAY).addErrback(lambda why: None).cancel()
        self.hashes.release()
        self.assertEqual(self.hashes.done, self.figures.checks)
        left = [self.outcome("ann", "guess", AWAY) for _ in range(10 - self.figures.checks)]
        self.assertEqual(left, [Status.LOGIN_FAILED] * 2)
        self.assertEqual(self.outcome("ann", "pass", AWAY), Status.TOO_MANY)

    def test_secretsNotLogged(self) -> None:
        """
        Neither passwords nor tokens nor hashes are logged.
        """
        seen: list[LogEvent] = []
        observer = cast(ILogObserver, seen.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.accounts.own.signup = "open"
        self.login("new", "canary")
        self.outcome("new", "canary wrong")
        token, _ = self.successResultOf(self.accounts.issueToken("new", ""))
        self.login("", token=token)
        self.successResultOf(self.accounts.setPassword("new", "canary too"))
        self.assertTrue(seen)
        for word in ("canary", token, "$argon2"):
            self.assertNotIn(word, repr(seen))
