"""
Lists of rooms: what changes them, what they cost.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred

from imtw.errors import StoreError
from imtw.model import MARK, Pair, Tally
from imtw.protocols.fastim import entries
from imtw.protocols.fastim.roster import Board
from imtw.test.clients import SocketClient, reactor
from imtw.test.live import Live, pause
from imtw.test.protocols.fastim.harness import ACCOUNTS, FastTestCase
from imtw.test.wire import upgradeOf

FAST = ("--dialect", "fastim:loginAuth=0:updateRate=0.1")
QUIET = 0.4  # seconds: some rounds of that rate


class RosterTests(FastTestCase):
    """
    L{imtw.protocols.fastim.roster}.
    """

    async def watch(self, port: int, user: str, token: str = "x") -> SocketClient:
        """
        Watch somebody's list.
        """
        client = await self.upgrade(port, f"/group/list/{user}/{token}")
        self.assertEqual(client.status, 101)
        return client

    def shown(self, client: SocketClient) -> list[Any]:
        """
        The last list that came: (room, text, messages).
        """
        return [
            (one["newMessage"] and one["newMessage"]["groupId"], one["newMessage"] and one["newMessage"]["info"],
             one["total"])
            for one in (client.events[-1] if client.events else ())
        ]  # fmt: skip

    async def test_newestFirst(self) -> None:
        """
        The rooms with the newest messages come first, those without any last.
        """
        live = await self.serve(*FAST)
        rooms = [await self.enter(live.port, room, "ann") for room in ("a", "b", "empty")]
        list_ = await self.watch(live.port, "ann")
        for client, text in ((rooms[0], "1"), (rooms[1], "2"), (rooms[0], "3")):
            client.send(text.encode())
            await self.hears(client, text)
        await list_.until(lambda: self.shown(list_)[:1] == [("a", "3", 2)], "the last message")
        self.assertEqual(self.shown(list_), [("a", "3", 2), ("b", "2", 1), (None, None, 0)])

    async def test_readOnce(self) -> None:
        """
        A room is read once for all lists that show it, and nothing is read
        while nothing happens.
        """
        live = await self.serve(*FAST)
        names = [f"u{number}" for number in range(20)]
        rooms = [await self.enter(live.port, "g", name) for name in names]
        lists = [await self.watch(live.port, name) for name in names]
        await pause(QUIET)
        board = self.boardOf(live)
        while board._isBusy or board._timer is not None:
            await pause(0.01)
        asked: list[list[Pair]] = []
        newest = live.core.store.newest

        def counted(pairs: list[Pair], count: int, until: int | None = None) -> Any:
            asked.append(list(pairs))
            return newest(pairs, count, until)

        self.patch(live.core.store, "newest", counted)
        await pause(QUIET)
        self.assertEqual(asked, [])
        rooms[0].send(b"hello")
        for client in lists:
            await client.until(lambda client=client: client.events != [], "a list")  # type: ignore[misc]
        await pause(QUIET)
        self.assertEqual([[pair.a for pair in pairs] for pairs in asked], [[f"{MARK}fastim{MARK}g"]])
        self.assertEqual({len(client.events) for client in lists}, {1})

    async def test_coalesced(self) -> None:
        """
        However much is said, a list is pushed once a round, and ends up
        right.
        """
        live = await self.serve("--dialect", "fastim:loginAuth=0:updateRate=0.5")
        room = await self.enter(live.port, "g", "ann")
        list_ = await self.watch(live.port, "ann")
        began = reactor.seconds()
        for number in range(200):
            room.send(b"%d" % number)
        await list_.until(lambda: self.shown(list_) == [("g", "199", 200)], "the last message")
        rounds = (reactor.seconds() - began) / 0.5
        self.assertLessEqual(len(list_.events), 1 + rounds)

    async def test_otherDialects(self) -> None:
        """
        What J-IM's clients say, and where they take the user, shows.
        """
        live = await self.serve(*ACCOUNTS, "--dialect", "fastim:updateRate=0.1")
        token = await self.login(live.port, "bob")
        list_ = await self.watch(live.port, "bob", token)
        bob, ann = await self.tcp(live.port, "bob", password="a password"), await self.tcp(live.port, "ann")
        for client in (bob, ann):
            client.say(7, {"group_id": "g"})
            await client.upTo(8)
        ann.say(11, {"chatType": 1, "msgType": 0, "group_id": "g", "content": "hello"})
        await list_.until(lambda: ("g", "hello", 1) in self.shown(list_), "the message")
        bob.say(100, {"group": "g"})
        await list_.until(lambda: "hello" not in str(list_.events[-1]), "the list without the group")

    async def test_edited(self) -> None:
        """
        A last message that says something else now is shown anew.
        """
        live = await self.serve(*ACCOUNTS, "--dialect", "fastim:updateRate=0.1")
        _, token = await self.come(live.port, "g", "ann")
        bob = await self.tcp(live.port, "bob", device="phone")
        bob.say(7, {"group_id": "g"})
        await bob.upTo(8)
        bob.say(11, {"chatType": 1, "msgType": 0, "group_id": "g", "content": "hallo", "id": "1"})
        await bob.upTo(12)
        list_ = await self.watch(live.port, "ann", token)
        await list_.until(lambda: self.shown(list_) == [("g", "hallo", 1)], "the message")
        bob.say(110, {"group": "g", "id": "1", "content": "hello"})
        await list_.until(lambda: self.shown(list_) == [("g", "hello", 1)], "what it says now")
        self.assertEqual(len(list_.events), 2)

    async def test_large(self) -> None:
        """
        However large the messages are, what is read at once, kept, and pushed
        is bounded; what was dropped is read again, and comes as it is.
        """
        self.patch(entries, "KEPT", 60_000)
        live = await self.serve(*FAST, "--limit", "sendBudget=200000")
        names = [f"r{number}" for number in range(20)]
        rooms = [await self.enter(live.port, name, "ann") for name in names]
        for room, name in zip(rooms, names, strict=True):
            room.send(name.encode() + b"x" * 8000)
            await room.until(lambda room=room: len(room.events) == 2, "the message")  # type: ignore[misc]
            await pause(0.002)  # each at a time of its own
        newest, most = live.core.store.newest, []

        async def measured(pairs: list[Pair], count: int) -> list[Tally]:
            tallies: list[Tally] = await newest(pairs, count)
            most.append(sum(len(message.content or "") for tally in tallies for message in tally.messages))
            return tallies

        self.patch(live.core.store, "newest", lambda *args: Deferred.fromCoroutine(measured(*args)))
        list_ = await self.watch(live.port, "ann")
        await list_.until(lambda: list_.events != [], "the list")
        self.assertEqual([text[:3].rstrip("x") for _, text, _ in self.shown(list_)], names[:-13:-1])
        self.assertLess(self.keptBy(live), 60_001)
        self.assertLess(len(json.dumps(list_.events[0])), 100_000)
        rooms[3].send(b"short")
        await list_.until(lambda: len(list_.events) == 2, "the next list")
        self.assertEqual([text[:3].rstrip("x") for _, text, _ in self.shown(list_)], ["sho", *names[:-13:-1]])
        self.assertLess(max(most), 110_000)
        self.assertLess(self.keptBy(live), 60_001)

    async def test_tooLarge(self) -> None:
        """
        A message of another dialect that no list has space for hides no other
        room.
        """
        live = await self.serve(*ACCOUNTS, "--dialect", "fastim:updateRate=0.1", "--limit", "sendBudget=200000")
        ann, token = await self.come(live.port, "g", "ann")
        jim = await self.tcp(live.port, "bob")
        jim.say(7, {"group_id": "h"})
        await jim.upTo(8)
        both = await self.enter(live.port, "h", "ann", token)
        ann.send(b"hello")
        await self.hears(ann, "hello")
        await pause(0.002)
        jim.say(11, {"chatType": 1, "msgType": 0, "group_id": "h", "content": "x" * 150_000})
        await both.until(lambda: len(both.events) == 2, "the message")
        list_ = await self.watch(live.port, "ann", token)
        await list_.until(lambda: list_.events != [], "the list")
        self.assertEqual(self.shown(list_), [(None, None, 1), ("g", "hello", 1)])

    def keptBy(self, live: Live) -> int:
        """
        How many bytes of rooms a server keeps to show them.
        """
        return sum(map(len, self.boardOf(live)._entries._texts.values()))

    def boardOf(self, live: Live) -> Board:
        """
        A server's lists.
        """
        [board] = [worker for worker in live.core.workers if isinstance(worker, Board)]
        return board

    async def test_gone(self) -> None:
        """
        Nothing is kept of lists that nobody watches.
        """
        live = await self.serve(*FAST)
        room = await self.enter(live.port, "g", "ann")
        lists = [await self.watch(live.port, "ann") for _ in range(3)]
        room.send(b"hello")
        for client in lists:
            await client.until(lambda client=client: client.events != [], "a list")  # type: ignore[misc]
            client.hangUp()
        room.hangUp()
        while live.core.connections:
            await pause(0.01)
        self.assertIsNone(live.core.groups.get(f"{MARK}fastim{MARK}g"))
        self.assertEqual(list(live.core.sessions.visitors(f"{MARK}fastim{MARK}ann")), [])

    async def test_storeIsAway(self) -> None:
        """
        A list that cannot be read is no list that stays empty: who watches is
        told, and may come again.
        """
        live = await self.serve(*FAST)
        places = live.core.store.places
        waiting: Deferred[Any] = Deferred()
        self.patch(live.core.store, "places", lambda user: waiting)
        lists = [await self.watch(live.port, "ann") for _ in range(2)]
        early = await self.watch(live.port, "ann")
        early.hangUp()
        await early.closed()
        waiting.errback(StoreError("away"))
        for client in lists:
            self.assertEqual(await self.closes(client), 1011)
        self.flushLoggedErrors()
        self.patch(live.core.store, "places", places)
        room = await self.enter(live.port, "g", "ann")
        again = await self.watch(live.port, "ann")
        room.send(b"hello")
        await again.until(lambda: self.shown(again) == [("g", "hello", 1)], "a list")

    async def test_strict(self) -> None:
        """
        A strict list is the original's: its keys have no quotes.
        """
        live = await self.serve("--strict", "fastim", *FAST)
        room = await self.enter(live.port, "g", "ann")
        room.send(b"hi")
        client = await self.raw(live.port)
        client.write(upgradeOf("/group/list/ann/x"))
        await client.until(lambda: client.received.endswith(b"}]"), "a list")
        text = client.received[client.received.index(b"[{") :]
        self.assertTrue(text.startswith(b"[{newMessage:{"), text)
        self.assertTrue(text.endswith(b"}, total:1}]"), text)
        self.assertEqual(json.loads(text[13:-11])["info"], "hi")
        client.hangUp()

    async def test_refused(self) -> None:
        """
        Who shows no token sees no list.
        """
        live = await self.serve(*ACCOUNTS)
        await self.login(live.port, "ann")
        client = await self.watch(live.port, "ann", "wrong")
        self.assertEqual(await self.closes(client), 1000)
        self.assertEqual(client.events, [440])
