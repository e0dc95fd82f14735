"""
What every store has to do with who may speak.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import DeferredList

from imtw.commands import Status
from imtw.model import Fact, Group, Membership, Mode, Role, User, groupPair, privatePair
from imtw.test.persistence.harness import CHAT, START, StoreHarness

NOW = int(START * 1000)
TEAM = groupPair("team")


class VoiceContract(StoreHarness):
    """
    Managed groups, roles, mutes, kicks and blocks.
    """

    async def team(self, *members: str) -> None:
        """
        A managed group of Alice's.
        """
        for name in ("alice", "bob", "carol", "dave"):
            await self.store.addAccount(User(name, name.title()), "")
        await self.store.addGroup(Group("team", "Team", owner="alice"), members, 10)

    async def test_addGroup(self) -> None:
        """
        A group is made with its owner and its first members, as far as there
        are such users.
        """
        for name in ("alice", "bob", "carol"):
            await self.store.addAccount(User(name, name.title()), "")
        (owner, place), *others = await self.store.addGroup(
            Group("team", "Team", "face.png", owner="alice"), ["bob", "nobody", "bob", "alice"], 10
        )
        self.assertEqual(owner, "alice")
        self.assertEqual([(user, other.role, other.cursor) for user, other in others], [("bob", Role.MEMBER, 0)])
        self.assertEqual((place.pair, place.head, place.cursor), (TEAM, 0, 0))
        self.assertEqual((place.name, place.role), ("Team", Role.OWNER))
        group = await self.store.group("team")
        self.assertEqual(group, Group("team", "Team", "face.png", Mode.MANAGED, "alice"))
        self.assertIs(group.mode, Mode.MANAGED)
        self.assertEqual([user.id for user in await self.store.members("team", 10, [], [])], ["alice", "bob"])
        self.assertEqual(await self.store.groupsOf("bob"), [group])
        self.assertEqual(await self.store.groups("", 10), [group])

    async def test_addGroupRefused(self) -> None:
        """
        An id is taken once; who is in too many groups makes no more, and is
        put into none.
        """
        await self.group("g", "alice", "bob")
        await self.refused(self.store.addGroup(Group("g", "Mine", owner="alice"), [], 10), Status.CONFLICT)
        self.assertEqual(await self.store.group("g"), Group("g", "g"))
        await self.refused(self.store.addGroup(Group("h", "Mine", owner="alice"), [], 1), Status.TOO_MANY)
        self.assertIsNone(await self.store.group("h"))
        await self.store.addAccount(User("carol", "Carol"), "")
        await self.store.addGroup(Group("h", "Mine", owner="carol"), ["bob"], 1)
        self.assertIsNone(await self.store.membership("bob", "h"))

    async def test_addMembers(self) -> None:
        """
        Users are put into a group, as far as there are such users, they are
        not in it, were not kicked, and are in few groups; what was said
        before is not new to them, and they may speak.
        """
        await self.team("bob")
        await self.say(TEAM, "alice")
        await self.refused(self.say(TEAM, "carol"), Status.FORBIDDEN)
        await self.store.kick("dave", "team")
        self.assertEqual(await self.store.addMembers("team", ["carol\0x", "\0"], 9, "alice"), [])
        asked = ["carol", "bob", "nobody", "carol", "dave", "alice"]
        self.assertEqual(await self.store.addMembers("team", asked, 1, "alice"), [("carol", await self.place("carol"))])
        self.assertEqual(await self.store.addMembers("team", asked, 10, "alice"), [])
        self.assertEqual((await self.place("carol")).cursor, 1)
        await self.say(TEAM, "carol")
        await self.store.kick("dave", "team", False)
        self.assertEqual(await self.store.addMembers("team", ["dave"], 0, "alice"), [])
        [(name, place)] = await self.store.addMembers("team", ["dave"], 1, "alice")
        self.assertEqual((name, place.head, place.cursor, place.role), ("dave", 2, 2, Role.MEMBER))
        self.assertEqual(await self.store.addMembers("nothing", ["dave"], 10, "alice"), [])

    async def test_blockedAddsNobody(self) -> None:
        """
        Whom somebody has blocked puts him into no group, be it a new one.
        """
        await self.team()
        await self.store.block("bob", "alice", True)
        await self.store.addGroup(Group("new", "New", owner="alice"), ["bob", "carol"], 10)
        self.assertEqual([user.id for user in await self.store.members("new", 10, [], [])], ["alice", "carol"])
        asked = ["bob", "carol"]
        self.assertEqual([name for name, _ in await self.store.addMembers("team", asked, 10, "alice")], ["carol"])
        self.assertEqual([name for name, _ in await self.store.addMembers("team", asked, 10, "dave")], ["bob"])

    async def place(self, user: str) -> Membership:
        """
        A user's place in the team.
        """
        found: Membership | None = await self.store.membership(user, "team")
        assert found is not None
        return found

    async def test_membersSpeak(self) -> None:
        """
        In a managed group only members speak, from when they join until they
        leave; in an open one everybody does.
        """
        await self.team("bob")
        await self.say(TEAM, "alice")
        await self.say(TEAM, "bob")
        await self.refused(self.say(TEAM, "carol"), Status.FORBIDDEN)
        await self.store.join("carol", "team", None, 10)
        await self.say(TEAM, "carol")
        await self.store.leave("carol", "team")
        await self.refused(self.say(TEAM, "carol"), Status.FORBIDDEN)
        self.assertEqual(await self.contents(TEAM), ["hello"] * 3)
        await self.say(await self.group("g"), "stranger")

    async def test_oneOrder(self) -> None:
        """
        What changes who may speak is in one order with the messages, however
        many share a commit.
        """
        await self.team("bob")
        results: Any = await DeferredList(
            [
                self.say(TEAM, "bob", "1"),
                self.say(TEAM, "carol", "2"),
                self.store.join("carol", "team", None, 10),
                self.say(TEAM, "carol", "3"),
                self.store.kick("bob", "team"),
                self.say(TEAM, "bob", "4"),
                self.store.mute("alice", "team", NOW + 1000),
                self.say(TEAM, "alice", "5"),
                self.store.mute("alice", "team", 0),
                self.say(TEAM, "alice", "6"),
                self.store.block("carol", "bob", True),
                self.say(privatePair("bob", "carol"), "bob", "7"),
                self.store.block("carol", "bob", False),
                self.say(privatePair("bob", "carol"), "bob", "8"),
            ],
            consumeErrors=True,
        )
        done = [success for success, _ in results]
        self.assertEqual([f"{at}" for at, each in enumerate(done) if not each], ["1", "5", "7", "11"])
        self.assertEqual(await self.contents(TEAM), ["1", "3", "6"])
        self.assertEqual(await self.contents(privatePair("bob", "carol")), ["8"])

    async def test_roles(self) -> None:
        """
        Members have roles, which last; there is one owner.
        """
        await self.team("bob", "carol")
        self.assertIs(await self.store.setRole("bob", "team", Role.ADMIN), True)
        self.assertIs(await self.store.setRole("dave", "team", Role.ADMIN), False)
        self.assertIs(await self.store.setRole("bob", "none", Role.ADMIN), False)
        await self.checkRoles(alice=Role.OWNER, bob=Role.ADMIN, carol=Role.MEMBER, dave=None)
        await self.store.setRole("bob", "team", Role.OWNER)
        self.assertEqual((await self.store.group("team")).owner, "bob")
        await self.checkRoles(alice=Role.ADMIN, bob=Role.OWNER, carol=Role.MEMBER)
        entry = await self.store.enter(User("bob", "Bob"), "tcp", [], False)
        self.assertIs(entry.groups[0].role, Role.OWNER)
        await self.store.setRole("alice", "team", Role.MEMBER)
        await self.store.leave("bob", "team")
        self.assertIsNone((await self.store.group("team")).owner)
        await self.store.join("bob", "team", None, 10)
        await self.checkRoles(alice=Role.MEMBER, bob=Role.MEMBER)

    async def checkRoles(self, **roles: Role | None) -> None:
        """
        See who has which role.
        """
        for user, role in roles.items():
            place = await self.store.membership(user, "team")
            self.assertIs(None if place is None else place.role, role, user)

    async def test_membership(self) -> None:
        """
        A user's place in a group is as a login finds it.
        """
        await self.team("bob")
        await self.say(TEAM, "alice")
        place = await self.store.membership("bob", "team")
        self.assertEqual((place.pair, place.head, place.cursor, place.name), (TEAM, 1, 0, "Team"))
        entry = await self.store.enter(User("bob", "Bob"), "tcp", [], False)
        self.assertEqual(entry.groups, [place])
        self.assertIsNone(await self.store.membership("bob", "none"))
        self.assertIsNone(await self.store.membership("nobody", "team"))

    async def test_kick(self) -> None:
        """
        Who is kicked is no member, does not speak and does not come back, in
        managed groups and in open ones, until it is allowed to.
        """
        await self.team("bob")
        for pair in (TEAM, await self.group("g", "alice", "bob")):
            name = pair.a
            self.assertIs(await self.store.kick("bob", name), True)
            self.assertIsNone(await self.store.membership("bob", name))
            self.assertNotIn(name, [group.id for group in await self.store.groupsOf("bob")])
            self.assertEqual([user.id for user in await self.store.members(name, 9, [], [])], ["alice"])
            await self.refused(self.say(pair, "bob"), Status.FORBIDDEN)
            await self.refused(self.store.join("bob", name, None, 10), Status.FORBIDDEN)
            await self.say(pair, "alice")
            await self.store.kick("bob", name, False)
            self.assertIsNone(await self.store.membership("bob", name))
            await self.store.join("bob", name, None, 10)
            await self.say(pair, "bob")
        self.assertIs(await self.store.kick("bob", "none"), False)

    async def test_kickedFromTheLobby(self) -> None:
        """
        Somebody who was never here can be kept out of a group as well, even
        of the lobby.
        """
        pair = await self.group("lobby")
        self.assertIs(await self.store.kick("eve", "lobby"), True)
        await self.refused(self.say(pair, "eve"), Status.FORBIDDEN)
        entry = await self.store.enter(User("eve", "Eve"), "tcp", [("lobby", "Lobby"), ("h", "H")], False)
        self.assertEqual([place.pair.a for place in entry.groups], ["h"])

    async def test_mute(self) -> None:
        """
        Who is muted does not speak until that is over, be it by time or by
        being allowed to; leaving does not help.
        """
        pair = await self.group("g", "alice", "bob")
        self.assertIs(await self.store.mute("bob", "g", NOW + 5000), True)
        await self.refused(self.say(pair, "bob"), Status.FORBIDDEN)
        await self.store.leave("bob", "g")
        await self.refused(self.say(pair, "bob"), Status.FORBIDDEN)
        await self.store.join("bob", "g", None, 10)
        self.reactor.time = START + 4.9
        await self.refused(self.say(pair, "bob"), Status.FORBIDDEN)
        await self.say(pair, "alice")
        self.reactor.time = START + 5
        await self.say(pair, "bob")
        await self.store.mute("bob", "g", NOW + 10_000)
        await self.refused(self.say(pair, "bob"), Status.FORBIDDEN)
        await self.store.mute("bob", "g", 0)
        await self.say(pair, "bob")
        self.assertIs(await self.store.mute("bob", "none", NOW), False)

    async def test_block(self) -> None:
        """
        Who is blocked sends nothing to who does not want it, and can still
        be written to, and speak to others.
        """
        await self.say(CHAT, "alice")
        await self.store.block("alice", "bob", True)
        await self.store.block("alice", "bob", True)
        await self.refused(self.say(CHAT, "bob"), Status.FORBIDDEN)
        await self.say(CHAT, "alice")
        await self.say(privatePair("bob", "carol"), "bob")
        await self.store.block("alice", "bob", False)
        await self.say(CHAT, "bob")
        self.assertEqual(len(await self.contents(CHAT)), 3)

    async def test_recallBlocked(self) -> None:
        """
        Who is blocked still takes back what he said, and says nothing else
        instead of it; of what he does the store knows that the other does
        not want to hear of it.
        """
        for id in ("1", "2", "3"):
            await self.say(CHAT, "bob", id, id)
        heard = await self.recall(CHAT, "bob", "1")
        await self.store.block("alice", "bob", True)
        unheard = await self.recall(CHAT, "bob", "2")
        self.assertEqual((heard.unheard, unheard.unheard), (False, True))
        self.assertEqual(await self.contents(CHAT), ["3"])
        await self.refused(self.edit(CHAT, "bob", "3", "4"), Status.FORBIDDEN)
        await self.say(CHAT, "alice", "5", "5")
        self.assertIs((await self.recall(CHAT, "alice", "5")).unheard, False)
        again = await self.recall(CHAT, "bob", "2")
        self.assertEqual((again.repeat, again.unheard), (True, True))
        await self.store.block("alice", "bob", False)
        self.assertIs((await self.recall(CHAT, "bob", "2")).unheard, False)

    async def test_blockFirst(self) -> None:
        """
        A block holds before there is a conversation, and none comes to be
        by trying; the other may still begin it.
        """
        await self.store.block("alice", "bob", True)
        await self.refused(self.say(CHAT, "bob"), Status.FORBIDDEN)
        self.assertEqual((await self.store.enter(User("alice", ""), "tcp", [], False)).behind, [])
        self.assertEqual(await self.store.standings("bob", None, 10), [])
        await self.say(CHAT, "alice")
        await self.refused(self.say(CHAT, "bob"), Status.FORBIDDEN)

    async def test_blockedAmongOthers(self) -> None:
        """
        Conversations that begin in one commit do not mix up whose messages
        are not wanted.
        """
        await self.store.block("dave", "alice", True)
        results: Any = await DeferredList(
            [
                self.say(privatePair("alice", "bob"), "alice"),
                self.store.block("bob", "carol", True),
                self.say(privatePair("carol", "dave"), "carol"),
                self.say(privatePair("alice", "dave"), "alice"),
                self.say(privatePair("bob", "carol"), "carol"),
            ],
            consumeErrors=True,
        )
        self.assertEqual([success for success, _ in results], [True, True, True, False, False])

    async def test_repeats(self) -> None:
        """
        A device that may not speak any more still learns that its message
        is stored; one without a name would have it told again, and may not.
        """
        pair = await self.group("g", "alice", "bob")
        first = await self.say(pair, "bob", "one", "1", device="phone")
        await self.say(pair, "bob", "two", "2")
        await self.store.mute("bob", "g", NOW + 5000)
        again = await self.say(pair, "bob", "one", "1", device="phone")
        self.assertEqual((again.seq, again.repeat), (first.seq, True))
        await self.refused(self.say(pair, "bob", "two", "2"), Status.FORBIDDEN)
        self.assertIs((await self.recall(pair, "bob", "2")).fact, Fact.RECALL)

    async def test_forgetful(self) -> None:
        """
        A login that forgets groups keeps managed ones.
        """
        await self.team("bob")
        await self.group("g", "bob")
        entry = await self.store.enter(User("bob", "Bob"), "tcp", [], True)
        self.assertEqual([place.pair.a for place in entry.groups], ["team"])
        await self.say(TEAM, "bob")
