"""
The holes of the original, each closed, and each open again with C{--strict
jim} where that restores it (docs/wire/jim.rst, Closed holes).

A test is named after its hole.  It does the same to a server as it is shipped
and, as its negative control, to one on which it works.
"""

from __future__ import annotations

from typing import Any

from imtw.test.clients import Answer, Talker
from imtw.test.live import ANY_PORT, Live, LiveTestCase
from imtw.test.protocols.jim.harness import NO_LOBBY, STRICT
from imtw.test.wire import CLOSE, basic, codes, private, public, said

OWN = ("--port-for", f"jim={ANY_PORT}")


class HoleTests(LiveTestCase):
    """
    What anybody could do to a J-IM, over TCP and WebSocket.
    """

    async def speakers(self, live: Live, name: str = "") -> list[Talker]:
        """
        A client on either carrier.
        """
        return [await self.tcp(live.port, name), await self.ws(live.port, name)]

    async def test_forgedSender(self) -> None:
        """
        C{from} is whoever is logged in, whatever the client writes (D-11).
        """
        for arguments, sender in (((), "mallory"), (STRICT, "ann")):
            live = await self.serve(*arguments)
            bob = await self.tcp(live.port, "bob")
            for mallory in await self.speakers(live, "mallory"):
                mallory.say(11, private("bob", "hi", **{"from": "ann"}))
                self.assertEqual(codes(await mallory.upTo(12)), [10000])
                self.assertEqual(said(await bob.upTo(11)), [(sender, "hi")])

    async def test_forgedSenderInHistory(self) -> None:
        """
        Nor is anything kept under a forged name.
        """
        for arguments, kept in (((), 0), (STRICT, 1)):
            live = await self.serve(*arguments)
            mallory = await self.tcp(live.port, "mallory")
            await mallory.ask(11, private("bob", "hi", **{"from": "ann"}))
            bob = await self.tcp(live.port, "bob")
            bob.say(19, {"cmd": 19, "type": 1, "userId": "bob", "fromUserId": "ann"})
            (answer,) = await bob.upTo(20)
            self.assertEqual(len(answer.get("data", {}).get("friends", {}).get("ann", [])), kept)

    async def test_forgedSenderInExtras(self) -> None:
        """
        Nor by way of extras in the shape that imtw keeps J-IM's fields in;
        they say nothing of an id, a time or a place either.
        """
        live = await self.serve()
        bob = await self.tcp(live.port, "bob")
        forged = {"sender": "ann", "id": "m9", "seq": 9, "createTime": 9, "to": "zoe", "group_id": "100", "chatType": 1}
        headers = basic("mallory")
        body = {"to": "bob", "content": "hi", "id": "m1", "created": 5, "extras": {"jim": forged}}
        await self.http(live.port, "POST", "/api/command/chat", body, headers)
        for push in await bob.sync():
            if push["command"] == 11:
                data = push["data"]
                self.assertEqual((data["from"], data["id"], data["createTime"]), ("mallory", "m1", 5))
                self.assertEqual((data["to"], data["chatType"], data.get("seq")), ("bob", 2, None))
        mallory = await self.tcp(live.port, "mallory")
        await mallory.ask(11, private("bob", "hi", extras={"jim": forged, **forged}))
        self.assertEqual(said(await bob.sync()), [("mallory", "hi")])

    async def test_closingOthers(self) -> None:
        """
        Only one's own connections can be ended (D-7); others are 10020.
        """
        live = await self.serve()
        bob = await self.tcp(live.port, "bob")
        for mallory in await self.speakers(live, "mallory"):
            events = await mallory.ask(14, {"cmd": 14, "userid": "bob"})
            self.assertEqual(codes(events), [10020])
        await bob.sync()
        live = await self.serve(*STRICT)
        for mallory in await self.speakers(live, "mallory"):
            bob = await self.tcp(live.port, "bob")
            await mallory.sync()
            events = await mallory.ask(14, {"cmd": 14, "userid": "bob"})
            self.assertEqual(codes(events), [10021])
            await bob.closed()

    async def test_closingOthersWithoutLogin(self) -> None:
        """
        Without a login nobody at all can be closed.
        """
        live = await self.serve()
        bob = await self.tcp(live.port, "bob")
        for stranger in await self.speakers(live):
            self.assertEqual(codes(await stranger.ask(14, {"cmd": 14, "userid": "bob"})), [10020])
        await bob.sync()
        live = await self.serve(*STRICT)
        bob = await self.tcp(live.port, "bob")
        stranger = await self.tcp(live.port)
        self.assertEqual(codes(await stranger.ask(14, {"cmd": 14, "userid": "bob"})), [10021])
        await bob.closed()

    async def test_anyToken(self) -> None:
        """
        A token that the server did not give lets nobody in, nor one that was
        revoked, nor under another name; the one it gave does.
        """
        live = await self.serve("--auth", "accounts:", "--store", f"sqlite:{self.mktemp()}")
        ann = await self.tcp(live.port, "ann")
        await self.tcp(live.port, "bob")
        ann.say(119)
        issued = (await ann.upTo(119))[-1]
        token = issued["data"]["token"]
        wrong = ["x", "0" * 43, token[:-1], token + "A", token.swapcase(), "' OR 1=1 --", "校验码", "ann"]
        for one in wrong:
            self.assertEqual(await self.tokenLogin(live, token=one), 10008, one)
        self.assertEqual(await self.tokenLogin(live, token=token, loginname="bob"), 10008)
        self.assertEqual(await self.tokenLogin(live, token="", loginname="ann"), 10008)
        for query in ("token=x", "token=x&username=ann"):
            client = await self.upgrade(live.port, f"/?{query}")
            self.assertEqual(codes(await client.upTo(6)), [10008])
        self.assertEqual((await self.online(live, "x")).status, 401)

        self.assertEqual(await self.tokenLogin(live, token=token), 10007)
        self.assertEqual((await self.online(live, token)).status, 200)
        good = await self.upgrade(live.port, f"/?token={token}")
        self.assertEqual(codes(await good.upTo(6)), [10007])
        self.assertEqual(codes(await ann.ask(118, {"cmd": 118, "token": token}))[-1], 10100)
        self.assertEqual(await self.tokenLogin(live, token=token), 10008)
        self.assertEqual((await self.online(live, token)).status, 401)

    async def tokenLogin(self, live: Live, **fields: str) -> int:
        """
        The code that a login gets.
        """
        client = await self.tcp(live.port)
        client.say(5, {"cmd": 5, **fields})
        code: int = (await client.upTo(6))[-1]["code"]
        await client.closedByUs()
        return code

    async def online(self, live: Live, token: str) -> Answer:
        """
        What a command over HTTP with this bearer token gets.
        """
        headers = {"Authorization": f"Bearer {token}"}
        return await self.http(live.port, "POST", "/api/command/user", {"user": "ann"}, headers)

    async def test_anyPassword(self) -> None:
        """
        A password that is wrong lets nobody in; with C{--auth anyone:} it
        does, as in the original's demo.
        """
        for checker, code in (("accounts:", 10008), ("anyone:", 10007)):
            live = await self.serve("--auth", checker)
            await self.tcp(live.port, "ann", password="right")
            client = await self.tcp(live.port)
            self.assertEqual((await client.login("ann", "wrong"))[-1]["code"], code)

    async def test_noLogin(self) -> None:
        """
        What needs a login is refused without one, and the connection stays
        (D-5).
        """
        requests = {
            7: {"cmd": 7, "group_id": "100"},
            11: private("bob", "hi", **{"from": "ann"}),
            14: {"cmd": 14, "userid": "ann"},
            15: {"cmd": 15, "id": "m1", "to": "bob"},
            17: {"cmd": 17, "type": 0, "userid": "bob"},
            19: {"cmd": 19, "type": 1, "userId": "bob", "fromUserId": "ann"},
            100: {"cmd": 100, "group": "100"},
            119: {"cmd": 119},
        }
        refusals = {10002, 10004, 10012, 10015, 10020}
        live = await self.serve()
        bob = await self.tcp(live.port, "bob")
        for stranger in await self.speakers(live):
            for command, body in requests.items():
                events = await stranger.ask(command, body)
                self.assertEqual(len(events), 1, command)
                self.assertIn(events[0]["code"], refusals, command)
        self.assertEqual(await bob.sync(), [])

    async def test_noLoginStrict(self) -> None:
        """
        The negative control of L{test_noLogin}.
        """
        live = await self.serve(*STRICT)
        bob = await self.tcp(live.port, "bob")
        for stranger in await self.speakers(live):
            stranger.say(11, private("bob", "hi", **{"from": "ann"}))
            self.assertEqual(codes(await stranger.upTo(12)), [10000])
            self.assertEqual(said(await bob.upTo(11)), [("ann", "hi")])
            stranger.say(17, {"cmd": 17, "type": 0, "userid": "bob"})
            self.assertEqual(codes(await stranger.upTo(18)), [10005])
            stranger.say(19, {"cmd": 19, "type": 1, "userId": "bob", "fromUserId": "ann"})
            self.assertEqual(codes(await stranger.upTo(20)), [10018])

    async def test_noLoginListening(self) -> None:
        """
        Who is not logged in hears nothing of a group (the original's bound
        the connection all the same).
        """
        live = await self.serve()
        ann = await self.tcp(live.port, "ann")
        strangers = await self.speakers(live)
        for stranger in strangers:
            await stranger.ask(7, {"cmd": 7, "group_id": "100"})
        await ann.ask(11, public("100", "among us"))
        for stranger in strangers:
            self.assertEqual(await stranger.sync(), [])

    async def test_readingOthersMessages(self) -> None:
        """
        Only the own messages can be read (D-5).
        """
        live = await self.serve()
        await self.fill(live)
        for mallory in await self.speakers(live, "mallory"):
            await mallory.sync()
            for body in self.readings:
                self.assertEqual(codes(await mallory.ask(19, body)), [10015], body)

        for body in self.readings:
            live = await self.serve(*STRICT)
            await self.fill(live)
            mallory = await self.tcp(live.port, "mallory")
            mallory.say(19, body)
            answer = (await mallory.upTo(20))[-1]
            self.assertIn(answer["code"], (10016, 10018), body)
            self.assertEqual(self.contents(answer), {"secret"}, body)

    async def fill(self, live: Live) -> None:
        """
        Ann has said something to Bob, and to a group in which Bob is, and
        Mallory is not.
        """
        bob = await self.tcp(live.port, "bob")
        await bob.ask(7, {"cmd": 7, "group_id": "us"})
        await bob.closedByUs()
        ann = await self.tcp(live.port, "ann")
        await ann.ask(7, {"cmd": 7, "group_id": "us"})
        await ann.ask(11, private("bob", "secret"))
        await ann.ask(11, public("us", "secret"))

    readings = [
        {"cmd": 19, "type": 0, "userId": "bob"},
        {"cmd": 19, "type": 0, "userId": "bob", "fromUserId": "ann"},
        {"cmd": 19, "type": 0, "userId": "bob", "groupId": "us"},
        {"cmd": 19, "type": 1, "userId": "bob", "fromUserId": "ann"},
        {"cmd": 19, "type": 1, "userId": "bob", "groupId": "us"},
    ]

    def contents(self, answer: Any) -> set[str]:
        """
        What was said, of all messages in an answer.
        """
        both = [*answer["data"]["friends"].values(), *answer["data"]["groups"].values()]
        return {one["content"] for rows in both for one in rows}

    async def test_unmaskedFrames(self) -> None:
        """
        A frame of a WebSocket client has to be masked (D-18); strict, on a
        port of J-IM's own, not.
        """
        live = await self.serve(*OWN)
        client = await self.ws(live.port)
        client.send(b'{"cmd":13}', isMasked=False)
        await client.closed()
        self.assertEqual((client.code, client.events), (1002, []))

        live = await self.serve(*STRICT, *OWN)
        client = await self.ws(live.port)
        client.send(b'{"cmd":13}', isMasked=False)
        await client.hear()
        client.send(b"\x03\xe8", 0x80 | CLOSE, isMasked=False)
        await client.closed()

    async def test_secondUserOnAConnection(self) -> None:
        """
        A second login leaves the first user (D-9): nothing said to that one
        comes any more.
        """
        live = await self.serve(*NO_LOBBY)
        client = await self.tcp(live.port, "ann")
        self.assertLoggedIn(await client.login("bob"))
        zoe = await self.tcp(live.port, "zoe")
        self.assertEqual(codes(await zoe.ask(11, private("ann", "hi"))), [10001])
        self.assertEqual(await client.sync(), [])

    async def test_filesOutsideTheRoot(self) -> None:
        """
        No path leads out of the page's folder (D-17), and J-IM's test routes
        are not there (D-16).
        """
        live = await self.serve()
        for path in (
            *("/../setup.cfg", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"),
            *("/./../../etc/passwd", "/..\\..\\etc\\passwd", "/index.html/../../resources.py", "/resources.py"),
            *("/__init__.py", "/%00"),
            *("/test/json", "/test/upload", "/test/filetest", "/webim"),
        ):
            answer = await self.http(live.port, "GET", path)
            self.assertEqual(answer.status, 404, path)
            self.assertNotIn(b"root:", answer.body)
