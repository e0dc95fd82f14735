"""
Who may speak for others over J-IM's HTTP routes (docs/wire/jim.rst, Closed
holes).
"""

from __future__ import annotations

from imtw.test.live import Live, LiveTestCase
from imtw.test.protocols.jim.harness import STRICT
from imtw.test.wire import basic, private, said

SECRET = "correct horse battery staple"


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

    async def attempt(
        self, live: Live, headers: dict[str, str | None] | None = None, met: str = ""
    ) -> tuple[int, int]:
        """
        The status of speaking for Ann, and of closing Bob, who is there; see
        to it that he hears, or ends, only if it is 200, and that else the
        answer says what was met.
        """
        bob = await self.tcp(live.port, "bob")
        sent = await self.http(live.port, "POST", "/api/message/send", private("bob", "hi", **{"from": "ann"}), headers)
        self.assertEqual(said(await bob.sync()), [("ann", "hi")] if sent.status == 200 else [])
        closed = await self.http(live.port, "GET", "/api/user/close?userid=bob", None, headers)
        if closed.status == 200:
            self.assertEqual(closed.json, {"code": 10021, "msg": "close ok! 关闭成功"})
            await bob.closed()
        else:
            for answer, advice in ((sent, "speak for yourself"), (closed, "as the user, or as an operator")):
                text, _, reason = answer.json["msg"].partition(": ")
                self.assertEqual((answer.json["code"], text), (10020, "Invalid verification! 不合法校验"))
                self.assertIn(met.lower(), reason.lower())
                self.assertIn("--api-secret-file" if "log in " in reason else "login failed", reason)
                self.assertTrue(reason.endswith((advice, "login failed")), reason)
            self.assertNotIn("command", closed.json)
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
            met = f"the Host '{value}'" if name == "Host" else f"the header '{name}' says"
            self.assertEqual(await self.attempt(live, {name: value}, met), (401, 401), (name, value))
        odd = "x" * 200 + "\\'\"\u00e9"
        self.assertEqual(await self.attempt(live, {"Host": odd}, f"the Host '{'x' * 100}' does"), (401, 401))

    async def test_ownName(self) -> None:
        """
        Who is logged in speaks for itself without a secret, but for nobody
        else.
        """
        live = await self.serve(*self.secretFile())
        bob = await self.tcp(live.port, "bob")
        headers = basic("mallory")
        forged = private("bob", "hi", **{"from": "ann"})
        answer = await self.http(live.port, "POST", "/api/message/send", forged, headers)
        self.assertEqual((answer.status, answer.json["code"]), (200, 10000))
        self.assertEqual(said(await bob.upTo(11)), [("mallory", "hi")])
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
