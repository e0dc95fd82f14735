"""
What a client that names a device gets: live, over TCP and WebSocket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from imtw.errors import StoreError
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.clients import Talker
from imtw.test.live import LiveTestCase, LogBook, pause
from imtw.test.wire import codes, private, public

MANY = 1000
SECONDS = 20.0  # for what many messages take


def pushed(events: list[Any]) -> list[tuple[int, str]]:
    """
    The seq and content of the messages among these events.
    """
    return [(one["data"]["seq"], one["data"]["content"]) for one in events if one["command"] == 11]


class DeviceTests(LiveTestCase):
    """
    Over TCP, with a store in memory.
    """

    timeout = 60
    store = "memory:"

    async def prepare(self) -> None:
        """
        A server, on which Ann speaks.
        """
        store = self.store or f"sqlite:{self.mktemp()}"
        self.live = await self.serve("--store", store)
        self.ann = await self.tcp(self.live.port, "ann")

    async def client(self, name: str = "", **more: Any) -> Talker:
        """
        A client on this carrier.
        """
        return await self.tcp(self.live.port, name, **more)

    async def say(self, count: int, *bodies: Callable[[str], Any], first: int = 0) -> None:
        """
        Ann says something, and waits until it is stored.
        """
        for number in range(first, first + count):
            for body in bodies:
                self.ann.say(11, body(f"{number}"))
            if not number % 50:
                await self.ann.sync()
        await self.ann.sync()

    async def count(self, client: Talker, wanted: int) -> list[Any]:
        """
        All events up to so many messages.
        """
        await client.until(
            lambda: sum(one["command"] == 11 for one in client.events) >= wanted, f"{wanted} messages", SECONDS
        )
        return await client.sync()

    async def test_missed(self) -> None:
        """
        A device gets, after its login is answered, what it missed: each once
        and in order, then what is said live.
        """
        bob = await self.client("bob", device="phone")
        await bob.ask(7, {"cmd": 7, "group_id": "club"})
        await bob.closedByUs()
        toBob = lambda text: private("bob", text)  # noqa: E731
        toClub = lambda text: public("club", text)  # noqa: E731
        await self.say(MANY // 2, toBob, toClub)
        bob = await self.client()
        bob.say(5, {"cmd": 5, "loginname": "bob", "password": "123", "device": "phone"})
        self.assertEqual([one["command"] for one in await bob.upTo(6)], [9, 9, 6])
        for number in range(MANY // 2, MANY // 2 + 20):  # while it catches up
            self.ann.say(11, toBob(f"{number}"))
            self.ann.say(11, toClub(f"{number}"))
        events = await self.count(bob, MANY + 40)
        self.assertEqual({one["command"] for one in events}, {11})
        for chatType in (1, 2):
            own = [one for one in events if one["data"]["chatType"] == chatType]
            self.assertEqual(pushed(own), [(number + 1, f"{number}") for number in range(MANY // 2 + 20)])

    async def test_cutInTheMiddle(self) -> None:
        """
        A connection that ends while it catches up goes on, the next time,
        after what was confirmed; nothing is missed.
        """
        bob = await self.client("bob", device="phone")
        await bob.closedByUs()
        await self.say(MANY, lambda text: private("bob", text))
        got: list[tuple[int, str]] = []
        rounds = 0
        while not got or got[-1][0] < MANY:
            bob = await self.client("bob", device="phone")
            await bob.until(lambda: any(one["command"] == 11 for one in bob.events), "messages")  # noqa: B023
            news = pushed(bob.events)[:300]
            self.assertEqual(news[0][0], (got[-1][0] if got else 0) + 1)
            got += news
            bob.say(101, {"cmd": 101, "to": "ann", "seq": got[-1][0]})
            self.assertEqual((await bob.upTo(101))[-1]["code"], 10100)
            await bob.closedByUs()
            rounds += 1
        self.assertEqual(got, [(number + 1, f"{number}") for number in range(MANY)])
        self.assertGreater(rounds, 3)
        bob = await self.client("bob", device="phone")
        self.assertEqual(pushed(await bob.sync()), [])

    async def test_cursorsOfTheirOwn(self) -> None:
        """
        Two devices have got differently far, and neither moves the other, nor
        what clients without a device have.
        """
        for device in ("phone", "pad", ""):
            await (await self.client("bob", device=device)).closedByUs()
        await self.say(10, lambda text: private("bob", text))
        phone = await self.client("bob", device="phone")
        self.assertEqual(len(pushed(await self.count(phone, 10))), 10)
        self.assertEqual(codes(await phone.ask(101, {"cmd": 101, "to": "ann", "seq": 10}), 101), [10100])
        await self.say(1, lambda text: private("bob", text), first=10)
        self.assertEqual(pushed(await self.count(phone, 1)), [(11, "10")])
        await phone.closedByUs()
        pad = await self.client("bob", device="pad")
        self.assertEqual([seq for seq, _ in pushed(await self.count(pad, 11))], list(range(1, 12)))
        await pad.closedByUs()
        phone = await self.client("bob", device="phone")
        self.assertEqual(pushed(await self.count(phone, 1)), [(11, "10")])
        old = await self.client("bob")
        self.assertEqual(await old.sync(), [])
        [answer] = await old.ask(19, {"cmd": 19, "type": 0, "userId": "bob"})
        self.assertEqual(len(answer["data"]["friends"]["ann"]), 11)

    async def test_oldClients(self) -> None:
        """
        A client without a device gets not one byte more because its user has
        one that does: no seq, no edits, recalls, read marks or typing.
        """
        old = await self.tcp(self.live.port, "bob")
        alone = await self.tcp(self.live.port, "cid")
        phone = await self.client("bob", device="phone")
        await old.sync()
        await alone.sync()
        already, before = len(old.received), len(alone.received)
        for name in ("bob", "cid"):
            self.ann.say(11, private(name, "one", id=f"{name}1", createTime=5))
            self.ann.say(110, {"cmd": 110, "id": f"{name}1", "to": name, "content": "two"})
            self.ann.say(102, {"cmd": 102, "to": name, "seq": 1})
            self.ann.say(104, {"cmd": 104, "to": name})
            self.ann.say(15, {"cmd": 15, "id": f"{name}1", "to": name})
        await self.ann.sync()
        phone.say(102, {"cmd": 102, "to": "ann", "seq": 1})
        phone.say(101, {"cmd": 101, "to": "ann", "seq": 3})
        told = [one["command"] for one in await phone.sync()]
        self.assertEqual(told, [11, 110, 102, 104, 16, 102, 101])
        await old.sync()
        await alone.sync()
        self.assertEqual(
            old.received[already:].replace(b"bob", b"cid"),
            alone.received[before:],
        )

    async def test_confirmed(self) -> None:
        """
        What is no conversation of the user's cannot be confirmed.
        """
        bob = await self.client("bob", device="phone")
        foreign: list[dict[str, Any]] = [{"to": "zoe", "seq": 1}, {"group": "none", "seq": 1}]
        for body in foreign:
            self.assertEqual(codes(await bob.ask(101, {"cmd": 101, **body}), 101), [10103])
        bad: list[dict[str, Any]] = [{"seq": 1}, {"to": "ann"}, {"to": "ann", "seq": -1}]
        for body in bad:
            self.assertEqual(codes(await bob.ask(101, {"cmd": 101, **body}), 101), [10101])

    async def test_edit(self) -> None:
        """
        An edit is told to the devices of all in the conversation, live and
        later, and answered with its place.
        """
        bob = await self.client("bob", device="phone")
        pad = await self.client("ann", device="pad")
        whom: dict[str, str]
        for id, whom in (("m1", {"to": "bob"}), ("m2", {"group": "100"})):
            pad.say(11, private("bob", "one", id=id) if "to" in whom else public("100", "one", id=id))
            pad.say(110, {"cmd": 110, **whom, "id": id, "content": "two"})
            answer = (await pad.upTo(110))[-1]
            if "code" not in answer:  # its own, as everybody's
                answer = (await pad.upTo(110))[-1]
            self.assertEqual((answer["code"], answer["data"]["seq"]), (10100, 2))
            events = [one for one in await bob.sync() if one["command"] == 110]
            self.assertEqual([(one["data"]["id"], one["data"]["content"]) for one in events], [(id, "two")])
        bob.say(110, {"cmd": 110, "to": "ann", "id": "m1", "content": "three"})
        self.assertEqual((await bob.upTo(110))[-1]["code"], 10102)

    async def test_revokedDevice(self) -> None:
        """
        Dropping a device ends its connections within a second, and no
        others.
        """
        phone, pad, old = [await self.client("bob", device=device) for device in ("phone", "pad", "")]
        [answer] = [one for one in await pad.ask(117) if one["command"] == 117]
        self.assertEqual({one["id"] for one in answer["data"]["devices"]}, {"phone", "pad"})
        self.assertEqual(codes(await pad.ask(118, {"cmd": 118, "device": "phone"}), 118), [10100])
        self.assertLess(await phone.closed(), 1)
        self.assertEqual(codes(await pad.ask(118, {"cmd": 118, "device": "phone"}), 118), [10103])
        for client in (pad, old):
            await client.sync()
        pad.say(118, {"cmd": 118, "device": "pad"})
        self.assertEqual((await pad.upTo(118))[-1]["code"], 10100)
        self.assertLess(await pad.closed(), 1)
        await old.sync()

    async def test_revokedToken(self) -> None:
        """
        A token that is revoked ends the connections that logged in with it,
        and no others; so does its device.
        """
        bob = await self.client("bob", device="phone")
        tokens = []
        for _ in range(2):
            tokens.append((await bob.ask(119, {"cmd": 119}))[-1]["data"]["token"])
        await bob.closedByUs()
        old = await self.client("bob")
        clients = []
        for token in (tokens[0], tokens[0], tokens[1]):
            client = await self.client()
            self.assertLoggedIn(await client.login("bob", password="", token=token))
            clients.append(client)
        self.assertEqual(codes(await old.ask(118, {"cmd": 118, "token": tokens[0]}), 118), [10100])
        for client in clients[:2]:
            self.assertLess(await client.closed(), 1)
        await clients[2].sync()
        self.assertEqual(codes(await old.ask(118, {"cmd": 118, "device": "phone"}), 118), [10100])
        self.assertLess(await clients[2].closed(), 1)
        await old.sync()

    async def test_goneMeanwhile(self) -> None:
        """
        What waits for clients without a device waits on where the one that
        asks for it is gone before the store has answered.
        """
        store = self.live.core.store
        pending = store.pending
        asked, answer = Deferred[None](), Deferred[None]()

        async def slowly(*arguments: Any) -> Any:
            found = await pending(*arguments)
            asked.callback(None)
            await answer
            return found

        await self.ann.ask(11, private("bob", "hello"))
        bob = await self.client("bob")
        patch = self.patch(store, "pending", lambda *arguments: Deferred.fromCoroutine(slowly(*arguments)))
        bob.say(19, {"cmd": 19, "type": 0, "userId": "bob"})
        await asked
        patch.restore()
        (session,) = self.live.core.sessions.of("bob")
        session.close()
        await bob.closed()
        answer.callback(None)
        bob = await self.client("bob")
        [found] = await bob.ask(19, {"cmd": 19, "type": 0, "userId": "bob"})
        self.assertEqual([one["content"] for one in found["data"]["friends"]["ann"]], ["hello"])

    async def test_revokedMeanwhile(self) -> None:
        """
        A token that is revoked while the store is asked about it lets nobody
        in, though the store's answer was that it is good; nor does one whose
        device is dropped meanwhile.
        """
        bob = await self.client("bob", device="phone")
        for field in ("token", "device"):
            token = (await bob.ask(119, {"cmd": 119}))[-1]["data"]["token"]
            await self.loseRace(bob, token, {"token": token, "device": "phone"}[field], field)

    async def loseRace(self, bob: Talker, token: str, value: str, field: str) -> None:
        """
        Somebody shows Bob's token, which Bob revokes before the store has
        answered.
        """
        core, late = self.live.core, await self.client()
        tokenOf = core.store.token
        asked, answer = Deferred[None](), Deferred[None]()

        async def slowly(digest: bytes) -> Any:
            found = await tokenOf(digest)
            asked.callback(None)
            await answer
            return found

        self.patch(core.store, "token", lambda digest: Deferred.fromCoroutine(slowly(digest)))
        late.say(5, {"cmd": 5, "loginname": "bob", "token": token})
        await asked
        self.patch(core.store, "token", tokenOf)
        bob.say(118, {"cmd": 118, field: value})
        self.assertEqual((await bob.upTo(118))[-1]["code"], 10100)
        answer.callback(None)
        self.assertEqual(codes(await late.upTo(6), 6), [10008])
        await late.closed()
        self.assertLess(len(core.sessions.of("bob")), 2)
        self.assertEqual(len(core.attendance.holders), 0)

    async def test_kicked(self) -> None:
        """
        Who is kicked is out of the live group at once, catching up or not.
        """
        bob = await self.client("bob", device="phone")
        await self.ann.ask(111, {"cmd": 111, "group": "team", "name": "Team", "members": ["bob"]})
        await bob.closedByUs()
        await self.say(100, lambda text: public("team", text))
        bob = await self.client("bob", device="phone")
        self.ann.say(114, {"cmd": 114, "group": "team", "user": "bob"})
        self.assertEqual((await self.ann.upTo(114))[-1]["code"], 10100)
        already = len(pushed(bob.events))
        await self.say(10, lambda text: public("team", f"secret {text}"))
        heard = pushed(await bob.sync())
        self.assertLessEqual(already, 100)
        self.assertNotIn("secret", str(heard))
        await pause(0.05)
        self.assertEqual(pushed(await bob.sync()), [])
        self.assertEqual(codes(await bob.ask(11, public("team", "x")), 12), [10102])

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

    async def test_unreadable(self) -> None:
        """
        Whose log cannot be read has to come again, and the operator is told
        why; who has gone meanwhile is nobody's concern.
        """
        asked: list[Deferred[Any]] = []

        def walk(*_: Any) -> Deferred[Any]:
            asked.append(Deferred())
            return asked[-1]

        log = LogBook(self)
        bob = await self.client("bob", device="phone")
        await bob.closedByUs()
        await self.say(1, lambda text: private("bob", text))
        self.patch(self.live.core.store, "walk", walk)
        first = await self.client("bob", device="phone")
        second = await self.client("bob", device="phone")
        while len(asked) < 2:
            await pause(0.01)
        await second.closedByUs()
        while self.live.core.sessions.count > 2:
            await pause(0.01)
        for number, each in enumerate(asked, 1):
            each.errback(StoreError(f"broken {number}"))
        self.assertLess(await first.closed(), 1)
        self.assertIn("catching up: broken 1", log.text)
        self.assertNotIn("broken 2", log.text)
        self.assertNotIn("Traceback", log.text)

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


class SQLiteDeviceTests(DeviceTests):
    """
    The same, with a database.
    """

    store = ""

    async def test_restart(self) -> None:
        """
        Cursors outlast the server.
        """
        store: Any = self.live.core.store
        assert isinstance(store, SQLiteStore)
        bob = await self.client("bob", device="phone")
        await self.say(10, lambda text: private("bob", text))
        self.assertEqual(codes(await bob.ask(101, {"cmd": 101, "to": "ann", "seq": 4}), 101), [10100])
        await self.ann.closedByUs()
        await bob.closedByUs()
        await self.live.stop()
        self.live = await self.serve("--store", f"sqlite:{store.path}")
        bob = await self.client("bob", device="phone")
        self.assertEqual([seq for seq, _ in pushed(await self.count(bob, 6))], [5, 6, 7, 8, 9, 10])


class SocketDeviceTests(SQLiteDeviceTests):
    """
    The same, over WebSocket.
    """

    async def client(self, name: str = "", **more: Any) -> Talker:
        """
        A client on this carrier.
        """
        return await self.ws(self.live.port, name, **more)
