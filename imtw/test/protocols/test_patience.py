"""
How long a connection may be without a login.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.model import Admission, User
from imtw.test.clients import Talker
from imtw.test.live import LiveTestCase, pause
from imtw.test.wire import frameOf

PATIENCE = 60  # seconds
LOGIN = frameOf(5, b'{"loginname":"ann","password":"x"}')


class PatienceTests(LiveTestCase):
    """
    Over TCP and WebSocket.
    """

    async def prepare(self) -> None:
        self.live = await self.serve(f"--limit=login={PATIENCE}")

    async def clients(self) -> list[Talker]:
        """
        Two who have not logged in.
        """
        return [await self.tcp(self.live.port), await self.ws(self.live.port)]

    async def test_queued(self) -> None:
        """
        Who waits for its turn to log in is not cut for it, however long that
        takes.
        """
        waiting: list[Deferred[Admission]] = []

        def login(*_: Any) -> Deferred[Admission]:
            waiting.append(Deferred())
            return waiting[-1]

        self.patch(self.live.core.accounts, "login", login)
        clients = await self.clients()
        for client in clients:
            client.say(5, {"cmd": 5, "loginname": "ann", "password": "x"})
        while len(waiting) < len(clients):
            await pause(0.01)
        for _ in range(3):
            self.live.later(PATIENCE + 1)
        for each in waiting:
            each.callback(Admission(User("ann", "ann")))
        for client in clients:
            self.assertLoggedIn(await client.upTo(6))
        for _ in range(3):
            self.live.later(PATIENCE + 1)
        for client in clients:
            await client.sync()

    async def test_refused(self) -> None:
        """
        Whose login was refused is cut in the end.
        """
        self.patch(self.live.core.accounts, "login", lambda *_: Deferred.fromCoroutine(self.refuse()))
        clients = await self.clients()
        for client in clients:
            client.say(5, {"cmd": 5, "loginname": "ann", "password": "x"})
            await client.upTo(6)
        self.live.later(PATIENCE + 1)
        for client in clients:
            await client.closed()

    async def refuse(self) -> User:
        """
        Not this one.
        """
        raise CommandRefused(Status.LOGIN_FAILED)

    async def test_idle(self) -> None:
        """
        Who says nothing is cut, and so is who says something else.
        """
        clients = [*await self.clients(), *await self.clients()]
        for client in clients[:2]:
            await client.sync()
        self.live.later(PATIENCE + 1)
        for client in clients:
            await client.closed()

    async def test_heldUp(self) -> None:
        """
        Who has said what it was waited for is not cut because the server was
        held up and has not read it.
        """
        client = await self.tcp(self.live.port)
        client.write(b"\x01")
        while not self.live.core.voices:
            await pause(0)
        client.transport.socket.sendall(LOGIN[1:])  # type: ignore[union-attr]
        self.live.later(PATIENCE + 1)
        self.assertLoggedIn(await client.upTo(6))
