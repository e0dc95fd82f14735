"""
What every store has to do with edits.
"""

from __future__ import annotations

from typing import Any

from imtw.commands import Status
from imtw.model import Fact, groupPair
from imtw.test.persistence.harness import CHAT, START, StoreHarness

NOW = int(START * 1000)
TEAM = groupPair("team")


class EditContract(StoreHarness):
    """
    Messages can be edited.
    """

    async def test_edit(self) -> None:
        """
        An edit is a row of its own, and no message; the message says what it
        says from then on, and when, wherever it is read.
        """
        for number in "123":
            await self.say(CHAT, "alice", number, number, kind="image", extras={"a": 1}, device="phone")
        self.reactor.time = START + 60
        row = await self.edit(CHAT, "alice", "2", "two")
        self.assertEqual((row.seq, row.n, row.ts), (4, 3, NOW + 60_000))
        self.assertEqual((row.fact, row.id, row.content, row.kind, row.repeat), (Fact.EDIT, "2", "two", "image", False))
        changed = await self.store.find(CHAT, "2")
        self.assertEqual((changed.seq, changed.content, changed.kind, changed.extras), (2, "two", "image", {"a": 1}))
        self.assertEqual(changed.edited, NOW + 60_000)
        self.assertEqual(await self.contents(CHAT), ["1", "two", "3"])
        self.assertEqual((await self.store.page(CHAT, 1, None, 1)), [changed])
        self.assertEqual((await self.store.walk(CHAT, 1, 1)), [changed])
        self.assertEqual((await self.store.walk(CHAT, 3, 9)), [row])
        [(place, messages)] = await self.store.pending("bob", None, 10)
        self.assertEqual((place.head, messages[1], len(messages)), (4, changed, 3))
        self.assertEqual([m.edited for m in await self.store.walk(CHAT, 0, 3)], [0, 60_000 + NOW, 0])
        self.assertEqual(await self.contents(CHAT, 0, NOW + 1, None, 10), ["1", "two", "3"])

    async def test_editAgain(self) -> None:
        """
        The same edit again is the same row; another one is another.
        """
        await self.say(CHAT, "alice", "one", "1")
        first = await self.edit(CHAT, "alice", "1", "two")
        again = await self.edit(CHAT, "alice", "1", "two")
        self.assertEqual((again.seq, again.repeat), (first.seq, True))
        self.reactor.time = START + 10_000
        self.assertEqual((await self.edit(CHAT, "alice", "1", "two")).seq, first.seq)
        self.reactor.time = START + 1
        self.assertEqual((await self.edit(CHAT, "alice", "1", "three")).seq, 3)
        self.assertEqual((await self.edit(CHAT, "alice", "1", "two")).seq, 4)
        self.assertEqual((await self.edit(CHAT, "alice", "1", "two")).seq, 4)
        self.assertEqual(await self.contents(CHAT), ["two"])

    async def test_refused(self) -> None:
        """
        Only one's own messages can be edited, for a while, and not once they
        are recalled.
        """
        await self.refused(self.edit(CHAT, "alice", "1", "x"), Status.NOT_FOUND)
        await self.say(CHAT, "alice", "one", "1")
        await self.say(CHAT, "alice", "two", "2")
        await self.refused(self.edit(CHAT, "bob", "1", "x"), Status.FORBIDDEN)
        await self.refused(self.edit(CHAT, "alice", "none", "x"), Status.NOT_FOUND)
        await self.recall(CHAT, "alice", "2")
        await self.refused(self.edit(CHAT, "alice", "2", "x"), Status.NOT_FOUND)
        self.reactor.time = START + 120
        await self.edit(CHAT, "alice", "1", "in time")
        self.reactor.time = START + 120.1
        await self.refused(self.edit(CHAT, "alice", "1", "x"), Status.TOO_LATE)
        self.assertEqual(await self.contents(CHAT), ["in time"])

    async def test_mayNotSpeak(self) -> None:
        """
        Who may not speak does not edit either.
        """
        pair = await self.group("g", "alice")
        await self.say(pair, "alice", "one", "1")
        await self.store.mute("alice", "g", NOW + 1000)
        await self.refused(self.edit(pair, "alice", "1", "x"), Status.FORBIDDEN)

    async def test_recallOfEdited(self) -> None:
        """
        Of a message that is taken back nothing is left that it ever said.
        """
        await self.say(CHAT, "alice", "one", "1")
        await self.edit(CHAT, "alice", "1", "two")
        await self.edit(CHAT, "alice", "1", "three")
        await self.recall(CHAT, "alice", "1")
        rows = await self.store.walk(CHAT, 0, 10)
        self.assertEqual([(row.fact, row.content) for row in rows], [(0, None), (2, None), (2, None), (1, None)])
        self.assertEqual(await self.contents(CHAT), [])

    async def test_repeatOfEdited(self) -> None:
        """
        A device that sends its message again, as it was before the edit,
        changes nothing.
        """
        first = await self.say(CHAT, "alice", "one", "1", device="phone")
        await self.edit(CHAT, "alice", "1", "two")
        again = await self.say(CHAT, "alice", "one", "1", device="phone")
        self.assertEqual((again.seq, again.repeat, again.content), (first.seq, True, "two"))

    async def test_atOnce(self) -> None:
        """
        A message and its edits may share a commit.
        """
        said = [self.say(CHAT, "alice", "one", "1"), self.edit(CHAT, "alice", "1", "two")]
        said += [self.edit(CHAT, "alice", "1", "two"), self.say(CHAT, "alice", "two", "1")]
        rows: Any = [await each for each in said]
        self.assertEqual([row.seq for row in rows], [1, 2, 2, 1])
        self.assertEqual([row.repeat for row in rows], [False, False, True, True])
