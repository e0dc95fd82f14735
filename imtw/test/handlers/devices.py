"""
Clients that name a device: live, over TCP and WebSocket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imtw.test.clients import Talker
from imtw.test.live import LiveTestCase

SECONDS = 20.0  # for what many messages take


def pushed(events: list[Any]) -> list[tuple[int, str]]:
    """
    The seq and content of the messages among these events.
    """
    return [(one["data"]["seq"], one["data"]["content"]) for one in events if one["command"] == 11]


class DeviceTestCase(LiveTestCase):
    """
    Over TCP, with a store in memory, unless a subclass says otherwise.
    """

    timeout = 60
    store = "memory:"

    async def prepare(self) -> None:
        """
        A server, on which Ann speaks.
        """
        store = self.store or f"sqlite:{self.mktemp()}"
        self.live = await self.serve("--store", store)
        self.ann = await self.tcp(self.live.port, "ann")

    async def client(self, name: str = "", **more: Any) -> Talker:
        """
        A client on this carrier.
        """
        return await self.tcp(self.live.port, name, **more)

    async def say(self, count: int, *bodies: Callable[[str], Any], first: int = 0) -> None:
        """
        Ann says something, and waits until it is stored.
        """
        for number in range(first, first + count):
            for body in bodies:
                self.ann.say(11, body(f"{number}"))
            if not number % 50:
                await self.ann.sync()
        await self.ann.sync()

    async def count(self, client: Talker, wanted: int) -> list[Any]:
        """
        All events up to so many messages.
        """
        await client.until(
            lambda: sum(one["command"] == 11 for one in client.events) >= wanted, f"{wanted} messages", SECONDS
        )
        return await client.sync()


class OverWebSocket(DeviceTestCase):
    """
    Over WebSocket.
    """

    async def client(self, name: str = "", **more: Any) -> Talker:
        """
        A client on this carrier.
        """
        return await self.ws(self.live.port, name, **more)
