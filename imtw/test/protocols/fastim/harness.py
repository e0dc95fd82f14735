"""
FastIM's clients, on real sockets.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from imtw.test.clients import Answer, SocketClient
from imtw.test.live import LiveTestCase

ACCOUNTS = ("--auth", "accounts:")
OPEN = ("--dialect", "fastim:loginAuth=0")


class FastTestCase(LiveTestCase):
    """
    Tests with FastIM's clients.
    """

    async def call(self, port: int, path: str, user: str = "", token: str = "", **parameters: Any) -> Any:
        """
        A call over HTTP; its answer.
        """
        answer = await self.post(port, path, user, token, **parameters)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    async def post(self, port: int, path: str, user: str = "", token: str = "", **parameters: Any) -> Answer:
        """
        A call over HTTP, with its status and headers.
        """
        headers = {"userId": user, "token": token} if user else {}
        return await self.http(port, "POST", f"{path}?{urlencode(parameters)}", None, headers)

    async def login(self, port: int, user: str, password: str = "a password") -> str:
        """
        Log in; the token.
        """
        answer = await self.call(port, "/user/login", userId=user, password=password)
        self.assertEqual((answer["code"], answer["data"]), (200, "{user_info}"))
        token: str = answer["msg"]
        return token

    async def enter(self, port: int, group: str, user: str, token: str = "x") -> SocketClient:
        """
        Enter a room; its history has come.
        """
        client = await self.upgrade(port, f"/group/chat/{quote(group, '')}/{quote(user, '')}/{token}")
        self.assertEqual(client.status, 101)
        await client.until(lambda: client.events != [], "the history")
        return client

    async def come(self, port: int, group: str, user: str) -> tuple[SocketClient, str]:
        """
        Log in and enter a room; with the token.
        """
        token = await self.login(port, user)
        return await self.enter(port, group, user, token), token

    async def hears(self, client: SocketClient, *texts: str) -> list[Any]:
        """
        Wait until these are the last things that were said; what came with
        them.
        """

        def isThere() -> bool:
            return [event.get("info") for event in client.events[-len(texts) :] if isinstance(event, dict)] == [*texts]

        await client.until(isThere, f"{texts}")
        return list(client.events[-len(texts) :])

    async def closes(self, client: SocketClient) -> int | None:
        """
        Wait for the end of a WebSocket; its code.
        """
        await client.closed()
        return client.code
