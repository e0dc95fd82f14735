"""
easyim over real sockets: what the recorded conversations leave open.
"""

from __future__ import annotations

from imtw.model import Group, Mode, privatePair
from imtw.protocols.easyim import dialect
from imtw.protocols.easyim.voice import NOTICES
from imtw.test.everybody.easyim import Binary, SocketTalk, StreamTalk, Text
from imtw.test.protocols.easyim.harness import BEAT, TalkTestCase
from imtw.test.wire import CLOSE


class ChatTests(TalkTestCase):
    """
    Messages, events, notices.
    """

    async def test_statuses(self) -> None:
        """
        An echo says whether it has arrived; who reads says so by the id, and
        the one who wrote it is told.
        """
        await self.register("ann", "bob")
        ann = await self.come("ann")
        to = {"to_user_id": self.numbers["bob"], "status": 1, "content": "hello"}
        self.assertEqual((await self.ask(ann, self.message("ann", id="m1", **to)))["status"], 1)
        bob = await self.come("bob", Binary)
        told = await self.got(bob, id="m1")
        self.assertEqual((told["status"], told["from_user_id"]), (1, self.numbers["ann"]))
        self.assertEqual((await self.ask(ann, self.message("ann", id="m2", **to)))["status"], 2)
        await self.got(bob, id="m2")
        read = self.message("bob", id="m2", to_user_id=self.numbers["ann"], status=3)
        bob.put(read)
        await self.got(bob, id="m2", status=3)
        told = await self.got(ann, id="m2", status=3)
        self.assertEqual((told["from_user_id"], told["to_user_id"]), (self.numbers["bob"], self.numbers["ann"]))
        self.assertNotIn("content", told)
        unknown = self.message("bob", id="no such", to_user_id=self.numbers["ann"], status=3)
        self.assertEqual((await self.ask(bob, unknown))["from_user_id"], "notify")

    async def test_arrived(self) -> None:
        """
        That a message has arrived the server says itself: who reports it has
        that back, and nobody gets a message without words, or a status that
        goes back.
        """
        await self.register("ann", "bob")
        ann, bob = await self.come("ann"), await self.come("bob", Binary)
        to = {"to_user_id": self.numbers["bob"], "status": 1, "content": "hello"}
        await self.ask(ann, self.message("ann", id="m1", **to))
        await self.got(bob, id="m1")
        about = {"id": "m1", "to_user_id": self.numbers["ann"]}
        for status in (2, 3, 2):
            bob.put(self.message("bob", **about, status=status))
            told = await self.got(bob, id="m1", status=status)
            self.assertNotIn("content", told)
        foreign = self.message("ann", id="m9", to_user_id=self.numbers["ann"], status=2)
        self.assertEqual((await self.ask(bob, foreign))["from_user_id"], "notify")
        await self.ask(ann, self.message("ann", id="m2", **to))
        self.assertEqual([one.get("status") for one in ann.messages() if one["id"] == "m1"], [2, 3])
        kept = await self.live.core.store.history(privatePair("ann", "bob"), None, None, None, None)
        self.assertEqual([row.id for row in kept], ["m1", "m2"])

    async def test_connections(self) -> None:
        """
        All connections of both sides get a message once; those of the sender
        with its status.
        """
        await self.register("ann", "bob")
        ann, other = await self.come("ann"), await self.come("ann", Binary, isSocket=True)
        bobs = [await self.come("bob", format, isSocket) for format in (Text, Binary) for isSocket in (False, True)]
        message = self.message("ann", id="m1", to_user_id="bob", content="中😀<&>", seq=7, msg_type=1)
        echo = await self.ask(ann, message)
        for client, status in [(other, 2), *((bob, 1) for bob in bobs)]:
            told = await self.got(client, id="m1")
            self.assertEqual((told["content"], told["seq"], told["msg_type"]), ("中😀<&>", 7, 1))
            self.assertEqual((told["status"], told.get("access_token")), (status, None))
            self.assertEqual(told["to_user_id"], self.numbers["bob"])
        self.assertEqual(echo["to_user_id"], "bob")
        await self.ask(ann, {**message, "id": "m2"})
        self.assertEqual([one["id"] for one in ann.messages()], ["beat-ann", "m1", "m2"])

    async def test_waiting(self) -> None:
        """
        What waits comes behind the heartbeat, in order and once, in any
        format.
        """
        await self.register("ann", "bob")
        ann = await self.come("ann", Binary)
        for number in range(30):
            message = self.message("ann", id=f"m{number}", to_user_id=self.numbers["bob"], content="x" * number)
            await self.ask(ann, message)
        bob = await self.come("bob", Binary)
        await self.got(bob, id="m29")
        self.assertEqual([one["id"] for one in bob.messages()], ["beat-bob", *(f"m{number}" for number in range(30))])
        again = await self.come("bob")
        await self.ask(again, self.message("bob", id="b2", msg_type=4, content=BEAT))
        self.assertEqual(len(again.messages()), 2)

    async def test_waitingAndGroup(self) -> None:
        """
        The same where the heartbeat names a group, which is entered first, or
        cannot be.
        """
        await self.register("ann", "bob")
        store = self.live.core.store
        await store.addGroup(Group("77", "Team", mode=Mode.MANAGED, owner="ann"), [], 100)
        ann = await self.come("ann")
        for id, group in (("new", "tea"), ("known", "tea"), ("no member's", "77")):
            await self.ask(ann, self.message("ann", id=id, to_user_id="bob", content="hello"))
            bob = await self.come("bob", chat_type=1, to_user_id=group)
            await self.got(bob, id=id)
            self.assertEqual(bob.messages()[0]["id"], "beat-bob", id)
            await bob.closedByUs()

    async def test_notices(self) -> None:
        """
        What cannot be done is said, and the connection stays; with too many
        notices it ends.
        """
        await self.register("ann", "bob")
        ann = await self.come("ann")
        for fields, words in (
            ({"to_user_id": ""}, "to_user_id"),
            ({"to_user_id": "nogroup", "chat_type": 1}, "群组"),
            ({"to_user_id": " x"}, "to_user_id"),
            ({"to_user_id": "bob", "from_user_id": self.numbers["bob"]}, "access_token"),
            ({"to_user_id": "bob", "access_token": self.tokens["bob"]}, "access_token"),
            ({"to_user_id": "bob", "access_token": "x.y.z"}, "access_token"),
            ({"msg_type": 4, "content": '{"key":"NO_SUCH"}'}, "事件"),
            ({"msg_type": 4, "content": '{"key":"FRIEND_AGREE"}', "to_user_id": "bob"}, "请求"),
        ):
            id = f"n{words}{len(fields)}"
            told = await self.ask(ann, self.message("ann", **{"id": id, "content": "x", **fields}))
            self.assertEqual((told["from_user_id"], told["msg_type"]), ("notify", 5), fields)
            self.assertIn(words, told["content"])
        eve = await self.connect(self.port, StreamTalk(Text))
        for number in range(NOTICES + 5):
            eve.put({"id": f"{number}", "from_user_id": "1"})
        await eve.closed()
        self.assertEqual(len(eve.messages()), NOTICES)
        self.assertNothingLogged()

    async def test_closed(self) -> None:
        """
        The end of a WebSocket is answered with its code.
        """
        await self.register("ann")
        for code in (1000, 1001, 3000, 4999):
            ann = await self.come("ann", isSocket=True)
            ann.send(code.to_bytes(2, "big"), 0x80 | CLOSE)
            self.assertEqual(await self.isClosed(ann), code)

    async def test_bareMessages(self) -> None:
        """
        Behind the heartbeat a message needs neither a sender nor a token, and
        gets an id if it has none; who is meant by an acknowledgement is said
        all the same.
        """
        await self.register("ann", "bob")
        ann, bob = await self.come("ann"), await self.come("bob")
        ann.put({"to_user_id": self.numbers["bob"], "content": "hello"})
        told = await self.got(bob, content="hello")
        self.assertEqual(told["from_user_id"], self.numbers["ann"])
        self.assertTrue(told["id"].isdigit())
        echo = await self.got(ann, content="hello")
        self.assertEqual(echo["id"], told["id"])
        again = await self.ask(ann, {"id": "b2", "msg_type": 4, "content": BEAT})
        self.assertEqual((again["msg_type"], again.get("to_user_id")), (4, self.numbers["ann"]))

    async def test_groupsInOneWrite(self) -> None:
        """
        What is said right behind a heartbeat that names a new group is said
        there, and answered behind it: behind the first one and later ones.
        """
        await self.register("ann")
        ann = await self.connect(self.port, StreamTalk(Text))
        for group in ("one", "two"):
            beat = self.message("ann", id="beat", msg_type=4, chat_type=1, to_user_id=group, content=BEAT)
            said = {"id": group, "chat_type": 1, "to_user_id": group, "content": "hello"}
            ann.write(b"".join(map(Text.write, (beat, said, {**beat, "id": f"behind {group}"}))))
            await self.got(ann, id=f"behind {group}")
        told = [(one["id"], one.get("from_user_id", "")) for one in ann.messages()]
        own = self.numbers["ann"]
        self.assertEqual(told[:3], [("beat", ""), ("one", own), ("behind one", "")])
        self.assertEqual(told[3:], [("beat", ""), ("two", own), ("behind two", "")])

    async def test_foreignGroupBeat(self) -> None:
        """
        A later heartbeat that names a group is checked as any other message.
        """
        await self.register("ann", "bob")
        ann = await self.come("ann")
        for name in ("from_user_id", "access_token"):
            beat = self.message("ann", id=name, msg_type=4, chat_type=1, to_user_id="tea", content=BEAT)
            told = await self.ask(ann, {**beat, name: self.message("bob")[name]})
            self.assertEqual((told["from_user_id"], told["msg_type"]), ("notify", 5))
        self.assertIsNone(await self.live.core.store.group("tea"))

    async def test_loggedOut(self) -> None:
        """
        Who has logged out stays on the connections there are, and comes on
        no other with the old token.
        """
        await self.register("ann")
        ann = await self.come("ann")
        await self.call("POST", "/api/user/logout", {"access_token": self.tokens["ann"]})
        self.assertEqual((await self.ask(ann, self.message("ann", id="b2", msg_type=4, content=BEAT)))["msg_type"], 4)
        late = await self.connect(self.port, StreamTalk(Text))
        told = await self.ask(late, self.message("ann", id="b3", msg_type=4, content=BEAT))
        self.assertEqual(told["from_user_id"], "notify")

    async def test_everywhere(self) -> None:
        """
        An access token logs in wherever a token does, and a refresh token
        nowhere.
        """
        await self.register("ann")
        headers = {"Authorization": f"Bearer {self.tokens['ann']}"}
        answer = await self.http(self.port, "POST", "/api/command/conversations", {}, headers)
        self.assertEqual(answer.json["code"], 10100)
        jim = await self.tcp(self.port)
        self.assertLoggedIn(await jim.login("", "", token=self.tokens["ann"]))
        login = await self.call("POST", "/api/user/login", {"account": "ann", "password": "123456"})
        headers = {"Authorization": f"Bearer {login['data']['refresh_token']}"}
        answer = await self.http(self.port, "POST", "/api/command/conversations", {}, headers)
        self.assertEqual(answer.status, 401)


class WithoutProtobufTests(TalkTestCase):
    """
    Where protobuf is not installed.
    """

    async def prepare(self) -> None:
        """
        As if it were not there.
        """
        self.patch(dialect, "protobuf", None)
        await super().prepare()

    async def test_texts(self) -> None:
        """
        Texts are spoken all the same, and who speaks protobuf is cut.
        """
        await self.register("ann")
        ann = await self.come("ann")
        beat = self.message("ann", id="b2", msg_type=4, content=BEAT)
        for port in self.live.ports[:2]:  # the third is for HTTP alone
            stream = await self.connect(port, StreamTalk(Binary))
            stream.put(beat)
            await stream.closed()
            self.assertEqual(stream.received, b"")
            socket = await self.connect(port, SocketTalk(Binary))
            await socket.upgrade("/")
            socket.put(beat)
            await self.isClosed(socket)
        self.assertEqual((await self.ask(ann, beat))["msg_type"], 4)
        self.assertNothingLogged()


class AtOnceTests(TalkTestCase):
    """
    A store that answers at once.
    """

    arguments = ("--store", "memory:")

    async def test_order(self) -> None:
        """
        First the heartbeat is acknowledged, then comes what waits.
        """
        await self.register("ann", "bob", "cid")
        ann = await self.come("ann")
        content = '{"key":"FRIEND_INVITE"}'
        for name, fields in (("bob", {}), ("cid", {"chat_type": 1, "to_user_id": "room"})):
            to = {"to_user_id": self.numbers[name]}
            await self.ask(ann, self.message("ann", id=f"i-{name}", msg_type=4, content=content, **to))
            await self.ask(ann, self.message("ann", id=f"m-{name}", content="hi", **to))
            client = await self.connect(self.port, StreamTalk(Text))
            client.put(self.message(name, id="beat", msg_type=4, content=BEAT, **fields))
            await self.got(client, id=f"m-{name}")
            await self.got(client, from_user_id=self.numbers["ann"], msg_type=4)
            self.assertEqual([one.get("id") for one in client.messages()], ["beat", f"m-{name}", None])
