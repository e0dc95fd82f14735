"""
easyim's clients, and a server for them, on real sockets.
"""

from __future__ import annotations

from typing import Any

from imtw.test.everybody.easyim import SocketTalk, StreamTalk, Text
from imtw.test.live import ANY_PORT, LiveTestCase

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
