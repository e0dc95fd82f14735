"""
Devices that read slowly, or read the log: live, over TCP and WebSocket.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from imtw.test.handlers.devices import DeviceTestCase, OverWebSocket, pushed
from imtw.test.live import pause
from imtw.test.wire import private, public


class SlowReaderTests(DeviceTestCase):
    """
    They get all that is theirs, and nothing else.
    """

    async def test_repeatedMeanwhile(self) -> None:
        """
        A device gets all that it missed though somebody repeats the first of
        it while the log is read.
        """
        bob = await self.client("bob", device="phone")
        await bob.closedByUs()
        for number in range(3):
            self.ann.say(11, private("bob", f"{number}", id=f"m{number}"))
        await self.ann.sync()
        walk = self.live.core.store.walk
        gate: Deferred[None] = Deferred()
        self.patch(self.live.core.store, "walk", lambda *asked: gate.addCallback(lambda _: walk(*asked)))
        bob = await self.client("bob", device="phone")
        self.ann.say(11, private("bob", "0", id="m0"))
        await self.ann.sync()
        gate.callback(None)
        self.assertEqual(pushed(await self.count(bob, 3)), [(1, "0"), (2, "1"), (3, "2")])

    async def test_repeatedToSlowReader(self) -> None:
        """
        A device that reads slowly while somebody repeats an older message is
        not sent what was said before its user came.
        """
        bob = await self.client("bob", device="phone")
        await self.ann.ask(7, {"cmd": 7, "group_id": "club"})
        for content in ("old", "older"):
            self.ann.say(11, public("club", content, id=content))
        await self.ann.sync()
        await bob.ask(7, {"cmd": 7, "group_id": "club"})
        outlet: Any = self.live.core.sessions.of("bob")[0].outlet
        outlet.level = 2
        self.ann.say(11, public("club", "old", id="old"))
        self.ann.say(11, public("club", "new", id="new"))
        await self.ann.sync()
        outlet.level = 0
        outlet.relieved()
        await bob.until(lambda: "new" in [content for _, content in pushed(bob.events)], "the new one")
        self.assertEqual(pushed(bob.events), [(3, "new")])

    async def test_slowReaderGoneBetween(self) -> None:
        """
        A device that reads slowly, and whose user leaves a group and comes
        back, is not sent what was said there in between.
        """
        bob = await self.client("bob", device="phone")
        pad = await self.client("bob", device="pad")
        for member in (self.ann, bob):
            await member.ask(7, {"cmd": 7, "group_id": "club"})
        outlet: Any = self.live.core.sessions.of("bob")[0].outlet
        outlet.level = 2
        self.ann.say(11, public("club", "missed", id="missed"))
        await self.ann.sync()
        await pad.ask(100, {"cmd": 100, "group": "club"})
        self.ann.say(11, public("club", "not for him", id="between"))
        await self.ann.sync()
        await pad.ask(7, {"cmd": 7, "group_id": "club"})
        self.ann.say(11, public("club", "new", id="new"))
        await self.ann.sync()
        outlet.level = 0
        outlet.relieved()
        await bob.until(lambda: "new" in [content for _, content in pushed(bob.events)], "the new one")
        self.assertEqual(pushed(bob.events), [(3, "new")])

    async def test_goneWhileItReads(self) -> None:
        """
        Nor is one that is just reading the log, when its user leaves.
        """
        await self.ann.ask(7, {"cmd": 7, "group_id": "club"})
        for device in ("phone", "pad"):
            bob = await self.client("bob", device=device)
            await bob.ask(7, {"cmd": 7, "group_id": "club"})
            await bob.closedByUs()
        self.ann.say(11, public("club", "missed", id="missed"))
        self.ann.say(11, private("bob", "for him"))
        await self.ann.sync()
        walk = self.live.core.store.walk
        gate: Deferred[None] = Deferred()
        self.patch(self.live.core.store, "walk", lambda *asked: gate.addCallback(lambda _: walk(*asked)))
        bob = await self.client("bob", device="phone")
        pad = await self.client("bob")
        await pad.ask(100, {"cmd": 100, "group": "club"})
        self.ann.say(11, public("club", "not for him", id="between"))
        await self.ann.sync()
        await pad.ask(7, {"cmd": 7, "group_id": "club"})
        gate.callback(None)
        self.ann.say(11, public("club", "new", id="new"))
        self.assertEqual(sorted(pushed(await self.count(bob, 2))), [(1, "for him"), (3, "new")])

    async def test_slow(self) -> None:
        """
        A device that does not read is sent no more than the log can tell it
        later, and gets all of it in order once it reads.
        """
        bob: Any = await self.client("bob", device="phone")
        bob.transport.pauseProducing()
        text = "x" * 20_000
        await self.say(300, lambda number: private("bob", number + text))
        await pause(0.1)
        bob.transport.resumeProducing()
        events = await self.count(bob, 300)
        self.assertEqual([seq for seq, _ in pushed(events)], list(range(1, 301)))


class SQLiteSlowReaderTests(SlowReaderTests):
    """
    The same, with a database.
    """

    store = ""


class SocketSlowReaderTests(OverWebSocket, SQLiteSlowReaderTests):
    """
    The same, over WebSocket.
    """
