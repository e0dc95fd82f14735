"""
What a client that names a device gets: live, over TCP and WebSocket.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from imtw.catchup import CatchUp
from imtw.errors import StoreError
from imtw.model import Pair
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.handlers.devices import DeviceTestCase, OverWebSocket, pushed
from imtw.test.live import LogBook, pause
from imtw.test.wire import codes, private, public

MANY = 1000


class DeviceTests(DeviceTestCase):
    """
    Over TCP, with a store in memory.
    """

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

    async def test_manyConversations(self) -> None:
        """
        However many conversations there are to be read, for a page of one
        the others are not looked at.
        """
        looked = 0
        headOf = CatchUp._headOf

        def looks(catchUp: CatchUp, conversation: int, pair: Pair) -> int:
            nonlocal looked
            looked += 1
            return headOf(catchUp, conversation, pair)

        self.patch(CatchUp, "_headOf", looks)
        bob = await self.client("bob", device="phone")
        names = [f"g{number:02}" for number in range(60)]
        for name in names:
            for member in (self.ann, bob):
                await member.ask(7, {"cmd": 7, "group_id": name})
        await bob.closedByUs()
        for name in names:
            self.ann.say(11, public(name, name))
        await self.ann.sync()
        bob = await self.client("bob", device="phone")
        self.assertEqual(pushed(await self.count(bob, 60)), [(1, name) for name in names])
        self.assertLess(looked, 10 * 60)

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


class SocketDeviceTests(OverWebSocket, SQLiteDeviceTests):
    """
    The same, over WebSocket.
    """
