"""
The least that a server for J-IM's clients has to do: a class for each thing,
by its number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from imtw.test.clients import CLOSE, HEARTBEAT, SocketClient, Talker, codes, frameOf, private, public, said
from imtw.test.live import Live, LiveTestCase
from imtw.test.protocols.jim.harness import NO_LOBBY

LOGGED_IN = '{"code":10007,"command":6,"msg":"ok 登录成功!"}'
SENT = '{"code":10000,"command":12,"msg":"ok 发送成功"}'
OFFLINE = '{"code":10001,"command":12,"msg":"offline 用户不在线"}'
UNKNOWN = '{"code":10017,"command":0,"msg":"cmd failed! 未知的cmd命令!"}'
HANDSHAKE = '{"command":2,"data":{"hbyte":-127}}'
BEAT = '{"command":13,"data":{"hbbyte":-128}}'
PUSH = (
    '{"command":11,"data":{"chatType":2,"cmd":11,"content":"hi","createTime":1546300800000,"from":"a",'
    '"id":"0123456789abcdef0123456789abcdef","msgType":0,"to":"b"}}'
)
CHAT = (
    b'{"cmd":11,"from":"a","to":"b","chatType":2,"msgType":0,"content":"hi","createTime":1546300800000,'
    b'"id":"0123456789abcdef0123456789abcdef"}'
)


def golden(header: str, body: str) -> bytes:
    """
    A frame as the specification prints it.
    """
    return bytes.fromhex(header) + body.encode()


class GoldenFrameTests(LiveTestCase):
    """
    1. The golden frames, byte for byte.
    """

    async def test_login(self) -> None:
        """
        The login of the Java client.
        """
        live = await self.serve(*NO_LOBBY)
        client = await self.tcp(live.port)
        client.write(golden("01 51 05 00 00 00 35", '{"cmd":5,"loginname":"hello_client","password":"123"}'))
        await client.sync()
        self.assertTrue(client.received.startswith(golden("01 51 06 00 00 00 33", LOGGED_IN)), client.received)

    async def test_handshake(self) -> None:
        """
        The handshake, without a login.
        """
        live = await self.serve()
        client = await self.tcp(live.port)
        client.write(golden("01 51 01 00 00 00 17", '{"cmd":1,"hbyte":-127} '))
        await client.hear()
        self.assertEqual(client.received, golden("01 51 02 00 00 00 23", HANDSHAKE))

    async def test_heartbeats(self) -> None:
        """
        The Java client's heartbeat and the iOS client's.
        """
        live = await self.serve()
        for beat in (
            bytes.fromhex("01 51 0d 00 00 00 01 80"),
            golden("01 10 0d 00 00 00 14", '{"cmd":13,"hbyte":1}'),
        ):
            client = await self.tcp(live.port)
            client.write(beat)
            await client.hear()
            self.assertEqual(client.received, golden("01 51 0d 00 00 00 25", BEAT), beat)

    async def test_chat(self) -> None:
        """
        The push, and both answers to a chat.
        """
        live = await self.serve(*NO_LOBBY)
        ann, bob = await self.tcp(live.port, "a"), await self.tcp(live.port, "b")
        start, heard = len(ann.received), len(bob.received)
        ann.say(11, CHAT)
        await ann.hear()
        await bob.hear()
        self.assertEqual(ann.received[start:], golden("01 51 0c 00 00 00 33", SENT))
        self.assertEqual(bob.received[heard:], golden("01 51 0b 00 00 00 9f", PUSH))
        start = len(ann.received)
        ann.say(11, private("nobody", "hi"))
        await ann.hear()
        self.assertEqual(ann.received[start:], golden("01 51 0c 00 00 00 3b", OFFLINE))

    async def test_chatWithSequence(self) -> None:
        """
        A sender's synSeq is not handed on: the push has mask 0x51 (D-3).
        """
        live = await self.serve(*NO_LOBBY)
        ann, bob = await self.tcp(live.port, "a"), await self.tcp(live.port, "b")
        heard = len(bob.received)
        ann.say(11, CHAT, 0xF1, 7)
        await bob.hear()
        self.assertEqual(bob.received[heard:], golden("01 51 0b 00 00 00 9f", PUSH))

    async def test_unknownCommand(self) -> None:
        """
        The answer to a code that has a name and no handler has command 0 in
        its header.
        """
        live = await self.serve()
        for code in (0, 2, 4, 6, 8, 9, 10, 12, 16, 18, 20):
            client = await self.tcp(live.port)
            client.write(frameOf(code, b'{"cmd":15}'))
            await client.hear()
            self.assertEqual(client.received, golden("01 51 00 00 00 00 42", UNKNOWN), code)


class SplitTests(LiveTestCase):
    """
    2. A frame split at every byte; two frames in one segment.
    """

    login = frameOf(5, b'{"cmd":5,"loginname":"a","password":"1"}')
    wanted = golden("01 51 06 00 00 00 33", LOGGED_IN)

    async def test_everyByte(self) -> None:
        """
        Wherever TCP cuts a login in two, it is one.
        """
        live = await self.serve(*NO_LOBBY)
        for cut in range(1, len(self.login)):
            client = await self.tcp(live.port)
            client.write(self.login[:cut])
            other = await self.tcp(live.port)  # a turn of the network in between
            client.write(self.login[cut:])
            await client.hear()
            self.assertEqual(client.received, self.wanted, f"cut at {cut}")
            for one in (client, other):
                one.hangUp()

    async def test_oneByteAtATime(self) -> None:
        """
        A login that drips in one byte at a time is one, too.
        """
        live = await self.serve(*NO_LOBBY)
        client = await self.tcp(live.port)
        for at in range(len(self.login)):
            client.write(self.login[at : at + 1])
            await (await self.raw(live.port)).closedByUs()
        await client.hear()
        self.assertEqual(client.received, self.wanted)

    async def test_twoInOne(self) -> None:
        """
        Two frames in one segment are answered both, in order.
        """
        live = await self.serve(*NO_LOBBY)
        client = await self.tcp(live.port)
        client.write(self.login + frameOf(13, b""))
        await client.hear(2)
        self.assertEqual(client.received, self.wanted + golden("01 51 0d 00 00 00 25", BEAT))

    async def test_oneAndAHalf(self) -> None:
        """
        A frame and the beginning of the next: the first is answered, and the
        next once it is there.
        """
        live = await self.serve(*NO_LOBBY)
        client = await self.tcp(live.port)
        beat = frameOf(13, b'{"cmd":13}')
        client.write(self.login + beat[:9])
        await client.hear()
        self.assertEqual(client.received, self.wanted)
        client.write(beat[9:])
        await client.hear()
        self.assertEqual(client.received, self.wanted + golden("01 51 0d 00 00 00 25", BEAT))


class DecisionTests(LiveTestCase):
    """
    3. All rows of 4.3, over TCP, WebSocket and HTTP, across carriers.

    Ann speaks; Bob listens over TCP and over WebSocket at once, Cid is not
    there.
    """

    async def prepare(self) -> None:
        self.live = await self.serve()
        self.stream = await self.tcp(self.live.port, "ann")
        self.socket = await self.ws(self.live.port, "ann")
        self.listeners: list[Talker] = [
            await self.tcp(self.live.port, "bob"),
            await self.ws(self.live.port, "bob"),
        ]
        self.everybody: list[Talker] = [self.stream, self.socket, *self.listeners]
        for one in self.everybody:
            await one.sync()

    async def overTCP(self, body: Any) -> list[Any]:
        """
        Ann's events on TCP.
        """
        return await self.stream.ask(11, body)

    async def overSocket(self, body: Any) -> list[Any]:
        """
        Ann's events on WebSocket.
        """
        return await self.socket.ask(11, body)

    async def overHTTP(self, body: Any) -> list[Any]:
        """
        The answer over HTTP, where the caller says who it is.
        """
        if isinstance(body, dict):
            body = {"from": "ann", **body}
        answer = await self.http(self.live.port, "POST", "/api/message/send", body)
        return [answer.json]

    @property
    def carriers(self) -> dict[str, Callable[[Any], Awaitable[list[Any]]]]:
        """
        All ways to say something.
        """
        return {"tcp": self.overTCP, "ws": self.overSocket, "http": self.overHTTP}

    async def refused(self, body: Any, code: int, carriers: tuple[str, ...] = ("tcp", "ws", "http")) -> None:
        """
        Say something over each carrier: it gets this code, and nobody hears
        it.
        """
        for name in carriers:
            events = await self.carriers[name](body)
            self.assertEqual(codes(events, 12), [code], name)
            self.assertEqual(said(events), [], name)
            for one in self.everybody:
                self.assertEqual(said(await one.sync()), [], name)

    async def test_unparseable(self) -> None:
        """
        A body that is no JSON gets 10002 (D-4), over HTTP with 400.
        """
        for body in (b'{"cmd":11,"chatType":2,"to":"bob"', b"hello", b"[]", b"", b'{"chatType":2,"msgType":"text"}'):
            self.assertEqual(codes(await self.overTCP(body), 12), [10002], body)
            answer = await self.http(self.live.port, "POST", "/api/message/send", body)
            self.assertEqual((answer.status, answer.json["code"]), (400, 10002), body)
        events = await self.overSocket(b'{"cmd":11,"chatType":2,"msgType":"text","to":"bob"}')
        self.assertEqual(codes(events, 12), [10002])
        for one in self.listeners:
            self.assertEqual(said(await one.sync()), [])

    async def test_chatTypeAbsent(self) -> None:
        """
        Without a chatType: 10002.
        """
        await self.refused({"cmd": 11, "to": "bob", "content": "hi"}, 10002)

    async def test_chatTypeZero(self) -> None:
        """
        With chatType 0: 10002 (D-4).
        """
        await self.refused({"cmd": 11, "to": "bob", "chatType": 0, "content": "hi"}, 10002)

    async def test_chatTypeOther(self) -> None:
        """
        With a chatType that there is not: 10002 (D-4).
        """
        for number in (3, -1, 99):
            await self.refused({"cmd": 11, "to": "bob", "chatType": number, "content": "hi"}, 10002)

    async def test_group(self) -> None:
        """
        To a group: every connection in it hears it, the sender's own, too,
        and that before the answer, which is 10000.
        """
        for name, speak in self.carriers.items():
            text = f"over {name}"
            events = await speak(public("100", text))
            self.assertEqual(codes(events, 12), [10000], name)
            heard = [events] if name != "http" else []
            if name != "http":
                self.assertEqual([one["command"] for one in events], [11, 12], name)
            speaking = {"tcp": self.stream, "ws": self.socket}.get(name)
            heard += [await one.sync() for one in self.everybody if one is not speaking]
            self.assertEqual([said(one) for one in heard], [[("ann", text)]] * 4, name)

    async def test_groupUnknownOrAbsent(self) -> None:
        """
        To a group that there is not, or to none at all: 10000 all the same.
        """
        await self.refused(public("nowhere", "hi"), 10000)
        await self.refused(public(None, "hi"), 10000)

    async def test_privateOnline(self) -> None:
        """
        To a user who is there: every connection of that user hears it and
        nobody else, and the answer is 10000.
        """
        for name, speak in self.carriers.items():
            text = f"over {name}"
            events = await speak(private("bob", text))
            self.assertEqual([one["command"] for one in events], [12], name)
            self.assertEqual(codes(events, 12), [10000], name)
            for one in self.listeners:
                self.assertEqual(said(await one.sync()), [("ann", text)], name)
            for other in (self.stream, self.socket):
                self.assertEqual(said(await other.sync()), [], name)

    async def test_privateOffline(self) -> None:
        """
        To a user who is not there, whom nobody has seen, or to none at all:
        10001; what has an addressee waits for it.
        """
        cid = await self.tcp(self.live.port, "cid")
        cid.hangUp()
        await cid.closed()
        await self.refused(private("cid", "later"), 10001)
        await self.refused(private("never seen", "later"), 10001)
        await self.refused(private(None, "later"), 10001)
        cid = await self.tcp(self.live.port, "cid")
        cid.say(19, {"cmd": 19, "type": 0, "userId": "cid", "fromUserId": "ann"})
        (reply,) = await cid.upTo(20)
        self.assertEqual(reply["code"], 10016)
        self.assertEqual([one["content"] for one in reply["data"]["friends"]["ann"]], ["later"] * 3)

    async def test_toOneself(self) -> None:
        """
        To oneself: the push, then the answer.
        """
        events = await self.overTCP(private("ann", "note"))
        self.assertEqual([one["command"] for one in events], [11, 12])
        self.assertEqual(said(await self.socket.sync()), [("ann", "note")])


class PageTests(LiveTestCase):
    """
    4. The original's browser page: what it sends, in its order.  (The page
    itself, in a browser, is in C{imtw.test.web}.)
    """

    def pageChat(self, sender: str, to: str, content: str) -> bytes:
        """
        As the page pastes it together.
        """
        return (
            f'{{"from": "{sender}","to": "{to}","cmd":11,"createTime":1527133207581,"chatType":"2","msgType": "0",'
            f'"content": "{content}"}}'
        ).encode()

    async def tab(self, live: Live, name: str) -> tuple[SocketClient, list[str]]:
        """
        A tab in which somebody has logged in, and whom it shows.
        """
        client = await self.upgrade(live.port, f"?username={name}&password=123")
        self.assertEqual(client.status, 101)
        events = await client.upTo(6)
        self.assertEqual([one["command"] for one in events], [9, 6])
        self.assertEqual(events[0]["data"]["user"]["id"], name)
        client.send(f'{{"cmd":17,"type":"0","userid":"{name}"}}'.encode())
        client.send(f'{{"cmd":19,"type":"0","userId":"{name}"}}'.encode())
        user, messages = await client.hear(2)
        self.assertEqual((user["command"], user["code"]), (18, 10005))
        self.assertEqual((messages["command"], messages["code"]), (20, 10016))
        self.assertIsInstance(messages["data"]["friends"], dict)
        self.assertIsInstance(messages["data"]["groups"], dict)
        groups = user["data"]["groups"]
        self.assertTrue(all(isinstance(group["users"], list) for group in groups), groups)
        return client, sorted(one["id"] for group in groups for one in group["users"])

    async def test_twoTabs(self) -> None:
        """
        Two tabs see each other, chat privately and in the group, and read
        the history.
        """
        live = await self.serve("--store", f"sqlite:{self.mktemp()}")
        ann, people = await self.tab(live, "ann")
        self.assertEqual(people, ["ann"])
        bob, people = await self.tab(live, "bob")
        self.assertEqual(people, ["ann", "bob"])
        (notice,) = await ann.hear()
        self.assertEqual((notice["command"], notice["data"]["user"]["id"]), (9, "bob"))

        ann.send(self.pageChat("ann", "bob", "你好"))
        self.assertEqual(codes(await ann.hear(), 12), [10000])
        (push,) = await bob.hear()
        self.assertEqual(push["data"]["content"], "你好")
        self.assertEqual(push["data"]["createTime"], 1527133207581)

        group = self.pageChat("bob", "", "all").replace(b'"to": ""', b'"group_id":"100"').replace(b'"2"', b'"1"')
        bob.send(group)
        self.assertEqual([one["command"] for one in await bob.hear(2)], [11, 12])
        (push,) = await ann.hear()
        self.assertEqual((push["data"]["group_id"], push["data"]["content"]), ("100", "all"))

        ann.send(b'{"cmd":19,"type":"1","fromUserId":"bob","userId":"ann"}')
        ann.send(b'{"cmd":19,"type":"1","groupId":"100","userId":"ann"}')
        own, all_ = await ann.hear(2)
        self.assertEqual((own["code"], all_["code"]), (10018, 10018))
        self.assertEqual([one["content"] for one in own["data"]["friends"]["bob"]], ["你好"])
        self.assertEqual([one["content"] for one in all_["data"]["groups"]["100"]], ["all"])

    async def test_buttons(self) -> None:
        """
        The page's auth and heartbeat.
        """
        live = await self.serve()
        ann, _ = await self.tab(live, "ann")
        ann.send('{"cmd":3,"token":"校验码"}'.encode())
        ann.send(b'{"cmd":13,"hbbyte":"-127"}')
        auth, beat = await ann.hear(2)
        self.assertEqual(auth, {"code": 10009, "command": 4, "data": {"token": "校验码authKey"}, "msg": "ok 鉴权成功!"})
        self.assertEqual(beat, {"command": 13, "data": {"hbbyte": -128}})

    async def test_leaving(self) -> None:
        """
        When a tab is closed the other is told who left.
        """
        live = await self.serve()
        (ann, _), (bob, _) = await self.tab(live, "ann"), await self.tab(live, "bob")
        await ann.sync()
        bob.hangUp()
        (notice,) = await ann.hear()
        self.assertEqual(notice, {"command": 10, "data": {"group": "100", "user": {"id": "bob", "nick": "bob"}}})


class JavaClientTests(LiveTestCase):
    """
    5. The Java client, which does not wait for anything.
    """

    async def test_pipelined(self) -> None:
        """
        Login and chat in one go: the login's frames, then the push, then the
        answer.
        """
        live = await self.serve("--auth", "accounts:")  # a login that takes its time
        client = await self.tcp(live.port)
        client.write(
            frameOf(5, b'{"cmd":5,"loginname":"hello_client","password":"123"}')
            + frameOf(
                11,
                b'{"chatType":1,"content":"hello","from":"hello_client","group_id":"100","msgType":0,"to":"admin"}',
            )
            + bytes.fromhex("01 51 0d 00 00 00 01 80")
        )
        events = await client.hear(5)
        self.assertEqual([one["command"] for one in events], [9, 6, 11, 12, 13])
        self.assertEqual(events[3]["code"], 10000)
        data = events[2]["data"]
        self.assertEqual((data["from"], data["to"], data["content"]), ("hello_client", "admin", "hello"))


class HeartbeatTests(LiveTestCase):
    """
    6. Heartbeats: a raw byte, empty, JSON.
    """

    async def test_overTCP(self) -> None:
        """
        Whatever the body, before a login and after.
        """
        live = await self.serve(*NO_LOBBY)
        client = await self.tcp(live.port)
        for round in ("before the login", "after it"):
            for body in (b"\x80", b"", b'{"cmd":13,"hbbyte":"-127"}', b'{"cmd":13,"hbyte":1}', b"{", b"\xff\x00"):
                client.say(HEARTBEAT, body)
                self.assertEqual(await client.hear(), [{"command": 13, "data": {"hbbyte": -128}}], (round, body))
                self.assertEqual(client.frames[-1].body, BEAT.encode())
            await client.login("a")

    async def test_overWebSocket(self) -> None:
        """
        As JSON.
        """
        live = await self.serve()
        client = await self.ws(live.port)
        for body in (b'{"cmd":13}', b'{"cmd":13,"hbbyte":"-127"}', b'{"cmd":"13"}', b"{cmd:13}"):
            client.send(body)
            await client.hear()
            self.assertEqual(client.frames[-1], (0x81, BEAT.encode()), body)


class MaskTests(LiveTestCase):
    """
    7. Masks 0x51, 0x10, 0x00, 0xF1.
    """

    async def test_masks(self) -> None:
        """
        Only bit 0x20 matters: the others are ignored, and what comes back has
        0x51.
        """
        live = await self.serve()
        client = await self.tcp(live.port)
        for mask in (0x51, 0x10, 0x00, 0x0F, 0x80, 0xDF):
            client.say(HEARTBEAT, b"", mask)
            await client.hear()
            self.assertEqual(client.frames[-1].mask, 0x51, hex(mask))

    async def test_sequence(self) -> None:
        """
        With 0xF1 four more bytes are the synSeq: 0 and below are as none,
        above 0 the command is done and not answered.
        """
        live = await self.serve(*NO_LOBBY)
        client = await self.tcp(live.port)
        for sequence in (0, -1):
            client.say(HEARTBEAT, b"", 0xF1, sequence)
            await client.hear()
            self.assertEqual((client.frames[-1].mask, client.frames[-1].sequence), (0x51, None))
        client.say(5, {"cmd": 5, "loginname": "a", "password": "1"}, 0xF1, 7)
        self.assertEqual(await client.sync(), [])
        client.say(11, private("a", "to me"))
        self.assertEqual(said(await client.sync()), [("a", "to me")])


class SpellingTests(LiveTestCase):
    """
    8. C{chatType} as a text; C{userId} and C{userid}; C{chat-type}.
    """

    async def test_chatType(self) -> None:
        """
        In all spellings it is the same.
        """
        live = await self.serve(*NO_LOBBY)
        ann, bob = await self.tcp(live.port, "ann"), await self.ws(live.port, "bob")
        for key in ('"chatType":"2"', '"chatType":2', '"chat-type":2', '"chat_type":"2"', '"CHATTYPE":2', "chattype:2"):
            ann.say(11, b'{"to":"bob","msgType":"0","content":"hi",%s}' % key.encode())
            self.assertEqual(codes(await ann.hear(), 12), [10000], key)
            (push,) = await bob.hear()
            self.assertEqual((push["data"]["chatType"], push["data"]["msgType"]), (2, 0), key)

    async def test_userId(self) -> None:
        """
        17 takes C{userId} for C{userid}, 19 the other way round.
        """
        live = await self.serve()
        ann = await self.tcp(live.port, "ann")
        for key in ("userid", "userId", "user_id", "USERID", "user-id"):
            ann.say(17, {"type": "0", key: "ann"})
            self.assertEqual(codes(await ann.hear(), 18), [10005], key)
            ann.say(19, {"type": "0", key: "ann"})
            self.assertEqual(codes(await ann.hear(), 20), [10016], key)


class PrefixTests(LiveTestCase):
    """
    9. Ids of which one begins with the other: 1 and 10.
    """

    async def test_pending(self) -> None:
        """
        What waits for 10 is neither given to 1 nor taken from 10.
        """
        live = await self.serve("--store", f"sqlite:{self.mktemp()}", *NO_LOBBY)
        ann = await self.tcp(live.port, "ann")
        for to in ("10", "1", "100"):
            ann.say(11, private(to, f"for {to}"))
        await ann.sync()
        for user in ("1", "10", "100"):
            client = await self.tcp(live.port, user)
            client.say(19, {"cmd": 19, "type": 0, "userId": user})
            (reply,) = await client.hear()
            self.assertEqual(
                {name: [one["content"] for one in rows] for name, rows in reply["data"]["friends"].items()},
                {"ann": [f"for {user}"]},
            )


class TwoConnectionsTests(LiveTestCase):
    """
    10. Two WebSockets of one user, of which one is closed.
    """

    async def test_closeOne(self) -> None:
        """
        Both hear what is said; when one is gone the user is still there and
        the other one hears.
        """
        live = await self.serve("--store", f"sqlite:{self.mktemp()}", *NO_LOBBY)
        first, second = await self.ws(live.port, "bob"), await self.ws(live.port, "bob")
        ann = await self.tcp(live.port, "ann")
        ann.say(11, private("bob", "both"))
        self.assertEqual(codes(await ann.hear(), 12), [10000])
        self.assertEqual([said(await one.hear()) for one in (first, second)], [[("ann", "both")]] * 2)

        first.send(b"\x03\xe8", 0x80 | CLOSE)
        await first.closed()
        ann.say(11, private("bob", "one"))
        self.assertEqual(codes(await ann.hear(), 12), [10000])
        self.assertEqual(said(await second.hear()), [("ann", "one")])
        online = await self.http(live.port, "GET", "/api/user/online?userid=bob")
        self.assertEqual(online.json["code"], 10019)

        second.hangUp()
        await second.closed()
        ann.say(11, private("bob", "none"))
        self.assertEqual(codes(await ann.hear(), 12), [10001])


class FailedLoginTests(LiveTestCase):
    """
    11. A failed login: the answer comes before the end.
    """

    wanted = {"code": 10008, "command": 6, "msg": "login failed ! 登录失败!"}

    async def prepare(self) -> None:
        self.live = await self.serve("--auth", "accounts:")
        (await self.tcp(self.live.port, "ann")).hangUp()

    async def test_overTCP(self) -> None:
        """
        The reply, then the end; what was sent behind it is not done.
        """
        client = await self.tcp(self.live.port)
        client.say(5, {"cmd": 5, "loginname": "ann", "password": "wrong"})
        client.say(HEARTBEAT)
        await client.closed()
        self.assertEqual(client.events, [self.wanted])

    async def test_overWebSocket(self) -> None:
        """
        By a command and by the query: the reply, a close frame, the end.
        """
        client = await self.ws(self.live.port)
        client.say(5, {"loginname": "ann", "password": "wrong"})
        other = await self.upgrade(self.live.port, "/?username=ann&password=wrong")
        for one in (client, other):
            await one.closed()
            self.assertEqual(one.events, [self.wanted])
            self.assertEqual([first for first, payload in one.frames], [0x81, 0x88])
