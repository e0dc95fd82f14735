"""
Invitations among easyim's people (docs/wire/easyim.rst).
"""

from __future__ import annotations

import json

from msgspec.structs import replace

from imtw.test.everybody.easyim import Binary
from imtw.test.protocols.easyim.harness import BEAT, TalkTestCase


class FriendTests(TalkTestCase):
    """
    Invitations.
    """

    async def test_offline(self) -> None:
        """
        Who was invited, or agreed to, while away hears of it behind the next
        heartbeat, once.
        """
        await self.register("ann", "bob")
        ann = await self.come("ann")
        content = '{"key":"FRIEND_INVITE"}'
        sent = self.message("ann", id="i1", msg_type=4, to_user_id=self.numbers["bob"], content=content)
        self.assertEqual((await self.ask(ann, sent))["from_user_id"], self.numbers["ann"])
        await ann.closedByUs()
        bob = await self.come("bob")
        told = await self.got(bob, from_user_id=self.numbers["ann"])
        data = json.loads(told["content"])
        self.assertEqual((told["msg_type"], data["code"], data["data"]["key"]), (4, 200, "FRIEND_INVITE"))
        agreed = {"access_token": self.tokens["bob"], "id": data["data"]["id"]}
        self.assertEqual((await self.call("POST", "/api/user/friend/accept", agreed))["code"], 200)
        self.assertEqual((await self.call("POST", "/api/user/friend/accept", agreed))["code"], 400)
        ann = await self.come("ann")
        told = await self.got(ann, from_user_id=self.numbers["bob"])
        self.assertEqual(json.loads(told["content"])["data"]["key"], "FRIEND_AGREE")
        again = await self.come("ann")
        await self.ask(again, self.message("ann", id="b2", msg_type=4, content=BEAT))
        self.assertEqual(len(again.messages()), 2)
        gone = {"access_token": self.tokens["ann"], "friend_id": self.numbers["bob"]}
        self.assertEqual((await self.call("POST", "/api/user/friend/remove", gone))["code"], 200)
        listed = await self.call("GET", f"/api/user/friends?access_token={self.tokens['bob']}")
        self.assertEqual(listed["data"], {"items": [], "total": 0})

    async def test_agreeByEvent(self) -> None:
        """
        Agreeing by an event is the same, and told at once.
        """
        await self.register("ann", "bob")
        ann, bob = await self.come("ann"), await self.come("bob", Binary)
        for name, client, other, hears, key in (
            ("ann", ann, "bob", bob, "FRIEND_INVITE"),
            ("bob", bob, "ann", ann, "FRIEND_AGREE"),
        ):
            sent = self.message(
                name, id=key, msg_type=4, to_user_id=self.numbers[other], content=json.dumps({"key": key})
            )
            await self.ask(client, sent)
            told = await self.got(hears, from_user_id=self.numbers[name], msg_type=4)
            self.assertEqual(json.loads(told["content"])["data"]["key"], key)
        shown = (await self.call("GET", f"/api/user/friends?access_token={self.tokens['ann']}"))["data"]
        self.assertEqual([(item["account"], item["id"]) for item in shown["items"]], [("bob", self.numbers["bob"])])

    async def test_many(self) -> None:
        """
        A list has as many friends as one answer has room for, and says how
        many there are.
        """
        names = [f"friend{number}" for number in range(12)]
        await self.register("ann", *names)
        for name in names:
            asked = {"access_token": self.tokens["ann"], "to_user_id": name}
            id = (await self.call("POST", "/api/user/friend/add", asked))["data"]["id"]
            await self.call("POST", "/api/user/friend/accept", {"access_token": self.tokens[name], "id": id})
        core = self.live.core
        core.limits = replace(core.limits, sendBudget=2000)
        listed = (await self.call("GET", f"/api/user/friends?access_token={self.tokens['ann']}"))["data"]
        room = 1000 // len(json.dumps(listed["items"][0], separators=(",", ":")))
        self.assertEqual((listed["total"], room - len(listed["items"]) in (0, 1)), (12, True), listed)

    async def test_refused(self) -> None:
        """
        What the routes refuse: oneself, nobody, friends, another's request.
        """
        await self.register("ann", "bob", "cid")
        add = "/api/user/friend/add"
        for to in (self.numbers["ann"], "nobody", "7", ""):
            asked = {"access_token": self.tokens["ann"], "to_user_id": to}
            self.assertEqual((await self.call("POST", add, asked))["code"], 400, to)
        asked = {"access_token": self.tokens["ann"], "to_user_id": self.numbers["bob"]}
        id = (await self.call("POST", add, asked))["data"]["id"]
        for name in ("ann", "cid"):
            answer = await self.call(
                "POST", "/api/user/friend/accept", {"access_token": self.tokens[name], "id": id}
            )
            self.assertEqual(answer["code"], 400)
        for id in ("x", "-1", str(1 << 70), ""):
            answer = await self.call(
                "POST", "/api/user/friend/accept", {"access_token": self.tokens["bob"], "id": id}
            )
            self.assertEqual(answer["code"], 400, id)
