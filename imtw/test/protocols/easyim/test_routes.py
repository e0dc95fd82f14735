"""
easyim's HTTP routes, over real sockets (docs/wire/easyim.rst).
"""

from __future__ import annotations

import json
from base64 import b64decode

from twisted.internet.defer import Deferred

from imtw.test.clients import Client, reactor
from imtw.test.protocols.easyim.harness import TalkTestCase

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


class HTTPTests(TalkTestCase):
    """
    Routes, heads, and who may stop the server.
    """

    async def test_stop(self) -> None:
        """
        A program on this machine may stop the server, a page or somebody
        behind a proxy may not.
        """
        stopped: Deferred[None] = Deferred()
        self.live.core.quit = lambda: stopped.callback(None)
        path = "/api/local/stop"
        for headers in ({"Origin": "http://evil.example"}, {"X-Forwarded-For": "127.0.0.1"}, {"Host": "evil.example"}):
            answer = await self.http(self.port, "POST", path, None, headers)
            self.assertEqual((answer.json["code"], answer.json["msg"]), (400, "仅限内网访问"))
        self.assertEqual([one for one in reactor.getDelayedCalls() if one.func is self.live.core.quit], [])
        answer = await self.http(self.port, "POST", path)
        self.assertEqual(answer.json, {"code": 200, "msg": "操作成功", "data": {}})
        await stopped

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
        What is no HTTP ends the connection without a word on its own port; a
        method that nobody knows begins none.
        """
        for broken in (b"GET nonsense\r\n\r\n", b"POST / HTTP/9\r\nHost: x\r\n\r\n", b"BREW /x HTTP/1.1\r\n", b"GE /"):
            client = await self.connect(self.live.ports[1], Client())
            client.write(broken)
            await client.closed()
            self.assertEqual(client.received, b"")

    async def test_rawTarget(self) -> None:
        """
        A target may have characters that are not ASCII, as curl sends them;
        what is said back of it is as if they had been encoded.
        """
        for port in self.live.ports[1:]:
            client = await self.connect(port, Client())
            client.write("GET /你?名=é HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            await client.closed()
            told = json.loads(client.received.partition(b"\r\n\r\n")[2])["data"]
            self.assertEqual((told["path"], told["url"]), ("/你", "/%E4%BD%A0?%E5%90%8D=%C3%A9"))

    async def test_largeBody(self) -> None:
        """
        What has no route is said back with its body, as far as such a body
        may be anything at all: nobody gets an answer as large as he likes.
        """
        for port in self.live.ports[1:]:
            for size, told in ((65536, 65536), (65537, 0), (2000000, 0)):
                client = await self.connect(port, Client())
                client.write(b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
                await client.closed()
                body = json.loads(client.received.partition(b"\r\n\r\n")[2])["data"]["body"]
                self.assertEqual(len(b64decode(body)), told)

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
        An account that can be no name here is refused in easyim's words, and
        so are a password and a nickname that are too long.
        """
        wrong = [{"account": account} for account in (" x", "x" * 65, "a\nb")]
        for fields in (*wrong, {"password": "x" * 1025}, {"nickname": "x" * 201}):
            asked = {"account": "ann", "password": "x", **fields}
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
