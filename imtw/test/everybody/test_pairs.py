"""
Every kind of client with every other: what one says the other hears.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults

from imtw.test.everybody.easyim import BinaryEasyimGuest, BinaryEasyimSocketGuest, EasyimGuest, EasyimSocketGuest
from imtw.test.everybody.fastim import FastIMGuest
from imtw.test.everybody.guests import Guest, Line
from imtw.test.everybody.jim import JimGuest, JimSocketGuest, ModernJimGuest
from imtw.test.live import LiveTestCase

KINDS: list[type[Guest]] = [
    JimGuest,
    JimSocketGuest,
    ModernJimGuest,
    FastIMGuest,
    EasyimGuest,
    EasyimSocketGuest,
    BinaryEasyimGuest,
    BinaryEasyimSocketGuest,
]

AT_ONCE = 4  # pairs: a password takes its time
TEXTS = ("hello", "你好,世界 é", "😀👩‍👩‍👧 <b>&amp;</b> %s \"'\\", "  two\n lines\t")


class PairTests(LiveTestCase):
    """
    One server for all scenarios; every scenario has users and groups of its
    own.
    """

    timeout = 300

    async def prepare(self) -> None:
        self.live = await self.serve("--store", f"sqlite:{self.mktemp()}", "--auth", "accounts:", "--lobby", "none")
        self.count = 0
        self.known: list[str] = []

    async def guest(self, kind: type[Guest], name: str = "") -> Guest:
        """
        Somebody new, or somebody who was here before.
        """
        self.count += 1
        guest = kind(self, self.live, name or f"{kind.kind}-{self.count}")
        self.known.append(guest.user)
        await guest.arrive()
        return guest

    def group(self) -> str:
        """
        A new group's id.
        """
        self.count += 1
        return f"tea-{self.count}"

    async def pairs(self, scenario: Any, isPrivate: bool = False) -> None:
        """
        Play a scenario for each pair of kinds, a few at once.
        """

        def play(one: type[Guest], other: type[Guest]) -> Deferred[None]:
            return Deferred.fromCoroutine(scenario(one, other))

        stages = DeferredSemaphore(AT_ONCE)
        plays = [
            stages.run(play, one, other)
            for one, other in product(KINDS, KINDS)
            if not isPrivate or (one.isPrivate and other.isPrivate)
        ]
        await gatherResults(plays, consumeErrors=True)

    async def test_private(self) -> None:
        """
        Private messages go both ways, as they are.
        """

        async def scenario(one: type[Guest], other: type[Guest]) -> None:
            a, b = await self.guest(one), await self.guest(other)
            for text in TEXTS:
                await a.tell(b.user, text)
                await b.tell(a.user, text)
            await b.hears(*[Line(a.user, "", text) for text in TEXTS])
            await a.hears(*[Line(b.user, "", text) for text in TEXTS])
            await a.go()
            await b.go()

        await self.pairs(scenario, isPrivate=True)

    async def test_group(self) -> None:
        """
        A group with a member on each kind of client: all hear all, in one
        order, and can read it afterwards.
        """
        group = self.group()
        guests = [await self.guest(kind) for kind in KINDS]
        for guest in guests:
            await guest.enter(group)
        lines = []
        for text in TEXTS:
            for guest in guests:
                await guest.say(group, text)
                lines.append(Line(guest.user, group, text))
        for guest in guests:
            await guest.hears(*[line for line in lines if line.sender != guest.user])
            past = await guest.past(group)
            if past is not None:
                self.assertEqual(past, lines, guest.kind)
            await guest.go()

    async def test_offline(self) -> None:
        """
        What is said while somebody is away is heard when they come back.
        """

        async def scenario(one: type[Guest], other: type[Guest]) -> None:
            group = self.group()
            a, b = await self.guest(one), await self.guest(other)
            for guest in (a, b):
                await guest.enter(group)
            await b.go()
            missed = [Line(a.user, group, text) for text in TEXTS]
            for text in TEXTS:
                await a.say(group, text)
            if one.isPrivate and other.isPrivate:
                await a.tell(b.user, "where are you?")
                missed.append(Line(a.user, "", "where are you?"))
            b = await self.guest(other, b.user)
            await b.enter(group)
            await b.hears(*missed)
            await a.go()
            await b.go()

        await self.pairs(scenario)

    async def test_recall(self) -> None:
        """
        What is taken back is gone from what can be read, and whoever has
        words for it is told.
        """

        async def scenario(one: type[Guest], other: type[Guest]) -> None:
            group = self.group()
            a, b = await self.guest(one), await self.guest(other)
            for guest in (a, b):
                await guest.enter(group)
            await a.say(group, "stays")
            await a.say(group, "goes")
            if await a.takeBack(group, "goes"):
                past = await b.past(group)
                if past is not None:
                    self.assertEqual(past, [Line(a.user, group, "stays")], f"{one.kind}, {other.kind}")
                self.assertIn(await b.seesRecalled(), (None, 1))
            await a.go()
            await b.go()

        await self.pairs(scenario)

    async def test_long(self) -> None:
        """
        A text as long as its sender's dialect allows arrives whole.
        """

        async def scenario(one: type[Guest], other: type[Guest]) -> None:
            group = self.group()
            a, b = await self.guest(one), await self.guest(other)
            for guest in (a, b):
                await guest.enter(group)
            text = ("长" * 1000 + "long " * 20000)[: min(one.longest, 65536)]
            await a.say(group, text)
            await b.hears(Line(a.user, group, text))
            await a.go()
            await b.go()

        await self.pairs(scenario)
