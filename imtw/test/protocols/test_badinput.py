"""
What nobody should send, in frames, messages and bodies: each gets the
documented answer, or the end of its connection, and nobody else notices.
"""

from __future__ import annotations

from struct import pack
from typing import Any

from imtw.test.live import BystanderTestCase
from imtw.test.wire import CLOSE, PING, TEXT, basic, codes, private, said, socketFrame

FAILURES = {3: 10010, 5: 10008, 7: 10017, 11: 10002, 14: 10020, 15: 10017, 17: 10004, 19: 10015}


def nested(opening: bytes, closing: bytes, depth: int, around: bytes = b"%s") -> bytes:
    """
    Brackets within brackets.
    """
    return around.replace(b"%s", opening * depth + closing * depth)


EXTRAS = b'{"cmd":11,"chatType":2,"to":"cid","content":"x","extras":{"a":%s}}'
TIME = b'{"cmd":11,"chatType":2,"to":"cid","content":"x","createTime":%s}'
CONTENT = b'{"cmd":11,"chatType":2,"to":"cid","content":%s}'
MANY = 60_000  # more than may be in a body, and still a WebSocket message
BOMBS = {
    "100,000 brackets": b"[" * 100_000,
    "100,000 brackets, closed": nested(b"[", b"]", 100_000),
    "100,000 objects": b'{"a":' * 100_000,
    "65 levels": nested(b"[", b"]", 64, EXTRAS),
    "900 levels": nested(b"[", b"]", 900, EXTRAS),
    "990 objects": nested(b'{"a":', b"}", 990, EXTRAS).replace(b":}", b":1}"),
    "10,000 levels": nested(b"[", b"]", 10_000, EXTRAS),
    "many keys": b'{"cmd":11,' + b",".join(b'"k%d":1' % number for number in range(MANY // 2)) + b"}",
    "many values": EXTRAS.replace(b"%s", b"[" + b"0," * MANY + b"0]"),
    "many commas": EXTRAS.replace(b"%s", b"[" + b"," * MANY + b"x]"),
    "NaN": TIME.replace(b"%s", b"NaN"),
    "Infinity": TIME.replace(b"%s", b"Infinity"),
    "-Infinity": TIME.replace(b"%s", b"-Infinity"),
    "1e999": TIME.replace(b"%s", b"1e999"),
    "a text that is NaN": TIME.replace(b"%s", b'"NaN"'),
    "a text that is 1e999": TIME.replace(b"%s", b'"1e999"'),
    "NaN in extras": EXTRAS.replace(b"%s", b"NaN"),
    "1e999 in extras": EXTRAS.replace(b"%s", b"1e999"),
    "400 digits": TIME.replace(b"%s", b"9" * 400),
    "400 digits in a text": TIME.replace(b"%s", b'"' + b"9" * 400 + b'"'),
    "400 digits in extras": EXTRAS.replace(b"%s", b"9" * 400),
    "400,000 digits": TIME.replace(b"%s", b"9" * 400_000),
    "400,000 digits in a text": TIME.replace(b"%s", b'"' + b"9" * 400_000 + b'"'),
    "400,000 digits in extras": EXTRAS.replace(b"%s", b"9" * 400_000),
    "20 digits": TIME.replace(b"%s", b"9" * 20),
    "half a pair": CONTENT.replace(b"%s", rb'"\ud800"'),
    "the other half": CONTENT.replace(b"%s", rb'"\udc00\ud800x"'),
    "half a pair in a key": EXTRAS.replace(b"%s", rb'{"\ud800":1}'),
    "half a pair in the address": CONTENT.replace(b"cid", rb"\udfff").replace(b"%s", b'"x"'),
    "a word": TIME.replace(b"%s", b'"soon"'),
    "an object": TIME.replace(b"%s", b"{}"),
    "UTF-16": CONTENT.replace(b"%s", b'"x"').decode().encode("utf-16"),
    "an open text": CONTENT.replace(b"%s", b'"x')[:-1],
    "an open escape": CONTENT.replace(b"%s", b'"\\')[:-1],
    "backslashes": CONTENT.replace(b"%s", b'"' + b"\\" * 100_001)[:-1],
    "quotes": b'"' * 100_001,
    "colons": b"{" + b":" * 100_000 + b"}",
    "a comment": b"/*" * 50_000,
    "XML": b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]><lolz>&lol;</lolz>',
    "zero bytes": b"\x00" * 50_000,
}


class BombTests(BystanderTestCase):
    """
    JSON that is made to hurt.
    """

    async def test_overTCP(self) -> None:
        """
        As a chat each is 10002, and the connection stays.
        """
        client = await self.tcp(self.port, "mallory")
        for name, body in BOMBS.items():
            self.assertEqual(codes(await client.ask(11, body), 12), [10002], name)

    async def test_overWebSocket(self) -> None:
        """
        As a message each is 10002, or 10017 where it has no command that
        could be found.
        """
        client = await self.ws(self.port, "mallory")
        for name, body in BOMBS.items():
            client.send(body)
            (event,) = await client.hear()
            self.assertIn(event["code"], (10002, 10017), name)

    async def test_overHTTP(self) -> None:
        """
        As a message each is 400 with 10002, and as any command 400.
        """
        for name, body in BOMBS.items():
            answer = await self.http(self.port, "POST", "/api/message/send", body)
            self.assertEqual((answer.status, answer.json["code"]), (400, 10002), name)
            headers = basic("mallory")
            answer = await self.http(self.port, "POST", "/api/command/chat", body, headers)
            self.assertEqual((answer.status, answer.json["code"]), (400, 10101), name)

    async def test_everyCommand(self) -> None:
        """
        Each command has its answer to what cannot be read.
        """
        for name in ("100,000 brackets", "many keys", "half a pair", "400 digits", "zero bytes", "XML", "900 levels"):
            client = await self.tcp(self.port, "mallory")
            for command, code in FAILURES.items():
                body = BOMBS[name]
                events = await client.ask(command, body)
                self.assertEqual([one["code"] for one in events], [code], (name, command))

    async def test_beforeLogin(self) -> None:
        """
        Without a login, too.
        """
        for name, body in BOMBS.items():
            if len(body) < 64 * 1024:
                client = await self.tcp(self.port)
                events = await client.ask(5, body)
                self.assertEqual([one["code"] for one in events], [10008], name)

    async def test_deepOverHTTP(self) -> None:
        """
        However deep it is, what is taken over HTTP can be told and read; the
        rest is refused.
        """
        headers = basic("mallory")
        cid = await self.tcp(self.port, "cid")
        for depth in (10, 60, 100, 500, *range(880, 1000, 6)):
            extras = b'{"a":' * depth + b"1" + b"}" * depth
            body = b'{"to":"cid","content":"%d","extras":%s}' % (depth, extras)
            answer = await self.http(self.port, "POST", "/api/command/chat", body, headers)
            self.assertIn(answer.status, (200, 400), depth)
            self.assertEqual(len(said(await cid.sync())), int(answer.status == 200), depth)
            cid.say(19, {"userId": "cid", "type": 1, "fromUserId": "mallory"})
            self.assertEqual((await cid.upTo(20))[-1]["code"], 10018, depth)

    async def test_largeNumbers(self) -> None:
        """
        Integers that no 64 bits hold are relayed as they came, or refused,
        whichever way they come.
        """
        cid = await self.tcp(self.port, "cid")
        client = await self.tcp(self.port, "mallory")
        headers = basic("mallory")
        for number in (2**53 + 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**30, 10**99, 10**100, 10**400):
            extras = {"n": number}
            code = codes(await client.ask(11, private("cid", "x", extras=extras)), 12)[0]
            events = await cid.sync()
            self.assertIn(code, (10000, 10002), number)
            if code == 10000:
                self.assertEqual([one["data"]["extras"] for one in events if one["command"] == 11], [extras])
            answer = await self.http(
                self.port, "POST", "/api/command/chat", {"to": "cid", "content": "y", "extras": extras}, headers
            )
            self.assertIn(answer.status, (200, 400), number)
            self.assertEqual(len(said(await cid.sync())), int(answer.status == 200), number)
            cid.say(19, {"userId": "cid", "type": 1, "fromUserId": "mallory"})
            self.assertEqual((await cid.upTo(20))[-1]["code"], 10018, number)

    async def test_foreignExtras(self) -> None:
        """
        Extras that look like imtw's own shape, sent over HTTP, spoil neither
        the push nor the history.
        """
        cid = await self.tcp(self.port, "cid")
        headers = basic("mallory")
        shapes: tuple[dict[str, Any], ...] = (
            *({"jim": 1}, {"jim": "x"}, {"jim": []}, {"jim": [1]}, {"jim": {"nothing": 1}}, {"jim": {"__class__": 1}}),
            *({"jim": {"sender": "ann"}}, {"jim": {"id": 5, "seq": "x"}}, {"jim": {"createTime": "x", "msgType": {}}}),
            *({"jim": {"to": None}}, {"jim": {"extras": 1}}, {"jim": {"": 1}}, {"": 1}, {"jim": None}),
        )
        for extras in shapes:
            body = {"to": "cid", "content": "x", "extras": extras}
            answer = await self.http(self.port, "POST", "/api/command/chat", body, headers)
            self.assertIn(answer.status, (200, 400), extras)
            told = said(await cid.sync())
            self.assertEqual(told, [("mallory", "x")] * (answer.status == 200), extras)
            cid.say(19, {"userId": "cid", "type": 1, "fromUserId": "mallory"})
            answers = (await cid.upTo(20))[-1]
            self.assertEqual(answers["code"], 10018, extras)
            rows = answers.get("data", {}).get("friends", {}).get("mallory", [])
            self.assertEqual({one["from"] for one in rows} - {"mallory"}, set(), extras)


class LengthTests(BystanderTestCase):
    """
    Lengths that lie.
    """

    async def test_frames(self) -> None:
        """
        A J-IM frame whose length is negative or huge ends its connection as
        soon as its header is there, with or without a synSeq, logged in or
        not.
        """
        for name in ("", "mallory"):
            for length in (-1, -2, -(2**31), 2**31 - 1, 2**30, 2202010):
                for header in (b"\x01\x51\x0b", b"\x01\xf1\x00\x00\x00\x07\x0b", b"\x01\x51\x0d"):
                    client = await self.tcp(self.port, name)
                    heard = len(client.received)
                    client.write(header + pack(">i", length))
                    self.assertLess(await client.closed(), 2.0)
                    self.assertEqual(client.received[heard:], b"")

    async def test_attempts(self) -> None:
        """
        A hundred of them at once, each with a megabyte behind it.
        """
        clients = [await self.tcp(self.port) for _ in range(100)]
        for client in clients:
            client.write(b"\x01\x51\x0b\x7f\xff\xff\xff" + b"x" * 1_000_000)
        for client in clients:
            await client.closed()
        self.assertEqual({client.received for client in clients}, {b""})

    async def test_otherVersions(self) -> None:
        """
        A later frame of another version, or of no command, ends the
        connection.
        """
        for frame in (b"\x02\x51\x0d\x00\x00\x00\x00", b"\x00" * 7, b"\xff" * 11, b"GET / HTTP/1.1\r\n\r\n"):
            client = await self.tcp(self.port)
            await client.sync()
            client.write(frame)
            await client.closed()
            self.assertEqual(len(client.frames), 1)

    async def test_webSocketFrames(self) -> None:
        """
        WebSocket frames that break RFC 6455, or are too long, end their
        connection with 1002 or 1009.
        """
        key = b"\x00\x00\x00\x00"
        for name, data in {
            "2 GiB": bytes([0x81, 0xFF]) + pack(">Q", 2**31) + key,
            "2^63": bytes([0x81, 0xFF]) + pack(">Q", 2**63) + key,
            "2^64 - 1": bytes([0x82, 0xFF]) + b"\xff" * 8 + key,
            "above the limit": bytes([0x81, 0xFF]) + pack(">Q", 524289) + key,
            "unmasked": b"\x81\x02hi",
            "continuation of nothing": socketFrame(b"{}", 0x80),
            "text within a text": socketFrame(b"{", TEXT) + socketFrame(b"{}", 0x81),
            "fragmented ping": socketFrame(b"", PING),
            "long ping": socketFrame(b"x" * 126, 0x80 | PING),
            "close of one byte": socketFrame(b"\x03", 0x80 | CLOSE),
            "close code 999": socketFrame(b"\x03\xe7", 0x80 | CLOSE),
            "close code 1005": socketFrame(b"\x03\xed", 0x80 | CLOSE),
            "close reason of no UTF-8": socketFrame(b"\x03\xe8\xff", 0x80 | CLOSE),
        }.items():
            client = await self.ws(self.port, "mallory")
            client.events.clear()
            client.write(data)
            await client.closed()
            self.assertIn(client.code, (1002, 1009), name)
            self.assertEqual(client.events, [], name)

    async def test_endlessFragments(self) -> None:
        """
        A message whose fragments do not end: over at the limit, empty ones,
        too, count for something or do no harm.
        """
        client = await self.ws(self.port, "mallory")
        client.write(socketFrame(b"{", TEXT))
        for _ in range(600):
            client.write(socketFrame(b" " * 1024, 0))
        await client.closed()
        self.assertEqual(client.code, 1009)
        client = await self.ws(self.port, "mallory")
        client.events.clear()
        client.write(socketFrame(b'{"cmd":', TEXT) + socketFrame(b"", 0) * 20_000 + socketFrame(b"13}", 0x80))
        self.assertEqual(await client.hear(), [{"command": 13, "data": {"hbbyte": -128}}])

    async def test_noCompression(self) -> None:
        """
        Compression is offered by the client and not taken up; a bomb has
        nowhere to go off, and is data like any other.
        """
        client = await self.upgrade(
            self.port, "/?username=mallory&password=x", {"Sec-WebSocket-Extensions": "permessage-deflate"}
        )
        self.assertEqual(client.status, 101)
        self.assertNotIn(b"sec-websocket-extensions", client.head.lower())
        client.events.clear()
        client.send(b"\x00" * 1000, 0xC2)
        self.assertEqual(codes(await client.upTo(0), 0), [10017])
        answer = await self.http(
            self.port, "POST", "/api/message/send", b"\x1f\x8b" + b"\x00" * 1000, {"Content-Encoding": "gzip"}
        )
        self.assertEqual(answer.status, 400)
