"""
What J-IM's connections go through from the handshake to the close
(docs/wire/jim.rst).
"""

from __future__ import annotations

import json

from imtw.test.protocols.jim.harness import NO_LOBBY, QuirkTestCase, commands, listed
from imtw.test.wire import BINARY, CLOSE, PING, PONG, codes, private


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

    async def test_toldNoMore(self) -> None:
        """
        Whose connection the server ends is gone at once, and not only when
        all is read that was sent: what is said then does not count as told,
        and waits.
        """
        core = self.live.core
        for come in (self.tcp, self.ws):
            bob = await come(self.live.port, "bob")
            (session,) = core.sessions.of("bob")
            next(voice for voice in core.voices if voice.lane.session is session).finish()
            self.assertFalse(core.sessions.online("bob"))
            await bob.closed()
        answer = (await self.ann.ask(11, private("bob", "hello")))[-1]
        self.assertEqual(answer["code"], 10001)
        late = await self.tcp(self.live.port, "bob")
        waiting = (await late.ask(19, {"cmd": 19, "type": 0, "userId": "bob"}))[-1]
        self.assertEqual(len(listed(waiting, "friends", "ann")), 1)

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
        live = await self.serve("--dialect", "jim:heartbeatTimeout=60000", *NO_LOBBY)
        silent, busy, told = [await self.tcp(live.port, name) for name in ("silent", "busy", "told")]
        socket = await self.ws(live.port, "socket")
        for _ in range(2):
            await busy.ask(11, private("told", "x"))
            live.later(61)
        for client in (silent, socket):
            await client.closed()
        for client in (busy, told):
            await client.sync()
