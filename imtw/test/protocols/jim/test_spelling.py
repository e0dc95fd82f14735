"""
The spellings that are taken: keys of any version, values of mixed-up types,
loose JSON (docs/wire/jim.rst).
"""

from __future__ import annotations

import json

from imtw.test.protocols.jim.harness import QuirkTestCase, listed
from imtw.test.wire import codes, private


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
