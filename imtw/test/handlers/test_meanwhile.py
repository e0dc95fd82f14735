"""
Logins that are under way while all connections of their user are ended, as
after a new password: what was shown before that lets nobody in.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, cast
from urllib.parse import urlencode

from twisted.internet.defer import Deferred

from imtw.accounts.login import Accounts
from imtw.model import User
from imtw.test.live import LiveTestCase
from imtw.test.wire import codes

WRONG = "密码不正确"


class MeanwhileTests(LiveTestCase):
    """
    By every way in.
    """

    async def prepare(self) -> None:
        """
        A server that knows Ann.
        """
        self.live = await self.serve("--auth", "accounts:", "--lobby", "none", "--dialect", "fastim:loginAuth=1")
        self.core = self.live.core
        self.accounts = cast(Accounts, self.core.accounts)
        self.assertTrue(await self.accounts.signUp(User("ann", "ann"), "old password", "127.0.0.1"))

    async def loseRace(self, coming: Coroutine[Any, Any, Any]) -> Any:
        """
        Somebody shows Ann's password, and has a new one before the check of
        the old one is told.

        @return: what he is answered.
        """
        login = self.accounts.login
        asked, answer = Deferred[None](), Deferred[None]()

        async def slowly(*arguments: Any) -> Any:
            found = await login(*arguments)
            asked.callback(None)
            await answer
            return found

        patch = self.patch(self.accounts, "login", lambda *arguments: Deferred.fromCoroutine(slowly(*arguments)))
        came = Deferred.fromCoroutine(coming)
        await asked
        patch.restore()
        self.assertTrue(await self.accounts.setPassword("ann", "new password"))
        self.core.attendance.cutAll("ann")
        answer.callback(None)
        return await came

    async def jim(self, password: str) -> Any:
        """
        What J-IM says to a login.
        """
        client = await self.tcp(self.live.port)
        client.say(5, {"cmd": 5, "loginname": "ann", "password": password})
        return codes(await client.upTo(6), 6)

    async def post(self, path: str, body: str) -> Any:
        """
        What an HTTP route says to a login.
        """
        return (await self.http(self.live.port, "POST", path, body.encode())).json

    async def test_jim(self) -> None:
        """
        Not with J-IM's login; the new password does.
        """
        self.assertEqual(await self.loseRace(self.jim("old password")), [10008])
        self.assertFalse(self.core.sessions.online("ann"))
        self.assertEqual(await self.jim("new password"), [10007])

    async def test_easyim(self) -> None:
        """
        Not to a token of easyim's.
        """
        asked = '{"account":"ann","password":"%s"}'
        answer = await self.loseRace(self.post("/api/user/login", asked % "old password"))
        self.assertEqual((answer["code"], answer["msg"]), (400, WRONG))
        self.assertEqual((await self.post("/api/user/login", asked % "new password"))["code"], 200)

    async def test_registered(self) -> None:
        """
        Nor to one of whom has just made the account.
        """
        asked = '{"account":"%s","password":"old password","nickname":""}'
        made = Deferred.fromCoroutine(self.post("/api/user/register", asked % "bob"))
        number = self.core.numbers.of

        async def slowly(user: str) -> int | None:
            self.assertTrue(await self.accounts.setPassword(user, "new password"))
            self.core.attendance.cutAll(user)
            return await number(user)

        self.patch(self.core.numbers, "of", slowly)
        self.assertEqual((await made)["code"], 400)

    async def test_fastim(self) -> None:
        """
        Not to a token of FastIM's, and none is left behind.
        """
        old, new = (urlencode({"userId": "ann", "password": word}) for word in ("old password", "new password"))
        made: list[str] = []
        replaceToken = self.accounts.replaceToken

        def noted(found: tuple[str, list[bytes]]) -> tuple[str, list[bytes]]:
            made.append(found[0])
            return found

        self.patch(self.accounts, "replaceToken", lambda *asked: replaceToken(*asked).addCallback(noted))
        answer = await self.loseRace(self.post(f"/user/login?{old}", ""))
        self.assertNotEqual(answer["code"], 200)
        self.assertIsNone(await self.accounts.revokeToken(made[0]))
        self.assertEqual((await self.post(f"/user/login?{new}", ""))["code"], 200)
