"""
easyim's clients: JSON and protobuf, over TCP and WebSocket.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any, ClassVar
from urllib.parse import urlencode

from imtw.protocols.easyim.msg_pb2 import Msg  # type: ignore[attr-defined]
from imtw.protocols.easyim.protobuf import Cutter
from imtw.test.clients import Client, SocketClient
from imtw.test.everybody.guests import PASSWORD, Guest, Line
from imtw.test.wire import BINARY, TEXT

TEXT_MESSAGE, EVENT = 0, 4  # msg_type
SINGLE, GROUP = 0, 1  # chat_type
NEXT = json.JSONDecoder().raw_decode


class Text:
    """
    Messages as JSON, one object after the other with nothing between.
    """

    opcode = TEXT

    @staticmethod
    def write(message: dict[str, Any]) -> bytes:
        """
        One message.
        """
        return json.dumps(message, ensure_ascii=False).encode()

    @staticmethod
    def read(data: bytes) -> list[Any]:
        """
        All messages that are whole.
        """
        text, at, found = data.decode(errors="ignore"), 0, []
        while at < len(text):
            try:
                one, at = NEXT(text, at)
            except ValueError:  # not all of it is there
                break
            found.append(one)
        return found


class Binary:
    """
    Messages as protobuf: the next one begins where a field's number does not
    rise.
    """

    opcode = BINARY

    @staticmethod
    def write(message: dict[str, Any]) -> bytes:
        """
        One message.
        """
        data: bytes = Msg(**message).SerializeToString()
        return data

    @staticmethod
    def read(data: bytes) -> list[Any]:
        """
        All messages, if they are whole.
        """
        cutter = Cutter()
        places = cutter.cut(data)
        if cutter.isWhole(len(data)):
            places.append((cutter.begin, len(data)))
        return [
            {field.name: value for field, value in Msg.FromString(data[begin:end]).ListFields()}
            for begin, end in places
        ]


class StreamTalk(Client):
    """
    One format over TCP.
    """

    def __init__(self, format: type[Text] | type[Binary]) -> None:
        super().__init__()
        self.format = format

    def messages(self) -> list[Any]:
        """
        All that came.
        """
        return self.format.read(self.received)

    def put(self, message: dict[str, Any]) -> None:
        """
        Send one.
        """
        self.write(self.format.write(message))


class SocketTalk(SocketClient):
    """
    The same over WebSocket.
    """

    def __init__(self, format: type[Text] | type[Binary]) -> None:
        super().__init__()
        self.format = format

    def messages(self) -> list[Any]:
        """
        All that came.
        """
        return [
            self.format.read(payload)[0] for first, payload in self.frames if first & 15 == self.format.opcode
        ]

    def put(self, message: dict[str, Any]) -> None:
        """
        Send one.
        """
        self.send(self.format.write(message), 0x80 | self.format.opcode)


class EasyimGuest(Guest):
    """
    One user of easyim.
    """

    kind = "easyim-tcp-json"
    longest = 20000  # of these characters; a message has at most 64 KiB
    format: ClassVar[type[Text] | type[Binary]] = Text
    client: StreamTalk | SocketTalk

    async def connect(self) -> Any:
        """
        A connection, without a heartbeat.
        """
        return await self.case.connect(self.live.port, StreamTalk(self.format))

    async def arrive(self) -> None:
        self.ids = count(1)
        self.names: dict[str, str] = {}
        fields = {"account": self.user, "password": PASSWORD, "nickname": self.user}
        answer = await self.call("POST", "/api/user/register", fields)
        if answer["code"] != 200:
            answer = await self.call("POST", "/api/user/login", fields)
        self.case.assertEqual(answer["code"], 200, answer)
        self.token, self.number = answer["data"]["access_token"], answer["data"]["id"]
        self.client = await self.connect()
        await self._beat()

    async def _beat(self, group: str = "") -> None:
        """
        A heartbeat, which may name a group.
        """
        place = {"to_user_id": group, "chat_type": GROUP} if group else {}
        await self._put({**place, "msg_type": EVENT, "content": '{"key":"KEEP_ALIVE"}'})

    async def _put(self, message: dict[str, Any]) -> None:
        """
        Send a message, and wait until it is acknowledged: an answer or an
        echo has its id.
        """
        id = f"{self.user}-{next(self.ids)}"
        self.client.put({"id": id, "from_user_id": self.number, "access_token": self.token, **message})
        await self.client.until(
            lambda: any(one.get("id") == id for one in self.client.messages()), f"an answer to {message}"[:200]
        )
        (answer,) = [one for one in self.client.messages() if one.get("id") == id][:1]
        self.case.assertNotEqual(answer.get("from_user_id"), "notify", answer)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """
        One of its HTTP calls.
        """
        return (await self.case.http(self.live.port, method, path, body)).json

    async def enter(self, group: str) -> None:
        await self._beat(group)

    async def tell(self, user: str, text: str) -> None:
        await self._put({"to_user_id": user, "msg_type": TEXT_MESSAGE, "status": 1, "content": text})

    async def say(self, group: str, text: str) -> None:
        await self._put({"to_user_id": group, "chat_type": GROUP, "status": 1, "content": text})

    async def heard(self) -> list[Line]:
        lines: dict[Any, Line] = {}
        for one in self.client.messages():
            sender = one.get("from_user_id", "")
            if one.get("msg_type", TEXT_MESSAGE) == TEXT_MESSAGE and sender not in ("", self.number, "notify"):
                place = one["to_user_id"] if one.get("chat_type") == GROUP else ""
                lines.setdefault((sender, one["id"]), Line(await self.nameOf(sender), place, one.get("content", "")))
        return list(lines.values())

    async def nameOf(self, number: str) -> str:
        """
        The account behind a number: easyim shows numbers only.
        """
        if number not in self.names:
            for account in self.case.known:  # type: ignore[attr-defined]
                query = urlencode({"access_token": self.token, "account": account})
                answer = await self.call("GET", f"/api/user/search?{query}")
                for item in answer["data"].get("items", []):
                    self.names[item["id"]] = item["account"]
        return self.names[number]

    async def go(self) -> None:
        await self.client.closedByUs()


class EasyimSocketGuest(EasyimGuest):
    """
    JSON over WebSocket.
    """

    kind = "easyim-ws-json"

    async def connect(self) -> Any:
        client = await self.case.connect(self.live.port, SocketTalk(self.format))
        self.case.assertEqual(await client.upgrade("/"), 101)
        return client


class BinaryEasyimGuest(EasyimGuest):
    """
    Protobuf over TCP.
    """

    kind = "easyim-tcp-pb"
    format = Binary


class BinaryEasyimSocketGuest(EasyimSocketGuest):
    """
    Protobuf over WebSocket.
    """

    kind = "easyim-ws-pb"
    format = Binary
