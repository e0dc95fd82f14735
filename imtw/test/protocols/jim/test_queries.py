"""
What J-IM's clients ask for, and what stays of them: messages, users, groups
(docs/wire/jim.rst).
"""

from __future__ import annotations

from imtw.model import User
from imtw.test.live import Live, LiveTestCase
from imtw.test.protocols.jim.harness import STRICT, QuirkTestCase, commands, listed
from imtw.test.wire import private, public


class QueryTests(QuirkTestCase):
    """
    19 and 17.
    """

    async def test_dataAbsent(self) -> None:
        """
        C{data} is absent where one group, or a history, has nothing; with
        empty maps where all senders, or one, have nothing pending.
        """
        await self.ann.ask(7, {"group_id": "tea"})
        nothing = {"friends": {}, "groups": {}, "userid": "ann"}
        pending, past = "get user message ok! 获取离线消息成功!", "get user message ok! 获取历史消息成功!"
        for body, wanted in (
            ({"type": 0, "groupId": "tea"}, {"code": 10016, "command": 20, "msg": pending}),
            ({"type": 0, "groupId": "nowhere"}, {"code": 10016, "command": 20, "msg": pending}),
            ({"type": 0, "fromUserId": "bob"}, {"code": 10016, "command": 20, "data": nothing, "msg": pending}),
            ({"type": 0}, {"code": 10016, "command": 20, "data": nothing, "msg": pending}),
            ({"type": 1, "groupId": "tea"}, {"code": 10018, "command": 20, "msg": past}),
            ({"type": 1, "fromUserId": "bob"}, {"code": 10018, "command": 20, "msg": past}),
            (
                {"type": 1},
                {"code": 10015, "command": 20, "msg": "get user message failed! 获取用户消息失败!"},
            ),
        ):
            self.ann.say(19, {"userId": "ann", **body})
            self.assertEqual((await self.ann.upTo(20))[-1], wanted, body)

    async def test_friends(self) -> None:
        """
        A user's friends are one category, with those that were asked for,
        for the user itself and for operators; who has none has no category.
        """
        bob, _ = await self.pair()
        store = self.live.core.store
        nobody = (await self.ann.ask(17, {"userid": "ann"}))[-1]["data"]
        self.assertEqual(nobody["friends"], [])
        await store.addAccount(User("dee", "Dee"), "")
        for friend in ("bob", "dee"):
            await store.addFriend("ann", friend, "", 0)
        online = {"id": "bob", "nick": "bob", "status": "online", "terminal": "tcp"}
        offline = {"id": "dee", "nick": "Dee", "status": "offline"}
        for kind, users in ((0, [online]), (1, [offline]), (2, [online, offline])):
            data = (await self.ann.ask(17, {"userid": "ann", "type": kind}))[-1]["data"]
            self.assertEqual(data["friends"], [{"group_id": "1", "name": "我的好友", "users": users}], kind)
            self.assertEqual((await bob.ask(17, {"userid": "ann", "type": kind}))[-1]["data"]["friends"], [])
        self.assertEqual({**data, "friends": []}, nobody)
        await store.setOperator("bob", True)
        await bob.closedByUs()
        bob = await self.tcp(self.live.port, "bob")
        self.assertEqual((await bob.ask(17, {"userid": "ann"}))[-1]["data"]["friends"][0]["users"], [online, offline])

    async def test_groupWins(self) -> None:
        """
        C{groupId} wins over C{fromUserId}.
        """
        await self.ann.ask(7, {"group_id": "tea"})
        await self.ann.ask(11, public("tea", "in the group"))
        await self.ann.ask(11, private("bob", "in private"))
        self.ann.say(19, {"userId": "ann", "type": 1, "groupId": "tea", "fromUserId": "bob"})
        answer = (await self.ann.upTo(20))[-1]
        self.assertEqual([one["content"] for one in listed(answer, "groups", "tea")], ["in the group"])
        self.assertEqual(answer["data"]["friends"], {})

    async def test_pendingOnce(self) -> None:
        """
        What is pending is told once (D-30), without the own messages.
        """
        bob, _ = await self.pair()
        await bob.closedByUs()
        await self.ann.ask(11, private("bob", "later"))
        bob = await self.tcp(self.live.port, "bob")
        bob.say(19, {"userId": "bob", "type": 0})
        self.assertEqual(len(listed((await bob.upTo(20))[-1], "friends", "ann")), 1)
        bob.say(19, {"userId": "bob", "type": 0})
        self.assertEqual((await bob.upTo(20))[-1]["data"], {"friends": {}, "groups": {}, "userid": "bob"})

    async def test_pendingIsNotPushed(self) -> None:
        """
        Nothing pending is pushed at the login: the client has to ask.
        """
        await self.ann.ask(11, private("bob", "later"))
        bob = await self.tcp(self.live.port)
        self.assertEqual(commands(await bob.login("bob")), [6])
        self.assertEqual(await bob.sync(), [])

    async def test_user(self) -> None:
        """
        17: an array of users in every group, for each type (D-26, D-27); no
        type means 2; another is 10004.
        """
        await self.ann.ask(7, {"group_id": "tea", "name": "Tea"})
        bob, cid = await self.pair()
        for one in (bob, cid):
            await one.ask(7, {"group_id": "tea"})
        await bob.closedByUs()
        await self.ann.sync()
        for kind, code, users in (
            ("0", 10005, ["ann", "cid"]),
            (1, 10006, ["bob"]),
            ("2", 10003, ["ann", "bob", "cid"]),
            (None, 10003, ["ann", "bob", "cid"]),
        ):
            self.ann.say(17, {"userid": "ann", "type": kind})
            answer = (await self.ann.upTo(18))[-1]
            self.assertEqual(answer["code"], code, kind)
            (group,) = answer["data"]["groups"]
            self.assertEqual((group["group_id"], group["name"]), ("tea", "Tea"))
            self.assertEqual(sorted(one["id"] for one in group["users"]), users, kind)
        for body in ({"userid": "ann", "type": 3}, {"userid": "", "type": 0}, {"type": 0}, {"userid": "nobody"}):
            self.ann.say(17, body)
            self.assertEqual((await self.ann.upTo(18))[-1]["code"], 10004, body)


class MembershipTests(LiveTestCase):
    """
    Who stays in a group.
    """

    async def rejoined(self, live: Live) -> list[int]:
        """
        The frames of a login after one that joined a group.
        """
        ann = await self.tcp(live.port, "ann")
        await ann.ask(7, {"group_id": "tea"})
        await ann.closedByUs()
        return commands(await (await self.tcp(live.port)).login("ann"))

    async def test_kept(self) -> None:
        """
        A group that was joined is kept at the next login (D-8); strict, it is
        forgotten.
        """
        self.assertEqual(await self.rejoined(await self.serve()), [9, 9, 6])
        self.assertEqual(await self.rejoined(await self.serve(*STRICT)), [9, 6])
