"""
Contract: pages end where there is no room for more.
"""

from __future__ import annotations

from typing import Any

from imtw.model import Message, groupPair, privatePair
from imtw.test.persistence.harness import CHAT, StoreHarness

ROOM = 10_000  # half of the send budget
LARGE = 3000  # characters: the fourth has no room
HUGE = 12_000  # nor has one of these, alone

GROUP = groupPair("g")


class RoomContract(StoreHarness):
    """
    However many rows are asked for, a store stops once there is no room for
    more: with the row that shows that.  What it stops before is found by
    going on from there.
    """

    async def filled(self, size: int = LARGE, count: int = 9) -> list[Message]:
        """
        Messages from Alice to Bob.
        """
        return [await self.say(CHAT, "alice", f"{n}" * size) for n in range(count)]

    async def test_history(self) -> None:
        """
        A history has the oldest from an offset on, or the newest.
        """
        said = await self.filled()
        late, far = 0.0, 2e15
        for begin, end in ((None, None), (late, far)):
            self.assertEqual(await self.store.history(CHAT, begin, end, None, None), said[5:])
            self.assertEqual(await self.store.history(CHAT, begin, end, None, 2), said[7:])
            self.assertEqual(await self.store.history(CHAT, begin, end, 1, 9), said[1:5])
            self.assertEqual(await self.store.history(CHAT, begin, end, 7, 9), said[7:])

    async def test_astray(self) -> None:
        """
        The same where the messages' own times are far from the server's.
        """
        said = [await self.say(CHAT, "alice", f"{n}" * LARGE, created=n) for n in range(9)]
        self.assertEqual(await self.store.history(CHAT, 0, 100, None, None), said[5:])
        self.assertEqual(await self.store.history(CHAT, 0, 100, 2, 9), said[2:6])

    async def test_walk(self) -> None:
        """
        So does a walk: who goes on behind the last row misses none.
        """
        said = await self.filled()
        self.assertEqual(await self.store.walk(CHAT, 0, 100), said[:4])
        found: list[Message] = []
        while rows := await self.store.walk(CHAT, len(found), 100):
            found += rows
        self.assertEqual(found, said)

    async def test_page(self) -> None:
        """
        A page has the first after a row, or the last before one.
        """
        said = await self.filled()
        self.assertEqual(await self.store.page(CHAT, 2, None, 100), said[2:6])
        self.assertEqual(await self.store.page(CHAT, 1, 4, 100), said[1:3])
        self.assertEqual(await self.store.page(CHAT, None, 8, 100), said[3:7])
        self.assertEqual(await self.store.page(CHAT, None, None, 100), said[5:])

    async def test_recalled(self) -> None:
        """
        What was recalled takes no room, wherever the page is cut.
        """
        said = [await self.say(CHAT, "alice", f"{n}" * LARGE, f"{n}") for n in range(9)]
        await self.recall(CHAT, "alice", "7")
        await self.recall(CHAT, "alice", "2")
        left = [*said[:2], *said[3:7], said[8]]
        self.assertEqual(await self.store.history(CHAT, None, None, None, None), left[3:])
        self.assertEqual(await self.store.history(CHAT, None, None, 1, 9), left[1:5])
        self.assertEqual(await self.store.page(CHAT, None, None, 100), left[3:])

    async def test_huge(self) -> None:
        """
        A row that has no room alone is given, and the one that shows that
        there are more.
        """
        said = await self.filled(HUGE, 4)
        self.assertEqual(await self.store.walk(CHAT, 1, 100), said[1:3])
        self.assertEqual(await self.store.walk(CHAT, 3, 100), said[3:])
        self.assertEqual(await self.store.history(CHAT, None, None, None, None), said[2:])
        self.assertEqual(await self.store.page(CHAT, None, 2, 100), said[:1])

    async def test_pending(self) -> None:
        """
        What is pending is read up to there, and the rest the next time.
        """
        said = await self.filled()
        other = [await self.say(privatePair("bob", "carol"), "carol", "hello")]
        found: list[Message] = []
        for wanted in (said[:4], said[4:8], [said[8], *other], []):
            got: list[Any] = await self.store.pending("bob", None, 100)
            rows = [row for _, messages in got for row in messages]
            self.assertEqual(rows, wanted)
            found += rows
            await self.store.moveCursors([("bob", place.conversation, place.head) for place, _ in got])
        self.assertEqual(found, [*said, *other])

    async def test_extras(self) -> None:
        """
        What came beside the content takes room, too.
        """
        for n in range(9):
            await self.say(CHAT, "alice", "", extras={"more": f"{n}" * LARGE})
        self.assertEqual(len(await self.store.walk(CHAT, 0, 100)), 4)

    async def test_newest(self) -> None:
        """
        The newest of some conversations have room each; how many there are
        is told all the same.
        """
        said = await self.filled()
        await self.group("g", "alice")
        spoken = await self.say(GROUP, "alice", "hello")
        [one, two] = await self.store.newest([CHAT, GROUP], 100)
        self.assertEqual((one.total, one.messages), (9, said[5:]))
        self.assertEqual((two.total, two.messages), (1, [spoken]))

    async def test_standings(self) -> None:
        """
        A list of conversations ends where their last messages have no room;
        the next one begins there.
        """
        users = [f"user{n}" for n in range(9)]
        for user in users:
            self.reactor.time += 1
            await self.say(privatePair("alice", user), user, "x" * LARGE)
        found: list[str] = []
        before = None
        while standings := await self.store.standings("alice", before, 100):
            self.assertLessEqual(len(standings), 4)
            found += [standing.pair.partnerOf("alice") for standing in standings]
            before = standings[-1].place[0]
        self.assertEqual(found, users[::-1])
