"""
J-IM's HTTP routes (docs/wire/jim.rst).
"""

from __future__ import annotations

from twisted.internet.defer import fail

from imtw.errors import StoreError
from imtw.test.live import ANY_PORT, pause
from imtw.test.protocols.jim.harness import NOT_SENT, QuirkTestCase
from imtw.test.wire import basic, private, said


class HTTPTests(QuirkTestCase):
    """
    J-IM's routes.
    """

    async def test_contentType(self) -> None:
        """
        Answers are JSON and say so (D-14); what the request says of its body
        does not matter.
        """
        kind = "application/json; charset=utf-8"
        bob, _ = await self.pair()
        types = ("application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None)
        for given in types:
            body = private("bob", "x", **{"from": "ann"})
            answer = await self.http(self.live.port, "POST", "/api/message/send", body, {"Content-Type": given})
            self.assertEqual(answer.body, '{"code":10000,"command":12,"msg":"ok 发送成功"}'.encode(), given)
            self.assertEqual((answer.status, answer.headers["content-type"]), (200, kind))
            self.assertEqual(said(await bob.sync()), [("ann", "x")])
        for path in ("/api/user/online?userid=x", "/api/user/online", "/api/user/close?userid=x", "/nowhere"):
            self.assertEqual((await self.http(self.live.port, "GET", path)).headers["content-type"], kind, path)

    async def test_noCookieNoCORS(self) -> None:
        """
        No cookie is set, and no page elsewhere may read an answer (D-15).
        """
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        for method, path in (("GET", "/api/user/online?userid=x"), ("OPTIONS", "/api/message/send"), ("GET", "/")):
            answer = await self.http(self.live.port, method, path, None, headers)
            names = [name for name in answer.headers if name.startswith("access-control") or "cookie" in name]
            self.assertEqual(names, [], (method, path))

    async def test_anyMethod(self) -> None:
        """
        J-IM does not look at the method, nor whether anybody knows it.
        """
        live = await self.serve("--port", ANY_PORT, "--port-for", f"jim={ANY_PORT}")
        for port in live.ports:
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "UPDATE", "BREW"):
                answer = await self.http(port, method, "/api/user/online?userid=ann")
                self.assertEqual((answer.status, answer.json["code"]), (200, 10001), method)
                answer = await self.http(port, method, "/")
                self.assertEqual((answer.status, answer.headers["content-type"][:9]), (200, "text/html"), method)

    async def test_longHead(self) -> None:
        """
        On J-IM's own port a head has at most 20480 bytes and a line of it
        2048, in however many pieces (D-1); elsewhere there is room for more.
        """
        live = await self.serve("--port", ANY_PORT, "--port-for", f"jim={ANY_PORT}")
        for sizes, isTaken in (([2045], True), ([2046], False), ([2045] * 9, True), ([2045] * 10, False)):
            fields = [b"a: " + b"x" * size for size in sizes]
            head = b"\r\n".join([b"GET /api/user/online HTTP/1.1", b"Host: x", *fields, b""])
            for port in live.ports:
                for at in (0, len(head)):
                    client = await self.raw(port)
                    client.write(head[:at])
                    await pause(0.01 if at else 0)
                    client.write(head[at:] + b"\r\n")
                    if isTaken or port == live.port:
                        await client.until(lambda client=client: b'"code":10020' in client.received, "an answer")  # type: ignore[misc]
                    else:
                        await client.closed()
                        self.assertEqual(client.received, b"", (sizes, at))

    async def test_rawNames(self) -> None:
        """
        A name need not be percent-encoded, on any request of a connection.
        """
        await self.tcp(self.live.port, "张三")
        client = await self.raw(self.live.port)
        for count in (1, 2):
            client.write("GET /api/user/online?userid=张三 HTTP/1.1\r\nHost: x\r\nX-Name: 张 HTTP/1.1\r\n\r\n".encode())
            await client.until(lambda n=count: client.received.count(b'"code":10019') == n, "an answer")  # type: ignore[misc]

    async def test_methodInPieces(self) -> None:
        """
        A method that nobody knows may come cut anywhere; what only begins
        like one is nothing that is spoken here.
        """
        client = await self.raw(self.live.port)
        for piece in (b"BR", b"EW", b" ", b"/api/user/onl", b"ine HTTP/1.1\r\n", b"Host: x\r\n\r\n"):
            client.write(piece)
            await pause(0.01)
        await client.until(lambda: b'"code":10020' in client.received, "an answer")
        for junk in (b"BREW tea\r\n\r\n", b"BREW\r\n", b"BREWing"):
            client = await self.raw(self.live.port)
            client.write(junk)
            await client.closed()
            self.assertEqual(client.received, b"")

    async def test_storeFails(self) -> None:
        """
        A caller whose token cannot be looked up is told that it is not its
        fault, and the log has a line for it.
        """
        self.patch(self.live.core.store, "token", lambda digest: fail(StoreError("the disk is gone")))
        for path in ("/api/command/heartbeat", "/api/message/send"):
            answer = await self.http(self.live.port, "POST", path, {}, {"Authorization": "Bearer x"})
            self.assertEqual(answer.status, 503, path)
        self.assertNothingLogged()

    async def test_longWords(self) -> None:
        """
        A kind of message is a word, and an id that no message can have is not
        said back.
        """
        for command, asked, status in (
            ("chat", {"to": "bob", "content": "x", "kind": "k" * 64}, 200),
            ("chat", {"to": "bob", "content": "x", "kind": "k" * 65}, 400),
            ("recall", {"to": "bob", "id": "x" * 10000}, 404),
            ("edit", {"to": "bob", "id": "x" * 10000, "content": "y"}, 404),
        ):
            answer = await self.http(self.live.port, "POST", f"/api/command/{command}", asked, basic("ann"))
            self.assertEqual((answer.status, len(answer.body) < 200), (status, True), asked)

    async def test_without(self) -> None:
        """
        A route of a command that is switched off is not there.
        """
        live = await self.serve("--without", "chat", "--without", "close")
        for path in ("/api/message/send", "/api/user/close?userid=x"):
            self.assertEqual((await self.http(live.port, "POST", path, {})).status, 404, path)
        self.assertNothingLogged()

    async def test_senderThatIsNoName(self) -> None:
        """
        Who speaks for somebody that nobody can be is told so; it was
        somebody else's word otherwise.
        """
        for name in ("x" * 65, " x", "a\nb"):
            answer = await self.http(self.live.port, "POST", "/api/message/send", private("ann", "x", **{"from": name}))
            self.assertEqual((answer.status, answer.json["code"]), (200, 10002), name)
        self.assertEqual(await self.ann.sync(), [])

    async def test_wholePath(self) -> None:
        """
        A route is its path, and nothing below it.
        """
        for path in ("/api/user/online", "/api/user/close", "/api/message/send", "/api/command/heartbeat"):
            for below in ("/", "/x", "//"):
                answer = await self.http(self.live.port, "POST", f"{path}{below}?userid=ann")
                self.assertEqual(answer.status, 404, path + below)

    async def test_parameters(self) -> None:
        """
        From the query and from a form, decoded; one that is empty is none
        (10020).
        """
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        base64 = await self.tcp(self.live.port, "YW5u==")
        semicolon = await self.tcp(self.live.port, "a;x")
        for method, path, body, code in (
            ("GET", "?userid=ann", None, 10019),
            ("GET", "?userid=%61nn", None, 10019),
            ("GET", "?x=1&userid=ann&y", None, 10019),
            ("POST", "", b"userid=ann", 10019),
            ("GET", "?userid=YW5u==", None, 10019),
            ("GET", "?userid=ann&userid=x", None, 10019),
            ("POST", "", b"userid=ann&userid=x", 10019),
            ("GET", "?userid=ann;x", None, 10001),
            ("GET", "?userid=a;x", None, 10019),
            ("GET", "?userid=", None, 10020),
            ("GET", "?userid", None, 10020),
            ("GET", "?userId=ann", None, 10020),
            ("GET", "", None, 10020),
            ("GET", "?userid=ann%00", None, 10001),
            ("GET", "?userid=*", None, 10001),
        ):
            answer = await self.http(self.live.port, method, f"/api/user/online{path}", body, form)
            self.assertEqual((answer.status, answer.json["code"]), (200, code), (path, body))
        await base64.sync()
        await semicolon.sync()

    async def test_unreadable(self) -> None:
        """
        A body that cannot be read is 400 with the JSON (D-4); one that can,
        and is refused, is 200.
        """
        for body, status in ((b"{", 400), (b"", 400), (b"[]", 400), (b"{}", 200), (b'{"chatType":7}', 200)):
            answer = await self.http(self.live.port, "POST", "/api/message/send", body)
            self.assertEqual((answer.status, answer.json["code"], answer.json["msg"]), (status, 10002, NOT_SENT), body)
