"""
FastIM's HTTP calls, beside what was recorded: bad input, other dialects,
strict mode, what they cost.
"""

from __future__ import annotations

import json
from typing import Any

from imtw.model import Draft, groupPair
from imtw.test.clients import Answer
from imtw.test.live import ANY_PORT, Live
from imtw.test.protocols.fastim.harness import ACCOUNTS, OPEN, FastTestCase

DENIED = {"code": 440, "msg": "请登录后访问"}
CALLS = (
    *("/user/joinGroup", "/user/listGroup", "/group/listMessage", "/group/listOldMessage", "/group/delMessage"),
    "/group/joinGroup",
)
NOT_NUMBERS = ("", "x", "1.5", "0x10", "9" * 30, "１", "1;2", "\x00", "null", "-")


class CallTests(FastTestCase):
    """
    Calls of who is logged in, and of who is not.
    """

    async def said(self, live: Live, *texts: str) -> list[int]:
        """
        Have somebody say something in the room g; the times.
        """
        client, self.token = await self.come(live.port, "g", "ann")
        found = []
        for text in texts:
            client.send(text.encode())
            found.append((await self.hears(client, text))[0]["ts"])
        return found

    async def test_loginFirst(self) -> None:
        """
        Without a login nothing is answered but that, whatever else is wrong;
        on the common port other paths are imtw's own.
        """
        live = await self.serve(*ACCOUNTS, "--port", ANY_PORT, "--port-for", f"fastim={ANY_PORT}")
        common, own = live.ports
        for path in CALLS:
            for method in ("GET", "POST", "PUT", "DELETE"):
                for port in live.ports:
                    answer = await self.http(port, method, path, None, {"userId": "ann", "token": "0" * 32})
                    self.assertEqual((answer.status, answer.json), (200, DENIED), (method, path))
                    self.assertEqual(answer.headers["content-type"], "application/json;charset=utf-8")
        for path in ("/", "/api/command/user", "/nowhere", "/user", "/user/login/", "/%ff", "/..;/x"):
            answer = await self.http(own, "POST", path, b"")
            self.assertEqual((answer.status, answer.json), (200, DENIED), path)
        self.assertEqual((await self.http(common, "GET", "/nowhere")).json["code"], 10103)
        self.assertEqual((await self.http(common, "GET", "/")).headers["content-type"], "text/html; charset=utf-8")

    async def test_encodedPaths(self) -> None:
        """
        A path is the same with letters encoded, also where no login is asked;
        what is malformed is refused whoever asks.
        """
        live = await self.serve(*ACCOUNTS, "--port-for", f"fastim={ANY_PORT}")
        [port] = live.ports
        answer = await self.post(port, "/user/log%69n", userId="ann", password="a password")
        headers = {"userId": "ann", "token": answer.json["msg"]}
        for path in ("/user/list%47roup", "/%75ser/listGroup/"):
            answer = await self.http(port, "POST", path, b"", headers)
            self.assertEqual(answer.json, {"code": 200, "msg": "操作成功", "data": []}, path)
        for path in ("/user%2flistGroup", "/user/listGroup%", "/%00", "/user/listGroup%zz", "/user%5clistGroup"):
            for one in ({}, headers):
                answer = await self.http(port, "POST", path, b"", one)
                self.assertEqual((answer.status, answer.json["path"]), (400, path))

    async def test_loginHeaders(self) -> None:
        """
        Both have to be there, also of a user whose id is empty; of several the
        first counts.
        """
        live = await self.serve(*OPEN)
        for user in ("", "ann"):
            token = await self.login(live.port, user)
            for name, value, code in (("userId", user, 200), ("X", user, 440), ("userId", user + "x", 440)):
                answer = await self.http(live.port, "POST", "/user/listGroup", b"", {name: value, "token": token})
                self.assertEqual(answer.json["code"], code, (user, name, value))
        client = await self.raw(live.port)
        client.write(
            f"POST /user/listGroup HTTP/1.1\r\nHost: h\r\nuserId: ann\r\nuserId: bob\r\ntoken: {token}\r\n"
            "token: x\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await client.until(lambda: b'"code":200' in client.received, "the answer")

    async def test_options(self) -> None:
        """
        Who asks for the methods of a path is told all that are answered there.
        """
        live = await self.serve(*ACCOUNTS)
        for path, allowed in (("/user/login", "POST,OPTIONS"), ("/test/websocket", "GET,HEAD,OPTIONS")):
            answer = await self.http(live.port, "OPTIONS", path)
            self.assertEqual((answer.status, answer.headers["allow"], answer.body), (200, allowed, b""))
        answer = await self.http(live.port, "DELETE", "/test/websocket")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET"))

    async def test_noHTTP(self) -> None:
        """
        What is no HTTP is told so on a port of its own, where nothing else is
        spoken.
        """
        live = await self.serve(*ACCOUNTS, "--port-for", f"fastim={ANY_PORT}")
        for sent in (b"hello\r\n", b"BREW tea\r\n\r\n", b"\x16\x03\x01", b"GET /\r\n\r\n", b"{}"):
            client = await self.raw(live.port)
            client.write(sent)
            await client.closed()
            self.assertTrue(client.received.startswith(b"HTTP/1.1 400 Bad Request\r\n"), sent)

    async def test_halfUpgrades(self) -> None:
        """
        An upgrade without a key is refused; of another method it is none.
        """
        live = await self.serve("--port-for", f"fastim={ANY_PORT}", *OPEN)
        for method, upgrade, status in (
            *(("GET", "websocket", 400), ("GET", "h2c, WebSocket", 400), ("GET", "h2c", 200)),
            *(("POST", "websocket", 200), ("PUT", "websocket", 200)),
        ):
            headers = {"Upgrade": upgrade, "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
            answer = await self.http(live.port, method, "/group/chat/g/ann/x", None, headers)
            self.assertEqual(answer.status, status, (method, upgrade))

    async def test_badParameters(self) -> None:
        """
        What is missing or no number gets Spring's 400.
        """
        live = await self.serve(*ACCOUNTS)
        token = await self.login(live.port, "ann")
        wrong: list[tuple[str, dict[str, Any]]] = [
            ("/user/joinGroup", {}),
            ("/group/listMessage", {"groupId": "g"}),
            ("/group/listMessage", {"startPage": 0, "endPage": 0}),
            ("/group/listOldMessage", {"userId": "ann", "groupId": "g", "ts": 1}),
            ("/group/delMessage", {"groupId": "g"}),
            *(("/group/listMessage", {"groupId": "g", "startPage": bad, "endPage": 1}) for bad in NOT_NUMBERS),
            *(("/group/listMessage", {"groupId": "g", "startPage": 0, "endPage": bad}) for bad in NOT_NUMBERS),
            *(("/group/delMessage", {"groupId": "g", "ts": bad}) for bad in NOT_NUMBERS),
            *(("/group/listOldMessage", {"userId": "a", "groupId": "g", "ts": 1, "count": bad}) for bad in NOT_NUMBERS),
        ]
        for path, parameters in wrong:
            answer = await self.post(live.port, path, "ann", token, **parameters)
            self.assertEqual(answer.status, 400, (path, parameters))
            self.assertEqual(
                {**answer.json, "timestamp": ""},
                {"timestamp": "", "status": 400, "error": "Bad Request", "message": "", "path": path},
            )
        for parameters in ({}, {"userId": "ann"}, {"password": "x"}):
            self.assertEqual((await self.post(live.port, "/user/login", **parameters)).status, 400)
        self.assertNothingLogged()

    async def test_badGroups(self) -> None:
        """
        Ids that can be none fail as the original's calls fail.
        """
        live = await self.serve(*ACCOUNTS)
        token = await self.login(live.port, "ann")
        for group in ("", " ", "a" * 65, "x" * 10240, "a\nb", "\x1ffastim\x1fg", "\x00"):
            answer = await self.call(live.port, "/user/joinGroup", "ann", token, groupId=group)
            self.assertEqual(answer, {"code": 100, "msg": "操作失败", "data": None}, group[:9])
            page = {"groupId": group, "startPage": 0, "endPage": -1}
            self.assertEqual((await self.call(live.port, "/group/listMessage", "ann", token, **page))["code"], 100)
            old = {"userId": "ann", "groupId": group, "ts": 1, "count": 1}
            self.assertIsNone((await self.call(live.port, "/group/listOldMessage", "ann", token, **old))["data"])
            gone = {"groupId": group, "ts": 2**62}
            answer = await self.call(live.port, "/group/delMessage", "ann", token, **gone)
            self.assertEqual(answer["msg"], "消息不存在")
        self.assertEqual(await live.core.store.groupsOf("ann"), [])
        self.assertNothingLogged()

    async def test_indexes(self) -> None:
        """
        Ranges are Redis': from the oldest, both ends included, negative ones
        from the newest, whatever their size.
        """
        live = await self.serve(*ACCOUNTS)
        await self.said(live, *"abcdef")
        for start, end, wanted in (
            *((0, -1, "abcdef"), (0, 0, "a"), (-1, -1, "f"), (-3, -2, "de"), (4, 99, "ef"), (-99, 1, "ab")),
            *((6, 9, ""), (3, 2, ""), (-1, -2, ""), (-99, -99, ""), (2**63 - 1, 2**63 - 1, "")),
            *((-(2**63), 2**63 - 1, "abcdef"), (-(2**63), -(2**63), ""), (0, 2**63 - 1, "abcdef")),
        ):
            page = {"groupId": "g", "startPage": start, "endPage": end}
            answer = await self.call(live.port, "/group/listMessage", "ann", self.token, **page)
            self.assertEqual("".join(json.loads(one)["info"] for one in answer["data"]), wanted, (start, end))

    async def test_bounded(self) -> None:
        """
        No answer is larger than half the send budget, however large the
        messages are: of a range the first come, of a history the newest.
        """
        live = await self.serve(*ACCOUNTS, "--limit", "sendBudget=200000", "--dialect", "fastim:listNum=1000")
        _, token = await self.come(live.port, "g", "ann")
        for number in range(40):
            draft = Draft(groupPair("g"), f"{number}", "ann", f"{number:02}" + '"中' * 1000, 1)
            live.core.store.append(draft, Ignored())
        page = {"groupId": "g", "startPage": 0, "endPage": -1}
        answer = await self.post(live.port, "/group/listMessage", "ann", token, **page)
        self.assertLess(len(answer.body), 100200)
        found = [json.loads(one)["info"][:2] for one in answer.json["data"]]
        self.assertEqual(found, [f"{number:02}" for number in range(len(found))])
        self.assertGreater(len(found), 5)
        late = await self.enter(live.port, "g", "ann", token)
        first = late.events[0]
        self.assertEqual((first["total"], first["list"][-1]["info"][:2]), (40, "39"))
        self.assertLess(len(json.dumps(first, ensure_ascii=False).encode()), 100200)

    async def test_manyGroups(self) -> None:
        """
        Nor is the list of one's rooms.
        """
        live = await self.serve(*ACCOUNTS, "--limit", "sendBudget=20000")
        token = await self.login(live.port, "ann")
        for number in range(80):
            await live.core.store.join("ann", f"{number:02}" + "中" * 60, None, 1000)
        answer = await self.post(live.port, "/user/listGroup", "ann", token)
        self.assertEqual([id[:2] for id in answer.json["data"]], [f"{number:02}" for number in range(54)])

    async def test_recallOfOthers(self) -> None:
        """
        A message that a J-IM client sent with an id it uses for all is taken
        back by its time, and no other.
        """
        live = await self.serve(*ACCOUNTS)
        await self.said(live, "x")
        jim = await self.tcp(live.port, "bob", password="a password")
        for text in ("one", "two", "three"):
            jim.say(11, {"chatType": 1, "msgType": 0, "group_id": "g", "content": text, "id": "same"})
            await jim.upTo(12)
        token = await self.login(live.port, "bob")
        rows = await live.core.store.walk(groupPair("g"), 1, 9)
        answer = await self.call(live.port, "/group/delMessage", "bob", token, groupId="g", ts=rows[1].ts)
        self.assertEqual(answer, {"code": 200, "msg": "撤回消息成功", "data": None})
        found = await live.core.store.history(groupPair("g"), None, None, None, None)
        self.assertEqual([message.content for message in found], ["x", "one", "three"])
        answer = await self.call(live.port, "/group/delMessage", "ann", self.token, groupId="g", ts=rows[0].ts)
        self.assertEqual(answer["msg"], "消息不存在")

    async def test_managedGroups(self) -> None:
        """
        What only members may read, others may not read here either.
        """
        live = await self.serve(*ACCOUNTS)
        owner = await self.tcp(live.port, "owner", device="d")
        owner.say(111, {"name": "Club", "group": "club"})
        await owner.upTo(111)
        owner.say(11, {"chatType": 1, "msgType": 0, "group_id": "club", "content": "secret", "id": "1"})
        await owner.upTo(12)
        rows = await live.core.store.walk(groupPair("club"), 0, 9)
        token = await self.login(live.port, "ann")
        page = {"groupId": "club", "startPage": 0, "endPage": -1}
        answer = await self.call(live.port, "/group/listMessage", "ann", token, **page)
        self.assertEqual(answer, {"code": 100, "msg": "操作失败", "data": None})
        old = {"userId": "owner", "groupId": "club", "ts": rows[-1].ts + 1, "count": 5}
        self.assertIsNone((await self.call(live.port, "/group/listOldMessage", "ann", token, **old))["data"])

    async def test_membersOnly(self) -> None:
        """
        Where the operator wants it so, nobody else reads what was said in a
        room.
        """
        live = await self.serve(*ACCOUNTS, "--dialect", "fastim:membersOnly=1")
        first, second = await self.said(live, "one", "two")
        bob = await self.login(live.port, "bob")
        page = {"groupId": "g", "startPage": 0, "endPage": -1}
        old = {"userId": "ann", "groupId": "g", "ts": second, "count": 5}
        for user, token, code, count, found in (
            ("bob", bob, 100, 0, None), ("ann", self.token, 200, 2, 1),
        ):  # fmt: skip
            answer = await self.call(live.port, "/group/listMessage", user, token, **page)
            self.assertEqual((answer["code"], len(answer["data"] or ())), (code, count))
            answer = await self.call(live.port, "/group/listOldMessage", user, token, **old)
            self.assertEqual(answer["data"] and len(answer["data"]), found)
        await self.call(live.port, "/user/joinGroup", "bob", bob, groupId="g")
        answer = await self.call(live.port, "/group/listMessage", "bob", bob, **page)
        self.assertEqual(json.loads(answer["data"][0])["ts"], first)

    async def test_preflight(self) -> None:
        """
        A page of any origin may ask; what it asks for is let through.
        """
        live = await self.serve(*ACCOUNTS)
        headers = {"Origin": "https://x.example", "Access-Control-Request-Method": "POST"}
        for path in (*CALLS, "/user/login"):
            answer = await self.http(live.port, "OPTIONS", path, None, headers)
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assertEqual(answer.headers["access-control-allow-origin"], "*")
            self.assertNotIn("access-control-allow-headers", answer.headers)
            self.assertNotIn("access-control-allow-credentials", answer.headers)
        for asked, allowed in (("userid,token", "userid, token"), (" X-A ,, x-b", "X-A, x-b")):
            asking = {**headers, "Access-Control-Request-Headers": asked}
            answer = await self.http(live.port, "OPTIONS", "/user/joinGroup", None, asking)
            self.assertEqual(answer.headers["access-control-allow-headers"], allowed)

    async def test_bodies(self) -> None:
        """
        Bodies that are none of the kinds, broken or too large.
        """
        live = await self.serve(*ACCOUNTS)
        kind = {"Content-Type": "multipart/form-data; boundary=e"}
        part = b'--e\r\nContent-Disposition: form-data; name="userId"\r\n\r\nann\r\n'
        for body, headers, status in (
            (b"\xff\xfe", {"Content-Type": "application/x-www-form-urlencoded"}, 400),
            (part, kind, 400),
            (part * 2000, kind, 400),
            (part.replace(b"form-data", b""), kind, 400),
            (b"", {"Content-Type": "multipart/form-data"}, 400),
            (b"userId=ann&password=%", {"Content-Type": "application/x-www-form-urlencoded"}, 200),
            (b"x" * 3_000_000, {"Content-Type": "application/x-www-form-urlencoded"}, 413),
        ):
            answer: Answer = await self.http(live.port, "POST", "/user/login", body, headers)
            self.assertEqual(answer.status, status, (body[:40], headers))
        self.assertNothingLogged()


class StrictTests(FastTestCase):
    """
    C{--strict fastim}: the original's holes and quirks, and nobody else
    touched by them.
    """

    async def test_quirks(self) -> None:
        """
        One message too many, all for the oldest, success for nothing, a type
        that is a form's.
        """
        live = await self.serve("--strict", "fastim", *OPEN)
        client, token = await self.come(live.port, "g", "ann")
        times = []
        for text in "abcd":
            client.send(text.encode())
            times.append((await self.hears(client, text))[0]["ts"])

        async def old(ts: int, count: int) -> Any:
            more = {"userId": "ann", "groupId": "g", "ts": ts, "count": count}
            answer = await self.call(live.port, "/group/listOldMessage", "ann", token, **more)
            found = answer["data"]
            return found if found is None else "".join(json.loads(one)["info"] for one in found)

        for at, count, wanted in ((3, 1, "bc"), (3, 0, "c"), (3, -1, ""), (3, 9, "abc"), (0, 2, "abcd"), (1, 0, "a")):
            self.assertEqual(await old(times[at], count), wanted, (at, count))
        self.assertIsNone(await old(1, 1))
        answer = await self.call(live.port, "/group/delMessage", "ann", token, groupId="g", ts=times[0] + 10**9)
        self.assertEqual(answer, {"code": 200, "msg": "撤回消息成功", "data": None})
        denied = await self.post(live.port, "/user/listGroup")
        self.assertEqual(denied.headers["content-type"], "application/x-www-form-urlencoded;charset=utf-8")

    async def test_staysOpen(self) -> None:
        """
        A socket whose token was replaced stays open, and says so once.
        """
        live = await self.serve("--strict", "fastim", *ACCOUNTS)
        client, _ = await self.come(live.port, "g", "ann")
        await self.login(live.port, "ann", "any other password")
        for _ in range(3):
            client.send(b"dropped")
        client.send(b"x", 0x89)
        await client.until(lambda: (0x8A, b"x") in client.frames, "the pong")
        self.assertEqual(client.events[1:], [440])
        self.assertIsNone(client.code)

    async def test_apart(self) -> None:
        """
        Any password is right, and so nobody is an account.
        """
        live = await self.serve("--strict", "fastim", *ACCOUNTS)
        ann = await self.tcp(live.port, "ann", password="Ann's own")
        ann.say(7, {"group_id": "g"})
        await ann.upTo(8)
        fast, _ = await self.come(live.port, "g", "ann")
        fast.send(b"from FastIM")
        await self.hears(fast, "from FastIM")
        await ann.sync()
        self.assertNotIn("from FastIM", str(ann.events))


class Ignored:
    """
    Waits for nothing.
    """

    def appended(self, message: object) -> None:
        """
        It is stored.
        """

    def refused(self, error: Exception) -> None:
        """
        It is not.
        """
        raise error
