"""
J-IM's clients.
"""

from __future__ import annotations

from typing import Any, ClassVar

from imtw.test.clients import Talker
from imtw.test.everybody.guests import PASSWORD, Guest, Line
from imtw.test.wire import private, public

LOGIN, JOIN, CHAT, CHAT_REPLY, RECALL, MESSAGES, RECEIVED = 5, 7, 11, 12, 15, 19, 101


class JimGuest(Guest):
    """
    One that names no device.
    """

    kind = "jim-tcp"
    device: ClassVar[str] = ""
    client: Talker

    async def connect(self) -> Talker:
        """
        A connection, not logged in.
        """
        return await self.case.tcp(self.live.port)

    async def arrive(self) -> None:
        self.client = await self.connect()
        self._events: list[Any] = []
        self._said = 0
        more = {"device": self.device} if self.device else {}
        self.case.assertLoggedIn(await self.client.login(self.user, PASSWORD, **more))
        if not self.device:  # it has to ask for what it missed
            self._events += await self.client.ask(MESSAGES, {"type": 0, "userId": self.user})

    async def enter(self, group: str) -> None:
        self._events += await self.client.ask(JOIN, {"group_id": group})

    async def tell(self, user: str, text: str) -> None:
        await self._chat(private(user, text))

    async def say(self, group: str, text: str) -> None:
        await self._chat(public(group, text))

    async def _chat(self, body: dict[str, Any]) -> None:
        self._said += 1
        events = await self.client.ask(CHAT, {**body, "id": f"{self.user}-{self._said}"})
        self._events += events
        (reply,) = [event for event in events if event["command"] == CHAT_REPLY]
        self.case.assertIn(reply["code"], (10000, 10001), body)

    async def heard(self) -> list[Line]:
        self._events += await self.client.sync()
        lines = []
        for event in self._events:
            if event["command"] == CHAT and event["data"]["from"] != self.user:
                lines.append(lineOf(event["data"]))
            elif event["command"] == MESSAGES + 1 and event.get("data"):
                lines += [line for line in linesOf(event["data"]) if line.sender != self.user]
        return lines

    async def past(self, place: str) -> list[Line]:
        whom = {"fromUserId": place[1:]} if place.startswith("@") else {"groupId": place}
        events = await self.client.ask(MESSAGES, {"type": 1, "userId": self.user, **whom})
        (reply,) = [event for event in events if event["command"] == MESSAGES + 1]
        self._events += [event for event in events if event is not reply]
        return linesOf(reply.get("data", {}))

    async def takeBack(self, place: str, text: str) -> bool:
        whom = {"to": place[1:]} if place.startswith("@") else {"group_id": place}
        events = await self.client.ask(RECALL, {"id": f"{self.user}-{self._said}", **whom})
        self._events += events
        self.case.assertEqual([event["code"] for event in events if "code" in event], [10000])
        return True

    async def go(self) -> None:
        await self.client.closedByUs()


class JimSocketGuest(JimGuest):
    """
    The same over WebSocket.
    """

    kind = "jim-ws"

    async def connect(self) -> Talker:
        return await self.case.ws(self.live.port)


class ModernJimGuest(JimGuest):
    """
    One that names a device.
    """

    kind = "jim-device"
    device = "phone"

    async def seesRecalled(self) -> int:
        self._events += await self.client.sync()
        return sum(event["command"] == RECALL + 1 and "code" not in event for event in self._events)


def lineOf(data: dict[str, Any]) -> Line:
    """
    A message of J-IM's.
    """
    return Line(data["from"], data.get("group_id") or "", data["content"])


def linesOf(data: dict[str, Any]) -> list[Line]:
    """
    A list of messages of J-IM's.
    """
    kept = [*data.get("friends", {}).values(), *data.get("groups", {}).values()]
    return [lineOf(message) for messages in kept for message in messages]
