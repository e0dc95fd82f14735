"""
What every store has to do when messages are read.
"""

from __future__ import annotations

from random import Random
from typing import Any

from imtw.model import RECALLED, Fact, User, groupPair, privatePair
from imtw.test.persistence.harness import CHAT, START, StoreHarness


class PageContract(StoreHarness):
    """
    History, what is pending, and cursors.
    """

    async def fill(self, count: int, **more: Any) -> None:
        """
        Have a conversation of C{count} messages, a second apart: 1, 2, ...
        """
        for number in range(1, count + 1):
            self.reactor.time = START + number
            await self.say(CHAT, "alice" if number % 2 else "bob", f"{number}", f"id{number}", **more)

    async def test_newest(self) -> None:
        """
        Without an offset a page has the newest messages, oldest first, and
        never more than the limit.
        """
        self.assertEqual(await self.contents(CHAT), [])
        await self.fill(13)
        self.assertEqual(await self.contents(CHAT), [f"{n}" for n in range(4, 14)])
        self.assertEqual(await self.contents(CHAT, None, None, None, 3), ["11", "12", "13"])
        self.assertEqual(await self.contents(CHAT, None, None, None, -1), [f"{n}" for n in range(4, 14)])
        self.assertEqual(await self.contents(privatePair("alice", "carol")), [])
        self.assertEqual(await self.contents(groupPair("alice")), [])

    async def test_offset(self) -> None:
        """
        An offset counts from the oldest message.
        """
        await self.fill(13)
        for offset, count, first, last in (
            (0, 3, 1, 3),
            (2, 3, 3, 5),
            (11, 3, 12, 13),
            (0, -1, 1, 10),
            (5, None, 6, 13),
            (1, 1000, 2, 11),
            (13, 1, 0, -1),
            (2**70, 5, 0, -1),
            (3, 0, 0, -1),
            (-1, 5, 0, -1),
        ):
            wanted = [f"{n}" for n in range(first, last + 1)]
            self.assertEqual(await self.contents(CHAT, None, None, offset, count), wanted, (offset, count))

    async def test_times(self) -> None:
        """
        Times are the client's, in ms and inclusive; results are in the order
        of the log.
        """
        await self.fill(13)
        at = int(START * 1000)
        for begin, end, offset, count, wanted in (
            (at + 3000, at + 5000, None, None, [3, 4, 5]),
            (at + 3000.5, at + 4999.5, None, None, [4]),
            (at + 3000, at + 9000, 2, 3, [5, 6, 7]),
            (at + 3000, at + 9000, None, 2, [8, 9]),
            (at + 3000, at + 9000, 6, 5, [9]),
            (at + 3000, at + 9000, 7, 5, []),
            (at + 3000, at + 9000, 0, -1, [3, 4, 5, 6, 7, 8, 9]),
            (0, at + 10**12, None, None, range(4, 14)),
            (at + 9000, None, None, None, [9, 10, 11, 12, 13]),
            (None, at + 2000, None, None, [1, 2]),
            (at + 9000, at + 3000, None, None, []),
            (float("-inf"), float("inf"), 1, 2, [2, 3]),
            (float("nan"), float("nan"), None, None, []),
            (at + 3000, at + 9000, -1, 5, []),
            (at + 3000, at + 9000, None, 0, []),
        ):
            found = [m.content for m in await self.store.history(CHAT, begin, end, offset, count)]
            self.assertEqual(found, [f"{n}" for n in wanted], (begin, end, offset, count))

    async def test_clocksAstray(self) -> None:
        """
        Messages of clients with a wrong clock are found at the time they
        claim, in their place in the log.
        """
        at = int(START * 1000)
        claimed = (at, at + 10**10, at + 1, at - 10**10, 0, at + 10000, at - 10001, -(2**63), 2**63 - 1, at + 2)
        for number, created in enumerate(claimed):
            await self.say(CHAT, "alice", f"{number}", created=created)
        for begin, end in ((at, at + 5), (at - 10**11, at + 10**11), (0, 0), (at + 10000, at + 10000), (-(2**63), at)):
            wanted = [f"{number}" for number, created in enumerate(claimed) if begin <= created <= end]
            self.assertEqual(await self.contents(CHAT, begin, end), wanted)
            self.assertEqual(await self.contents(CHAT, begin, end, 0, 1), wanted[:1])
            self.assertEqual(await self.contents(CHAT, begin, end, 1, 3), wanted[1:4])

    async def test_anySpan(self) -> None:
        """
        Whatever clocks said and whatever was recalled, a page has the
        messages of its time, counted from the oldest or the newest.
        """
        chance = Random(1)
        at = int(START * 1000)
        for number in range(1, 121):
            self.reactor.time += chance.choice((0.001, 0.3, 2, 15))
            now = int(self.reactor.time * 1000)
            drift = chance.choice((0, -20, 500, -9_999, -10_001, 60_000, -60_000, -200_000, 10**9))
            await self.say(CHAT, "alice" if number % 2 else "bob", f"{number}", f"id{number}", created=now + drift)
            if not chance.randrange(8):
                await self.recall(CHAT, "alice" if number % 2 else "bob", f"id{number}")
        rows = await self.store.walk(CHAT, 0, 1000)
        left = [row for row in rows if row.fact is Fact.MESSAGE and row.kind != RECALLED]
        self.assertLess(len(left), 115)
        times = [at - 300_000, at, *(row.created for row in rows[::5]), *(row.ts for row in rows[::5]), at + 10**10]
        for _ in range(400):
            begin, end = sorted((chance.choice(times), chance.choice(times)))
            count, offset = chance.randint(1, 10), chance.choice((None, 0, 1, 5, 20, 50, 90, 110))
            among = [row.content for row in left if begin <= row.created <= end]
            wanted = among[-count:] if offset is None else among[offset : offset + count]
            self.assertEqual(await self.contents(CHAT, begin, end, offset, count), wanted, (begin, end, offset, count))

    async def test_recalledAreLeftOut(self) -> None:
        """
        What was recalled is on no page and counts on none; in whatever order
        messages are recalled.
        """
        await self.fill(12)
        left = list(range(1, 13))
        for number in (11, 3, 12, 4, 1, 2, 8):
            await self.recall(CHAT, "alice" if number % 2 else "bob", f"id{number}")
            left.remove(number)
            texts = [f"{n}" for n in left]
            self.assertEqual(await self.contents(CHAT), texts[-10:])
            self.assertEqual(await self.contents(CHAT, 0, int(START * 1000 + 10**6)), texts[-10:])
            for offset in range(13):
                self.assertEqual(await self.contents(CHAT, None, None, offset, 2), texts[offset : offset + 2], offset)
        await self.say(CHAT, "bob", "after")
        self.assertEqual(await self.contents(CHAT, None, None, 4, 9), ["10", "after"])

    async def test_allRecalled(self) -> None:
        """
        A conversation may have nothing left to show.
        """
        await self.fill(3)
        for number in (2, 1, 3):
            await self.recall(CHAT, "alice" if number % 2 else "bob", f"id{number}")
        self.assertEqual(await self.contents(CHAT), [])
        self.assertEqual(await self.contents(CHAT, None, None, 0, 5), [])

    async def test_walk(self) -> None:
        """
        A walk has the rows as they stand, recalls too.
        """
        await self.fill(4)
        await self.recall(CHAT, "bob", "id2")
        rows = await self.store.walk(CHAT, 1, 3)
        self.assertEqual([(row.seq, row.content) for row in rows], [(2, None), (3, "3"), (4, "4")])
        self.assertEqual([row.seq for row in await self.store.walk(CHAT, 4, 3)], [5])
        self.assertEqual(await self.store.walk(CHAT, 5, 3), [])
        self.assertEqual(await self.store.walk(groupPair("none"), 0, 3), [])

    async def test_find(self) -> None:
        """
        A message is found by its id within its conversation: the newest, and
        none that was recalled.
        """
        await self.say(CHAT, "alice", "old", "1")
        await self.say(CHAT, "bob", "new", "1")
        await self.say(CHAT, "bob", "other", "2")
        found = await self.store.find(CHAT, "1")
        self.assertEqual((found.seq, found.content), (2, "new"))
        await self.recall(CHAT, "bob", "1")
        self.assertEqual((await self.store.find(CHAT, "1")).content, "old")
        await self.recall(CHAT, "alice", "1")
        self.assertIsNone(await self.store.find(CHAT, "1"))
        self.assertIsNone(await self.store.find(privatePair("alice", "carol"), "2"))

    async def test_tally(self) -> None:
        """
        How a conversation stands is how many messages were not recalled, and
        the newest of these, as far as a seq.
        """
        await self.fill(9)
        for number in (9, 4, 1):
            await self.recall(CHAT, "alice" if number % 2 else "bob", f"id{number}")
        await self.say(CHAT, "bob", "last", "z")
        for count, until, total, wanted in (
            (3, None, 7, ["7", "8", "last"]),
            (0, None, 7, []),
            (100, None, 7, ["2", "3", "5", "6", "7", "8", "last"]),
            (2, 12, 6, ["7", "8"]),
            (2, 10, 6, ["7", "8"]),
            (2, 5, 3, ["3", "5"]),
            (9, 4, 2, ["2", "3"]),
            (9, 1, 0, []),
            (9, 0, 0, []),
        ):
            (tally,) = await self.store.newest([CHAT], count, until)
            self.assertEqual((tally.total, [one.content for one in tally.messages]), (total, wanted), (count, until))

    async def test_tallies(self) -> None:
        """
        Many conversations can be asked about at once, also such as nobody
        ever began.
        """
        await self.fill(2)
        nobody, group = privatePair("x", "y"), await self.group()
        found = await self.store.newest([nobody, CHAT, group], 1)
        self.assertEqual([(one.total, [row.content for row in one.messages]) for one in found], [
            (0, []), (2, ["2"]), (0, []),
        ])  # fmt: skip

    async def test_talliesWithinAnswer(self) -> None:
        """
        All messages together have room in one answer, but for one that is
        too large; how many there are is told of each conversation.
        """
        pairs = [privatePair("alice", f"u{number}") for number in range(6)]
        for number, size in enumerate((4000, 4000, 4000, 10, 30000, 10)):
            await self.say(pairs[number], f"u{number}", "x" * size)
        for asked, wanted in ((pairs, (1, 1, 1, 0, 0, 0)), (pairs[3:], (1, 1, 0)), (pairs[4:], (1, 0))):
            found = await self.store.newest(asked, 1)
            self.assertEqual([len(one.messages) for one in found], [*wanted], asked)
            self.assertEqual({one.total for one in found}, {1})

    async def test_at(self) -> None:
        """
        A message is found by the time that the server gave it.
        """
        await self.fill(3)
        rows = await self.store.walk(CHAT, 0, 9)
        for row in rows:
            self.assertEqual(await self.store.at(CHAT, row.ts), row)
        self.assertIsNone(await self.store.at(CHAT, rows[0].ts - 1))
        self.assertIsNone(await self.store.at(CHAT, rows[2].ts + 1))
        self.assertIsNone(await self.store.at(privatePair("x", "y"), rows[0].ts))
        recalled = await self.recall(CHAT, "bob", "id2")
        self.assertIsNone(await self.store.at(CHAT, rows[1].ts))
        self.assertIsNone(await self.store.at(CHAT, recalled.ts))
        self.assertEqual(await self.store.at(CHAT, rows[2].ts), rows[2])

    async def test_pending(self) -> None:
        """
        What is pending are the others' messages after the cursor; reading
        them moves nothing.
        """
        await self.fill(5)
        for _ in range(2):
            [(place, messages)] = await self.store.pending("bob", None, 10)
            self.assertEqual([message.content for message in messages], ["1", "3", "5"])
            self.assertEqual((place.pair, place.head, place.cursor), (CHAT, 5, 0))
        [(_, messages)] = await self.store.pending("alice", CHAT, 10)
        self.assertEqual([message.content for message in messages], ["2", "4"])
        self.assertEqual(await self.store.pending("bob", groupPair("g"), 10), [])
        self.assertEqual(await self.store.pending("carol", None, 10), [])
        self.assertEqual(await self.store.pending("carol", CHAT, 10), [])

    async def test_pendingInPieces(self) -> None:
        """
        More than the limit is read in pieces, the oldest first: a piece ends
        where its membership's head says.
        """
        await self.fill(9)
        told: list[str | None] = []
        for _ in range(3):
            [(place, messages)] = await self.store.pending("bob", CHAT, 2)
            told += [message.content for message in messages]
            await self.store.moveCursors([("bob", place.conversation, place.head)])
        self.assertEqual(told, ["1", "3", "5", "7", "9"])
        self.assertEqual(await self.store.pending("bob", None, 2), [])

    async def test_pendingIsBounded(self) -> None:
        """
        The limit is that of one answer, however many conversations wait.
        """
        for number in range(6):
            for text in ("a", "b"):
                await self.say(privatePair("bob", f"user{number}"), f"user{number}", text)
        found = await self.store.pending("bob", None, 5)
        self.assertEqual(sum(len(messages) for _, messages in found), 5)
        told = 0
        while found:
            told += sum(len(messages) for _, messages in found)
            await self.store.moveCursors([("bob", place.conversation, place.head) for place, _ in found])
            found = await self.store.pending("bob", None, 5)
        self.assertEqual(told, 12)

    async def test_pendingWithoutRecalled(self) -> None:
        """
        What was recalled waits for nobody.
        """
        await self.fill(3)
        await self.recall(CHAT, "alice", "id1")
        [(place, messages)] = await self.store.pending("bob", None, 10)
        self.assertEqual([message.content for message in messages], ["3"])
        self.assertEqual(place.head, 4)

    async def test_pendingOfNothing(self) -> None:
        """
        Nor do conversations in which all was recalled make an answer long:
        it has no more of them than it may have messages.
        """
        pairs = [privatePair("bob", f"user{number}") for number in range(7)]
        for number, pair in enumerate(pairs):
            await self.say(pair, f"user{number}", id="only")
            await self.recall(pair, f"user{number}", "only")
        for asked in (pairs[:3], pairs[3:6], pairs[6:], []):
            found = await self.store.pending("bob", None, 3)
            self.assertEqual([(place.pair, place.head, messages) for place, messages in found],
                             [(pair, 2, []) for pair in asked])
            await self.store.moveCursors([("bob", place.conversation, place.head) for place, _ in found])

    async def test_cursors(self) -> None:
        """
        A cursor moves forwards only, not past the head, and only for whom it
        belongs to.
        """
        await self.fill(5)
        [(place, _)] = await self.store.pending("bob", None, 10)
        moves = ((3, 2), (2, 2), (2**40, 0))
        for seq, left in moves:
            await self.store.moveCursors([("bob", place.conversation, seq), ("carol", place.conversation, 5)])
            rest = await self.store.pending("bob", CHAT, 10)
            self.assertEqual(sum(place.head - place.cursor for place, _ in rest), left)
        await self.say(CHAT, "alice", "6")
        [(place, messages)] = await self.store.pending("bob", CHAT, 10)
        self.assertEqual((place.cursor, [message.content for message in messages]), (5, ["6"]))
        await self.store.moveCursors([("bob", 10**6, 5), ("nobody", 1, 1)])

    async def test_groupCursor(self) -> None:
        """
        In a group a member has what is said after joining.
        """
        group = await self.group("g", "alice")
        await self.say(group, "alice", "before")
        await self.store.join("bob", "g", None, 10)
        self.assertEqual(await self.store.pending("bob", None, 10), [])
        await self.say(group, "alice", "after")
        [(place, messages)] = await self.store.pending("bob", group, 10)
        self.assertEqual((place.head, place.cursor, place.name), (2, 1, "g"))
        self.assertEqual([message.content for message in messages], ["after"])

    async def test_behind(self) -> None:
        """
        A login finds the private conversations in which something waits, and
        every group.
        """
        await self.store.addAccount(User("bob", "Bob"), "")
        group = await self.group("g", "alice", "bob")
        await self.say(group, "alice")
        await self.say(CHAT, "alice")
        await self.say(privatePair("bob", "carol"), "carol")
        entry = await self.store.enter(User("bob", ""), "tcp", [], False)
        places = {place.pair: place for place in entry.behind}
        self.assertEqual(set(places), {CHAT, privatePair("bob", "carol")})
        self.assertEqual([(place.pair, place.head, place.cursor) for place in entry.groups], [(group, 1, 0)])
        await self.store.moveCursors([("bob", places[CHAT].conversation, 1)])
        entry = await self.store.enter(User("bob", ""), "tcp", [], False)
        self.assertEqual([place.pair for place in entry.behind], [privatePair("bob", "carol")])
