"""
Who shows which token.
"""

from __future__ import annotations

from unittest import TestCase

from imtw.accounts.holders import Hold, Holders
from imtw.accounts.tokens import LONGEST, digestOf


class HolderTests(TestCase):
    """
    Tokens that are shown, revoked and let go of.
    """

    def setUp(self) -> None:
        self.holders = Holders()
        self.told: list[str] = []

    def hold(self, text: str, name: str) -> Hold:
        """
        Somebody shows a token.
        """
        return self.holders.hold(text, lambda: self.told.append(name))

    def test_all(self) -> None:
        """
        All who show a token hear that it counts no more, and nobody else.
        """
        holds = [self.hold(text, name) for text, name in (("a", "ann"), ("b", "bob"), ("a", "cid"))]
        self.assertEqual(self.holders.revoke(digestOf("a")), 2)
        self.assertEqual(self.told, ["ann", "cid"])
        self.assertEqual([hold.isRevoked for hold in holds], [True, False, True])

    def test_letGo(self) -> None:
        """
        Who has let go hears nothing; nothing is kept of a token that nobody
        shows.
        """
        with self.hold("a", "ann") as hold:
            other = self.hold("a", "bob")
        hold.letGo()
        self.assertEqual((self.holders.revoke(digestOf("a")), self.told), (1, ["bob"]))
        self.assertEqual(len(self.holders), 1)
        other.letGo()
        self.assertEqual(len(self.holders), 0)
        self.assertEqual(self.holders.revoke(digestOf("a")), 0)

    def test_whileTold(self) -> None:
        """
        Who hears of it may let go at once, others, too.
        """

        def letAllGo() -> None:
            for one in holds:
                one.letGo()

        holds = [self.holders.hold("a", letAllGo) for _ in range(3)]
        self.assertEqual(self.holders.revoke(digestOf("a")), 3)
        self.assertEqual(len(self.holders), 0)

    def test_ended(self) -> None:
        """
        Where nothing of a user's counts any more, whose token it is known to
        have to be hears so, and who does not know yet may ask.
        """
        mine = self.holders.hold("a", lambda: self.told.append("ann"), "ann")
        other = self.holders.hold("b", lambda: self.told.append("bob"), "bob")
        with self.hold("", "anybody") as hold:
            self.holders.end("ann")
            self.assertEqual([hold.isEnded(user) for user in ("ann", "bob")], [True, False])
        self.assertEqual((self.told, mine.isRevoked, other.isRevoked), (["ann"], True, False))
        for one in (mine, other):
            one.letGo()
        self.assertEqual(self.holders._users, {})

    def test_noTokens(self) -> None:
        """
        What can be no token is nobody's.
        """
        for text in ("", "é", "a" * (LONGEST + 1)):
            with self.hold(text, text) as hold:
                self.assertEqual((len(self.holders), self.holders.revoke(b"")), (0, 0))
            self.assertFalse(hold.isRevoked)
        self.assertEqual(self.told, [])
