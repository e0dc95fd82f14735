"""
What every store has to do with messages that come again, and with those that
are taken back.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import DeferredList, gatherResults

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.model import Draft, Fact, Pair, groupPair, privatePair
from imtw.test.persistence.harness import CHAT, START, StoreHarness

OTHER = privatePair("alice", "carol")


class RepeatContract(StoreHarness):
    """
    A message that comes again is stored once.
    """

    async def check(self, pair: Pair, count: int) -> None:
        """
        A conversation has this many rows.
        """
        self.assertEqual([row.seq for row in await self.store.walk(pair, 0, 100)], list(range(1, count + 1)))

    async def test_repeat(self) -> None:
        """
        The same sender, conversation, id and content is the row that is
        there already, also with another time of writing.
        """
        first = await self.say(CHAT, "alice", "hello", "1", extras={"a": {"b": 1}})
        await self.say(CHAT, "alice", "between", "2")
        self.reactor.time += 5
        again = await self.say(CHAT, "alice", "hello", "1", extras={"a": {"b": 1}})
        self.assertEqual((first.repeat, again.repeat), (False, True))
        again.repeat = False
        self.assertEqual(again, first)
        [read, _] = await self.store.history(CHAT, None, None, None, None)
        self.assertEqual(read, first)
        await self.check(CHAT, 2)

    async def test_repeatAtOnce(self) -> None:
        """
        The same, where both wait for the same commit.
        """
        for device in ("", "phone"):
            id = "1" + device
            said = [self.say(CHAT, "alice", "hello", id, device=device) for _ in range(5)]
            rows: list[Any] = await gatherResults(said)
            self.assertEqual([row.repeat for row in rows], [False, True, True, True, True])
            self.assertEqual(len({row.seq for row in rows}), 1)
        await self.check(CHAT, 2)

    async def test_idWithNul(self) -> None:
        """
        No message has an id with a NUL: where a database takes that for a
        text's end it would not be known again, or taken for another.
        """
        for device in ("", "phone"):
            id = "1" + device
            await self.say(CHAT, "alice", "hello", id, device=device)
            await self.refused(self.say(CHAT, "alice", "hello", id + "\0", device=device), Status.BAD_REQUEST)
            await self.refused(self.say(CHAT, "alice", "other", id + "\0", device=device), Status.BAD_REQUEST)
        await self.check(CHAT, 2)

    async def test_otherContentIsNew(self) -> None:
        """
        A client without a device that uses an id again for something else
        has a new row with that id.
        """
        await self.group("g", "alice", "bob")
        rows = [
            await self.say(CHAT, "alice", "hello", "1"),
            await self.say(CHAT, "alice", "other", "1"),
            await self.say(CHAT, "alice", "hello", "1", kind="image"),
            await self.say(CHAT, "alice", "hello", "1", extras={"a": 1}),
            await self.say(CHAT, "alice", None, "1"),
            await self.say(CHAT, "bob", "hello", "1"),
            await self.say(OTHER, "alice", "hello", "1"),
            await self.say(groupPair("g"), "alice", "hello", "1"),
            await self.say(groupPair("g"), "bob", "hello", "1"),
        ]
        self.assertEqual([row.repeat for row in rows], [False] * 9)
        self.assertEqual([row.id for row in rows], ["1"] * 9)
        again = await self.say(CHAT, "alice", "hello", "1", kind="image")
        self.assertEqual((again.repeat, again.seq), (True, 3))
        await self.check(CHAT, 6)

    async def test_notGiven(self) -> None:
        """
        An id that the server made is no reason to think of a repeat.
        """
        self.said = 0
        await self.say(CHAT, "alice", "hello")
        self.said = 0
        self.assertFalse((await self.say(CHAT, "alice", "hello")).repeat)
        await self.check(CHAT, 2)

    async def test_oneIdForAll(self) -> None:
        """
        A client that has but one id for all its messages loses none of them.
        """
        await gatherResults([self.say(CHAT, "alice", f"{n}", "x") for n in range(30)])
        for n in range(30, 60):
            await self.say(CHAT, "alice", f"{n}", "x")
        await self.check(CHAT, 60)
        self.assertTrue((await self.say(CHAT, "alice", "59", "x")).repeat)

    async def test_deviceRepeats(self) -> None:
        """
        What a device says again is one row.
        """
        first = await self.say(CHAT, "alice", "hello", "1", device="phone")
        again = await self.say(CHAT, "alice", "hello", "1", device="phone")
        self.assertEqual((again.seq, again.repeat, first.repeat), (first.seq, True, False))
        # Another device of the same user with the same id: it is the same message.
        other = await self.say(CHAT, "alice", "hello", "1", device="pad")
        self.assertEqual((other.seq, other.repeat), (first.seq, True))
        await self.check(CHAT, 1)

    async def test_deviceConflicts(self) -> None:
        """
        An id that a user's device has used is taken, in every conversation.
        """
        await self.group("g", "alice", "bob")
        await self.say(CHAT, "alice", "hello", "1", device="phone")
        others: list[tuple[Pair, dict[str, Any]]] = [
            (CHAT, {"content": "other"}),
            (CHAT, {"kind": "image"}),
            (CHAT, {"extras": {"a": 1}}),
            (OTHER, {}),
            (groupPair("g"), {}),
        ]
        for pair, more in others:
            asked = self.say(pair, "alice", **{"content": "hello", "id": "1", "device": "phone", **more})
            await self.refused(asked, Status.CONFLICT)
        self.assertFalse((await self.say(CHAT, "bob", "hello", "1", device="phone")).repeat)
        await self.check(CHAT, 2)
        await self.check(OTHER, 0)

    async def test_deviceConflictsAtOnce(self) -> None:
        """
        The same, where all wait for the same commit; the neighbours are
        stored.
        """
        said = [
            self.say(CHAT, "alice", "hello", "1", device="phone"),
            self.say(CHAT, "alice", "other", "1", device="phone"),
            self.say(OTHER, "alice", "hello", "1", device="phone"),
            self.say(CHAT, "alice", "next", "2", device="phone"),
        ]
        results = await DeferredList(said, consumeErrors=True)
        self.assertEqual([success for success, _ in results], [True, False, False, True])
        for _, failure in results[1:3]:
            failure.trap(CommandRefused)
        self.assertEqual(await self.contents(CHAT), ["hello", "next"])

    async def test_deviceAndNone(self) -> None:
        """
        Clients with and without a device do not meet in their ids.
        """
        first = await self.say(CHAT, "alice", "hello", "1")
        second = await self.say(CHAT, "alice", "hello", "1", device="phone")
        third = await self.say(CHAT, "alice", "hello", "1")
        self.assertEqual([first.repeat, second.repeat, third.repeat], [False, False, True])
        self.assertEqual(third.seq, first.seq)

    async def test_repeatOfRecalled(self) -> None:
        """
        What was recalled and comes again stays recalled where the id is
        unique, and is a new message where it is not.
        """
        await self.say(CHAT, "alice", "hello", "1", device="phone")
        await self.recall(CHAT, "alice", "1")
        again = await self.say(CHAT, "alice", "hello", "1", device="phone")
        self.assertEqual((again.repeat, again.seq, again.content), (True, 1, None))
        self.assertEqual(await self.contents(CHAT), [])
        await self.say(CHAT, "alice", None, "2")
        await self.recall(CHAT, "alice", "2")
        self.assertFalse((await self.say(CHAT, "alice", None, "2")).repeat)


class RecallContract(StoreHarness):
    """
    A message can be taken back for a while.
    """

    async def test_meantBySeq(self) -> None:
        """
        Of messages with one id any can be taken back by its seq, by who sent
        it, and for longer than the limit says.
        """
        group = await self.group("g", "alice", "bob")
        for text in ("one", "two", "three"):
            await self.say(group, "alice", text, "same")
        self.reactor.time = START + 500
        at = int(self.reactor.time * 1000)
        recall = Draft(group, "same", "alice", None, at, fact=Fact.RECALL, meant=2, within=600.0)
        self.assertEqual((await self.append(recall)).fact, Fact.RECALL)
        self.assertEqual(await self.contents(group), ["one", "three"])
        self.assertTrue((await self.append(recall)).repeat)
        await self.refused(self.append(replace(recall, meant=9)), Status.FORBIDDEN)
        await self.refused(self.append(replace(recall, sender="bob", meant=1)), Status.FORBIDDEN)
        await self.refused(self.append(replace(recall, meant=1, within=0.0)), Status.TOO_LATE)
        self.assertEqual(await self.contents(group), ["one", "three"])

    async def test_recall(self) -> None:
        """
        A recall is a row, but no message, and leaves of the message a
        tombstone.
        """
        for number in (1, 2, 3):
            await self.say(CHAT, "alice", f"{number}", f"{number}", kind="image", extras={"a": 1})
        row = await self.recall(CHAT, "alice", "2")
        self.assertEqual((row.seq, row.n, row.id, row.sender, row.fact), (4, 3, "2", "alice", Fact.RECALL))
        after = await self.say(CHAT, "bob", "4")
        self.assertEqual((after.seq, after.n), (5, 4))
        tombstone = (await self.store.walk(CHAT, 1, 1))[0]
        self.assertEqual((tombstone.seq, tombstone.n, tombstone.id, tombstone.sender), (2, 2, "2", "alice"))
        self.assertEqual((tombstone.kind, tombstone.content, tombstone.extras), ("recalled", None, None))
        self.assertEqual(await self.contents(CHAT), ["1", "3", "4"])

    async def test_recallAgain(self) -> None:
        """
        A recall that comes again has the same answer, even when it is late.
        """
        await self.say(CHAT, "alice", "hello", "1")
        first = await self.recall(CHAT, "alice", "1")
        self.reactor.time += 1000
        again = await self.recall(CHAT, "alice", "1")
        self.assertEqual((first.repeat, again.repeat), (False, True))
        again.repeat = False
        self.assertEqual(again, first)
        self.assertEqual(len(await self.store.walk(CHAT, 0, 10)), 2)

    async def test_recallAtOnce(self) -> None:
        """
        A message and its recalls may wait for the same commit.
        """
        asked = [
            self.say(CHAT, "alice", "hello", "1"),
            self.recall(CHAT, "alice", "1"),
            self.recall(CHAT, "alice", "1"),
            self.say(CHAT, "alice", "next", "2"),
        ]
        rows: list[Any] = await gatherResults(asked)
        places = [(row.seq, row.n, row.repeat) for row in rows]
        self.assertEqual(places, [(1, 1, False), (2, 1, False), (2, 1, True), (3, 2, False)])
        self.assertEqual(await self.contents(CHAT), ["next"])

    async def test_notOnesOwn(self) -> None:
        """
        Only the sender takes a message back.
        """
        await self.say(CHAT, "alice", "hello", "1")
        await self.refused(self.recall(CHAT, "bob", "1"), Status.FORBIDDEN)
        await self.say(CHAT, "bob", "mine", "1")
        await self.recall(CHAT, "bob", "1")
        self.assertEqual(await self.contents(CHAT), ["hello"])

    async def test_notThere(self) -> None:
        """
        What is not there cannot be taken back, and asking for it begins no
        conversation.
        """
        await self.refused(self.recall(CHAT, "alice", "1"), Status.NOT_FOUND)
        await self.refused(self.recall(groupPair("none"), "alice", "1"), Status.NOT_FOUND)
        await self.say(CHAT, "alice", "hello", "1")
        await self.refused(self.recall(CHAT, "alice", "2"), Status.NOT_FOUND)
        await self.refused(self.recall(OTHER, "alice", "1"), Status.NOT_FOUND)
        self.assertEqual(await self.store.pending("carol", None, 10), [])

    async def test_window(self) -> None:
        """
        After the limit's time it is too late, to the millisecond.
        """
        self.reactor.time = START
        await self.say(CHAT, "alice", "first", "1")
        await self.say(CHAT, "alice", "second", "2")  # its ts is one ms later
        self.reactor.time = START + self.limits.recall + 0.001
        await self.refused(self.recall(CHAT, "alice", "1"), Status.TOO_LATE)
        await self.recall(CHAT, "alice", "2")
        self.assertEqual(await self.contents(CHAT), ["first"])

    async def test_newestOfAnId(self) -> None:
        """
        Where an id was used again, the newest message is meant.
        """
        await self.say(CHAT, "alice", "one", "1")
        await self.say(CHAT, "alice", "two", "1")
        await self.recall(CHAT, "alice", "1")
        self.assertEqual(await self.contents(CHAT), ["one"])
        self.assertTrue((await self.recall(CHAT, "alice", "1")).repeat)

    async def test_inGroup(self) -> None:
        """
        It is the same in a group.
        """
        group = await self.group("g", "alice", "bob")
        await self.say(group, "alice", "hello", "1")
        await self.refused(self.recall(group, "bob", "1"), Status.FORBIDDEN)
        row = await self.recall(group, "alice", "1")
        self.assertEqual((row.seq, row.n, row.pair), (2, 1, group))
        [(place, messages)] = await self.store.pending("bob", group, 10)
        self.assertEqual((place.head, messages), (2, []))
