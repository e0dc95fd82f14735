"""
Tests for L{imtw.handlers.friends}.
"""

from __future__ import annotations

from imtw.commands import AgreeFriend, Block, InviteFriend, ListFriends, RemoveFriend, Status
from imtw.test.handlers.harness import HandlerTestCase

OK, NOT_FOUND = Status.OK, Status.NOT_FOUND


class FriendsTests(HandlerTestCase):
    """
    Ann and Bob are on phones that know of friends, Cid on an old client.
    """

    def setUp(self) -> None:
        """
        They are here.
        """
        super().setUp()
        self.ann = self.person("ann", "phone")
        self.bob = self.person("bob", "phone")
        self.cid = self.person("cid")

    def friendsOf(self, who: object) -> list[str]:
        """
        Whom somebody has as friends.
        """
        return [one.user.id for one in self.data(who, 122, ListFriends()).friends]  # type: ignore[arg-type]

    def news(self, user: str) -> list[str]:
        """
        Whom a user has not heard of.
        """
        return [one.user for one in self.successResultOf(self.core.store.news(user, 10))]

    def test_inviteAndAgree(self) -> None:
        """
        The invited is told, agrees, and who invited is told of that.
        """
        id = self.data(self.ann, 105, InviteFriend("bob", "it is me")).id
        self.assertEqual(self.bob.listen(), ["invited ann bob it is me"])
        self.assertEqual(self.news("bob"), [])
        self.assertEqual(self.status(self.cid, 106, AgreeFriend(id=id)), NOT_FOUND)
        self.assertEqual(self.status(self.cid, 106, AgreeFriend("ann")), NOT_FOUND)
        self.assertEqual(self.status(self.ann, 106, AgreeFriend(id=id)), NOT_FOUND)
        self.assertEqual(self.status(self.bob, 106, AgreeFriend("cid", id)), NOT_FOUND)
        self.assertEqual(self.status(self.bob, 106, AgreeFriend()), Status.BAD_REQUEST)
        self.assertEqual(self.status(self.bob, 106, AgreeFriend(id=id)), OK)
        self.assertEqual(self.ann.listen(), ["agreed ann bob"])
        self.assertEqual((self.friendsOf(self.ann), self.friendsOf(self.bob)), (["bob"], ["ann"]))
        self.assertEqual(self.status(self.bob, 107, RemoveFriend("ann")), OK)
        self.assertEqual(self.friendsOf(self.ann), [])
        self.assertEqual(self.status(self.bob, 107, RemoveFriend("ann")), NOT_FOUND)

    def test_oldClient(self) -> None:
        """
        What a client has no words for stays news.
        """
        self.data(self.ann, 105, InviteFriend("cid"))
        self.assertEqual(self.cid.listen(), [])
        self.assertEqual(self.news("cid"), ["ann"])

    def test_slow(self) -> None:
        """
        What a client that reads slowly is not sent stays news.
        """
        self.bob.level = 1
        self.data(self.ann, 105, InviteFriend("bob"))
        self.assertEqual((self.bob.listen(), self.news("bob")), ([], ["ann"]))
        self.person("bob", "pad")
        self.data(self.ann, 105, InviteFriend("bob"))
        self.assertEqual(self.news("bob"), [])

    def test_refused(self) -> None:
        """
        Nobody is a friend of oneself, and who is blocked invites in vain.
        """
        self.assertEqual(self.status(self.ann, 105, InviteFriend("ann")), Status.BAD_REQUEST)
        self.assertEqual(self.status(self.ann, 105, InviteFriend("nobody")), NOT_FOUND)
        self.status(self.bob, 115, Block("ann"))
        self.assertEqual(self.status(self.ann, 105, InviteFriend("bob")), Status.FORBIDDEN)
        self.assertEqual(self.bob.listen(), [])
