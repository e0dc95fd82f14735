"""
The least that a server for J-IM's clients has to do.
"""

from __future__ import annotations

from imtw.test.live import LiveTestCase
from imtw.test.protocols.jim.harness import NO_LOBBY
from imtw.test.wire import CLOSE, HEARTBEAT, codes, frameOf, private, said

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
    The golden frames, byte for byte.
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
    A frame split at every byte; two frames in one segment.
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


class HeartbeatTests(LiveTestCase):
    """
    Heartbeats: a raw byte, empty, JSON.
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
    Masks 0x51, 0x10, 0x00, 0xF1.
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
    C{chatType} as a text; C{userId} and C{userid}; C{chat-type}.
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
    Ids of which one begins with the other: 1 and 10.
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
    Two WebSockets of one user, of which one is closed.
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
    A failed login: the answer comes before the end.
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
