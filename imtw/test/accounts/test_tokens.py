"""
Tests of L{imtw.accounts.tokens}, through the door.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import succeed

from imtw.accounts.tokens import digestOf
from imtw.commands import Status
from imtw.limits import Limits
from imtw.model import TokenTerms, User
from imtw.test.accounts.fakes import AWAY, HOME, AccountsTestCase


class TokenTests(AccountsTestCase):
    """
    Logging in with a token.
    """

    limits = Limits(token=3600.0)

    def setUp(self) -> None:
        super().setUp()
        self.makeUser("ann", "pass")
        self.makeUser("bob", "word")
        self.text, self.kept = self.successResultOf(self.accounts.issueToken("ann", "phone"))

    def test_letsIn(self) -> None:
        """
        A token lets its user in, with the name or without, from anywhere and
        with no argon2.
        """
        self.assertEqual(self.login("", token=self.text).id, "ann")
        self.assertEqual(self.login("ann", token=self.text, address=AWAY, device="phone").id, "ann")
        self.assertEqual(self.hashes.done, 0)

    def test_opaque(self) -> None:
        """
        It is 256 random bits, and nothing that is stored is it.
        """
        other, _ = self.successResultOf(self.accounts.issueToken("ann", "phone"))
        self.assertEqual(len(self.text), 43)
        self.assertNotEqual(self.text, other)
        self.assertEqual(self.kept.user, "ann")
        self.assertEqual(self.kept.expires - self.kept.created, 3600_000)
        for kept in (self.store.tokens, self.kept, self.accounts, vars(self.accounts)):
            self.assertNotIn(self.text, repr(kept))

    def test_check(self) -> None:
        """
        C{checkToken} gives what is kept of it, or nothing.
        """
        self.assertEqual(self.successResultOf(self.accounts.checkToken(self.text)), self.kept)
        self.assertIsNone(self.successResultOf(self.accounts.checkToken(self.text + "x")))

    def test_unknown(self) -> None:
        """
        Whatever is no token is refused, as bad as it may be.
        """
        for text in ("x", self.text[:-1], self.text + "=", "\ud800", "密", "x" * 10**6, "\0", "*"):
            self.assertEqual(self.outcome("", token=text), Status.LOGIN_FAILED)
            self.assertIsNone(self.successResultOf(self.accounts.revokeToken(text)))

    def test_expires(self) -> None:
        """
        It lasts as long as the limit says.
        """
        self.clock.advance(3599.9)
        self.assertEqual(self.outcome("", token=self.text), Status.LOGGED_IN)
        self.clock.advance(0.1)
        self.assertEqual(self.outcome("", token=self.text), Status.LOGIN_FAILED)

    def test_revoked(self) -> None:
        """
        A revoked token is worthless; who revokes learns whose it was.
        """
        self.assertEqual(self.successResultOf(self.accounts.revokeToken(self.text)), self.kept)
        self.assertEqual(self.outcome("", token=self.text), Status.LOGIN_FAILED)
        self.assertIsNone(self.successResultOf(self.accounts.revokeToken(self.text)))

    def test_passwordChange(self) -> None:
        """
        A changed password makes the user's tokens worthless, nobody else's.
        """
        other, _ = self.successResultOf(self.accounts.issueToken("bob", ""))
        self.assertTrue(self.successResultOf(self.accounts.setPassword("ann", "new")))
        self.assertEqual(self.outcome("", token=self.text), Status.LOGIN_FAILED)
        self.assertEqual(self.outcome("", token=other), Status.LOGGED_IN)

    def test_notForOthers(self) -> None:
        """
        A token is nobody else's and for no other device.
        """
        self.assertEqual(self.outcome("bob", token=self.text), Status.LOGIN_FAILED)
        refused = self.begin("ann", token=self.text, device="desk")
        self.assertEqual(self.statusOf(refused), Status.LOGIN_FAILED)

    def test_disabled(self) -> None:
        """
        A disabled account's token does not let in; neither does one of an
        account that is gone.
        """
        text, _ = self.successResultOf(self.accounts.issueToken("gone", ""))
        self.assertEqual(self.outcome("", token=text), Status.LOGIN_FAILED)
        self.store.disabled.add("ann")
        self.assertEqual(self.outcome("", token=self.text), Status.LOGIN_FAILED)

    def test_junkBesidePassword(self) -> None:
        """
        An old J-IM client that sends anything as token is let in by its
        password, and by nothing less.
        """
        self.assertEqual(self.outcome("ann", "pass", token="anything"), Status.LOGGED_IN)
        self.assertEqual(self.outcome("ann", "", token="anything"), Status.LOGIN_FAILED)
        self.assertEqual(self.outcome("ann", "word", token="anything"), Status.LOGIN_FAILED)


class TokenTermsTests(AccountsTestCase):
    """
    Tokens of one dialect's own: one a user, in hex, lasting anew with each
    use.
    """

    terms = TokenTerms(audience="other", lifetime=2400.0)

    def setUp(self) -> None:
        super().setUp()
        self.makeUser("ann", "pass")
        self.text = self.issue()

    def issue(self) -> str:
        """
        One more for Ann.
        """
        text: str
        text, self.replaced = self.successResultOf(self.accounts.replaceToken("ann", self.terms))
        return text

    def isGood(self, text: str) -> bool:
        """
        Use one.
        """
        return self.successResultOf(self.accounts.checkToken(text, self.terms)) is not None

    def test_shape(self) -> None:
        """
        It is 32 lower-case hex digits.
        """
        self.assertRegex(self.text, "^[0-9a-f]{32}$")
        self.assertTrue(self.isGood(self.text))

    def test_onlyItsAudience(self) -> None:
        """
        It lets in nowhere else, nor does a token of another kind let in here.
        """
        self.assertEqual(self.outcome("", token=self.text), Status.LOGIN_FAILED)
        self.assertIsNone(self.successResultOf(self.accounts.checkToken(self.text)))
        others = TokenTerms(audience="third", lifetime=9.0)
        self.assertIsNone(self.successResultOf(self.accounts.checkToken(self.text, others)))
        common, _ = self.successResultOf(self.accounts.issueToken("ann", ""))
        self.assertFalse(self.isGood(common))
        self.assertTrue(self.isGood(self.text))

    def test_one(self) -> None:
        """
        A new one takes the place of the old one, and says which that was.
        """
        self.assertEqual(self.replaced, [])
        new = self.issue()
        self.assertEqual(self.replaced, [digestOf(self.text)])
        self.assertFalse(self.isGood(self.text))
        self.assertTrue(self.isGood(new))

    def test_lastsAnew(self) -> None:
        """
        It lasts its whole life from whenever it was used, and a part of it
        longer at most.
        """
        for pause in (99, 2399, 1, 99, 101):
            self.clock.advance(pause)
            self.assertTrue(self.isGood(self.text), pause)
        self.clock.advance(2400)
        self.assertTrue(self.isGood(self.text))
        self.clock.advance(2501)
        self.assertFalse(self.isGood(self.text))

    def test_writtenSeldom(self) -> None:
        """
        However often it is used, it is written once in a part of its life.
        """
        written: list[int] = []
        renew = self.store.renewToken

        def counted(digest: bytes, expires: int) -> Any:
            written.append(expires)
            return renew(digest, expires)

        self.patch(self.store, "renewToken", counted)
        for _ in range(1000):
            self.clock.advance(1)
            self.assertTrue(self.isGood(self.text))
        self.assertEqual(len(written), 1000 // 101)


class ForeignTokenTests(AccountsTestCase):
    """
    Tokens of a dialect's own making, and accounts that are asked for.
    """

    def setUp(self) -> None:
        super().setUp()
        self.makeUser("ann", "pass")
        tokens = {"a.b.c": "ann", "x.y.z": "nobody"}
        self.accounts.addTokenReader(lambda text: succeed(tokens.get(text)))

    def test_letsIn(self) -> None:
        """
        They let their users in as other tokens do, and nobody else.
        """
        self.assertEqual(self.login("", token="a.b.c").id, "ann")
        self.assertEqual(self.login("ann", token="a.b.c").id, "ann")
        for name, token in (("bob", "a.b.c"), ("", "x.y.z"), ("nobody", "x.y.z"), ("", "a.b.d")):
            self.assertEqual(self.outcome(name, token=token), Status.LOGIN_FAILED)

    def test_signUp(self) -> None:
        """
        An account is made once, with a name and a password that can be
        theirs.
        """
        made = self.accounts.signUp(User("bob", "Bob", "b.png"), "word", HOME)
        self.assertTrue(self.successResultOf(made))
        self.assertEqual(self.login("bob", "word").avatar, "b.png")
        self.assertFalse(self.successResultOf(self.accounts.signUp(User("bob", ""), "other", HOME)))
        for name, password in (("", "x"), (" c", "x"), ("c" * 65, "x"), ("c", "x" * 1025), ("c", "\ud800")):
            self.assertEqual(self.statusOf(self.accounts.signUp(User(name, ""), password, HOME)), Status.BAD_REQUEST)

    def test_signUpClosed(self) -> None:
        """
        No account is made where that is not allowed.
        """
        self.accounts.own.signup = "closed"
        self.assertEqual(self.statusOf(self.accounts.signUp(User("bob", ""), "word", HOME)), Status.FORBIDDEN)
        self.accounts.own.signup = "open"
        self.accounts.checker = self.makeAccounts().own
        self.assertEqual(self.statusOf(self.accounts.signUp(User("bob", ""), "word", HOME)), Status.FORBIDDEN)
        self.assertIsNone(self.successResultOf(self.store.account("bob")))
