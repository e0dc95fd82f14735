"""
What every store has to do with messages that live for a while.
"""

from __future__ import annotations

from msgspec.structs import replace

from imtw.commands import Status
from imtw.model import Draft, Fact, Message, Pair, groupPair
from imtw.test.persistence.harness import StoreHarness

ROOM = groupPair("room")


class ExpiryContract(StoreHarness):
    """
    Groups whose messages end.
    """

    async def talk(self, count: int, id: str = "room", origin: str = "other") -> list[Message]:
        """
        A group that a dialect made, with messages of Alice and Bob.
        """
        for user in ("alice", "bob"):
            await self.store.join(user, id, None, 100, origin)
        said = []
        for number in range(1, count + 1):
            self.reactor.time += 1
            said.append(await self.say(groupPair(id), "alice" if number % 2 else "bob", f"{number}", f"id{number}"))
        return said

    async def expire(self, pair: Pair = ROOM, origin: str = "other", before: int | None = None) -> int | None:
        """
        Let messages end.
        """
        gone: int | None = await self.store.expire(pair, origin, 2**60 if before is None else before)
        return gone

    async def assertEmpty(self, pair: Pair = ROOM, head: int = 5) -> None:
        """
        Nobody can read anything there.
        """
        self.assertEqual(await self.contents(pair), [])
        self.assertEqual(await self.contents(pair, 0.0, 2.0**60), [])
        self.assertEqual(await self.contents(pair, None, None, 0, 10), [])
        self.assertEqual(await self.store.page(pair, None, None, 10), [])
        self.assertEqual(await self.store.page(pair, 0, None, 10), [])
        self.assertEqual([tally.total for tally in await self.store.newest([pair], 10)], [0])
        self.assertEqual([tally.messages for tally in await self.store.newest([pair], 10, 2)], [[]])
        self.assertIsNone(await self.store.find(pair, "id1"))
        self.assertEqual([row.content for row in await self.store.walk(pair, 0, 10)], [None])
        self.assertEqual(await self.store.head(pair), head)

    async def test_gone(self) -> None:
        """
        When they have ended nobody finds them in any way, and the log goes on
        behind them.
        """
        said = await self.talk(5)
        self.assertEqual(await self.expire(), 0)
        await self.assertEmpty()
        for row in said:
            self.assertIsNone(await self.store.at(ROOM, row.ts))
        self.reactor.time += 1
        after = await self.say(ROOM, "bob", "after", "id1")
        self.assertEqual((after.seq, after.n, after.repeat), (6, 6, False))
        self.assertGreater(after.ts, said[-1].ts)
        self.assertEqual(await self.contents(ROOM), ["after"])
        self.assertEqual(await self.contents(ROOM, None, None, 0, 5), ["after"])
        self.assertEqual(await self.contents(ROOM, 0.0, 2.0**60, 0, 5), ["after"])
        self.assertEqual([row.content for row in await self.store.page(ROOM, 0, None, 9)], ["after"])
        self.assertEqual([row.content for row in await self.store.page(ROOM, None, None, 9)], ["after"])
        self.assertEqual([row.seq for row in await self.store.walk(ROOM, 0, 9)], [5, 6])
        self.assertEqual([row.seq for row in await self.store.walk(ROOM, 5, 9)], [6])
        [tally] = await self.store.newest([ROOM], 5)
        self.assertEqual((tally.total, tally.messages), (1, [after]))
        self.assertEqual(await self.store.at(ROOM, after.ts), after)
        self.assertEqual(await self.store.find(ROOM, "id1"), after)

    async def test_onlyOld(self) -> None:
        """
        They end only if the last of them is old enough, and together.
        """
        said = await self.talk(3)
        self.assertEqual(await self.expire(before=said[-1].ts - 1), said[-1].ts)
        self.assertEqual(await self.contents(ROOM), ["1", "2", "3"])
        self.assertEqual(await self.expire(before=said[-1].ts), 0)
        await self.assertEmpty(head=3)

    async def test_onlyOwn(self) -> None:
        """
        Groups that nobody made, or somebody else, are left alone.
        """
        await self.talk(2)
        await self.talk(2, "third", "third")
        mine = await self.group("mine")
        await self.say(mine, "alice")
        self.assertIsNone(await self.expire(ROOM, "third"))
        self.assertIsNone(await self.expire(ROOM, ""))
        self.assertIsNone(await self.expire(mine, "other"))
        self.assertIsNone(await self.expire(mine, ""))
        self.assertIsNone(await self.expire(groupPair("nowhere")))
        await self.store.join("carol", "mine", None, 100, "other")
        self.assertIsNone(await self.expire(mine))
        self.assertEqual(len(await self.contents(mine)) + len(await self.contents(ROOM)), 3)

    async def test_one(self) -> None:
        """
        A single message ends, too; and once is enough.
        """
        await self.talk(1)
        self.assertEqual(await self.expire(), 0)
        await self.assertEmpty(head=1)
        self.assertEqual(await self.expire(), 0)
        await self.assertEmpty(head=1)
        await self.talk(0, "silent")
        self.assertEqual(await self.expire(groupPair("silent")), 0)
        self.assertEqual(await self.contents(groupPair("silent")), [])

    async def test_again(self) -> None:
        """
        What is said later ends later, and what was recalled meanwhile is no
        matter.
        """
        await self.talk(4)
        await self.recall(ROOM, "bob", "id2")
        await self.expire()
        await self.assertEmpty(head=5)
        for text in ("x", "y", "z"):
            self.reactor.time += 1
            await self.say(ROOM, "alice", text, text)
        await self.recall(ROOM, "alice", "y")
        self.assertEqual(await self.contents(ROOM), ["x", "z"])
        self.assertEqual(await self.contents(ROOM, None, None, 1, 1), ["z"])
        self.assertEqual([tally.total for tally in await self.store.newest([ROOM], 0)], [2])
        await self.expire()
        await self.assertEmpty(head=9)
        await self.say(ROOM, "alice", "more")
        self.assertEqual(await self.contents(ROOM), ["more"])

    async def test_edited(self) -> None:
        """
        Nor is it if the last row is an edit: what it said is gone.
        """
        await self.talk(2)
        await self.edit(ROOM, "bob", "id2", "better")
        await self.expire()
        await self.assertEmpty(head=3)

    async def test_notChanged(self) -> None:
        """
        What has ended can be neither recalled nor edited, and its id is free.
        """
        await self.talk(2)
        await self.expire()
        for id, sender in (("id1", "alice"), ("id2", "bob")):
            at = int(self.reactor.time * 1000)
            recall = Draft(ROOM, id, sender, None, at, fact=Fact.RECALL)
            error = await self.assertFailure(self.append(recall), Exception)
            self.assertIn(error.status, (Status.NOT_FOUND, Status.FORBIDDEN))
            error = await self.assertFailure(self.append(replace(recall, fact=Fact.EDIT, content="x")), Exception)
            self.assertIn(error.status, (Status.NOT_FOUND, Status.FORBIDDEN))
            again = await self.say(ROOM, sender, id[-1], id)
            self.assertFalse(again.repeat)
        self.assertEqual(await self.contents(ROOM), ["1", "2"])

    async def test_devices(self) -> None:
        """
        The same for devices, whose ids are unique.
        """
        await self.talk(0)
        await self.say(ROOM, "alice", "one", "d1", device="phone")
        self.assertTrue((await self.say(ROOM, "alice", "one", "d1", device="phone")).repeat)
        await self.expire()
        again = await self.say(ROOM, "alice", "another", "d1", device="phone")
        self.assertFalse(again.repeat)
        self.assertEqual(await self.contents(ROOM), ["another"])

    async def test_unread(self) -> None:
        """
        Nothing that has ended is unread or pending.
        """
        await self.talk(3)
        await self.expire()
        for user in ("alice", "bob"):
            [standing] = await self.store.standings(user, None, 9)
            self.assertEqual((standing.unread, standing.last), (0, None))
            self.assertEqual([rows for _, rows in await self.store.pending(user, None, 9)], [[]])
        self.reactor.time += 1
        said = await self.say(ROOM, "alice", "new")
        [standing] = await self.store.standings("bob", None, 9)
        self.assertEqual((standing.unread, standing.last), (1, said))
        self.assertEqual([rows for _, rows in await self.store.pending("bob", None, 9)], [[said]])

    async def test_madeBy(self) -> None:
        """
        The groups that a dialect made are listed with the time of their last
        row, as long as there is something.
        """
        rooms = {id: await self.talk(count, id) for id, count in (("b", 2), ("a", 1), ("c", 0), ("d", 1))}
        await self.talk(1, "x", "third")
        await self.group("mine")
        await self.expire(groupPair("d"))
        last = {id: said[-1].ts if said else 0 for id, said in rooms.items()}
        last["d"] = 0
        self.assertEqual(await self.store.madeBy("other", "", 9), sorted(last.items()))
        self.assertEqual(await self.store.madeBy("other", "a", 2), [("b", last["b"]), ("c", 0)])
        self.assertEqual(await self.store.madeBy("", "", 9), [])
        self.assertEqual(await self.store.madeBy("nobody", "", 9), [])
