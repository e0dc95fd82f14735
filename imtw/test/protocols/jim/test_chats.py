"""
What becomes of a chat of J-IM's (docs/wire/jim.rst).
"""

from __future__ import annotations

import json
from typing import Any

from imtw.test.clients import reactor
from imtw.test.protocols.jim.harness import QuirkTestCase, commands
from imtw.test.wire import codes, private, public, said


class ChatTests(QuirkTestCase):
    """
    What becomes of a chat.
    """

    async def test_unknownGroup(self) -> None:
        """
        To a group that nobody has made: 10000 (D-35), and it is kept nowhere.
        """
        self.assertEqual(codes(await self.ann.ask(11, public("nowhere", "x")), 12), [10000])
        await self.ann.ask(7, {"group_id": "nowhere"})
        self.assertEqual(await self.history(group="nowhere"), [])

    async def test_outsider(self) -> None:
        """
        Who is not in a group may speak there: it is delivered, and the sender
        gets only the answer.
        """
        bob, cid = await self.pair()
        await bob.ask(7, {"group_id": "tea"})
        self.assertEqual(commands(await self.ann.ask(11, public("tea", "hello"))), [12])
        self.assertEqual(said(await bob.sync()), [("ann", "hello")])
        self.assertEqual(await cid.sync(), [])

    async def test_senderIsTheId(self) -> None:
        """
        Without C{from} it is the user's id (D-11).
        """
        bob, _ = await self.pair()
        await self.ann.ask(11, private("bob", "x"))
        self.assertEqual(said(await bob.sync()), [("ann", "x")])

    async def test_fork(self) -> None:
        """
        C{nick} and C{avatar} of the customer-service fork are relayed and
        kept, in the order of the alphabet (D-10); other unknown keys are
        dropped.
        """
        bob, _ = await self.pair()
        body = private("bob", "x", nick="Ann", avatar="a.png", imgUrl="i.png", id="m1", createTime=1, zebra=1)
        await self.ann.ask(11, body)
        (push,) = await bob.sync()
        wanted = (
            '{"avatar":"a.png","chatType":2,"cmd":11,"content":"x","createTime":1,"from":"ann","id":"m1","msgType":0,'
            '"nick":"Ann","to":"bob"}'
        )
        self.assertEqual(json.dumps(push["data"], separators=(",", ":")), wanted)
        self.assertEqual(await self.history("bob"), [json.loads(wanted)])

    async def test_extras(self) -> None:
        """
        Extras come as they went, but for members that are null.
        """
        bob, _ = await self.pair()
        extras: dict[str, Any] = {"z": [None, {"a": None, "b": 1}], "n": None, "深": 1.5, "t": True, "o": {}}
        wanted = {"z": [None, {"b": 1}], "深": 1.5, "t": True, "o": {}}
        await self.ann.ask(11, private("bob", "x", extras=extras))
        (push,) = await bob.sync()
        self.assertEqual(push["data"]["extras"], wanted)
        self.assertEqual((await self.history("bob"))[0]["extras"], wanted)
        for bad in ([1], "text", '{"a":1}', 5):
            self.assertEqual(codes(await self.ann.ask(11, private("bob", "x", extras=bad)), 12), [10002], bad)

    async def test_transient(self) -> None:
        """
        With C{extras.transient} it goes to who is there and is kept nowhere:
        10000, never 10001 (D-34).
        """
        bob, cid = await self.pair()
        extras = {"transient": True, "kind": "draw"}
        for to in ("bob", "cid", "nobody"):
            self.assertEqual(codes(await self.ann.ask(11, private(to, "x", extras=extras)), 12), [10000], to)
            self.assertEqual(await self.history(to), [], to)
        for one in (bob, cid):
            (push,) = await one.sync()
            self.assertEqual((push["data"]["content"], push["data"]["extras"]), ("x", extras))
        dan = await self.tcp(self.live.port, "nobody")
        dan.say(19, {"type": 0, "userId": "nobody"})
        self.assertEqual((await dan.upTo(20))[-1]["data"]["friends"], {})
        await self.ann.ask(11, private("bob", "kept", extras={"transient": False}))
        self.assertEqual([one["content"] for one in await self.history("bob")], ["kept"])

    async def test_createTime(self) -> None:
        """
        The client's time is shown, in the past and in the future; 0 and below
        are the server's (D-32).
        """
        now = int(reactor.seconds() * 1000)
        for given in (1, 1527133207581, 9999999999999):
            await self.ann.ask(11, private("bob", "x", createTime=given))
            self.assertEqual((await self.history("bob"))[-1]["createTime"], given)
        for absent in (0, -1, -(2**63), "", "null"):
            await self.ann.ask(11, private("bob", "x", createTime=absent))
            self.assertLess(abs((await self.history("bob"))[-1]["createTime"] - now), 60000, absent)

    async def test_ids(self) -> None:
        """
        The client's id is kept; without one it is 32 hex digits.
        """
        await self.ann.ask(11, private("bob", "x", id="mine"))
        await self.ann.ask(11, private("bob", "x"))
        await self.ann.ask(11, private("bob", "x", id=""))
        first, *others = await self.history("bob")
        self.assertEqual(first["id"], "mine")
        for one in others:
            self.assertRegex(one["id"], "^[0-9a-f]{32}$")

    async def test_repeats(self) -> None:
        """
        The same id with the same content is one message, pushed again; with
        other content it is another (D-41).
        """
        bob, _ = await self.pair()
        for content in ("x", "x", "y"):
            body = private("bob", content, id="m1", createTime=5)
            self.assertEqual(codes(await self.ann.ask(11, body), 12), [10000])
        self.assertEqual([content for _, content in said(await bob.sync())], ["x", "x", "y"])
        self.assertEqual([(one["id"], one["content"]) for one in await self.history("bob")], [("m1", "x"), ("m1", "y")])

    async def test_fewConnections(self) -> None:
        """
        Where a user may have only so many, a login ends its first, whatever
        the carrier; a login on a connection that is logged in ends none.  Who
        knows the user sees it stay.
        """
        live = await self.serve("--limit", "sessionsPerUser=2", "--lobby", "100=One")
        ann = await self.tcp(live.port, "ann")
        first, second = await self.tcp(live.port, "bob"), await self.ws(live.port, "bob")
        await first.login("bob")
        self.assertEqual((first.isClosed, second.isClosed), (False, False))
        await ann.sync()
        third = await self.ws(live.port, "bob")
        await first.closed()
        self.assertEqual(commands(await ann.sync()), [10, 9])
        self.assertEqual(codes(await ann.ask(11, private("bob", "x")), 12), [10000])
        for one in (second, third):
            self.assertEqual(said(await one.sync()), [("ann", "x")])

    async def test_everyConnection(self) -> None:
        """
        A user may have any number of connections of any kind; a push goes to
        all, and none is told of the others' own words.
        """
        bobs = [await self.tcp(self.live.port, "bob") for _ in range(3)]
        sockets = [await self.ws(self.live.port, "bob") for _ in range(3)]
        await self.ann.ask(11, private("bob", "x"))
        for one in (*bobs, *sockets):
            self.assertEqual(said(await one.sync()), [("ann", "x")])
        await bobs[0].ask(11, private("ann", "y"))
        for other in (*bobs[1:], *sockets):
            self.assertEqual(await other.sync(), [])
