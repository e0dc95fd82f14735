"""
Tests of L{imtw.accounts.checkers}, of their declarations, and of checkers
that are others'.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface.verify import verifyObject

from imtw.accounts.checkers import AnyoneChecker, CredChecker
from imtw.accounts.stored import IRemembers
from imtw.commands import Status
from imtw.errors import PluginLookupError
from imtw.interfaces import ICheckerMaker, ICore, ILoginChecker
from imtw.model import User
from imtw.plugin import findMaker, findMakers
from imtw.test.accounts.fakes import AWAY, AccountsTestCase, Company


class CheckersTestCase(AccountsTestCase):
    """
    A door whose checker is chosen as on the command line.
    """

    def choose(self, name: str, argument: str = "") -> ILoginChecker:
        """
        Do as C{--auth NAME:ARGUMENT}.
        """
        core = cast(ICore, SimpleNamespace(accounts=self.accounts))
        checker: ILoginChecker = findMaker(ICheckerMaker, name).make(core, argument)
        verifyObject(ILoginChecker, checker)
        self.accounts.checker = checker
        return checker


class BuiltInTests(CheckersTestCase):
    """
    The checkers that come with imtw.
    """

    def test_declared(self) -> None:
        """
        There are three, with a line of help each.
        """
        makers = {maker.name: maker for maker in findMakers(ICheckerMaker)}
        self.assertLessEqual({"accounts", "anyone", "cred"}, set(makers))
        for maker in makers.values():
            self.assertTrue(maker.help)

    def test_accounts(self) -> None:
        """
        C{accounts:} is the door's own, which knows about signup.
        """
        self.assertIs(self.choose("accounts"), self.accounts.own)

    def test_anyone(self) -> None:
        """
        C{anyone:} lets anybody in at once: no hash, no queue, no look into
        the store, nothing counted.
        """
        self.choose("anyone")
        self.store.account = None  # type: ignore[assignment, method-assign]
        self.store.get = None  # type: ignore[assignment, method-assign]
        for number in range(100):
            self.assertEqual(self.login("ann", f"any {number}"), User("ann", "ann"))
        self.assertEqual(self.hashes.done, 0)
        self.assertEqual(self.outcome("a\nb"), Status.LOGIN_FAILED)

    def test_anyoneIsLoud(self) -> None:
        """
        It says so in the log, as a warning.
        """
        seen: list[LogEvent] = []
        observer = cast(ILogObserver, seen.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        verifyObject(IRemembers, AnyoneChecker(cast(ICore, None), ""))
        [event] = seen
        self.assertEqual(event["log_level"], LogLevel.warn)
        self.assertIn("anybody can log in as anybody", event["log_format"])

    def test_noArgument(self) -> None:
        """
        They take nothing behind the colon.
        """
        for name in ("accounts", "anyone"):
            with self.assertRaisesRegex(PluginLookupError, f"{name}:x"):
                self.choose(name, "x")


class CredTests(CheckersTestCase):
    """
    Checkers of L{twisted.cred}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.path = self.mktemp()
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("ann:pass\n密:码\n a:pass\n")

    def test_file(self) -> None:
        """
        C{cred:file:PATH} checks against a file of names and passwords; who is
        not in the store yet is made from the name.
        """
        self.choose("cred", "file:" + self.path)
        self.assertEqual(self.login("ann", "pass"), User("ann", "ann"))
        self.assertEqual(self.login("密", "码").id, "密")
        for name, password in [("ann", "word"), ("bob", "pass"), (" a", "pass")]:
            self.assertEqual(self.outcome(name, password), Status.LOGIN_FAILED)
        self.assertEqual(self.hashes.done, 0)

    def test_wrong(self) -> None:
        """
        A type that is not there, or that cannot check passwords, or does not
        want this argument, is the operator's error; what may be a secret is
        not repeated.  So is a file that is not there, or not named.
        """
        with self.assertRaisesRegex(PluginLookupError, "/nowhere/x is no file"):
            self.choose("cred", "file:/nowhere/x")
        with self.assertRaisesRegex(PluginLookupError, "cred:file: takes"):
            self.choose("cred", "file")
        with self.assertRaisesRegex(PluginLookupError, "nosuch.*file"):
            self.choose("cred", "nosuch:x")
        with self.assertRaises(PluginLookupError) as raised:
            self.choose("cred", "memory:user:secret:odd")
        self.assertNotIn("secret", str(raised.exception))
        with self.assertRaisesRegex(PluginLookupError, "no names and passwords"):
            CredChecker(AllowAnonymousAccess())


class ForeignTests(CheckersTestCase):
    """
    A checker of somebody else's.
    """

    def setUp(self) -> None:
        super().setUp()
        self.company = Company({"ann": "pass"})
        self.accounts = self.makeAccounts(self.company)

    def test_letsIn(self) -> None:
        """
        The id is the checker's word; the rest is the store's where it knows
        the user.
        """
        self.assertEqual(self.login("Ann", "pass"), User("ann", "ann"))
        self.successResultOf(self.store.addAccount(User("ann", "Annie", operator=True), ""))
        self.assertEqual(self.login("ann", "pass").nick, "Annie")
        self.assertEqual(self.hashes.done, 0)

    def test_disabled(self) -> None:
        """
        Who is disabled in the store stays out.
        """
        self.makeUser("ann", "")
        self.store.disabled.add("ann")
        self.assertEqual(self.outcome("ann", "pass"), Status.LOGIN_FAILED)

    def test_notRemembered(self) -> None:
        """
        It is asked each time: the company may have changed the password.
        """
        self.login("ann", "pass")
        self.company.passwords["ann"] = "new"
        self.assertEqual(self.outcome("ann", "pass"), Status.LOGIN_FAILED)

    def test_guessing(self) -> None:
        """
        Failures are counted for it, whatever the spelling of the name.
        """
        names = ["ann", "Ann", "aNn", "anN"]
        ends = [self.outcome(names[number % 4], "guess", AWAY) for number in range(1000)]
        self.assertEqual(ends, [Status.LOGIN_FAILED] * 10 + [Status.TOO_MANY] * 990)
        self.assertEqual(self.company.asked, 10)

    def test_fails(self) -> None:
        """
        A checker that raises is a bug, logged once each; the client is told
        to try later and nothing is counted.
        """
        self.company.fault = ZeroDivisionError()
        for _ in range(50):
            self.assertEqual(self.outcome("ann", "pass"), Status.BUSY)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 50)
        self.company.fault = None
        self.assertEqual(self.outcome("ann", "pass"), Status.LOGGED_IN)

    def test_hangs(self) -> None:
        """
        A checker that does not answer is given up after its deadline, and its
        place is free again.
        """
        self.company.pending = Deferred()
        login = self.begin("ann", "pass")
        self.clock.advance(29.9)
        self.assertNoResult(login)
        self.clock.advance(0.1)
        self.assertEqual(self.statusOf(login), Status.BUSY)
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_badId(self) -> None:
        """
        An id that can be none lets nobody in.
        """
        self.company.pending = Deferred()
        login = self.begin("ann", "pass")
        self.company.pending.callback("a\nb")
        self.assertEqual(self.statusOf(login), Status.LOGIN_FAILED)
