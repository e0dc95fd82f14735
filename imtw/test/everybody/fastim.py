"""
FastIM's client: rooms, one socket each.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from imtw.test.clients import SocketClient
from imtw.test.everybody.guests import PASSWORD, Guest, Line


class FastIMGuest(Guest):
    """
    One user of FastIM.
    """

    kind = "fastim"
    isPrivate = False
    longest = 8192

    async def arrive(self) -> None:
        self.rooms: dict[str, SocketClient] = {}
        self.last: dict[str, Any] = {}
        answer = await self.call("/user/login", userId=self.user, password=PASSWORD)
        self.case.assertEqual(answer["code"], 200, answer)
        self.token = answer["msg"]

    async def call(self, path: str, **fields: Any) -> Any:
        """
        One of its HTTP calls.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if hasattr(self, "token"):
            headers |= {"userId": self.user, "token": self.token}
        answer = await self.case.http(self.live.port, "POST", path, urlencode(fields).encode(), headers)
        return answer.json

    async def enter(self, group: str) -> None:
        if group in self.rooms:
            return
        path = "/group/chat/" + "/".join(quote(part, safe="") for part in (group, self.user, self.token))
        room = self.rooms[group] = await self.case.upgrade(self.live.port, path)
        self.case.assertEqual(room.status, 101)
        await room.until(lambda: bool(room.events), "the history")

    async def say(self, group: str, text: str) -> None:
        room = self.rooms[group]
        own = len(self._own(room))
        room.send(text.encode())
        await room.until(lambda: len(self._own(room)) > own, "the echo")
        self.last = self._own(room)[-1]
        self.case.assertEqual(self.last["info"], text)

    def _own(self, room: SocketClient) -> list[Any]:
        return [one for one in room.events[1:] if one["userId"] == self.user]

    async def heard(self) -> list[Line]:
        found = [
            message for room in self.rooms.values() for first in room.events[:1] for message in first["list"]
        ]
        found += [message for room in self.rooms.values() for message in room.events[1:]]
        return [lineOf(message) for message in found if message["userId"] != self.user]

    async def past(self, place: str) -> list[Line] | None:
        if place.startswith("@"):
            return None
        answer = await self.call("/group/listMessage", groupId=place, startPage=0, endPage=-1)
        self.case.assertEqual(answer["code"], 200, answer)
        return [lineOf(json.loads(message)) for message in answer["data"]]

    async def takeBack(self, place: str, text: str) -> bool:
        answer = await self.call("/group/delMessage", groupId=place, ts=self.last["ts"])
        self.case.assertEqual(answer["code"], 200, answer)
        return True

    async def go(self) -> None:
        for room in self.rooms.values():
            await room.closedByUs()


def lineOf(message: dict[str, Any]) -> Line:
    """
    A message of FastIM's.
    """
    return Line(message["userId"], message["groupId"], message["info"])
