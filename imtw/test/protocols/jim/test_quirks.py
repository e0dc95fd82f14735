"""
What is odd in J-IM and kept, and what imtw adds that old clients must not
notice (docs/wire/jim.rst).
"""

from __future__ import annotations

import json
from typing import Any

from imtw.test.clients import (
    BINARY,
    CLOSE,
    HEARTBEAT,
    PING,
    PONG,
    StreamClient,
    Talker,
    codes,
    frameOf,
    private,
    public,
    reactor,
    said,
)
from imtw.test.live import Live, LiveTestCase, pause

STRICT = ("--strict", "jim")
NO_LOBBY = ("--lobby", "none")
UNKNOWN = {"code": 10017, "command": 0, "msg": "cmd failed! 未知的cmd命令!"}
NOT_SENT = (
    "send failed 消息发送失败,数据格式不正确,请参考:{'from':来源ID,'to':目标ID,'cmd':'消息命令码',"
    "'createTime':消息创建时间(Long型),'msgType':Integer消息类型,'content':内容}"
)


def commands(events: list[Any]) -> list[int]:
    """
    The commands of these events.
    """
    return [one["command"] for one in events]


def listed(answer: Any, kind: str, name: str) -> list[Any]:
    """
    The messages of one conversation in an answer 20.
    """
    found: list[Any] = answer.get("data", {}).get(kind, {}).get(name, [])
    return found


class QuirkTestCase(LiveTestCase):
    """
    A server, and Ann.
    """

    arguments: tuple[str, ...] = NO_LOBBY

    async def prepare(self) -> None:
        self.live = await self.serve(*self.arguments)
        self.ann = await self.tcp(self.live.port, "ann")

    async def history(self, partner: str = "", group: str = "") -> list[Any]:
        """
        What was said, as Ann can read it.
        """
        where = {"groupId": group} if group else {"fromUserId": partner}
        self.ann.say(19, {"cmd": 19, "type": 1, "userId": "ann", **where})
        answer = (await self.ann.upTo(20))[-1]
        return listed(answer, "groups", group) if group else listed(answer, "friends", partner)

    async def pair(self) -> list[Talker]:
        """
        Bob over TCP and Cid over WebSocket.
        """
        return [await self.tcp(self.live.port, "bob"), await self.ws(self.live.port, "cid")]


class UnknownCommandTests(QuirkTestCase):
    """
    10017.
    """

    async def test_commandZero(self) -> None:
        """
        Over TCP it is in a frame whose header says 0 (D-31), and the
        connection stays.
        """
        for code in (2, 9, 20):
            self.ann.say(code, b"")
            self.assertEqual(await self.ann.hear(), [UNKNOWN])
            self.assertEqual(self.ann.frames[-1].command, 0)
        await self.ann.sync()

    async def test_webSocket(self) -> None:
        """
        Over WebSocket it is a text, for whatever is no JSON object with a
        command.
        """
        client = await self.ws(self.live.port)
        await client.sync()  # on the common port the first message says whose it is
        for payload in (
            *(b"", b"hello", b"[]", b"null", b"{}", b"3", b'"x"', b'{"cmd":null}', b'{"cmd":""}', b'{"cmd":"x"}'),
            *(b'{"cmd":2}', b'{"cmd":99}', b'{"cmd":-1}', b'{"cmd":0}', b'{"cmd":1e9}', b'{"cmd":{}}', b'{"cmd":13'),
            *(b'{"cmd":123456789012345678901234567890}',),
        ):
            client.send(payload)
            self.assertEqual(await client.hear(), [UNKNOWN], payload)
            self.assertEqual(client.frames[-1][0], 0x81)
        for junk in (b"\x00\x01\x02", b"\xff\xfe", b""):
            client.send(junk, 0x80 | BINARY)
            self.assertEqual(await client.hear(), [UNKNOWN], junk)

    async def test_unregistered(self) -> None:
        """
        Over TCP a code without a name ends the connection, before its body is
        there.
        """
        for code in (21, 99, 126, 127, -1, -128):
            client = await self.tcp(self.live.port)
            client.write(frameOf(code, b"")[:3] + b"\x00\x00\x00\x05")
            await client.closed()
            self.assertEqual(client.received, b"")


class OrderTests(QuirkTestCase):
    """
    In which order things come (D-28).
    """

    arguments = ("--lobby", "100=One", "--lobby", "200=Two")

    async def test_loginNoticesFirst(self) -> None:
        """
        9 for each group, then 6, over either carrier and by the query.
        """
        bob = await self.tcp(self.live.port)
        events = await bob.login("bob")
        self.assertEqual(commands(events), [9, 9, 6])
        self.assertEqual([one["data"]["group"] for one in events[:2]], ["100", "200"])
        cid = await self.upgrade(self.live.port, "/any/path?username=cid&password=x")
        self.assertEqual(commands(await cid.upTo(6)), [9, 9, 6])

    async def test_joinNoticeFirst(self) -> None:
        """
        9, then 8; and again where one is in already.
        """
        for _ in range(2):
            events = await self.ann.ask(7, {"cmd": 7, "group_id": "tea"})
            self.assertEqual(events[0], {"command": 9, "data": {"group": "tea", "user": {"id": "ann", "nick": "ann"}}})
            self.assertEqual(
                events[1],
                {"code": 10011, "command": 8, "data": {"group": "tea", "result": 1},
                 "msg": "join group ok! 加入群组成功!"},
            )  # fmt: skip
            self.assertEqual(len(events), 2)
            bob = await self.tcp(self.live.port, "bob")
            await bob.ask(11, public("tea", "once"))
            self.assertEqual(said(await self.ann.sync()), [("bob", "once")])
            await bob.closedByUs()
            await self.ann.sync()

    async def test_pushFirst(self) -> None:
        """
        The own push, then 12; many chats are answered in their order.
        """
        for number in range(5):
            self.ann.say(11, public("100", str(number)))
            self.ann.say(11, private("ann", str(number)))
            self.ann.say(11, private("nobody", str(number)))
        events = await self.ann.sync()
        self.assertEqual(commands(events), [11, 12, 11, 12, 12] * 5)
        self.assertEqual(codes(events, 12), [10000, 10000, 10001] * 5)
        self.assertEqual([content for _, content in said(events)], [c for n in range(5) for c in (str(n), str(n))])

    async def test_ownWritesAreRead(self) -> None:
        """
        What was said on a connection is in the history that is asked for
        right behind it.
        """
        for number in range(20):
            self.ann.say(11, private("bob", str(number)))
        self.assertEqual([one["content"] for one in await self.history("bob")], [str(number) for number in range(20)])

    async def test_exitNotices(self) -> None:
        """
        One 10 for each connection and group, also while another connection of
        the user is there (D-6); never to the leaver itself.
        """
        first, second = await self.tcp(self.live.port, "bob"), await self.ws(self.live.port, "bob")
        await self.ann.sync()
        await first.sync()
        notices = [{"command": 10, "data": {"group": group, "user": {"id": "bob", "nick": "bob"}}}
                   for group in ("100", "200")]  # fmt: skip
        second.hangUp()
        for one in (self.ann, first):
            self.assertEqual(await one.hear(2), notices)
        first.say(14)
        await first.closed()
        self.assertEqual(first.events, [])
        self.assertEqual(await self.ann.hear(2), notices)

    async def test_noticesOfFew(self) -> None:
        """
        In a group of many nobody is told who comes and goes, but who comes is
        answered all the same.
        """
        live = await self.serve("--notice-limit", "2")
        ann, bob = await self.tcp(live.port, "ann"), await self.tcp(live.port, "bob")
        self.assertEqual(commands(await ann.sync()), [9])
        cid = await self.tcp(live.port)
        self.assertEqual(commands(await cid.login("cid"))[-1], 6)
        self.assertEqual((await ann.sync(), await bob.sync()), ([], []))


class SequenceTests(QuirkTestCase):
    """
    A synSeq above 0: it is done, and the reply is kept back.
    """

    arguments = ("--auth", "accounts:")

    async def ask(self, command: int, body: Any) -> list[Any]:
        """
        What comes of a request with a synSeq.
        """
        await self.ann.sync()
        self.ann.say(command, body, 0xF1, 7)
        return await self.ann.sync()

    async def test_silent(self) -> None:
        """
        No reply to what is asked so; pushes come, without the synSeq.
        """
        self.assertEqual(commands(await self.ask(7, {"cmd": 7, "group_id": "tea"})), [9])
        self.assertEqual(commands(await self.ask(11, public("tea", "x"))), [11])
        for command, body in (
            (3, {"token": "x"}),
            (11, private("nobody", "x")),
            (11, b"not JSON"),
            (13, b""),
            (17, {"type": 0, "userid": "ann"}),
            (19, {"type": 0, "userId": "ann"}),
        ):
            self.assertEqual(await self.ask(command, body), [], command)
        self.assertEqual({frame.mask for frame in self.ann.frames}, {0x51})

    async def test_notSilent(self) -> None:
        """
        What J-IM's handlers send on their own is sent: the handshake's reply,
        10017, a failed login.
        """
        self.assertEqual(commands(await self.ask(1, b"")), [2])
        self.assertEqual(await self.ask(9, b""), [UNKNOWN])
        self.ann.say(5, {"loginname": "ann", "password": "wrong"}, 0xF1, 7)
        await self.ann.closed()
        self.assertEqual(codes(self.ann.events, 6), [10008])


class StatusTests(LiveTestCase):
    """
    The texts of the statuses, byte for byte (2.2).
    """

    async def test_texts(self) -> None:
        """
        Every status that can be brought about.
        """
        live = await self.serve("--limit", "groupsPerUser=1", "--auth", "accounts:")
        ann, bob = await self.tcp(live.port, "ann"), await self.tcp(live.port, "bob")
        login = frameOf(5, b'{"loginname":"ann","password":"wrong"}')
        found: dict[int, bytes] = {}
        for client, data in (
            (ann, frameOf(11, json.dumps(private("bob", "x")).encode())),
            (ann, frameOf(11, json.dumps(private("nobody", "x")).encode())),
            (ann, frameOf(11, b"{}")),
            (ann, frameOf(17, b'{"userid":"ann","type":2}')),
            (ann, frameOf(17, b'{"userid":"nobody","type":2}')),
            (ann, frameOf(17, b'{"userid":"ann","type":0}')),
            (ann, frameOf(17, b'{"userid":"ann","type":1}')),
            (ann, frameOf(3, b'{"token":"x"}')),
            (ann, frameOf(3, b"")),
            (ann, frameOf(7, b'{"group_id":"100"}')),
            (ann, frameOf(7, b'{"group_id":"200"}')),
            (ann, frameOf(19, b'{"userId":"ann"}')),
            (ann, frameOf(19, b'{"userId":"ann","type":0}')),
            (ann, frameOf(19, b'{"userId":"ann","type":1,"fromUserId":"bob"}')),
            (ann, frameOf(15, b"{}")),
            (ann, frameOf(14, b'{"userid":"bob"}')),
            (bob, login),
        ):
            client.write(data)
            if data is login:
                await client.closed()
            else:
                await client.sync()
            for frame in client.frames:
                answer = json.loads(frame.body)
                if "code" in answer:
                    found[answer["code"]] = frame.body.partition(b'"msg":"')[2][:-2]
        for path in ("online?userid=ann", "online?userid=nobody", "online", "close?userid=nobody"):
            answer = await self.http(live.port, "GET", f"/api/user/{path}")
            found[answer.json["code"]] = answer.body.partition(b'"msg":"')[2][:-2]
        self.assertEqual(
            found,
            {
                10000: b"ok \xe5\x8f\x91\xe9\x80\x81\xe6\x88\x90\xe5\x8a\x9f",
                10001: "offline 用户不在线".encode(),
                10002: NOT_SENT.encode(),
                10003: "ok 获取用户信息成功!".encode(),
                10004: "get user failed ! 获取用户信息失败!".encode(),
                10005: "ok 获取所有在线用户信息成功!".encode(),
                10006: "ok 获取所有离线用户信息成功!".encode(),
                10007: "ok 登录成功!".encode(),
                10008: "login failed ! 登录失败!".encode(),
                10009: "ok 鉴权成功!".encode(),
                10010: "auth failed! 鉴权失败!".encode(),
                10011: "join group ok! 加入群组成功!".encode(),
                10012: "join group failed! 加入群组失败!".encode(),
                10015: "get user message failed! 获取用户消息失败!".encode(),
                10016: "get user message ok! 获取离线消息成功!".encode(),
                10017: "cmd failed! 未知的cmd命令!".encode(),
                10018: "get user message ok! 获取历史消息成功!".encode(),
                10019: "online 用户在线".encode(),
                10020: "Invalid verification! 不合法校验".encode(),
                10021: "close ok! 关闭成功".encode(),
            },
        )


class SpellingTests(QuirkTestCase):
    """
    Keys in the spelling of any version (D-22), values of mixed-up types.
    """

    async def test_groupId(self) -> None:
        """
        J-IM 3.0's C{groupId} is C{group_id}, in 7 and in 11.
        """
        for key in ("groupId", "group_id", "GROUP_ID", "groupid", "group-id"):
            self.ann.say(7, {key: f"g {key}"})
            self.assertEqual((await self.ann.upTo(8))[-1]["code"], 10011, key)
            events = await self.ann.ask(11, {"chatType": 1, "content": "x", key: f"g {key}"})
            self.assertEqual(events[0]["data"]["group_id"], f"g {key}")

    async def test_loginName(self) -> None:
        """
        J-IM 3.0's C{userId} is C{loginname}.
        """
        for key in ("userId", "userid", "loginName", "LOGINNAME", "login_name", "user_id"):
            client = await self.tcp(self.live.port)
            client.say(5, {key: f"u {key}", "password": "x"})
            self.assertEqual((await client.upTo(6))[-1]["code"], 10007, key)
            client.say(17, {"type": 2, "userid": f"u {key}"})
            self.assertEqual((await client.upTo(18))[-1]["code"], 10003, key)

    async def test_messageKeys(self) -> None:
        """
        19's keys in snake case.
        """
        await self.ann.ask(11, private("bob", "x"))
        self.ann.say(19, {"type": "1", "user_id": "ann", "from_user_id": "bob", "BeginTime": "0", "end_time": 9e15})
        self.assertEqual(len(listed((await self.ann.upTo(20))[-1], "friends", "bob")), 1)

    async def test_types(self) -> None:
        """
        Numbers for texts, texts for numbers, objects for texts.
        """
        await self.tcp(self.live.port, "123")
        body = b'{"cmd":"11","to":123,"chatType":"2","msgType":"3","content":{"a":[1,null]},'
        body += b'"createTime":"1527133207581"}'
        self.assertEqual(codes(await self.ann.ask(11, body), 12), [10000])
        (message,) = await self.history("123")
        self.assertEqual(
            {key: value for key, value in message.items() if key != "id"},
            {"chatType": 2, "cmd": 11, "content": '{"a":[1,null]}', "createTime": 1527133207581, "from": "ann",
             "msgType": 3, "to": "123"},
        )  # fmt: skip

    async def test_looseJSON(self) -> None:
        """
        Single quotes, keys without quotes, commas too many, control
        characters, a byte order mark.
        """
        for body in (
            b"{'to':'bob','chatType':2,'content':'x'}",
            b'{to:"bob",chatType:2,content:"x"}',
            b'{"to":"bob",,"chatType":2,"content":"x",}',
            b'\xef\xbb\xbf {"to":"bob","chatType":2,"content":"x"} ',
        ):
            self.assertEqual(codes(await self.ann.ask(11, body), 12), [10001], body)
        await self.ann.ask(11, b'{"to":"bob","chatType":2,"content":"a\tb\nc"}')
        self.assertEqual((await self.history("bob"))[-1]["content"], "a\tb\nc")

    async def test_brokenCharacters(self) -> None:
        """
        Bytes that are not UTF-8 become U+FFFD in a chat; elsewhere the body
        counts as absent: of 14 that is the asker.
        """
        await self.ann.ask(11, b'{"to":"bob","chatType":2,"content":"a\xff\xfeb"}')
        self.assertEqual((await self.history("bob"))[-1]["content"], "a��b")
        self.assertEqual(codes(await self.ann.ask(17, b'{"userid":"ann\xff"}'), 18), [10004])
        self.ann.say(14, b'{"userid":"\xff"}')
        await self.ann.closed()

    async def test_lineEndsOfJavaScript(self) -> None:
        """
        U+2028 and U+2029 go out escaped: old pages evaluate what they get.
        """
        await self.ann.ask(11, private("ann", "a\u2028b\u2029c"))
        pushes = [frame for frame in self.ann.frames if frame.command == 11]
        self.assertIn(rb'"content":"a\u2028b\u2029c"', pushes[0].body)
        self.assertEqual(json.loads(pushes[0].body)["data"]["content"], "a\u2028b\u2029c")


class ChatTests(QuirkTestCase):
    """
    What becomes of a chat.
    """

    async def test_unknownGroup(self) -> None:
        """
        To a group that nobody has made: 10000 (D-35), and it is kept nowhere.
        """
        self.assertEqual(codes(await self.ann.ask(11, public("nowhere", "x")), 12), [10000])
        await self.ann.ask(7, {"group_id": "nowhere"})
        self.assertEqual(await self.history(group="nowhere"), [])

    async def test_outsider(self) -> None:
        """
        Who is not in a group may speak there: it is delivered, and the sender
        gets only the answer.
        """
        bob, cid = await self.pair()
        await bob.ask(7, {"group_id": "tea"})
        self.assertEqual(commands(await self.ann.ask(11, public("tea", "hello"))), [12])
        self.assertEqual(said(await bob.sync()), [("ann", "hello")])
        self.assertEqual(await cid.sync(), [])

    async def test_senderIsTheId(self) -> None:
        """
        Without C{from} it is the user's id (D-11).
        """
        bob, _ = await self.pair()
        await self.ann.ask(11, private("bob", "x"))
        self.assertEqual(said(await bob.sync()), [("ann", "x")])

    async def test_fork(self) -> None:
        """
        C{nick} and C{avatar} of the customer-service fork are relayed and
        kept, in the order of the alphabet (D-10); other unknown keys are
        dropped.
        """
        bob, _ = await self.pair()
        body = private("bob", "x", nick="Ann", avatar="a.png", imgUrl="i.png", id="m1", createTime=1, zebra=1)
        await self.ann.ask(11, body)
        (push,) = await bob.sync()
        wanted = (
            '{"avatar":"a.png","chatType":2,"cmd":11,"content":"x","createTime":1,"from":"ann","id":"m1","msgType":0,'
            '"nick":"Ann","to":"bob"}'
        )
        self.assertEqual(json.dumps(push["data"], separators=(",", ":")), wanted)
        self.assertEqual(await self.history("bob"), [json.loads(wanted)])

    async def test_extras(self) -> None:
        """
        Extras come as they went, but for members that are null.
        """
        bob, _ = await self.pair()
        extras: dict[str, Any] = {"z": [None, {"a": None, "b": 1}], "n": None, "深": 1.5, "t": True, "o": {}}
        wanted = {"z": [None, {"b": 1}], "深": 1.5, "t": True, "o": {}}
        await self.ann.ask(11, private("bob", "x", extras=extras))
        (push,) = await bob.sync()
        self.assertEqual(push["data"]["extras"], wanted)
        self.assertEqual((await self.history("bob"))[0]["extras"], wanted)
        for bad in ([1], "text", '{"a":1}', 5):
            self.assertEqual(codes(await self.ann.ask(11, private("bob", "x", extras=bad)), 12), [10002], bad)

    async def test_transient(self) -> None:
        """
        With C{extras.transient} it goes to who is there and is kept nowhere:
        10000, never 10001 (D-34).
        """
        bob, cid = await self.pair()
        extras = {"transient": True, "kind": "draw"}
        for to in ("bob", "cid", "nobody"):
            self.assertEqual(codes(await self.ann.ask(11, private(to, "x", extras=extras)), 12), [10000], to)
            self.assertEqual(await self.history(to), [], to)
        for one in (bob, cid):
            (push,) = await one.sync()
            self.assertEqual((push["data"]["content"], push["data"]["extras"]), ("x", extras))
        dan = await self.tcp(self.live.port, "nobody")
        dan.say(19, {"type": 0, "userId": "nobody"})
        self.assertEqual((await dan.upTo(20))[-1]["data"]["friends"], {})
        await self.ann.ask(11, private("bob", "kept", extras={"transient": False}))
        self.assertEqual([one["content"] for one in await self.history("bob")], ["kept"])

    async def test_createTime(self) -> None:
        """
        The client's time is shown, in the past and in the future; 0 and below
        are the server's (D-32).
        """
        now = int(reactor.seconds() * 1000)
        for given in (1, 1527133207581, 9999999999999):
            await self.ann.ask(11, private("bob", "x", createTime=given))
            self.assertEqual((await self.history("bob"))[-1]["createTime"], given)
        for absent in (0, -1, -(2**63), "", "null"):
            await self.ann.ask(11, private("bob", "x", createTime=absent))
            self.assertLess(abs((await self.history("bob"))[-1]["createTime"] - now), 60000, absent)

    async def test_ids(self) -> None:
        """
        The client's id is kept; without one it is 32 hex digits.
        """
        await self.ann.ask(11, private("bob", "x", id="mine"))
        await self.ann.ask(11, private("bob", "x"))
        await self.ann.ask(11, private("bob", "x", id=""))
        first, *others = await self.history("bob")
        self.assertEqual(first["id"], "mine")
        for one in others:
            self.assertRegex(one["id"], "^[0-9a-f]{32}$")

    async def test_repeats(self) -> None:
        """
        The same id with the same content is one message, pushed again; with
        other content it is another (D-41).
        """
        bob, _ = await self.pair()
        for content in ("x", "x", "y"):
            body = private("bob", content, id="m1", createTime=5)
            self.assertEqual(codes(await self.ann.ask(11, body), 12), [10000])
        self.assertEqual([content for _, content in said(await bob.sync())], ["x", "x", "y"])
        self.assertEqual([(one["id"], one["content"]) for one in await self.history("bob")], [("m1", "x"), ("m1", "y")])

    async def test_everyConnection(self) -> None:
        """
        A user may have any number of connections of any kind; a push goes to
        all, and none is told of the others' own words.
        """
        bobs = [await self.tcp(self.live.port, "bob") for _ in range(3)]
        sockets = [await self.ws(self.live.port, "bob") for _ in range(3)]
        await self.ann.ask(11, private("bob", "x"))
        for one in (*bobs, *sockets):
            self.assertEqual(said(await one.sync()), [("ann", "x")])
        await bobs[0].ask(11, private("ann", "y"))
        for other in (*bobs[1:], *sockets):
            self.assertEqual(await other.sync(), [])


class QueryTests(QuirkTestCase):
    """
    19 and 17.
    """

    async def test_dataAbsent(self) -> None:
        """
        C{data} is absent where one group, or a history, has nothing; with
        empty maps where all senders, or one, have nothing pending (5.2).
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


class ConnectionTests(QuirkTestCase):
    """
    Handshake, auth, close, joining nothing.
    """

    async def test_authEcho(self) -> None:
        """
        The token with a suffix, and what else came with it, but not C{cmd}
        (D-24).
        """
        body = {"cmd": 3, "token": "t", "id": "i", "createTime": 5, "extras": {"a": 1}}
        answer = {"code": 10009, "command": 4,
                  "data": {"createTime": 5, "extras": {"a": 1}, "id": "i", "token": "tauthKey"},
                  "msg": "ok 鉴权成功!"}  # fmt: skip
        self.assertEqual(await self.ann.ask(3, body), [answer])
        live = await self.serve("--dialect", "jim:authSuffix=wchao")
        client = await self.ws(live.port)
        client.say(3, {"token": "t"})
        (event,) = await client.hear()
        self.assertEqual(event["data"], {"token": "twchao"})

    async def test_blankGroup(self) -> None:
        """
        To join a blank group ends the connection.
        """
        for body in ({"group_id": ""}, {"group_id": "  "}, {"cmd": 7}, {"group_id": None}):
            client = await self.tcp(self.live.port, "bob")
            client.events.clear()
            client.say(7, body)
            await client.closed()
            self.assertEqual(client.events, [], body)

    async def test_handshakeOnSocket(self) -> None:
        """
        A command 1 ends a WebSocket, whose upgrade is the handshake.
        """
        client = await self.ws(self.live.port)
        client.say(1)
        await client.closed()
        self.assertEqual((client.events, client.code), ([], 1000))

    async def test_close(self) -> None:
        """
        14: an empty body, or no user, ends this connection, without an
        answer; the own name ends all; text that is no JSON is 10020.
        """
        for body in (b"", {"cmd": 14}, {"userid": ""}):
            client = await self.tcp(self.live.port, "bob")
            client.events.clear()
            client.say(14, body)
            await client.closed()
            self.assertEqual(client.events, [], body)
        first, second = await self.tcp(self.live.port, "bob"), await self.ws(self.live.port, "bob")
        self.assertEqual(codes(await first.ask(14, b"no JSON"), 14), [10020])
        first.say(14, {"userid": "bob"})
        await first.closed()
        await second.closed()
        self.assertEqual((codes(first.events, 14), codes(second.events, 14)), ([], []))

    async def test_unreadable(self) -> None:
        """
        A body that cannot be read has an answer for each command, and the
        connection stays (D-4).
        """
        client = await self.tcp(self.live.port)
        client.say(5, b"{")
        self.assertEqual((await client.hear())[0]["code"], 10008)
        for command, code in ((3, 10010), (7, 10017), (11, 10002), (14, 10020), (17, 10004), (19, 10015), (15, 10017)):
            for body in (b"{", b"[1]", b'"x"', b'{"cmd":"x"}'):
                events = await self.ann.ask(command, body)
                self.assertEqual([one["code"] for one in events], [code], (command, body))
        self.assertLoggedIn(await client.login("bob"))

    async def test_queryLogin(self) -> None:
        """
        The query of the upgrade: no name is no login, values are
        percent-decoded, a failed one is answered and closed.
        """
        plain = await self.upgrade(self.live.port, "/?room=1")
        self.assertEqual(await plain.sync(), [])
        named = await self.upgrade(self.live.port, "/x?username=%E5%BC%A0+%E4%B8%89&password=a%26b%3Dc")
        self.assertEqual(commands(await named.upTo(6)), [6])
        online = await self.http(self.live.port, "GET", "/api/user/online?userid=%E5%BC%A0%20%E4%B8%89")
        self.assertEqual(online.json["code"], 10019)
        forms = [("userid=张 三".encode(), 10019), (b"userid=%E5%BC%A0+%E4%B8%89", 10019), (b"u\xefserid=x", 10020)]
        for form, code in forms:
            asked = await self.http(self.live.port, "POST", "/api/user/online", form)
            self.assertEqual(asked.json["code"], code, form)
        bad = await self.upgrade(self.live.port, f"/?username={'x' * 65}&password=a")
        self.assertEqual((await bad.upTo(6))[-1]["code"], 10008)
        await bad.closed()

    async def test_controlFrames(self) -> None:
        """
        A ping is answered with a pong, a pong ignored, a close echoed (D-18).
        """
        client = await self.ws(self.live.port)
        client.send(b"are you there", 0x80 | PING)
        client.send(b"", 0x80 | PONG)
        await client.sync()
        self.assertEqual(client.frames[0], (0x80 | PONG, b"are you there"))
        self.assertEqual(len(client.frames), 2)
        client.send(b"\x03\xe9bye", 0x80 | CLOSE)
        await client.closed()
        self.assertEqual(client.frames[-1][0], 0x80 | CLOSE)
        client = await self.ws(self.live.port)
        client.send(b"", 0x80 | CLOSE)
        await client.closed()
        self.assertEqual(client.frames[-1][0], 0x80 | CLOSE)

    async def test_serverFrames(self) -> None:
        """
        What the server sends is one unmasked text frame a message, however
        the client wrote its own.
        """
        client = await self.ws(self.live.port, "bob")
        for size in (10, 200, 70000):
            client.send(json.dumps(private("bob", "x" * size)).encode(), 0x80 | BINARY)
            self.assertEqual(commands(await client.hear(2)), [11, 12])
        self.assertEqual({first for first, _ in client.frames}, {0x81})

    async def test_heartbeatTimeout(self) -> None:
        """
        A connection on which nothing goes either way dies at twice the
        timeout at the latest; one with heartbeats, or pushes, stays.
        """
        live = await self.serve("--dialect", "jim:heartbeatTimeout=500", *NO_LOBBY)
        silent, busy, told = [await self.tcp(live.port, name) for name in ("silent", "busy", "told")]
        socket = await self.ws(live.port, "socket")
        began = reactor.seconds()
        while reactor.seconds() - began < 2.2:
            await busy.ask(11, private("told", "x"))
            await pause(0.1)
        self.assertEqual([one.isClosed for one in (silent, socket, busy, told)], [True, True, False, False])


class HTTPTests(QuirkTestCase):
    """
    J-IM's routes.
    """

    async def test_contentType(self) -> None:
        """
        Answers are JSON and say so (D-14); what the request says of its body
        does not matter.
        """
        kind = "application/json; charset=utf-8"
        bob, _ = await self.pair()
        types = ("application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None)
        for given in types:
            body = private("bob", "x", **{"from": "ann"})
            answer = await self.http(self.live.port, "POST", "/api/message/send", body, {"Content-Type": given})
            self.assertEqual(answer.body, '{"code":10000,"command":12,"msg":"ok 发送成功"}'.encode(), given)
            self.assertEqual((answer.status, answer.headers["content-type"]), (200, kind))
            self.assertEqual(said(await bob.sync()), [("ann", "x")])
        for path in ("/api/user/online?userid=x", "/api/user/online", "/api/user/close?userid=x", "/nowhere"):
            self.assertEqual((await self.http(self.live.port, "GET", path)).headers["content-type"], kind, path)

    async def test_noCookieNoCORS(self) -> None:
        """
        No cookie is set, and no page elsewhere may read an answer (D-15).
        """
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        for method, path in (("GET", "/api/user/online?userid=x"), ("OPTIONS", "/api/message/send"), ("GET", "/")):
            answer = await self.http(self.live.port, method, path, None, headers)
            names = [name for name in answer.headers if name.startswith("access-control") or "cookie" in name]
            self.assertEqual(names, [], (method, path))

    async def test_anyMethod(self) -> None:
        """
        J-IM does not look at the method.
        """
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "UPDATE"):
            answer = await self.http(self.live.port, method, "/api/user/online?userid=ann")
            self.assertEqual((answer.status, answer.json["code"]), (200, 10019), method)

    async def test_senderThatIsNoName(self) -> None:
        """
        Who speaks for somebody that nobody can be is told so; it was
        somebody else's word otherwise.
        """
        for name in ("x" * 65, " x", "a\nb"):
            answer = await self.http(self.live.port, "POST", "/api/message/send", private("ann", "x", **{"from": name}))
            self.assertEqual((answer.status, answer.json["code"]), (200, 10002), name)
        self.assertEqual(await self.ann.sync(), [])

    async def test_wholePath(self) -> None:
        """
        A route is its path, and nothing below it.
        """
        for path in ("/api/user/online", "/api/user/close", "/api/message/send", "/api/command/heartbeat"):
            for below in ("/", "/x", "//"):
                answer = await self.http(self.live.port, "POST", f"{path}{below}?userid=ann")
                self.assertEqual(answer.status, 404, path + below)

    async def test_parameters(self) -> None:
        """
        From the query and from a form, decoded; one that is empty is none
        (10020).
        """
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        base64 = await self.tcp(self.live.port, "YW5u==")
        for method, path, body, code in (
            ("GET", "?userid=ann", None, 10019),
            ("GET", "?userid=%61nn", None, 10019),
            ("GET", "?x=1&userid=ann&y", None, 10019),
            ("POST", "", b"userid=ann", 10019),
            ("GET", "?userid=YW5u==", None, 10019),
            ("GET", "?userid=", None, 10020),
            ("GET", "?userid", None, 10020),
            ("GET", "?userId=ann", None, 10020),
            ("GET", "", None, 10020),
            ("GET", "?userid=ann%00", None, 10001),
            ("GET", "?userid=*", None, 10001),
        ):
            answer = await self.http(self.live.port, method, f"/api/user/online{path}", body, form)
            self.assertEqual((answer.status, answer.json["code"]), (200, code), (path, body))
        await base64.sync()

    async def test_unreadable(self) -> None:
        """
        A body that cannot be read is 400 with the JSON (D-4); one that can,
        and is refused, is 200.
        """
        for body, status in ((b"{", 400), (b"", 400), (b"[]", 400), (b"{}", 200), (b'{"chatType":7}', 200)):
            answer = await self.http(self.live.port, "POST", "/api/message/send", body)
            self.assertEqual((answer.status, answer.json["code"], answer.json["msg"]), (status, 10002, NOT_SENT), body)


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


class StrictTests(LiveTestCase):
    """
    C{--strict jim}: what J-IM leaves without an answer (D-4).
    """

    async def prepare(self) -> None:
        self.live = await self.serve(*STRICT, *NO_LOBBY)
        self.ann: StreamClient = await self.tcp(self.live.port, "ann")

    async def test_chatTypeAbsent(self) -> None:
        """
        Without a chatType it is 10002 all the same: that is J-IM's own.
        """
        self.assertEqual(codes(await self.ann.ask(11, {"to": "bob", "content": "x"}), 12), [10002])

    async def test_chatTypeOther(self) -> None:
        """
        With one that there is not: silence.
        """
        self.assertEqual(await self.ann.ask(11, {"to": "bob", "chatType": 3, "content": "x"}), [])

    async def test_chatTypeZero(self) -> None:
        """
        With 0: silence, and it is kept as a private message.
        """
        self.assertEqual(await self.ann.ask(11, {"to": "bob", "chatType": 0, "content": "x"}), [])
        self.ann.say(19, {"userId": "ann", "type": 1, "fromUserId": "bob"})
        self.assertEqual([one["content"] for one in listed((await self.ann.upTo(20))[-1], "friends", "bob")], ["x"])

    async def test_chatTypeZeroRefused(self) -> None:
        """
        With 0: silence, too, where it cannot be kept, or is not to be; what
        comes behind is answered.
        """
        bob = await self.ws(self.live.port, "bob")
        for chat, heard in (
            ({"id": "x" * 129, "content": "x"}, []),
            ({"content": "x", "extras": {"large": 10**99}}, [("ann", "x")]),
            ({"content": "y", "extras": {"transient": True}}, [("ann", "y")]),
        ):
            self.assertEqual(await self.ann.ask(11, {"to": "bob", "chatType": 0, **chat}), [])
            self.assertEqual(said(await bob.sync()), heard)

    async def test_unreadable(self) -> None:
        """
        A chat that cannot be read: silence.
        """
        self.assertEqual(await self.ann.ask(11, b"{"), [])

    async def test_still(self) -> None:
        """
        A heartbeat is answered as ever.
        """
        self.ann.say(HEARTBEAT)
        self.assertEqual(await self.ann.hear(), [{"command": 13, "data": {"hbbyte": -128}}])
