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

PATIENCE = 0.6  # seconds


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
        await pause(4 * PATIENCE)
        self.assertEqual([client.isClosed for client in clients], [False, False])
        for each in waiting:
            each.callback(Admission(User("ann", "ann")))
        for client in clients:
            self.assertLoggedIn(await client.upTo(6))
        await pause(3 * PATIENCE)
        self.assertEqual([client.isClosed for client in clients], [False, False])

    async def test_refused(self) -> None:
        """
        Whose login was refused is cut in the end.
        """
        self.patch(self.live.core.accounts, "login", lambda *_: Deferred.fromCoroutine(self.refuse()))
        clients = await self.clients()
        for client in clients:
            client.say(5, {"cmd": 5, "loginname": "ann", "password": "x"})
            await client.upTo(6)
        for client in clients:
            await client.until(lambda client=client: client.isClosed, "its end")  # type: ignore[misc]

    async def refuse(self) -> User:
        """
        Not this one.
        """
        raise CommandRefused(Status.LOGIN_FAILED)

    async def test_idle(self) -> None:
        """
        Who says nothing is cut, and so is who says something else.
        """
        clients = await self.clients()
        for client in clients:
            client.say(13)
        for client in clients:
            await client.until(lambda client=client: client.isClosed, "its end")  # type: ignore[misc]
