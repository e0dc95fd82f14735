"""
The holes of the original, closed (docs/wire/easyim.rst).
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from twisted.internet.defer import fail

from imtw.errors import StoreError
from imtw.model import Group, Mode, groupPair
from imtw.protocols.easyim.stream import EasyimProtocol
from imtw.test.everybody.easyim import Binary, StreamTalk
from imtw.test.live import pause
from imtw.test.protocols.easyim.harness import BEAT, TalkTestCase


class HoleTests(TalkTestCase):
    """
    What somebody could try.
    """

    async def test_spoofed(self) -> None:
        """
        What another dialect keeps for easyim's clients is checked: it cannot
        say who speaks, nor be an event, nor break a room.
        """
        await self.register("ann", "bob")
        bob, binary = await self.come("bob"), await self.come("bob", Binary)
        spoof = Binary.write({"from_user_id": "1", "content": "spoofed"})
        tries: list[dict[str, Any]] = [
            {"rest": b64encode(spoof).decode()},
            {"rest": "!"},
            {"seq": "x"},
            {"seq": -1, "status": 1 << 40},
            {"msg_type": {}, "chat_type": []},
            {"msg_type": 4},
        ]
        for extras in tries:
            headers = {"Authorization": f"Bearer {self.tokens['ann']}"}
            asked = {"to": "bob", "content": "hello", "extras": {"easyim": extras}}
            answer = await self.http(self.port, "POST", "/api/command/chat", asked, headers)
            id = answer.json["data"]["id"]
            for client in (bob, binary):
                told = await self.got(client, id=id)
                self.assertEqual((told["content"], told["from_user_id"]), ("hello", self.numbers["ann"]))
                self.assertNotIn("msg_type", told)
        self.assertNothingLogged()

    async def test_managedGroup(self) -> None:
        """
        A heartbeat does not lead into a group that was made on purpose, and
        who is not in it neither hears nor speaks.
        """
        await self.register("ann", "bob")
        store = self.live.core.store
        await store.addGroup(Group("77", "Team", mode=Mode.MANAGED, owner="ann"), [], 100)
        ann = await self.come("ann")
        bob = await self.come("bob", to_user_id="77", chat_type=1)
        sent = self.message("ann", id="m1", to_user_id="77", chat_type=1, content="secret")
        self.assertEqual((await self.ask(ann, sent))["status"], 1)
        tried = self.message("bob", id="m2", to_user_id="77", chat_type=1, content="x")
        self.assertEqual((await self.ask(bob, tried))["from_user_id"], "notify")
        self.assertIsNone(await store.membership("bob", "77"))
        rows = await store.history(groupPair("77"), None, None, None, None)
        self.assertEqual([row.content for row in rows], ["secret"])
        self.assertNotIn(b"secret", bob.received)

    async def test_groupNotEntered(self) -> None:
        """
        A heartbeat whose group cannot be entered, because nothing can be
        stored, is not acknowledged but answered by a notice; said once more,
        when it can be, it enters.
        """
        await self.register("ann")
        ann, store = await self.come("ann"), self.live.core.store
        beat = self.message("ann", id="in", msg_type=4, content=BEAT, to_user_id="tea", chat_type=1)
        broken = self.patch(store, "join", lambda *_: fail(StoreError("the disk is full")))
        self.assertEqual((await self.ask(ann, beat))["from_user_id"], "notify")
        self.assertIsNone(await store.membership("ann", "tea"))
        broken.restore()
        self.assertEqual((await self.ask(ann, beat | {"id": "again"}))["msg_type"], 4)
        self.assertIsNotNone(await store.membership("ann", "tea"))

    async def test_lengths(self) -> None:
        """
        A message has its bound on each carrier, whoever sends it; what it
        ends is that connection alone.
        """
        await self.register("ann")
        ann = await self.come("ann")
        huge = self.message("ann", id="m", to_user_id="x", content="y" * 70000)
        for client in (await self.come("ann"), await self.come("ann", Binary)):
            client.put(huge)
            await client.closed()
        socket = await self.come("ann", isSocket=True)
        socket.put(huge)
        self.assertEqual(await self.isClosed(socket), 1009)
        socket = await self.come("ann", Binary, isSocket=True)
        socket.send(b"\x0f" * 12, 0x82)
        self.assertEqual(await self.isClosed(socket), 1007)
        self.assertEqual((await self.ask(ann, self.message("ann", id="b2", msg_type=4, content=BEAT)))["msg_type"], 4)
        self.assertNothingLogged()

    async def test_cutShort(self) -> None:
        """
        A message in protobuf that ends in the middle has a moment for its
        rest, and no more; a rest that is there when the moment is over counts,
        also where the server was held up and has not read it.
        """
        await self.register("ann")
        whole = Binary.write(self.message("ann", id="beat", msg_type=4, content=BEAT))
        client = await self.connect(self.port, StreamTalk(Binary))
        client.write(whole[:50])
        waiting: list[Any] = []
        while not waiting:
            await pause(0)
            voices = [voice for voice in self.live.core.voices if isinstance(voice, EasyimProtocol)]
            waiting = [voice._grace for voice in voices if voice._grace]
        client.transport.socket.sendall(whole[50:])  # type: ignore[union-attr]
        overdue = waiting[0].func
        waiting[0].cancel()
        overdue()
        await self.got(client, id="beat")
        client.write(whole[:-1])
        await client.closed()

    async def test_numbers(self) -> None:
        """
        A number that is somebody's means that one; any other one is a name.
        """
        await self.register("ann", "bob", "13800138000")
        ann, phone = await self.come("ann"), await self.come("13800138000")
        await self.ask(ann, self.message("ann", id="m1", to_user_id="13800138000", content="by name"))
        self.assertEqual((await self.got(phone, id="m1"))["to_user_id"], self.numbers["13800138000"])
        bob = await self.come("bob")
        await self.ask(ann, self.message("ann", id="m2", to_user_id=f"+00{self.numbers['bob']}", content="by number"))
        await self.got(bob, id="m2")
        await self.ask(ann, self.message("ann", id="m3", to_user_id="9" * 60, content="to nobody"))
