"""
What every store has to do with groups.
"""

from __future__ import annotations

from imtw.commands import Status
from imtw.model import Group, User, groupPair
from imtw.test.persistence.harness import StoreHarness


class GroupContract(StoreHarness):
    """
    Groups and who is in them.
    """

    async def test_places(self) -> None:
        """
        A user's groups are found with their heads, in the order of joining.
        """
        for id in ("b", "a"):
            await self.group(id, "alice", "bob")
        await self.say(groupPair("b"), "bob")
        await self.store.leave("bob", "a")
        for user, wanted in (("alice", [("b", 1, 0), ("a", 0, 0)]), ("bob", [("b", 1, 0)]), ("nobody", [])):
            found = await self.store.places(user)
            self.assertEqual([(place.pair.a, place.head, place.cursor) for place in found], wanted)

    async def test_join(self) -> None:
        """
        Joining makes a group that is not there; a new member has what is
        said from then on.
        """
        self.assertIsNone(await self.store.group("g"))
        first = await self.store.join("alice", "g", "Friends", 10)
        self.assertEqual((first.pair, first.head, first.cursor, first.name), (groupPair("g"), 0, 0, "Friends"))
        self.assertEqual(await self.store.group("g"), Group("g", "Friends"))
        await self.say(groupPair("g"), "alice")
        second = await self.store.join("bob", "g", "Other name", 10)
        self.assertEqual((second.conversation, second.head, second.cursor), (first.conversation, 1, 1))
        self.assertEqual(second.name, "Friends")

    async def test_openGroups(self) -> None:
        """
        Groups that have to be there are made open and empty; those that are
        there stay as they are.
        """
        await self.store.join("alice", "g", "Friends", 10)
        for _ in range(2):
            await self.store.openGroups([("g", "Other name"), ("h", "Hall")])
            self.assertEqual(await self.store.groups("", 10), [Group("g", "Friends"), Group("h", "Hall")])
        self.assertEqual(await self.store.members("h", 10, [], []), [])
        self.assertEqual([group.id for group in await self.store.groupsOf("alice")], ["g"])
        message = await self.say(groupPair("h"), "bob", "first")
        self.assertEqual(message.seq, 1)

    async def test_withoutName(self) -> None:
        """
        A group that nobody named has its id for a name.
        """
        self.assertEqual((await self.store.join("alice", "g", None, 10)).name, "g")
        self.assertEqual(await self.store.group("g"), Group("g", "g"))

    async def test_joinAgain(self) -> None:
        """
        Joining again is no error and moves nothing, even at the limit.
        """
        await self.store.join("alice", "g", None, 1)
        await self.say(groupPair("g"), "bob")
        again = await self.store.join("alice", "g", None, 1)
        self.assertEqual((again.head, again.cursor), (1, 0))
        self.assertEqual(len(await self.store.groupsOf("alice")), 1)

    async def test_tooMany(self) -> None:
        """
        A user is in so many groups and no more; a group that could not be
        joined is not made.
        """
        for group in ("a", "b"):
            await self.store.join("alice", group, None, 2)
        await self.refused(self.store.join("alice", "c", None, 2), Status.TOO_MANY)
        self.assertIsNone(await self.store.group("c"))
        await self.store.leave("alice", "a")
        await self.store.join("alice", "c", None, 2)
        self.assertEqual([group.id for group in await self.store.groupsOf("alice")], ["b", "c"])

    async def test_leave(self) -> None:
        """
        Leaving says whether there was anything to leave; the group stays.
        """
        await self.store.join("alice", "g", None, 10)
        self.assertIs(await self.store.leave("alice", "g"), True)
        self.assertIs(await self.store.leave("alice", "g"), False)
        self.assertIs(await self.store.leave("alice", "none"), False)
        self.assertIs(await self.store.leave("nobody", "g"), False)
        self.assertEqual(await self.store.groupsOf("alice"), [])
        self.assertIsNotNone(await self.store.group("g"))
        self.assertEqual((await self.say(groupPair("g"), "alice")).seq, 1)
        self.assertEqual(await self.store.pending("alice", None, 10), [])

    async def test_groups(self) -> None:
        """
        Groups are listed in the order of their ids, from anywhere on.
        """
        for group in ("c", "a", "10", "b", "9"):
            await self.store.join("alice", group, group.upper(), 10)
        self.assertEqual([group.id for group in await self.store.groups("", 100)], ["10", "9", "a", "b", "c"])
        self.assertEqual(await self.store.groups("9", 2), [Group("a", "A"), Group("b", "B")])

    async def test_groupsOf(self) -> None:
        """
        A user's groups are in the order of joining.
        """
        names = ["c", "a", "10", "b", "9"]
        for group in names:
            await self.store.join("bob", group, None, 10)
        for group in reversed(names):
            await self.store.join("alice", group, None, 10)
        await self.store.leave("alice", "b")
        await self.store.join("alice", "b", None, 10)
        self.assertEqual([group.id for group in await self.store.groupsOf("alice")], ["9", "10", "a", "c", "b"])
        entry = await self.store.enter(User("alice", ""), "tcp", [], False)
        self.assertEqual([place.pair.a for place in entry.groups], ["9", "10", "a", "c", "b"])
        self.assertEqual(await self.store.groupsOf("nobody"), [])

    async def test_members(self) -> None:
        """
        Members are listed those asked for first, without those not wanted,
        and no more than the limit.
        """
        await self.group("g", "eve", "dave", "carol", "bob", "alice")
        await self.group("h", "zoe")
        for limit, first, without, wanted in (
            (10, [], [], "alice bob carol dave eve"),
            (2, [], [], "alice bob"),
            (10, ["eve", "zoe", "nobody", "carol", "eve"], [], "eve carol alice bob dave"),
            (1, ["eve", "carol"], [], "eve"),
            (10, ["eve", "carol"], ["alice", "eve", "zoe"], "carol bob dave"),
            (3, ["dave"], ["alice"], "dave bob carol"),
            (0, ["dave"], [], ""),
        ):
            found = await self.store.members("g", limit, first, without)
            self.assertEqual([user.id for user in found], wanted.split(), (limit, first, without))
        self.assertEqual(found, [])
        self.assertEqual(await self.store.members("h", 5, [], []), [User("zoe", "Zoe")])
        self.assertEqual(await self.store.members("none", 5, ["zoe"], []), [])
