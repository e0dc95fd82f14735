"""
What becomes of a chat, by its type, its receiver and its carrier
(docs/wire/jim.rst).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from imtw.test.clients import Talker
from imtw.test.live import LiveTestCase
from imtw.test.wire import codes, private, public, said


class DecisionTests(LiveTestCase):
    """
    A chat of any type to anybody, over TCP, WebSocket and HTTP, and across them.

    Ann speaks; Bob listens over TCP and over WebSocket at once, Cid is not
    there.
    """

    async def prepare(self) -> None:
        self.live = await self.serve()
        self.stream = await self.tcp(self.live.port, "ann")
        self.socket = await self.ws(self.live.port, "ann")
        self.listeners: list[Talker] = [
            await self.tcp(self.live.port, "bob"),
            await self.ws(self.live.port, "bob"),
        ]
        self.everybody: list[Talker] = [self.stream, self.socket, *self.listeners]
        for one in self.everybody:
            await one.sync()

    async def overTCP(self, body: Any) -> list[Any]:
        """
        Ann's events on TCP.
        """
        return await self.stream.ask(11, body)

    async def overSocket(self, body: Any) -> list[Any]:
        """
        Ann's events on WebSocket.
        """
        return await self.socket.ask(11, body)

    async def overHTTP(self, body: Any) -> list[Any]:
        """
        The answer over HTTP, where the caller says who it is.
        """
        if isinstance(body, dict):
            body = {"from": "ann", **body}
        answer = await self.http(self.live.port, "POST", "/api/message/send", body)
        return [answer.json]

    @property
    def carriers(self) -> dict[str, Callable[[Any], Awaitable[list[Any]]]]:
        """
        All ways to say something.
        """
        return {"tcp": self.overTCP, "ws": self.overSocket, "http": self.overHTTP}

    async def refused(self, body: Any, code: int, carriers: tuple[str, ...] = ("tcp", "ws", "http")) -> None:
        """
        Say something over each carrier: it gets this code, and nobody hears
        it.
        """
        for name in carriers:
            events = await self.carriers[name](body)
            self.assertEqual(codes(events, 12), [code], name)
            self.assertEqual(said(events), [], name)
            for one in self.everybody:
                self.assertEqual(said(await one.sync()), [], name)

    async def test_unparseable(self) -> None:
        """
        A body that is no JSON gets 10002 (D-4), over HTTP with 400.
        """
        for body in (b'{"cmd":11,"chatType":2,"to":"bob"', b"hello", b"[]", b"", b'{"chatType":2,"msgType":"text"}'):
            self.assertEqual(codes(await self.overTCP(body), 12), [10002], body)
            answer = await self.http(self.live.port, "POST", "/api/message/send", body)
            self.assertEqual((answer.status, answer.json["code"]), (400, 10002), body)
        events = await self.overSocket(b'{"cmd":11,"chatType":2,"msgType":"text","to":"bob"}')
        self.assertEqual(codes(events, 12), [10002])
        for one in self.listeners:
            self.assertEqual(said(await one.sync()), [])

    async def test_chatTypeAbsent(self) -> None:
        """
        Without a chatType: 10002.
        """
        await self.refused({"cmd": 11, "to": "bob", "content": "hi"}, 10002)

    async def test_chatTypeZero(self) -> None:
        """
        With chatType 0: 10002 (D-4).
        """
        await self.refused({"cmd": 11, "to": "bob", "chatType": 0, "content": "hi"}, 10002)

    async def test_chatTypeOther(self) -> None:
        """
        With a chatType that there is not: 10002 (D-4).
        """
        for number in (3, -1, 99):
            await self.refused({"cmd": 11, "to": "bob", "chatType": number, "content": "hi"}, 10002)

    async def test_group(self) -> None:
        """
        To a group: every connection in it hears it, the sender's own, too,
        and that before the answer, which is 10000.
        """
        for name, speak in self.carriers.items():
            text = f"over {name}"
            events = await speak(public("100", text))
            self.assertEqual(codes(events, 12), [10000], name)
            heard = [events] if name != "http" else []
            if name != "http":
                self.assertEqual([one["command"] for one in events], [11, 12], name)
            speaking = {"tcp": self.stream, "ws": self.socket}.get(name)
            heard += [await one.sync() for one in self.everybody if one is not speaking]
            self.assertEqual([said(one) for one in heard], [[("ann", text)]] * 4, name)

    async def test_groupUnknownOrAbsent(self) -> None:
        """
        To a group that there is not, or to none at all: 10000 all the same.
        """
        await self.refused(public("nowhere", "hi"), 10000)
        await self.refused(public(None, "hi"), 10000)

    async def test_privateOnline(self) -> None:
        """
        To a user who is there: every connection of that user hears it and
        nobody else, and the answer is 10000.
        """
        for name, speak in self.carriers.items():
            text = f"over {name}"
            events = await speak(private("bob", text))
            self.assertEqual([one["command"] for one in events], [12], name)
            self.assertEqual(codes(events, 12), [10000], name)
            for one in self.listeners:
                self.assertEqual(said(await one.sync()), [("ann", text)], name)
            for other in (self.stream, self.socket):
                self.assertEqual(said(await other.sync()), [], name)

    async def test_privateOffline(self) -> None:
        """
        To a user who is not there, whom nobody has seen, or to none at all:
        10001; what has an addressee waits for it.
        """
        cid = await self.tcp(self.live.port, "cid")
        cid.hangUp()
        await cid.closed()
        await self.refused(private("cid", "later"), 10001)
        await self.refused(private("never seen", "later"), 10001)
        await self.refused(private(None, "later"), 10001)
        cid = await self.tcp(self.live.port, "cid")
        cid.say(19, {"cmd": 19, "type": 0, "userId": "cid", "fromUserId": "ann"})
        (reply,) = await cid.upTo(20)
        self.assertEqual(reply["code"], 10016)
        self.assertEqual([one["content"] for one in reply["data"]["friends"]["ann"]], ["later"] * 3)

    async def test_toOneself(self) -> None:
        """
        To oneself: the push, then the answer.
        """
        events = await self.overTCP(private("ann", "note"))
        self.assertEqual([one["command"] for one in events], [11, 12])
        self.assertEqual(said(await self.socket.sync()), [("ann", "note")])
