"""
What every store has to do with friends, invitations and users' numbers.
"""

from __future__ import annotations

from imtw.commands import Status
from imtw.model import User
from imtw.test.persistence.harness import StoreHarness


class FriendContract(StoreHarness):
    """
    Numbers, friends, invitations.
    """

    async def people(self, *names: str) -> None:
        """
        Some accounts.
        """
        for name in names:
            await self.store.addAccount(User(name, name.title()), "")

    async def listed(self, user: str) -> list[tuple[str, str]]:
        """
        A user's friends with their remarks.
        """
        return [(friend.user.id, friend.remark) for friend in await self.store.friends(user, "", 100)]

    async def test_number(self) -> None:
        """
        A user has one number for good, and nobody else has it.
        """
        await self.people("ann", "bob")
        self.assertIsNone(await self.store.numbered(7))
        self.assertFalse((await self.store.user("ann")).number)
        self.assertEqual(await self.store.number("ann", 7), 7)
        self.assertEqual(await self.store.number("ann", 8), 7)
        self.assertEqual((await self.store.user("ann")).number, 7)
        self.assertEqual((await self.store.numbered(7)).user.id, "ann")
        await self.refused(self.store.number("bob", 7), Status.CONFLICT)
        self.assertEqual(await self.store.number("bob", 2123933401806278656), 2123933401806278656)
        self.assertEqual((await self.store.numbered(2123933401806278656)).user.id, "bob")
        self.assertIsNone(await self.store.number("nobody", 9))
        self.assertIsNone(await self.store.numbered(9))

    async def test_befriend(self) -> None:
        """
        Who agrees to an invitation is a friend, both ways, until one of them
        ends it.
        """
        await self.people("ann", "bob", "cid")
        asked = await self.store.invite("ann", "bob", "hello")
        self.assertEqual((asked.user, asked.friend, asked.note, asked.agreed), ("ann", "bob", "hello", False))
        self.assertEqual(await self.listed("ann"), [])
        self.assertIsNone(await self.store.agree("cid", "ann"))
        self.assertIsNone(await self.store.agree("ann", "bob"))
        agreed = await self.store.agree("bob", "ann")
        self.assertEqual((agreed.id, agreed.agreed), (asked.id, True))
        self.assertIsNone(await self.store.agree("bob", "ann"))
        self.assertEqual(await self.listed("ann"), [("bob", "")])
        self.assertEqual(await self.listed("bob"), [("ann", "")])
        await self.refused(self.store.invite("ann", "bob", ""), Status.CONFLICT)
        await self.refused(self.store.invite("bob", "ann", ""), Status.CONFLICT)
        self.assertIs(await self.store.unfriend("ann", "bob"), True)
        self.assertIs(await self.store.unfriend("ann", "bob"), False)
        self.assertEqual(await self.listed("bob"), [])
        self.assertEqual((await self.store.invite("bob", "ann", "")).user, "bob")

    async def test_invite(self) -> None:
        """
        An invitation waits once, both may invite each other, and unfriending
        ends what waits.
        """
        await self.people("ann", "bob")
        first = await self.store.invite("ann", "bob", "hello")
        self.assertEqual(await self.store.invite("ann", "bob", "again"), first)
        self.assertEqual(await self.store.invitation(first.id), first)
        other = await self.store.invite("bob", "ann", "")
        self.assertNotEqual(other.id, first.id)
        await self.store.agree("ann", "bob")
        self.assertIsNone(await self.store.invitation(first.id))
        self.assertIsNone(await self.store.agree("bob", "ann"))
        await self.refused(self.store.invite("ann", "nobody", ""), Status.NOT_FOUND)
        await self.people("cid")
        await self.store.invite("cid", "ann", "")
        self.assertIs(await self.store.unfriend("ann", "cid"), True)
        self.assertIsNone(await self.store.agree("ann", "cid"))

    async def test_inviteBlocked(self) -> None:
        """
        Who has blocked somebody is not invited by that one.
        """
        await self.people("ann", "bob")
        await self.store.block("bob", "ann", True)
        await self.refused(self.store.invite("ann", "bob", ""), Status.FORBIDDEN)
        await self.store.invite("bob", "ann", "")

    async def test_inviteBlockedMeanwhile(self) -> None:
        """
        Nor again, once an invitation waits.
        """
        await self.people("ann", "bob")
        waiting = await self.store.invite("ann", "bob", "")
        await self.store.block("bob", "ann", True)
        await self.refused(self.store.invite("ann", "bob", ""), Status.FORBIDDEN)
        await self.store.block("bob", "ann", False)
        self.assertEqual((await self.store.invite("ann", "bob", "")).id, waiting.id)

    async def test_agreeBlocked(self) -> None:
        """
        Who has blocked somebody is not agreed with by that one, whatever he
        asked for before.
        """
        await self.people("ann", "bob")
        asked = await self.store.invite("ann", "bob", "")
        await self.store.block("ann", "bob", True)
        await self.refused(self.store.agree("bob", "ann"), Status.FORBIDDEN)
        self.assertEqual(await self.store.friends("ann", "", 10), [])
        self.assertEqual(await self.store.invitation(asked.id), asked)
        await self.store.block("ann", "bob", False)
        await self.store.block("bob", "ann", True)
        agreed = await self.store.agree("bob", "ann")
        self.assertIs(agreed.agreed, True)

    async def test_newsOfBlocked(self) -> None:
        """
        What somebody was not told yet of whom it has blocked, it is not told
        as long as that is so.
        """
        await self.people("ann", "bob", "cid")
        waits = await self.store.invite("ann", "bob", "")
        await self.store.invite("bob", "cid", "")
        agreed = await self.store.agree("cid", "bob")
        for name in ("ann", "cid"):
            await self.store.block("bob", name, True)
        self.assertEqual(await self.store.news("bob", 1), [])
        await self.store.block("bob", "ann", False)
        self.assertEqual(await self.store.news("bob", 10), [waits])
        await self.store.block("bob", "cid", False)
        self.assertEqual(await self.store.news("bob", 10), [waits, agreed])

    async def test_inviteNumbered(self) -> None:
        """
        An invitation keeps the number it had elsewhere, unless that is taken.
        """
        await self.people("ann", "bob", "cid")
        kept = await self.store.invite("ann", "bob", "", 2123933411998437376)
        self.assertEqual(kept.id, 2123933411998437376)
        other = await self.store.invite("cid", "bob", "", 2123933411998437376)
        self.assertNotIn(other.id, (2123933411998437376, None))

    async def test_news(self) -> None:
        """
        What somebody has not been told is there until it has: an invitation
        for the invited, an agreement for who invited.
        """
        await self.people("ann", "bob")
        asked = await self.store.invite("ann", "bob", "")
        self.assertEqual(await self.store.news("bob", 10), [asked])
        self.assertEqual(await self.store.news("ann", 10), [])
        await self.store.told([asked])
        self.assertEqual(await self.store.news("bob", 10), [])
        agreed = await self.store.agree("bob", "ann")
        self.assertEqual(await self.store.news("ann", 10), [agreed])
        self.assertEqual(await self.store.news("bob", 10), [])
        await self.store.told([asked])  # it stands differently now
        self.assertEqual(await self.store.news("ann", 10), [agreed])
        await self.store.told([agreed])
        self.assertEqual(await self.store.news("ann", 10), [])

    async def test_addFriend(self) -> None:
        """
        A list that is brought over keeps its remarks, one way; adding again
        changes the remark alone.
        """
        await self.people("ann", "bob", "cid")
        for friend, remark in (("cid", ""), ("bob", "Bobby"), ("cid", "C.")):
            await self.store.addFriend("ann", friend, remark, 1000)
        self.assertEqual(await self.listed("ann"), [("bob", "Bobby"), ("cid", "C.")])
        self.assertEqual(await self.listed("bob"), [])
        after = await self.store.friends("ann", "bob", 10)
        self.assertEqual([(one.user.nick, one.since) for one in after], [("Cid", 1000)])

    async def test_befriendKept(self) -> None:
        """
        Who had somebody in the list already keeps the remark, and since when,
        when they make friends.
        """
        await self.people("ann", "bob")
        await self.store.addFriend("ann", "bob", "Bobby", 1000)
        await self.store.invite("bob", "ann", "")
        await self.store.agree("ann", "bob")
        [kept] = await self.store.friends("ann", "", 10)
        self.assertEqual((kept.remark, kept.since), ("Bobby", 1000))
        self.assertEqual(await self.listed("bob"), [("ann", "")])

    async def test_manyFriends(self) -> None:
        """
        Nobody has more friends, or more invitations waiting, than the limit;
        who cannot be a friend any more stays as it was.
        """
        most = self.limits.friendsPerUser
        names = [f"n{number}" for number in range(most + 2)]
        await self.people("ann", *names)
        for name in names[:most]:
            await self.store.addFriend("ann", name, "", 1)
        await self.store.addFriend("ann", names[0], "again", 1)
        await self.refused(self.store.addFriend("ann", names[most], "", 1), Status.TOO_MANY)
        await self.store.invite(names[most], "ann", "")
        await self.refused(self.store.agree("ann", names[most]), Status.TOO_MANY)
        self.assertEqual(await self.listed(names[most]), [])
        for name in names[:most]:
            await self.store.invite(names[most + 1], name, "")
        await self.refused(self.store.invite(names[most + 1], "ann", ""), Status.TOO_MANY)
