"""
What imtw adds for clients that name a device, and old ones must not notice
(docs/wire/jim.rst).
"""

from __future__ import annotations

from imtw.test.clients import reactor
from imtw.test.live import pause
from imtw.test.protocols.jim.harness import UNKNOWN, QuirkTestCase, commands
from imtw.test.wire import codes, private, public, said


class ModernTests(QuirkTestCase):
    """
    Clients that name a device, and those that do not.
    """

    async def prepare(self) -> None:
        await super().prepare()
        self.phone = await self.tcp(self.live.port, "bob", device="phone")
        self.desk = await self.upgrade(self.live.port, "/?username=bob&password=x&device=desk")
        self.assertLoggedIn(await self.desk.upTo(6))
        self.old = await self.tcp(self.live.port, "bob")

    async def test_seq(self) -> None:
        """
        A modern one is told the seq of a message; for an old one not a byte
        changes.
        """
        for seq in (1, 2):
            self.assertEqual(await self.ann.ask(11, private("bob", "x", id=f"m{seq}", createTime=5)),
                             [{"code": 10000, "command": 12, "msg": "ok 发送成功"}])  # fmt: skip
            plain = {"chatType": 2, "cmd": 11, "content": "x", "createTime": 5, "from": "ann", "id": f"m{seq}",
                     "msgType": 0, "to": "bob"}  # fmt: skip
            self.assertEqual(await self.old.sync(), [{"command": 11, "data": plain}])
            for one in (self.phone, self.desk):
                self.assertEqual(await one.sync(), [{"command": 11, "data": {**plain, "seq": seq}}])

    async def test_reply(self) -> None:
        """
        A modern one's chat is answered with id, seq and time, and its other
        modern devices hear it; old ones do not.
        """
        events = await self.phone.ask(11, private("ann", "x", id="m1"))
        data = events[-1]["data"]
        self.assertEqual((data["id"], data["seq"]), ("m1", 1))
        self.assertLess(abs(data["time"] - reactor.seconds() * 1000), 60000)
        self.assertEqual(said(await self.desk.sync()), [("bob", "x")])
        self.assertEqual(await self.old.sync(), [])
        self.assertEqual(said(await self.ann.sync()), [("bob", "x")])

    async def test_repeat(self) -> None:
        """
        A modern one's repeat is the same message: the same answer, and nobody
        hears it again; another content under the same id is a conflict.
        """
        first = (await self.phone.ask(11, private("ann", "x", id="m1")))[-1]
        await self.ann.sync()
        self.assertEqual(await self.phone.ask(11, private("ann", "x", id="m1")), [first])
        self.assertEqual(codes(await self.phone.ask(11, private("ann", "y", id="m1")), 12), [10107])
        self.assertEqual(await self.ann.sync(), [])
        self.assertEqual([one["content"] for one in await self.history("bob")], ["x"])

    async def test_typing(self) -> None:
        """
        That somebody is typing is told to modern ones only, is not answered,
        not kept, and not told twice in a second.
        """
        for _ in range(3):
            self.assertEqual(await self.ann.ask(104, {"to": "bob"}), [])
        for one in (self.phone, self.desk):
            self.assertEqual(await one.sync(), [{"command": 104, "data": {"from": "ann", "to": "bob"}}])
        self.assertEqual(await self.old.sync(), [])
        self.assertEqual(await self.history("bob"), [])

    async def test_typingInGroup(self) -> None:
        """
        In a group only a member tells it, and only members are told.
        """
        await self.phone.ask(7, {"group_id": "tea"})
        self.assertEqual(await self.ann.ask(104, {"group": "tea"}), [])
        self.assertEqual(await self.phone.sync(), [])
        bob = await self.tcp(self.live.port, "zoe")
        await bob.ask(7, {"group_id": "tea"})
        await bob.ask(104, {"group": "tea"})
        events = [one for one in await self.phone.sync() if one["command"] == 104]
        self.assertEqual(events, [{"command": 104, "data": {"from": "zoe", "group": "tea"}}])

    async def test_recall(self) -> None:
        """
        15 with an id takes an own message back (D-38): 16 is the answer, and
        what modern ones are told; old ones are not, and no history has it.
        """
        await self.ann.ask(11, private("bob", "oops", id="m1"))
        await self.ann.ask(11, private("bob", "stays", id="m2"))
        for one in (self.phone, self.desk, self.old):
            await one.sync()
        (answer,) = await self.ann.ask(15, {"id": "m1", "to": "bob"})
        self.assertEqual(answer, {"code": 10000, "command": 16, "data": {"id": "m1"}, "msg": "ok 发送成功"})
        for one in (self.phone, self.desk):
            (told,) = await one.sync()
            self.assertEqual((told["command"], "code" in told), (16, False))
            data = told["data"]
            self.assertEqual((data["id"], data["from"], data["to"], data["seq"]), ("m1", "ann", "bob", 3))
        self.assertEqual(await self.old.sync(), [])
        self.assertEqual([one["id"] for one in await self.history("bob")], ["m2"])

    async def test_recallInGroup(self) -> None:
        """
        The same in a group.
        """
        for one in (self.ann, self.phone, self.old):
            await one.ask(7, {"group_id": "tea"})
        await self.ann.ask(11, public("tea", "oops", id="m1"))
        for one in (self.phone, self.old):
            await one.sync()
        self.assertEqual(codes(await self.ann.ask(15, {"id": "m1", "group_id": "tea"}), 16), [10000])
        self.assertEqual([one["data"]["id"] for one in await self.phone.sync()], ["m1"])
        self.assertEqual(await self.old.sync(), [])
        self.assertEqual(await self.history(group="tea"), [])

    async def test_recallPending(self) -> None:
        """
        What is taken back before it was read is never seen.
        """
        await self.ann.ask(11, private("zoe", "oops", id="m1"))
        self.assertEqual(codes(await self.ann.ask(15, {"id": "m1", "to": "zoe"}), 16), [10000])
        zoe = await self.tcp(self.live.port, "zoe")
        zoe.say(19, {"userId": "zoe", "type": 0})
        self.assertEqual((await zoe.upTo(20))[-1]["data"]["friends"], {})

    async def test_recallRefused(self) -> None:
        """
        Without an id, or a conversation, it is 10017 as in J-IM; what is not
        there, not one's own, or too old is refused.
        """
        await self.ann.ask(11, private("bob", "mine", id="m1"))
        for body in ({}, {"to": "bob"}, {"id": "m1"}, {"id": "", "to": "bob"}, b"{"):
            events = await self.ann.ask(15, body)
            self.assertEqual((events, self.ann.frames[-2].command), ([UNKNOWN], 0), body)
        self.assertEqual(codes(await self.ann.ask(15, {"id": "m2", "to": "bob"}), 16), [10103])
        await self.old.sync()
        self.assertEqual(codes(await self.old.ask(15, {"id": "m1", "to": "ann"}), 16), [10102])
        self.assertEqual([one["id"] for one in await self.history("bob")], ["m1"])
        live = await self.serve("--limit", "recall=0.05")
        late = await self.tcp(live.port, "ann")
        await late.ask(11, private("bob", "x", id="m1"))
        await pause(0.1)
        self.assertEqual(codes(await late.ask(15, {"id": "m1", "to": "bob"}), 16), [10106])

    async def test_leave(self) -> None:
        """
        100 leaves a group for good, which J-IM cannot: the others are told
        with 10, and the next login does not enter it.
        """
        await self.ann.ask(7, {"group_id": "tea"})
        zoe = await self.tcp(self.live.port, "zoe")
        await zoe.ask(7, {"group_id": "tea"})
        await self.ann.sync()
        self.assertEqual(codes(await zoe.ask(100, {"group": "tea"}), 100), [10100])
        self.assertEqual(commands(await self.ann.sync()), [10])
        self.assertEqual(codes(await zoe.ask(100, {"group": "tea"}), 100), [10103])
        again = await self.tcp(self.live.port)
        self.assertEqual(commands(await again.login("zoe")), [6])
