"""
easyim over real sockets: what the recorded conversations leave open.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from imtw.cork import Cork
from imtw.model import Group, Mode, groupPair
from imtw.protocols.easyim import dialect
from imtw.protocols.easyim.forms import EasyimForm
from imtw.protocols.easyim.jsontext import writeText
from imtw.protocols.easyim.message import Msg
from imtw.protocols.easyim.protobuf import encodeMessage, splitMessages
from imtw.protocols.easyim.splitter import splitTexts
from imtw.protocols.easyim.stream import PieceOutlet
from imtw.protocols.easyim.voice import NOTICES
from imtw.test.clients import Client
from imtw.test.everybody.easyim import Binary, SocketTalk, StreamTalk, Text
from imtw.test.live import ANY_PORT, LiveTestCase, pause

BEAT = '{"key":"KEEP_ALIVE"}'


class TalkTestCase(LiveTestCase):
    """
    A server, with easyim's own port behind the common one, and people.
    """

    arguments: tuple[str, ...] = ()

    async def prepare(self) -> None:
        """
        Start it.
        """
        self.live = await self.serve(
            *("--auth", "accounts:", "--store", f"sqlite:{self.mktemp()}", "--lobby", "none"),
            *("--port", ANY_PORT, "--port-for", f"easyim={ANY_PORT}"),
            *("--port-for", f"easyim-api={ANY_PORT}"),
            *self.arguments,
        )
        self.port = self.live.port
        self.tokens: dict[str, str] = {}
        self.numbers: dict[str, str] = {}

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """
        Ask a route of the common port.
        """
        return (await self.http(self.port, method, path, body)).json

    async def register(self, *names: str) -> None:
        """
        Make accounts.
        """
        for name in names:
            asked = {"account": name, "password": "123456", "nickname": name.title()}
            data = (await self.call("POST", "/api/user/register", asked))["data"]
            self.tokens[name], self.numbers[name] = data["access_token"], data["id"]

    def message(self, name: str, **fields: Any) -> dict[str, Any]:
        """
        A message of somebody's, with the token.
        """
        return {"from_user_id": self.numbers[name], "access_token": self.tokens[name], **fields}

    async def come(self, name: str, format: Any = Text, isSocket: bool = False, **fields: Any) -> Any:
        """
        Somebody connects, and gives a heartbeat.
        """
        if isSocket:
            client: Any = await self.connect(self.port, SocketTalk(format))
            await client.upgrade("/")
        else:
            client = await self.connect(self.port, StreamTalk(format))
        await self.ask(client, self.message(name, id=f"beat-{name}", msg_type=4, content=BEAT, **fields))
        return client

    async def ask(self, client: Any, message: dict[str, Any]) -> Any:
        """
        Send a message; what comes back with its id.
        """
        client.put(message)
        return await self.got(client, id=message["id"])

    async def isClosed(self, socket: Any) -> int:
        """
        The code of the close frame that a WebSocket gets.
        """
        await socket.until(lambda: socket.code is not None, "a close frame")
        return int(socket.code)

    async def got(self, client: Any, **fields: Any) -> Any:
        """
        The last message that has these fields, once it is there.
        """

        def found() -> list[Any]:
            return [one for one in client.messages() if all(one.get(name) == value for name, value in fields.items())]

        await client.until(lambda: bool(found()), f"a message with {fields}")
        return found()[-1]


HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Length: 0\r\n"
    b"Connection: close\r\n"
    b"Server: easyim\r\n"
    b"Access-Control-Allow-Credentials: true\r\n"
    b"Access-Control-Allow-Headers: "
    b"Origin, Content-Length, Content-Type, Accept, Token, Auth-Token, X-Requested-With\r\n"
    b"Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE, UPDATE\r\n"
    b"Access-Control-Allow-Origin: *\r\n"
    b"Access-Control-Expose-Headers: Content-Length, Access-Control-Allow-Origin, Access-Control-Allow-Headers, "
    b"Cache-Control, Content-Language, Content-Type\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n"
)


class Writes(StringTransport):
    """
    A transport that keeps writes apart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        """
        One write.
        """
        self.writes.append(data)


class PieceTests(SynchronousTestCase):
    """
    L{PieceOutlet}.
    """

    def test_writesApart(self) -> None:
        """
        Each message is written for itself, also where several are sent at
        once or in one turn: to most clients a message is what they read.
        """
        first, second = ({"id": "1", "content": "}{"}, {"id": "2", "from_user_id": "3"})
        numbers: Any = None
        forms = (Text, writeText, splitTexts), (Binary, encodeMessage, splitMessages)
        for format, write, split in forms:
            transport, cork = Writes(), Cork()
            outlet = PieceOutlet(transport, cork, 1000, lambda: None)
            outlet.form = EasyimForm(numbers, write, split)
            one, other = (format.write(message).replace(b" ", b"") for message in (first, second))
            outlet.send(one + other)
            cork.push()
            outlet.send(other)
            outlet.send(one + other + one)
            cork.pull()
            self.assertEqual(transport.writes, [one, other, other, one, other, one])
            transport.writes.clear()
            messages = Msg("1", content="}{"), Msg("2", from_user_id="3")
            for joined in (b"", other):  # what was just written, or came behind something else
                written = [outlet.form.write(message) for message in messages]
                for data in written:
                    outlet.send(joined + data)
            self.assertEqual(transport.writes, [one, other, other, one, other, other])


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

    async def test_bareMessages(self) -> None:
        """
        Behind the heartbeat a message needs neither a sender nor a token, and
        gets an id if it has none.
        """
        await self.register("ann", "bob")
        ann, bob = await self.come("ann"), await self.come("bob")
        ann.put({"to_user_id": self.numbers["bob"], "content": "hello"})
        told = await self.got(bob, content="hello")
        self.assertEqual(told["from_user_id"], self.numbers["ann"])
        self.assertTrue(told["id"].isdigit())
        echo = await self.got(ann, content="hello")
        self.assertEqual(echo["id"], told["id"])

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


class FriendTests(TalkTestCase):
    """
    Invitations.
    """

    async def test_offline(self) -> None:
        """
        Who was invited, or agreed to, while away hears of it behind the next
        heartbeat, once.
        """
        await self.register("ann", "bob")
        ann = await self.come("ann")
        content = '{"key":"FRIEND_INVITE"}'
        sent = self.message("ann", id="i1", msg_type=4, to_user_id=self.numbers["bob"], content=content)
        self.assertEqual((await self.ask(ann, sent))["from_user_id"], self.numbers["ann"])
        await ann.closedByUs()
        bob = await self.come("bob")
        told = await self.got(bob, from_user_id=self.numbers["ann"])
        data = json.loads(told["content"])
        self.assertEqual((told["msg_type"], data["code"], data["data"]["key"]), (4, 200, "FRIEND_INVITE"))
        agreed = {"access_token": self.tokens["bob"], "id": data["data"]["id"]}
        self.assertEqual((await self.call("POST", "/api/user/friend/accept", agreed))["code"], 200)
        self.assertEqual((await self.call("POST", "/api/user/friend/accept", agreed))["code"], 400)
        ann = await self.come("ann")
        told = await self.got(ann, from_user_id=self.numbers["bob"])
        self.assertEqual(json.loads(told["content"])["data"]["key"], "FRIEND_AGREE")
        again = await self.come("ann")
        await self.ask(again, self.message("ann", id="b2", msg_type=4, content=BEAT))
        self.assertEqual(len(again.messages()), 2)
        gone = {"access_token": self.tokens["ann"], "friend_id": self.numbers["bob"]}
        self.assertEqual((await self.call("POST", "/api/user/friend/remove", gone))["code"], 200)
        listed = await self.call("GET", f"/api/user/friends?access_token={self.tokens['bob']}")
        self.assertEqual(listed["data"], {"items": [], "total": 0})

    async def test_agreeByEvent(self) -> None:
        """
        Agreeing by an event is the same, and told at once.
        """
        await self.register("ann", "bob")
        ann, bob = await self.come("ann"), await self.come("bob", Binary)
        for name, client, other, hears, key in (
            ("ann", ann, "bob", bob, "FRIEND_INVITE"),
            ("bob", bob, "ann", ann, "FRIEND_AGREE"),
        ):
            sent = self.message(
                name, id=key, msg_type=4, to_user_id=self.numbers[other], content=json.dumps({"key": key})
            )
            await self.ask(client, sent)
            told = await self.got(hears, from_user_id=self.numbers[name], msg_type=4)
            self.assertEqual(json.loads(told["content"])["data"]["key"], key)
        shown = (await self.call("GET", f"/api/user/friends?access_token={self.tokens['ann']}"))["data"]
        self.assertEqual([(item["account"], item["id"]) for item in shown["items"]], [("bob", self.numbers["bob"])])

    async def test_refused(self) -> None:
        """
        What the routes refuse: oneself, nobody, friends, another's request.
        """
        await self.register("ann", "bob", "cid")
        add = "/api/user/friend/add"
        for to in (self.numbers["ann"], "nobody", "7", ""):
            asked = {"access_token": self.tokens["ann"], "to_user_id": to}
            self.assertEqual((await self.call("POST", add, asked))["code"], 400, to)
        asked = {"access_token": self.tokens["ann"], "to_user_id": self.numbers["bob"]}
        id = (await self.call("POST", add, asked))["data"]["id"]
        for name in ("ann", "cid"):
            answer = await self.call(
                "POST", "/api/user/friend/accept", {"access_token": self.tokens[name], "id": id}
            )
            self.assertEqual(answer["code"], 400)
        for id in ("x", "-1", str(1 << 70), ""):
            answer = await self.call(
                "POST", "/api/user/friend/accept", {"access_token": self.tokens["bob"], "id": id}
            )
            self.assertEqual(answer["code"], 400, id)


class HoleTests(TalkTestCase):
    """
    What somebody could try.
    """

    async def test_spoofed(self) -> None:
        """
        What another dialect keeps for easyim's clients is checked: it cannot
        say who speaks, nor break a room.
        """
        await self.register("ann", "bob")
        bob, binary = await self.come("bob"), await self.come("bob", Binary)
        spoof = Binary.write({"from_user_id": "1", "content": "spoofed"})
        tries: list[dict[str, Any]] = [
            {"rest": b64encode(spoof).decode()},
            {"rest": "!"},
            {"seq": "x"},
            {"seq": -1, "status": 1 << 40},
            {"msg_type": {}, "chat_type": []},
        ]
        for extras in tries:
            headers = {"Authorization": f"Bearer {self.tokens['ann']}"}
            asked = {"to": "bob", "content": "hello", "extras": {"easyim": extras}}
            answer = await self.http(self.port, "POST", "/api/command/chat", asked, headers)
            id = answer.json["data"]["id"]
            for client in (bob, binary):
                told = await self.got(client, id=id)
                self.assertEqual((told["content"], told["from_user_id"]), ("hello", self.numbers["ann"]))
        self.assertNothingLogged()

    async def test_managedGroup(self) -> None:
        """
        A heartbeat does not lead into a group that was made on purpose, and
        who is not in it neither hears nor speaks.
        """
        await self.register("ann", "bob")
        store = self.live.core.store
        await store.addGroup(Group("77", "Team", mode=Mode.MANAGED, owner="ann"), [], 100)
        ann = await self.come("ann")
        bob = await self.come("bob", to_user_id="77", chat_type=1)
        sent = self.message("ann", id="m1", to_user_id="77", chat_type=1, content="secret")
        self.assertEqual((await self.ask(ann, sent))["status"], 1)
        tried = self.message("bob", id="m2", to_user_id="77", chat_type=1, content="x")
        self.assertEqual((await self.ask(bob, tried))["from_user_id"], "notify")
        self.assertIsNone(await store.membership("bob", "77"))
        rows = await store.history(groupPair("77"), None, None, None, None)
        self.assertEqual([row.content for row in rows], ["secret"])
        self.assertNotIn(b"secret", bob.received)

    async def test_lengths(self) -> None:
        """
        A message has its bound on each carrier, whoever sends it; what it
        ends is that connection alone.
        """
        await self.register("ann")
        ann = await self.come("ann")
        huge = self.message("ann", id="m", to_user_id="x", content="y" * 70000)
        for client in (await self.come("ann"), await self.come("ann", Binary)):
            client.put(huge)
            await client.closed()
        socket = await self.come("ann", isSocket=True)
        socket.put(huge)
        self.assertEqual(await self.isClosed(socket), 1009)
        socket = await self.come("ann", Binary, isSocket=True)
        socket.send(b"\x0f" * 12, 0x82)
        self.assertEqual(await self.isClosed(socket), 1007)
        self.assertEqual((await self.ask(ann, self.message("ann", id="b2", msg_type=4, content=BEAT)))["msg_type"], 4)
        self.assertNothingLogged()

    async def test_cutShort(self) -> None:
        """
        A message in protobuf that ends in the middle has a moment for its
        rest, and no more.
        """
        await self.register("ann")
        whole = Binary.write(self.message("ann", id="beat", msg_type=4, content=BEAT))
        client = await self.connect(self.port, StreamTalk(Binary))
        client.write(whole[:50])
        await pause(0.05)
        client.write(whole[50:])
        await self.got(client, id="beat")
        client.write(whole[:-1])
        self.assertLess(await client.closed(), 2.0)

    async def test_numbers(self) -> None:
        """
        A number that is somebody's means that one; any other one is a name.
        """
        await self.register("ann", "bob", "13800138000")
        ann, phone = await self.come("ann"), await self.come("13800138000")
        await self.ask(ann, self.message("ann", id="m1", to_user_id="13800138000", content="by name"))
        self.assertEqual((await self.got(phone, id="m1"))["to_user_id"], self.numbers["13800138000"])
        bob = await self.come("bob")
        await self.ask(ann, self.message("ann", id="m2", to_user_id=f"+00{self.numbers['bob']}", content="by number"))
        await self.got(bob, id="m2")
        await self.ask(ann, self.message("ann", id="m3", to_user_id="9" * 60, content="to nobody"))


class ServerTests(TalkTestCase):
    """
    Stopping.
    """

    async def test_stop(self) -> None:
        """
        A program on this machine may stop the server, a page or somebody
        behind a proxy may not.
        """
        stopped: list[bool] = []
        self.live.core.quit = lambda: stopped.append(True)
        path = "/api/local/stop"
        for headers in ({"Origin": "http://evil.example"}, {"X-Forwarded-For": "127.0.0.1"}, {"Host": "evil.example"}):
            answer = await self.http(self.port, "POST", path, None, headers)
            self.assertEqual((answer.json["code"], answer.json["msg"]), (400, "仅限内网访问"))
        answer = await self.http(self.port, "POST", path)
        self.assertEqual(answer.json, {"code": 200, "msg": "操作成功", "data": {}})
        await pause(0.7)
        self.assertEqual(stopped, [True])

    async def test_ownPort(self) -> None:
        """
        On its own port there is nothing but easyim; on the common one its
        routes stand beside the others.
        """
        own = self.live.ports[1]
        for path in ("/", "/api/command/token", "/api/message/send"):
            answer = await self.http(own, "POST", path, {})
            self.assertEqual((answer.status, answer.json["msg"]), (200, "找不到路由"))
        self.assertEqual((await self.http(self.port, "GET", "/nothing")).status, 404)
        self.assertEqual((await self.http(self.port, "GET", "/api/user/login")).json["msg"], "找不到路由")
        client = await self.connect(own, Client())
        client.write(b"UPDATE /x HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.closed()
        self.assertIn(b'"method":"UPDATE"', client.received)

    async def test_head(self) -> None:
        """
        The head of an answer is the original's, with CRLF.
        """
        client = await self.connect(self.live.ports[1], Client())
        client.write(b"OPTIONS /x HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.closed()
        self.assertEqual(client.received, HEAD)

    async def test_broken(self) -> None:
        """
        What is no HTTP ends the connection without a word on its own port.
        """
        for broken in (b"GET nonsense\r\n\r\n", b"POST / HTTP/9\r\nHost: x\r\n\r\n"):
            client = await self.connect(self.live.ports[1], Client())
            client.write(broken)
            await client.closed()
            self.assertEqual(client.received, b"")

    async def test_noHost(self) -> None:
        """
        A request need not name a host, but not two; a method that is nobody's
        is no route.
        """
        for port in self.live.ports[1:]:
            for head in (b"TRACE /x HTTP/1.1", b"GET /x HTTP/1.0", b"CONNECT /x HTTP/1.1", b"GET / HTTP/1.1\r\nHost: "):
                client = await self.connect(port, Client())
                client.write(head + b"\r\n\r\n")
                await client.closed()
                self.assertIn("找不到路由".encode(), client.received, head)
                self.assertIn(b'"host":"","method":"%s"' % head.split()[0], client.received)
            client = await self.connect(port, Client())
            client.write(b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            await client.closed()
            self.assertEqual(client.received, b"")

    async def test_keylessUpgrade(self) -> None:
        """
        An upgrade without a key is refused where there are WebSockets, and a
        request like any other where there are none.
        """
        chat, api = self.live.ports[1:]
        for port, method, connection, status in (
            *((chat, "GET", "Upgrade", 400), (chat, "GET", "keep-alive, upgrade", 400), (chat, "GET", "close", 200)),
            *((chat, "POST", "Upgrade", 200), (api, "GET", "Upgrade", 200)),
        ):
            headers = {"Connection": connection, "Upgrade": "websocket"}
            answer = await self.http(port, method, "/", None, headers)
            self.assertEqual((answer.status, answer.json["msg"]), (status, "找不到路由"))

    async def test_names(self) -> None:
        """
        An account that can be no name here is refused in easyim's words.
        """
        for account in (" x", "x" * 65, "a\nb"):
            asked = {"account": account, "password": "x"}
            answer = await self.call("POST", "/api/user/register", asked)
            self.assertEqual(answer["code"], 400)
            self.assertIn("注册失败", answer["msg"])

    async def test_guessing(self) -> None:
        """
        Guessing a password is slowed here as everywhere, and says so.
        """
        await self.register("ann")
        told = []
        for number in range(12):
            asked = {"account": "ann", "password": f"guess {number}"}
            told.append((await self.call("POST", "/api/user/login", asked))["msg"])
        self.assertEqual(told[0], "密码不正确")
        self.assertIn("操作太频繁，请稍后再试", told)
