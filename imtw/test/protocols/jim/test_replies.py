"""
Which answers come, in which order and in which words
(docs/wire/jim.rst).
"""

from __future__ import annotations

import json
from typing import Any

from imtw.test.live import ANY_PORT, LiveTestCase, pause
from imtw.test.protocols.jim.harness import NOT_SENT, UNKNOWN, QuirkTestCase, commands
from imtw.test.wire import BINARY, PING, PONG, TEXT, codes, frameOf, private, public, said, socketFrame


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

    async def test_notUTF8(self) -> None:
        """
        So is a text that is no UTF-8, in one frame or in two; but a chat
        loses only the characters that are none.  The connection stays.
        """
        live = await self.serve("--port", ANY_PORT, "--port-for", f"jim={ANY_PORT}")
        for port in live.ports:
            client = await self.ws(port)
            await client.sync()
            for junk in (b"\xff\xfe", b'{"cmd":13}\xe4', b'{"cmd":"13\xe4"}', b"\xed\xa0\x80"):
                client.send(junk)
                self.assertEqual(await client.hear(), [UNKNOWN], junk)
                client.send(junk[:-1], TEXT)
                client.send(junk[-1:], 0x80)
                self.assertEqual(await client.hear(), [UNKNOWN], junk)
            await client.login("bob")
            client.send(b'{"cmd":11,"chatType":2,"to":"bob","content":"a\xffb"}')
            self.assertEqual(said(await client.upTo(12)), [("bob", "a\ufffdb")])
            await client.closedByUs()

    async def test_reservedBits(self) -> None:
        """
        Reserved bits are not looked at, and a frame of an opcode that there
        is not is data, whole or in pieces.
        """
        client = await self.ws(self.live.port)
        await client.sync()
        beat = {"command": 13, "data": {"hbbyte": -128}}
        for first in (0xC1, 0xF1, 0xA2, 0x83, 0x87, 0x8B, 0xFF):
            client.send(b'{"cmd":13}', first)
            self.assertEqual(await client.hear(), [beat], first)
        client.send(b'{"cmd"', TEXT)
        client.send(b":", 0x43)
        client.send(b"13}", 0xC0)
        self.assertEqual(await client.hear(), [beat])
        whole = socketFrame(b'{"cmd":13}', 0xB5)
        for at in range(1, len(whole)):
            client.write(whole[:at])
            await pause(0.001)
            client.write(whole[at:])
            self.assertEqual(await client.hear(), [beat], at)
        client.send(b"p", 0xC0 | PING)
        await client.until(lambda: client.frames[-1] == (0x80 | PONG, b"p"), "a pong")

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
    The texts of the statuses, byte for byte (docs/wire/jim.rst, Statuses).
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
