"""
Names, ids and words that nobody should send: each gets the documented answer,
and nobody else notices.
"""

from __future__ import annotations

from urllib.parse import quote

from imtw.model import isName
from imtw.test.live import BystanderTestCase
from imtw.test.wire import codes, private

NAMES = [
    *("__proto__", "constructor", "toString", "null", "undefined", "NaN", "true", "0", "-1", "None", "self"),
    *("*", "?", "[a-z]*", "user:*", "{a}", "a:b", "%", "_", "a%", "'", '"', "`", "\\", "/", "../../etc/passwd"),
    *("'; DROP TABLE messages; --", "' OR '1'='1", '" OR ""="', "1; ATTACH 'x' AS y", "x'||sqlite_version()||'"),
    *("admin'--", "UNION SELECT secret FROM accounts", "FLUSHALL", "*1", "$3", "<script>alert(1)</script>"),
    *("${RUN}", "{0}", "%s%s%n", "%00", "a b", "😀", "张三", "é", "ﷺ", "a" * 64, "😀" * 64),
]
NO_NAMES = [
    *("", " ", " a", "a ", "\t", "a\x00b", "a\r\nb", "a\nb", "\x1b[31mred", "a\x7f"),
    *("\x85", "\u2028", "\u202e", "\ufeff"),
    *("\u200b", "\ud7ff\ue000", "a" * 65, "x" * 10_240, "\x00", "\r\nSET a b\r\n"),
]


class NameTests(BystanderTestCase):
    """
    Ids that mean something to somebody else.
    """

    async def prepare(self) -> None:
        self.arguments = ("--store", f"sqlite:{self.mktemp()}")
        await super().prepare()

    def test_which(self) -> None:
        """
        Which of them are names.
        """
        self.assertEqual([name for name in NAMES if not isName(name)], [])
        self.assertEqual([name for name in NO_NAMES if isName(name)], [])

    async def test_users(self) -> None:
        """
        Any name is just a name: it gets what is said to it, in private and in
        a group of its name, and nothing else.
        """
        client = await self.tcp(self.port, "mallory")
        for name in NAMES:
            await client.ask(7, {"group_id": name})
            for body in (private(name, name), {"chatType": 1, "group_id": name, "content": name}):
                events = await client.ask(11, body)
                self.assertIn(codes(events, 12), ([10000], [10001]), name)
        for name in NAMES:
            user = await self.tcp(self.port, name)
            user.say(19, {"type": 0, "userId": name})
            data = (await user.upTo(20))[-1]["data"]
            self.assertEqual([one["content"] for one in data["friends"].pop("mallory")], [name])
            self.assertEqual((data["friends"], data["groups"], data["userid"]), ({}, {}, name))
            user.say(19, {"type": 1, "userId": name, "groupId": name})
            rows = (await user.upTo(20))[-1]["data"]["groups"]
            self.assertEqual({key: [one["content"] for one in all_] for key, all_ in rows.items()}, {name: [name]})
            user.say(17, {"type": 0, "userid": name})
            self.assertEqual((await user.upTo(18))[-1]["data"]["id"], name)
            online = await self.http(self.port, "GET", f"/api/user/online?userid={quote(name, safe='')}")
            self.assertEqual(online.json["code"], 10019, name)
            await user.closedByUs()

    async def test_noUsers(self) -> None:
        """
        What is no name cannot log in by any way, be said anything to, be
        joined, or be looked at.
        """
        client = await self.tcp(self.port, "mallory")
        for name in NO_NAMES:
            stranger = await self.tcp(self.port)
            self.assertEqual((await stranger.login(name))[-1]["code"], 10008, name)
            await stranger.closed()
            if name:
                other = await self.upgrade(self.port, f"/?username={quote(name, safe='')}&password=x")
                self.assertEqual((await other.upTo(6))[-1]["code"], 10008, name)
                await other.closed()
                self.assertEqual(codes(await client.ask(7, {"group_id": f"x{name}"}), 8), [10012], name) if not isName(
                    f"x{name}".strip()
                ) else None
            self.assertEqual(codes(await client.ask(11, private(name, "x")), 12), [10001], name)
            group = await client.ask(11, {"chatType": 1, "group_id": name, "content": "x"})
            self.assertEqual(codes(group, 12), [10000], name)
            self.assertEqual(codes(await client.ask(17, {"type": 2, "userid": name}), 18), [10004], name)
            for body in ({"userId": name}, {"userId": "mallory", "fromUserId": name or "\x00"}):
                self.assertEqual(codes(await client.ask(19, {"type": 1, **body}), 20), [10015], name)
            self.assertEqual(codes(await client.ask(15, {"id": "x", "to": name}), 0), [10017], name)

    async def test_messageIds(self) -> None:
        """
        A message's id may be anything of at most 128 characters without a
        NUL; another one is 10002.
        """
        client = await self.tcp(self.port, "mallory")
        ids = [*NAMES, "a\r\nb", "\x1b[31m", "x" * 128]
        for id in ids:
            self.assertEqual(codes(await client.ask(11, private("cid", id, id=id)), 12), [10001], id)
        for id in ("x" * 129, "x" * 10_240, "a\x00b", "\x00"):
            self.assertEqual(codes(await client.ask(11, private("cid", "x", id=id)), 12), [10002])
        client.say(19, {"type": 1, "userId": "mallory", "fromUserId": "cid"})
        rows = (await client.upTo(20))[-1]["data"]["friends"]["cid"]
        self.assertEqual([(one["id"], one["content"]) for one in rows], [(id, id) for id in ids])

    async def test_everyField(self) -> None:
        """
        SQL and the like in every field that holds a text comes back as it
        went.
        """
        client = await self.tcp(self.port, "mallory")
        for number, text in enumerate([*NAMES, "a\x00b", "x" * 10_240]):
            body = private("cid", text, id=f"m{number}", nick=text, avatar=text, extras={text: [text]}, createTime=5)
            self.assertEqual(codes(await client.ask(11, body), 12), [10001], text)
            client.say(19, {"type": 1, "userId": "mallory", "fromUserId": "cid", "offset": number, "count": 1})
            (row,) = (await client.upTo(20))[-1]["data"]["friends"]["cid"]
            self.assertEqual(row, {**body, "from": "mallory"}, text)
            self.assertEqual(codes(await client.ask(7, {"group_id": f"g{number}", "name": text}), 8), [10011], text)
            (echo,) = await client.ask(3, {"token": text})
            self.assertEqual(echo["data"]["token"], f"{text}authKey")

    async def test_passwordsAndTokens(self) -> None:
        """
        A password may be anything of at most 1,024 bytes, a token is just
        wrong.
        """
        live = await self.serve("--auth", "accounts:", "--store", f"sqlite:{self.mktemp()}")
        for number, text in enumerate(["' OR '1'='1", "\x00", "密码", "😀" * 256, "x" * 1024]):
            await (await self.tcp(live.port, f"u{number}", password=text)).closedByUs()
            await (await self.tcp(live.port, f"u{number}", password=text)).closedByUs()
        for text in ("x" * 1025, "😀" * 257, "x" * 60_000):
            client = await self.tcp(live.port)
            self.assertEqual((await client.login("new", text))[-1]["code"], 10008)
        for text in (*NAMES, "\x00", "x" * 60_000):
            client = await self.tcp(live.port)
            client.say(5, {"token": text})
            self.assertEqual((await client.upTo(6))[-1]["code"], 10008, text)
            await client.closedByUs()

    async def test_numbers(self) -> None:
        """
        Numbers at their ends, in every field that holds one.
        """
        client = await self.tcp(self.port, "mallory")
        await client.ask(11, private("cid", "x"))
        least, most = -(2**63), 2**63 - 1
        for number in (least, -1, 0, 1, most, 1.5, -0.0, 1e300):
            for pair in (("beginTime", "endTime"), ("offset", "count")):
                for first, second in ((number, 5), (5, number), (number, number)):
                    body = {"type": 1, "userId": "mallory", "fromUserId": "cid", pair[0]: first, pair[1]: second}
                    code = codes(await client.ask(19, body), 20)
                    self.assertIn(code, ([10018], [10015]), body)
        for number in (least, -1, most):
            self.assertEqual(codes(await client.ask(19, {"type": number, "userId": "mallory"}), 20), [10015])
            self.assertEqual(codes(await client.ask(17, {"type": number, "userid": "mallory"}), 18), [10004])
            self.assertEqual(codes(await client.ask(11, private("cid", "x", msgType=number)), 12), [10001])
            self.assertEqual(codes(await client.ask(11, private("cid", "x", createTime=number)), 12), [10001])
