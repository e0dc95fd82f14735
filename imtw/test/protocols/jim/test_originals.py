"""
The clients of the original as they speak: its browser page, its Java client
(docs/wire/jim.rst).
"""

from __future__ import annotations

from imtw.test.clients import SocketClient
from imtw.test.live import Live, LiveTestCase
from imtw.test.wire import codes, frameOf


class PageTests(LiveTestCase):
    """
    The original's browser page: what it sends, in its order.  (The page
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
    The Java client, which does not wait for anything.
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
