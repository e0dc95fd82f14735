"""
What every store has to do with devices, and with what users have read.
"""

from __future__ import annotations

from typing import Any

from imtw.model import Device, Entry, Pair, Token, User, groupPair, privatePair
from imtw.test.persistence.harness import CHAT, START, StoreHarness

ALICE = User("alice", "Alice")
NOW = int(START * 1000)


class DeviceContract(StoreHarness):
    """
    Devices have cursors of their own.
    """

    async def enter(self, device: str, user: User = ALICE, forget: bool = False) -> Entry:
        """
        Log a device in.
        """
        entered: Entry = await self.store.enter(user, "tcp", [("lobby", "Lobby")], forget, device)
        return entered

    async def cursors(self, device: str, user: User = ALICE) -> dict[Pair, tuple[int, int]]:
        """
        Cursor and head of what a login finds.
        """
        entry = await self.enter(device, user)
        return {place.pair: (place.cursor, place.head) for place in [*entry.groups, *entry.behind]}

    async def test_startsAtTheUsers(self) -> None:
        """
        A new device starts where its user's devices have got, and from then
        on has a cursor of its own; so have those without a name.
        """
        await self.enter("")
        for number in range(5):
            await self.say(CHAT, "bob", f"{number}")
        await self.store.received("alice", "", CHAT, 2)
        self.assertEqual((await self.cursors("phone"))[CHAT], (2, 5))
        self.assertIs(await self.store.received("alice", "phone", CHAT, 4), True)
        self.assertEqual((await self.cursors("phone"))[CHAT], (4, 5))
        self.assertEqual((await self.cursors(""))[CHAT], (2, 5))
        self.assertEqual((await self.cursors("pad"))[CHAT], (4, 5))
        await self.store.received("alice", "", CHAT, 5)
        self.assertNotIn(CHAT, await self.cursors(""))
        self.assertEqual((await self.cursors("phone"))[CHAT], (4, 5))
        self.assertEqual((await self.cursors("pad"))[CHAT], (4, 5))

    async def test_startsAtTheFurthest(self) -> None:
        """
        A user who names all devices has one cursor more that never moves: a
        new device starts at the furthest of the others, or at what was read,
        in each conversation; never after anything that no device has.
        """
        pairs = [CHAT, privatePair("alice", "carol"), await self.group("g", "bob"), privatePair("alice", "dave")]
        await self.say(pairs[2], "bob")
        await self.enter("phone")
        await self.enter("watch")
        await self.store.join("alice", "g", None, 10)
        for pair, speaker in zip(pairs, ("bob", "carol", "bob", "dave"), strict=True):
            for _ in range(4):
                await self.say(pair, speaker)
        for device, pair, seq in (("phone", CHAT, 3), ("watch", CHAT, 2), ("watch", pairs[2], 4)):
            self.assertIs(await self.store.received("alice", device, pair, seq), True)
        await self.store.markRead("alice", pairs[1], 4)
        found = await self.cursors("pad")
        self.assertEqual([found.get(pair) for pair in pairs], [(3, 4), None, (4, 5), (0, 4)])
        await self.enter("phone", User("bob", "Bob"))
        await self.store.received("bob", "phone", CHAT, 4)
        self.assertEqual((await self.cursors("car"))[CHAT], (3, 4))

    async def test_laterConversations(self) -> None:
        """
        A conversation that came to be after the device starts, for it, where
        it starts for its user: a private one before its first message, a
        group at its head when it was joined; again, when joined again.
        """
        await self.enter("phone")
        await self.say(CHAT, "bob")
        group = await self.group("g", "bob")
        await self.say(group, "bob")
        await self.store.join("alice", "g", None, 10)
        await self.say(group, "bob")
        found = await self.cursors("phone")
        self.assertEqual((found[CHAT], found[group]), ((0, 1), (1, 2)))
        await self.store.received("alice", "", group, 2)
        self.assertEqual((await self.cursors("phone"))[group], (1, 2))
        await self.store.leave("alice", "g")
        await self.say(group, "bob")
        await self.store.join("alice", "g", None, 10)
        self.assertEqual((await self.cursors("phone"))[group], (3, 3))

    async def test_receivedIsBounded(self) -> None:
        """
        A cursor moves neither backwards nor past the head.
        """
        await self.enter("phone")
        for _ in range(3):
            await self.say(CHAT, "bob")
        for device in ("phone", ""):
            for seq, wanted in ((2, 2), (1, 2), (0, 2)):
                self.assertIs(await self.store.received("alice", device, CHAT, seq), True)
                self.assertEqual((await self.cursors(device))[CHAT], (wanted, 3))
            self.assertIs(await self.store.received("alice", device, CHAT, 2**62), True)
        await self.say(CHAT, "bob")
        self.assertEqual((await self.cursors("phone"))[CHAT], (3, 4))
        self.assertEqual((await self.cursors(""))[CHAT], (3, 4))

    async def test_receivedNowhere(self) -> None:
        """
        Nothing is received by strangers, in conversations of others, or on
        devices that nobody named.
        """
        await self.enter("phone")
        await self.group("g", "bob")
        await self.say(CHAT, "bob")
        await self.say(privatePair("bob", "carol"), "bob")
        for user, device, pair in (
            ("alice", "pad", CHAT),
            ("alice", "phone", groupPair("g")),
            ("alice", "phone", groupPair("none")),
            ("alice", "", groupPair("g")),
            ("alice", "", privatePair("alice", "zoe")),
            ("alice", "phone", privatePair("bob", "carol")),
            ("zoe", "phone", CHAT),
            ("zoe", "", CHAT),
        ):
            self.assertIs(await self.store.received(user, device, pair, 1), False, (user, device, pair))

    async def test_behindByDevice(self) -> None:
        """
        A login finds the private conversations in which this device has not
        got everything, and all groups.
        """
        await self.enter("phone")
        await self.enter("pad")
        await self.say(CHAT, "bob")
        await self.store.received("alice", "phone", CHAT, 1)
        self.assertEqual((await self.enter("phone")).behind, [])
        self.assertEqual([place.pair for place in (await self.enter("pad")).behind], [CHAT])
        await self.say(CHAT, "bob")
        self.assertEqual([place.cursor for place in (await self.enter("phone")).behind], [1])
        self.assertEqual([place.pair.a for place in (await self.enter("phone")).groups], ["lobby"])

    async def test_devices(self) -> None:
        """
        A user's devices are listed with their first and last login; no name
        is no device.
        """
        self.assertEqual(await self.store.devices("alice"), [])
        await self.enter("")
        await self.enter("phone")
        self.reactor.time = START + 5
        await self.enter("pad")
        self.reactor.time = START + 9
        await self.enter("phone")
        self.assertEqual(
            await self.store.devices("alice"),
            [Device("phone", NOW, NOW + 9000), Device("pad", NOW + 5000, NOW + 5000)],
        )
        self.assertEqual(await self.store.devices("bob"), [])

    async def test_tooManyDevices(self) -> None:
        """
        Of too many devices the one that was not seen for longest is
        forgotten.
        """
        for at, device in enumerate(("phone", "pad", "watch", "phone", "car")):
            self.reactor.time = START + at
            await self.enter(device)
        self.assertEqual({device.id for device in await self.store.devices("alice")}, {"phone", "watch", "car"})

    async def test_newestStays(self) -> None:
        """
        That is never the one that comes, whatever the clock says; and who is
        forgotten has no tokens any more.
        """
        for device, seconds in (("u", 0), ("v", 0), ("w", 0), ("x", 0), ("y", -5), ("z", -9)):
            self.reactor.time += seconds
            await self.enter(device)
            self.assertIn(device, {known.id for known in await self.store.devices("alice")})
        self.assertEqual(len(await self.store.devices("alice")), 3)
        for device in ("a", "b", "c", "d"):
            self.reactor.time += 100
            await self.enter(device)
            await self.store.addToken(device.encode(), Token("alice", device, 0, 2**60))
        tokens: list[Any] = [await self.store.token(digest) for digest in (b"a", b"b", b"c", b"d")]
        self.assertEqual([token is None for token in tokens], [True, False, False, False])

    async def test_drop(self) -> None:
        """
        A device that is dropped has no cursors and no tokens any more, whose
        hashes are told; those of others stay.
        """
        await self.enter("phone")
        await self.enter("pad")
        await self.enter("phone", User("bob", "Bob"))
        await self.say(CHAT, "bob")
        await self.store.received("alice", "phone", CHAT, 1)
        for digest, user, device in ((b"1", "alice", "phone"), (b"2", "alice", "pad"), (b"3", "bob", "phone")):
            await self.store.addToken(digest, Token(user, device, 0, 2**60))
        self.assertEqual(await self.store.dropDevice("alice", "phone"), [b"1"])
        self.assertIsNone(await self.store.dropDevice("alice", "phone"))
        self.assertIsNone(await self.store.dropDevice("nobody", "phone"))
        left: list[Any] = [await self.store.token(digest) for digest in (b"1", b"2", b"3")]
        self.assertEqual([token is None for token in left], [True, False, False])
        self.assertIs(await self.store.received("alice", "phone", CHAT, 1), False)
        self.assertEqual((await self.cursors("phone"))[CHAT], (0, 1))

    async def test_head(self) -> None:
        """
        The head of a conversation is its last row's seq, and it comes in the
        order of the commits.
        """
        self.assertEqual(await self.store.head(CHAT), 0)
        self.assertEqual(await self.store.head(groupPair("none")), 0)
        said = [self.say(CHAT, "bob") for _ in range(3)]
        head = self.store.head(CHAT)
        said.append(self.say(CHAT, "bob"))
        self.assertEqual(await head, 3)
        self.assertEqual((await said[3]).seq, 4)


class StandingContract(StoreHarness):
    """
    What is read, and what is not.
    """

    async def unread(self, user: str, pair: Pair = CHAT) -> int:
        """
        How many messages of a conversation a user has not read.
        """
        [unread] = [found.unread for found in await self.store.standings(user, None, 100) if found.pair == pair]
        return int(unread)

    async def test_unread(self) -> None:
        """
        Unread is what came after what was read; reading goes neither
        backwards nor past the head.
        """
        for number in range(5):
            await self.say(CHAT, "bob", f"{number}")
        self.assertEqual(await self.unread("alice"), 5)
        self.assertEqual(await self.unread("bob"), 0)
        for seq, wanted, unread in ((2, 2, 3), (1, 2, 3), (99, 5, 0), (0, 5, 0)):
            self.assertEqual(await self.store.markRead("alice", CHAT, seq), wanted)
            self.assertEqual(await self.unread("alice"), unread)
        await self.say(CHAT, "bob")
        self.assertEqual(await self.unread("alice"), 1)

    async def test_speakingReads(self) -> None:
        """
        Who speaks has read what was said before.
        """
        for number in range(3):
            await self.say(CHAT, "bob", f"{number}")
        await self.store.markRead("alice", CHAT, 1)
        await self.say(CHAT, "alice")
        self.assertEqual(await self.unread("alice"), 0)
        self.assertEqual(await self.unread("bob"), 1)
        await self.say(CHAT, "bob")
        self.assertEqual((await self.unread("alice"), await self.unread("bob")), (1, 0))
        [standing] = await self.store.standings("alice", None, 1)
        self.assertEqual((standing.read, standing.head), (1, 5))

    async def test_rowsAreNoMessages(self) -> None:
        """
        Recalls and edits are no messages: they are not unread.
        """
        await self.say(CHAT, "bob", "one", "1")
        await self.say(CHAT, "bob", "two", "2")
        await self.store.markRead("alice", CHAT, 2)
        await self.recall(CHAT, "bob", "1")
        await self.edit(CHAT, "bob", "2", "TWO")
        self.assertEqual(await self.unread("alice"), 0)
        [standing] = await self.store.standings("alice", None, 1)
        self.assertEqual((standing.head, standing.last.content), (4, "TWO"))

    async def test_joining(self) -> None:
        """
        What was said before a user joined a group is not unread.
        """
        group = await self.group("g", "bob")
        for _ in range(3):
            await self.say(group, "bob")
        await self.store.join("alice", "g", None, 10)
        self.assertEqual(await self.unread("alice", group), 0)
        await self.say(group, "bob")
        self.assertEqual(await self.unread("alice", group), 1)

    async def test_readNowhere(self) -> None:
        """
        Nothing is read in conversations of others.
        """
        await self.group("g", "bob")
        await self.say(CHAT, "bob")
        for user, pair in (
            ("alice", groupPair("g")),
            ("alice", groupPair("none")),
            ("alice", privatePair("alice", "zoe")),
            ("zoe", CHAT),
        ):
            self.assertIsNone(await self.store.markRead(user, pair, 1))
        self.assertEqual(await self.store.standings("zoe", None, 10), [])

    async def test_order(self) -> None:
        """
        The conversation with the newest row comes first, from any time on
        and no more than asked for; groups in which nobody spoke come last.
        """
        group = await self.group("g", "alice", "bob")
        await self.group("quiet", "alice")
        pairs = [privatePair("alice", name) for name in ("bob", "carol", "dave")] + [group]
        for at, pair in enumerate(pairs):
            self.reactor.time = START + at
            await self.say(pair, "alice", f"{at}")
        found = await self.store.standings("alice", None, 10)
        self.assertEqual([one.pair for one in found], [*reversed(pairs), groupPair("quiet")])
        self.assertEqual([one.last.content for one in found[:4]], ["3", "2", "1", "0"])
        self.assertEqual([one.name for one in found], ["g", "", "", "", "quiet"])
        self.assertEqual((found[4].last, found[4].head, found[4].unread), (None, 0, 0))
        self.assertEqual(await self.store.standings("alice", 1 << 80, 10), found)
        self.assertEqual(await self.store.standings("alice", -1 << 80, 10, 7), [])
        page = await self.store.standings("alice", found[1].last.ts, 2)
        self.assertEqual([one.pair for one in page], [pairs[1], pairs[0]])
        self.reactor.time = START + 10
        await self.say(pairs[0], "bob")
        self.assertEqual((await self.store.standings("alice", None, 1))[0].pair, pairs[0])

    async def test_sameTime(self) -> None:
        """
        Conversations whose last rows are of one time are all on some page,
        each once; so are groups in which nobody spoke.
        """
        for number in range(3):
            await self.group(f"quiet{number}", "alice")
        for name in ("bob", "carol", "dave", "eve", "fay"):
            await self.store.addAccount(User(name, name), "")
            await self.say(privatePair("alice", name), "alice")
        whole = await self.store.standings("alice", None, 10)
        self.assertEqual(len(whole), 8)
        self.assertEqual(len({one.place[0] for one in whole}), 2)
        for limit in (1, 2, 3):
            read: list[Any] = []
            before = behind = None
            while page := await self.store.standings("alice", before, limit, behind):
                read += page
                before, behind = page[-1].place
            self.assertEqual(read, whole)
        self.assertEqual(await self.store.standings("alice", whole[0].place[0], 10), whole[5:])

    async def test_page(self) -> None:
        """
        Rows are paged by seq in both directions, always in the order of the
        log, without recalled ones, recalls and edits.
        """
        for number in range(1, 9):
            await self.say(CHAT, "bob", f"{number}", f"{number}")
        await self.recall(CHAT, "bob", "3")
        await self.edit(CHAT, "bob", "6", "six")
        await self.say(CHAT, "alice", "11")
        for after, before, limit, wanted in (
            (None, None, 3, "7 8 11"),
            (None, None, 99, "1 2 4 5 six 7 8 11"),
            (0, None, 3, "1 2 4"),
            (4, None, 3, "5 six 7"),
            (8, None, 3, "11"),
            (11, None, 3, ""),
            (None, 11, 2, "7 8"),
            (None, 5, 2, "2 4"),
            (None, 1, 2, ""),
            (2, 6, 9, "4 5"),
        ):
            rows = await self.store.page(CHAT, after, before, limit)
            self.assertEqual(" ".join(row.content for row in rows), wanted, (after, before, limit))
        self.assertEqual(await self.store.page(groupPair("none"), None, None, 5), [])
