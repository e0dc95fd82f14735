"""
The holes of the original, each closed, and each open again with C{--strict
jim} where that restores it (docs/wire/jim.rst, Closed holes).

A test is named after its hole.  It does the same to a server as it is shipped
and, as its negative control, to one on which it works.
"""

from __future__ import annotations

from json import dumps
from typing import Any

from imtw.test.clients import CLOSE, Answer, Talker, frameOf
from imtw.test.live import ANY_PORT, Live, LiveTestCase

STRICT = ("--strict", "jim")
OWN = ("--port-for", f"jim={ANY_PORT}")
SECRET = "correct horse battery staple"


def chat(**fields: Any) -> dict[str, Any]:
    """
    The body of a message to a user.
    """
    return {"cmd": 11, "chatType": 2, "msgType": 0, "content": "hi", **fields}


def heard(events: list[Any]) -> list[str]:
    """
    From whom the messages among these events are.
    """
    return [one["data"]["from"] for one in events if one["command"] == 11]


def codes(events: list[Any]) -> list[int]:
    """
    The codes among these events.
    """
    return [one["code"] for one in events if "code" in one]


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
                mallory.say(11, chat(**{"from": "ann", "to": "bob"}))
                self.assertEqual(codes(await mallory.upTo(12)), [10000])
                self.assertEqual(heard(await bob.upTo(11)), [sender])

    async def test_forgedSenderInHistory(self) -> None:
        """
        Nor is anything kept under a forged name.
        """
        for arguments, kept in (((), 0), (STRICT, 1)):
            live = await self.serve(*arguments)
            mallory = await self.tcp(live.port, "mallory")
            await mallory.ask(11, chat(**{"from": "ann", "to": "bob"}))
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
        headers = {"Authorization": "Basic bWFsbG9yeTp4"}  # mallory:x
        body = {"to": "bob", "content": "hi", "id": "m1", "created": 5, "extras": {"jim": forged}}
        await self.http(live.port, "POST", "/api/command/chat", body, headers)
        for push in await bob.sync():
            if push["command"] == 11:
                data = push["data"]
                self.assertEqual((data["from"], data["id"], data["createTime"]), ("mallory", "m1", 5))
                self.assertEqual((data["to"], data["chatType"], data.get("seq")), ("bob", 2, None))
        mallory = await self.tcp(live.port, "mallory")
        await mallory.ask(11, chat(to="bob", extras={"jim": forged, **forged}))
        self.assertEqual(heard(await bob.sync()), ["mallory"])

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
            11: chat(to="bob", **{"from": "ann"}),
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
            stranger.say(11, chat(to="bob", **{"from": "ann"}))
            self.assertEqual(codes(await stranger.upTo(12)), [10000])
            self.assertEqual(heard(await bob.upTo(11)), ["ann"])
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
        await ann.ask(11, {"cmd": 11, "chatType": 1, "group_id": "100", "content": "among us"})
        for stranger in strangers:
            self.assertEqual(await stranger.sync(), [])

    async def test_unlimitedFrame(self) -> None:
        """
        A frame above the limit ends the connection when its header is there
        (D-2): before a login that is 64 KiB, later 2,202,009 bytes.
        """
        small, large = 64 * 1024, 2202009
        live = await self.serve()
        for size in (small + 1, large, 2**31 - 1):
            stranger = await self.tcp(live.port)
            stranger.write(frameOf(13, b"")[:3] + size.to_bytes(4, "big"))
            await stranger.closed()
            self.assertEqual(stranger.received, b"", size)
        stranger = await self.tcp(live.port)
        stranger.say(13, b" " * small)
        await stranger.hear()
        for size in (large + 1, 2**31 - 1):
            ann = await self.tcp(live.port, "ann")
            ann.write(frameOf(13, b"")[:3] + size.to_bytes(4, "big"))
            await ann.closed()
        ann = await self.tcp(live.port, "ann")
        ann.say(13, b" " * large)
        await ann.upTo(13)

        live = await self.serve(*STRICT)
        stranger = await self.tcp(live.port)
        stranger.say(13, b" " * (small + 1))
        await stranger.hear()

    async def test_unlimitedMessage(self) -> None:
        """
        So does a WebSocket message: above 64 KiB before a login, above
        524,288 bytes later, in one frame or in many.
        """
        small, large = 64 * 1024, 524288
        live = await self.serve()
        beat = b'{"cmd":13}'
        stranger = await self.ws(live.port)
        stranger.send(beat + b" " * small)
        await stranger.closed()
        self.assertEqual((stranger.code, stranger.events), (1009, []))
        ann = await self.ws(live.port, "ann")
        ann.send(beat + b" " * (large - len(beat)))
        await ann.upTo(13)
        ann.send(beat + b" " * large)
        await ann.closed()
        self.assertEqual((ann.code, ann.events), (1009, []))
        bob = await self.ws(live.port, "bob")
        bob.send(b" " * small, 0x01)
        for _ in range(large // small):
            bob.send(b" " * small, 0x00)
        await bob.closed()
        self.assertEqual((bob.code, bob.events), (1009, []))

        live = await self.serve(*STRICT)
        stranger = await self.ws(live.port)
        stranger.send(beat + b" " * small)
        await stranger.hear()

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
        await ann.ask(11, chat(to="bob", content="secret"))
        await ann.ask(11, {"cmd": 11, "chatType": 1, "group_id": "us", "content": "secret"})

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

    async def test_unlimitedAnswers(self) -> None:
        """
        No answer is longer than a page (D-40): of a history the newest, of
        what is pending the oldest, and only those count as read.
        """
        live = await self.serve("--limit", "page=3")
        await (await self.tcp(live.port, "bob")).closedByUs()
        ann = await self.tcp(live.port, "ann")
        for number in range(5):
            await ann.ask(11, chat(to="bob", content=str(number)))
        bob = await self.tcp(live.port, "bob")
        bob.say(19, {"cmd": 19, "type": 1, "userId": "bob", "fromUserId": "ann"})
        self.assertEqual(self.ordered((await bob.upTo(20))[-1]), ["2", "3", "4"])
        bob.say(19, {"cmd": 19, "type": 1, "userId": "bob", "fromUserId": "ann", "offset": 0, "count": -1})
        self.assertEqual(len(self.ordered((await bob.upTo(20))[-1])), 3)
        for wanted in (["0", "1", "2"], ["3", "4"], []):
            bob.say(19, {"cmd": 19, "type": 0, "userId": "bob"})
            self.assertEqual(self.ordered((await bob.upTo(20))[-1]), wanted)

    def ordered(self, answer: Any) -> list[str]:
        """
        What Ann said.
        """
        return [one["content"] for one in answer["data"]["friends"].get("ann", [])]

    async def test_unlimitedList(self) -> None:
        """
        A group's list of users has an end, the asker first (D-40).
        """
        live = await self.serve("--list-limit", "3")
        for number in range(5):
            await self.tcp(live.port, f"user{number}")
        ann = await self.tcp(live.port, "ann")
        ann.say(17, {"cmd": 17, "type": 0, "userid": "ann"})
        (group,) = (await ann.upTo(18))[-1]["data"]["groups"]
        self.assertEqual(len(group["users"]), 3)
        self.assertEqual(group["users"][0]["id"], "ann")

    async def test_unlimitedGroups(self) -> None:
        """
        However many groups there are, the whole list has room in half of the
        send budget (D-40): there are fewer users of each, the asker first,
        and then fewer groups, those joined first.
        """
        joined = [f"group{number}" for number in range(12)]
        users = [f"user{number:02}" for number in range(20)]
        for budget, most in ((64_000, 20), (24_000, 10), (1500, 1)):
            live = await self.serve("--lobby", "none", "--limit", f"sendBudget={budget}")
            for name in users:
                client = await self.tcp(live.port, name)
                for group in joined:
                    client.say(7, {"cmd": 7, "group_id": group})
                client.say(13, {"cmd": 13})
                await client.upTo(13)
            client.say(17, {"cmd": 17, "type": 0, "userid": "user00"})
            answer = (await client.upTo(18))[-1]
            groups = answer["data"]["groups"]
            self.assertLessEqual(len(dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()), budget // 2)
            self.assertEqual([group["group_id"] for group in groups], joined[: len(groups)])
            listed = [[user["id"] for user in group["users"]] for group in groups]
            if most == 1:
                self.assertTrue(0 < len(groups) < len(joined))
            else:
                self.assertEqual({some[0] for some in listed}, {"user19"})
                self.assertEqual(len(groups), len(joined))
                self.assertTrue(2 <= max(map(len, listed)) <= most, listed)
                self.assertLessEqual(max(map(len, listed)) - min(map(len, listed)), 1)

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
        live = await self.serve("--lobby", "none")
        client = await self.tcp(live.port, "ann")
        self.assertLoggedIn(await client.login("bob"))
        zoe = await self.tcp(live.port, "zoe")
        self.assertEqual(codes(await zoe.ask(11, chat(to="ann"))), [10001])
        self.assertEqual(await client.sync(), [])

    async def test_unlimitedName(self) -> None:
        """
        What a group is called is bounded, whoever makes it: it is read for
        all its members.
        """
        live = await self.serve("--lobby", "none")
        ann = await self.tcp(live.port, "ann")
        await ann.ask(7, {"group_id": "tea", "name": "T" * 100_000})
        (answer,) = await ann.ask(17, {"userid": "ann", "type": 2})
        self.assertEqual([group["name"] for group in answer["data"]["groups"]], ["T" * 200])
        headers = {"Authorization": "Basic YW5uOng="}  # ann:x
        body = {"group": "coffee", "name": "C" * 201}
        refused = await self.http(live.port, "POST", "/api/command/join", body, headers)
        self.assertEqual((refused.status, refused.json["code"]), (400, 10101))

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


class SecretTests(LiveTestCase):
    """
    HTTP calls that speak for others, or close them.
    """

    async def prepare(self) -> None:
        self.file = self.mktemp()
        with open(self.file, "w", encoding="utf-8") as stream:
            stream.write(SECRET + "\n")

    def secretFile(self) -> tuple[str, str]:
        """
        The options of a server with a secret.
        """
        return "--api-secret-file", self.file

    async def attempt(self, live: Live, headers: dict[str, str | None] | None = None) -> tuple[int, int]:
        """
        The status of speaking for Ann, and of closing Bob, who is there; see
        to it that he hears, or ends, only if it is 200.
        """
        bob = await self.tcp(live.port, "bob")
        sent = await self.http(live.port, "POST", "/api/message/send", chat(**{"from": "ann", "to": "bob"}), headers)
        self.assertEqual(heard(await bob.sync()), ["ann"] if sent.status == 200 else [])
        closed = await self.http(live.port, "GET", "/api/user/close?userid=bob", None, headers)
        if closed.status == 200:
            self.assertEqual(closed.json, {"code": 10021, "msg": "close ok! 关闭成功"})
            await bob.closed()
        else:
            self.assertEqual(closed.json, {"code": 10020, "msg": "Invalid verification! 不合法校验"})
            await bob.sync()
            await bob.closedByUs()
        return sent.status, closed.status

    async def test_apiWithoutSecret(self) -> None:
        """
        Where there is a secret, only who knows it speaks for others, or
        closes them; strict, anybody.
        """
        live = await self.serve(*self.secretFile())
        self.assertEqual(await self.attempt(live), (401, 401))
        for wrong in (
            *(f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}", f"Bearer {SECRET.upper()}", "Bearer ", "Bearer", SECRET),
            *(f"Basic {SECRET}", "Basic Og==", f"bearer  {SECRET[::-1]}"),
        ):
            self.assertEqual(await self.attempt(live, {"Authorization": wrong}), (401, 401), wrong)
        self.assertEqual(await self.attempt(live, {"Authorization": f"Bearer {SECRET}"}), (200, 200))
        strict = await self.serve(*self.secretFile(), *STRICT)
        self.assertEqual(await self.attempt(strict), (200, 200))

    async def test_apiFromElsewhere(self) -> None:
        """
        Where there is none, only a caller on this machine speaks for others:
        not a page, and not one that comes through a proxy.
        """
        live = await self.serve()
        self.assertEqual(await self.attempt(live), (200, 200))
        for host in ("localhost", "localhost:9733", "127.0.0.1", "127.3.2.1:80", "[::1]", "[::1]:9733"):
            self.assertEqual(await self.attempt(live, {"Host": host}), (200, 200), host)
        for name, value in (
            ("Host", "chat.example.org"),
            ("Host", "localhost.example.org:9733"),
            ("Host", "127.0.0.1.example.org"),
            ("Host", "evil@127.0.0.1"),
            ("Host", "2130706433"),
            ("Origin", "http://127.0.0.1:9733"),
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
            ("Forwarded", "for=127.0.0.1"),
            ("X-Forwarded-For", "127.0.0.1"),
            ("X-Forwarded-Host", "localhost"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Port", "443"),
            ("Via", "1.1 proxy"),
            ("x-forwarded-for", ""),
        ):
            self.assertEqual(await self.attempt(live, {name: value}), (401, 401), (name, value))

    async def test_ownName(self) -> None:
        """
        Who is logged in speaks for itself without a secret, but for nobody
        else.
        """
        live = await self.serve(*self.secretFile())
        bob = await self.tcp(live.port, "bob")
        headers = {"Authorization": "Basic bWFsbG9yeTp4"}  # mallory:x
        answer = await self.http(live.port, "POST", "/api/message/send", chat(**{"from": "ann", "to": "bob"}), headers)
        self.assertEqual((answer.status, answer.json["code"]), (200, 10000))
        self.assertEqual(heard(await bob.upTo(11)), ["mallory"])
        answer = await self.http(live.port, "GET", "/api/user/close?userid=bob", None, headers)
        self.assertEqual((answer.status, answer.json["code"]), (401, 10020))
        await bob.sync()

    async def test_commandsWithoutLogin(self) -> None:
        """
        The route of a command that needs a login refuses one without.
        """
        live = await self.serve()
        for name in ("chat", "join", "leave", "user", "messages", "recall", "token", "revoke", "close", "typing"):
            body = {"chat": {"to": "bob", "sender": "ann"}, "join": {"group": "100"}, "user": {"user": "bob"}}.get(name)
            answer = await self.http(live.port, "POST", f"/api/command/{name}", body)
            self.assertIn(answer.status, (400, 401), name)
            self.assertEqual(answer.json.get("data"), None, name)
