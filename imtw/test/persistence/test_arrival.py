"""
Tests for L{imtw.persistence.arrival}: what waits for a user who comes is
found over many commits as in one, whatever happens meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from imtw.errors import StoreError
from imtw.limits import Limits
from imtw.model import User, privatePair
from imtw.persistence import arrival, recent
from imtw.persistence.arrival import Arrival
from imtw.persistence.ledger import Ledger
from imtw.test.persistence.harness import SQLiteTestCase

BOB = User("bob", "Bob")
MANY = 22


class ArrivalTests(SQLiteTestCase):
    """
    Bob has a few more conversations than one transaction looks at.
    """

    limits = Limits()

    def setUp(self) -> Any:
        """
        Have others write to Bob.
        """
        self.sliceBy(4)
        self.patch(recent, "MORE", 1)
        self.slices = 0
        self.meanwhile: dict[int, Callable[[], Sequence[Deferred[Any]]]] = {}
        self.asked: list[Deferred[Any]] = []
        goOn = Arrival.goOn

        def gone(arriving: Arrival) -> None:
            goOn(arriving)
            self.slices += 1
            happens = self.meanwhile.pop(self.slices, None)
            if happens is not None:
                self.asked += happens()

        self.patch(Arrival, "goOn", gone)
        return super().setUp().addCallback(lambda _: self.talk(range(MANY)))

    def sliceBy(self, few: int) -> None:
        """
        How many conversations a transaction looks at.
        """
        for module in (arrival, recent):
            self.patch(module, "FIRST", few)
            self.patch(module, "SLICE", few)

    def talk(self, numbers: Sequence[int], sender: str = "") -> Deferred[Any]:
        """
        Have others, or Bob, write in conversations.
        """
        return gatherResults([self.say(self.pair(one), sender or f"user{one:02}") for one in numbers])

    def pair(self, number: int) -> Any:
        """
        A conversation of Bob's.
        """
        return privatePair("bob", f"user{number:02}")

    async def behind(self, device: str = "") -> dict[int, tuple[int, int]]:
        """
        Where something waits for Bob when he comes: after which row, and how
        many there are.
        """
        entry = await self.store.enter(BOB, "tcp", [], False, device)
        await gatherResults(self.asked)
        numbers = [place.conversation for place in entry.behind]
        self.assertEqual(numbers, sorted(numbers))
        return {int(place.pair.partnerOf("bob")[4:]): (place.cursor, place.head) for place in entry.behind}

    def move(self, numbers: Sequence[int], seq: int) -> Deferred[Any]:
        """
        Move Bob's cursors; conversations are numbered from 1.
        """
        moved: Deferred[Any] = self.store.moveCursors([("bob", one + 1, seq) for one in numbers])
        return moved

    def confirm(self, numbers: Sequence[int], seq: int, device: str = "phone") -> Deferred[Any]:
        """
        Have a device confirm.
        """
        return gatherResults([self.store.received("bob", device, self.pair(one), seq) for one in numbers])

    async def test_all(self) -> None:
        """
        Everything that waits is found, over several commits.
        """
        everything = dict.fromkeys(range(MANY), (0, 1))
        for device in ("", "phone", "phone", ""):
            self.slices = 0
            self.assertEqual(await self.behind(device), everything)
            self.assertGreaterEqual(self.slices, MANY // 4)

    async def test_nothing(self) -> None:
        """
        Where nothing waits, that is known after one.
        """
        await self.behind()
        await self.move(range(MANY), 1)
        self.slices = 0
        self.assertEqual((await self.behind(), self.slices), ({}, 0))
        self.assertEqual(await self.behind("phone"), {})
        self.slices = 0
        self.assertEqual((await self.behind("phone"), self.slices), ({}, 0))

    async def test_saidMeanwhile(self) -> None:
        """
        What is said meanwhile waits, where something did and where nothing
        did; but no own words for those without a name.
        """
        for device in ("", "phone"):
            await self.behind(device)
            await self.move(range(0, MANY, 2), 1)
            if device:
                await self.confirm(range(0, MANY, 2), 1)
            self.slices = 0
            self.meanwhile = {
                2: lambda: [self.talk([0, 1, MANY - 1]), self.talk([2], "bob")],
                3: lambda: [self.talk([0, 4])],
            }
            found = await self.behind(device)
            waits = dict.fromkeys(range(1, MANY, 2), (0, 1))
            waits.update({0: (1, 3), 1: (0, 2), 4: (1, 2), MANY - 1: (0, 2)})
            if device:  # all of that was said twice
                waits.update({0: (1, 5), 1: (0, 3), 2: (1, 3), 4: (1, 3), MANY - 1: (0, 3)})
            self.assertEqual(found, waits)

    async def test_movedMeanwhile(self) -> None:
        """
        Where a cursor moves meanwhile nothing waits for those without a name.
        """
        await self.behind()
        self.slices = 0
        self.meanwhile = {
            2: lambda: [self.talk([0])],
            3: lambda: [self.move(range(10), 1)],
            4: lambda: [self.move(range(15, MANY), 1)],
        }
        self.assertEqual(await self.behind(), {0: (1, 2), **dict.fromkeys(range(10, 15), (0, 1))})

    async def test_confirmedMeanwhile(self) -> None:
        """
        What a device confirms meanwhile may be found or not, this time,
        unless something was said there; the next time it does not wait.
        """
        await self.behind("phone")
        self.slices = 0
        self.meanwhile = {
            2: lambda: [self.confirm(range(0, MANY, 2), 1)],
            3: lambda: [self.talk([0]), self.confirm([0], 2)],
        }
        left = dict.fromkeys(range(1, MANY, 2), (0, 1))
        found = await self.behind("phone")
        self.assertEqual({**found, **left}, found)
        self.assertNotIn(0, found)
        self.assertEqual(await self.behind("phone"), left)

    async def test_newDevice(self) -> None:
        """
        A new device has its cursors where its user was when it came, over
        several commits, wherever the others go from there.
        """
        await self.behind("pad")
        await self.move(range(8), 1)
        await self.confirm(range(8, 12), 1, "pad")
        self.assertEqual(await self.behind("phone"), dict.fromkeys(range(12, MANY), (0, 1)))
        await self.move(range(MANY), 1)
        await self.confirm(range(MANY), 1, "pad")
        self.assertEqual(await self.behind("phone"), dict.fromkeys(range(12, MANY), (0, 1)))

    async def test_newDeviceTwice(self) -> None:
        """
        A new device that comes on two connections at once starts once.
        """
        await self.move(range(8), 1)
        waits = dict.fromkeys(range(8, MANY), (0, 1))
        coming = [Deferred.fromCoroutine(self.behind("phone")) for _ in range(2)]
        self.assertEqual(await gatherResults(coming), [waits, waits])

    async def test_crowd(self) -> None:
        """
        However many log in at once, a transaction looks at one slice, but for
        the first ones of each, which are small.
        """
        looked: list[int] = []
        begun: set[Arrival] = set()
        begin, look = Ledger.begin, Arrival.look

        def begins(ledger: Ledger, cursor: sqlite3.Cursor) -> None:
            begin(ledger, cursor)
            looked.append(0)

        def looks(arriving: Arrival, ledger: Ledger) -> Any:
            looked[-1] += arriving in begun
            begun.add(arriving)
            return look(arriving, ledger)

        await self.behind()
        self.patch(Ledger, "begin", begins)
        self.patch(Arrival, "look", looks)
        coming = [Deferred.fromCoroutine(self.behind(device)) for device in ("", "", "phone", "pad", "pad")]
        waits = dict.fromkeys(range(MANY), (0, 1))
        self.assertEqual(await gatherResults(coming), [waits] * 5)
        self.assertEqual(set(looked), {0, 1})

    async def test_begunBefore(self) -> None:
        """
        A new device whose first login came to nothing starts where its user
        is when it comes again.
        """
        await self.behind()
        await self.move(range(MANY), 1)
        self.slices = 0
        self.meanwhile = {2: lambda: [self.store.stop()]}
        await self.assertFailure(self.store.enter(BOB, "tcp", [], False, "phone"), StoreError)
        await gatherResults(self.asked)
        await self.restart()
        await self.talk(range(MANY))
        await self.move(range(MANY), 2)
        self.assertEqual(await self.behind("phone"), {})

    async def test_droppedMeanwhile(self) -> None:
        """
        A device that is dropped while it comes in is a new one.
        """
        await self.behind("phone")
        await self.confirm(range(MANY), 1)
        await self.talk(range(MANY))
        await self.behind()
        for step in range(1, 6):
            self.reactor.time += 1
            self.slices = 0
            self.meanwhile = {step: lambda: [self.store.dropDevice("bob", "phone")]}
            self.assertEqual(await self.behind("phone"), dict.fromkeys(range(MANY), (0, 2)), step)
            self.assertEqual(self.meanwhile, {})
            await self.confirm(range(MANY), 2)

    async def test_anotherComesAgain(self) -> None:
        """
        A device that is dropped while it comes in, and comes in elsewhere,
        is that new one.
        """
        await self.behind("phone")
        await self.confirm(range(MANY), 1)
        for step in range(1, 6):
            await self.talk(range(MANY))
            await self.behind()
            self.slices = 0

            def again() -> list[Deferred[Any]]:
                self.reactor.time += 1
                self.sliceBy(100)  # it comes in with one commit
                return [self.store.dropDevice("bob", "phone"), self.store.enter(BOB, "tcp", [], False, "phone")]

            self.meanwhile = {step: again}
            found = await self.behind("phone")
            self.assertEqual({one: cursor for one, (cursor, _) in found.items()}, dict.fromkeys(range(MANY), 0), step)
            self.assertEqual(self.meanwhile, {})
            self.sliceBy(4)
            await self.confirm(range(MANY), 100)

    async def test_doneAgain(self) -> None:
        """
        Where a commit has to be done once more, because somebody else's
        message cannot be stored, nothing is found twice, and nothing missed.
        """
        for device in ("", "phone"):
            self.slices = 0

            def fails() -> list[Deferred[Any]]:
                said = self.say(privatePair("bob", "user03"), "user03", "\ud800")
                return [said.addErrback(lambda _: None), self.talk([1])]

            self.meanwhile = dict.fromkeys(range(1, 30), fails)
            found = await self.behind(device)
            self.assertEqual(set(found), set(range(MANY)))
            self.assertEqual(found[3], (0, 1))
            with closing(sqlite3.connect(self.path)) as connection:
                [head] = connection.execute("SELECT max(seq) FROM messages WHERE conversation = 2").fetchone()
            self.assertEqual(found[1], (0, head))
