"""
The log tells nobody's secrets, and nobody can write into it.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Any
from urllib.parse import quote

from twisted.logger import LogLevel, textFileLogObserver

from imtw.admin.jsonlog import jsonLogObserver
from imtw.test.clients import WebClient
from imtw.test.live import Live, LiveTestCase, LogBook, pause
from imtw.test.wire import CLOSE, basic, codes, frameOf, private, public, socketFrame, upgradeOf

SECRET = "canary-secret-0123456789"
PASSWORD = "canary-password"
WRONG = "canary-wrong-password"
TOKEN = "canary-token"
WORDS = "canary-words"
FORGED = "2026-01-01T00:00:00+0000 [imtw#info] forged"
BREAKS = [f"x\r\n{FORGED}", f"x\n{FORGED}", f"x\r{FORGED}"]
HOSTILE = [*BREAKS, "\x1b[2J\x1b[31mred\x07", "\x9b31m", "a\u2028b\x85c\x0bd\x0ce"]
LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[[^\]]*\] |\t)")  # a new entry, or more of the last


class SecretTests(LiveTestCase):
    """
    A whole session, with secrets that would be seen.
    """

    maxDiff = None
    observe: Any = staticmethod(textFileLogObserver)

    async def prepare(self) -> None:
        self.log = LogBook(self, LogLevel.debug, self.observe)
        secret = self.mktemp()
        with open(secret, "w", encoding="utf-8") as stream:
            stream.write(SECRET)
        self.live = await self.serve(
            *("--auth", "accounts:", "--store", f"sqlite:{self.mktemp()}", "--api-secret-file", secret)
        )

    def assertNoSecrets(self, *more: str) -> None:
        """
        None of the secrets, plain, quoted or in base64, is in the log.
        """
        text = self.log.text
        self.assertIn("ready", text)
        self.assertEqual([line for line in self.log.text.split("\n") if "canary" in line], [])
        for secret in (SECRET, PASSWORD, WRONG, TOKEN, WORDS, *more):
            for spelling in (secret, quote(secret), b64encode(secret.encode()).decode().rstrip("=")[:-1]):
                self.assertNotIn(spelling, text)

    async def test_session(self) -> None:
        """
        Logins right and wrong by every way, messages by every way, tokens,
        the operator's secret, what cannot be read, what breaks the wire.
        """
        port = self.live.port
        ann = await self.tcp(port, "ann", password=PASSWORD)
        bob = await self.upgrade(port, f"/?username=bob&password={PASSWORD}")
        self.assertLoggedIn(await bob.upTo(6))
        ann.say(119)
        token = (await ann.upTo(119))[-1]["data"]["token"]
        for fields in (
            *({"loginname": "ann", "password": WRONG}, {"token": TOKEN}, {"loginname": "x" * 65, "password": WRONG}),
            {"loginname": "ann", "password": PASSWORD, "token": TOKEN},
        ):
            client = await self.tcp(port)
            client.say(5, fields)
            await client.upTo(6)
        for query in (f"username=ann&password={WRONG}", f"token={TOKEN}", f"username=ann&password={WRONG}#{TOKEN}"):
            other = await self.upgrade(port, f"/?{query}")
            if other.status == 101:
                await other.upTo(6)
        await self.talk(ann)
        for headers in (
            *(basic("ann", PASSWORD), basic("ann", WRONG), {"Authorization": f"Bearer {TOKEN}"}),
            *({"Authorization": f"Bearer {SECRET}"}, {"Authorization": f"Bearer {token}"}, {"Cookie": TOKEN}),
        ):
            for path, body in (
                ("/api/message/send", private("bob", WORDS)),
                (f"/api/message/send?password={PASSWORD}", WORDS.encode()),
                ("/api/command/chat", {"to": "bob", "content": WORDS}),
                ("/api/command/login", {"name": "ann", "password": PASSWORD}),
                ("/api/command/revoke", {"token": TOKEN}),
                (f"/api/user/close?userid=nobody&token={TOKEN}", None),
                (f"/nowhere?password={PASSWORD}", None),
            ):
                await self.http(port, "POST", path, body, dict(headers))
        ann.say(118, {"token": token})
        await ann.upTo(118)
        self.assertNoSecrets(token)
        self.assertNothingLogged()

    async def talk(self, ann: Any) -> None:
        """
        Messages that are taken, and that are not.
        """
        for body in (
            *(private("bob", WORDS), public("100", WORDS), private("nobody", WORDS, extras={WORDS: WORDS}, nick=WORDS)),
            *(WORDS.encode(), f'{{"content":"{WORDS}"'.encode(), {"chatType": 9, "content": WORDS}),
            *(f'{{"chatType":2,"to":"bob","content":"\\ud800{WORDS}"}}'.encode(), private(WORDS, WORDS)),
        ):
            await ann.ask(11, body)
        await ann.ask(19, {"type": 1, "userId": "ann", "fromUserId": "bob"})

    async def test_brokenHandshakes(self) -> None:
        """
        Upgrades that fail for all that an upgrade can fail for, with a
        password in their query.
        """
        query = f"/?username=ann&password={PASSWORD}"
        good = upgradeOf(query)
        for data in (
            upgradeOf(f"{query}#{TOKEN}"),
            upgradeOf(query, {"Sec-WebSocket-Version": "99"}),
            upgradeOf(query, {"Sec-WebSocket-Version": "x"}),
            upgradeOf(query, {"Sec-WebSocket-Key": "short"}),
            upgradeOf(query, {"Upgrade": "h2c"}),
            upgradeOf(query, {"Connection": "close"}),
            upgradeOf(query, {"Host": "a:b:c"}),
            upgradeOf(query, {"Host": "x:y"}),
            upgradeOf(query, {"Origin": "::x"}),
            upgradeOf(query, {"Sec-WebSocket-Protocol": "a,a"}),
            upgradeOf(query, {"Sec-WebSocket-Extensions": f"{TOKEN}; ="}),
            good.replace(b"GET", b"POST"),
            good.replace(b"HTTP/1.1", b"HTTP/1.0"),
            good.replace(b"HTTP/1.1", b"HTTP/1.9"),
            good.replace(b"GET /", b"GET http://[/"),
            good.replace(b"GET /", b"GET //["),
            good.replace(b"password=", b"password=\xff"),
            good + b"\xff" * 100,
            good + socketFrame(WORDS.encode() + b"\xff"),
            good + socketFrame(b"\x03\xe8" + WORDS.encode(), 0x80 | CLOSE),
            good[:-2],
        ):
            client = await self.raw(self.live.port)
            client.write(data)
            await pause(0.02)
            await client.closedByUs()
        self.assertNoSecrets()
        self.assertNothingLogged()

    async def test_ourBug(self) -> None:
        """
        A handler that fails is in the log with its traceback, and without
        what it was given.
        """
        ann = await self.tcp(self.live.port, "ann", password=PASSWORD)

        def fail(*_: Any) -> None:
            raise RuntimeError("our bug")

        for code in (5, 11, 17):
            self.patch(self.live.core.registry.byCode[code], "handle", fail)
        self.assertEqual(codes(await ann.ask(11, private("bob", WORDS)), 12), [10002])
        await ann.ask(17, {"userid": WORDS, "type": 0})
        ann.say(5, {"loginname": "ann", "password": WRONG})
        await ann.upTo(6)
        await self.http(self.live.port, "POST", f"/api/command/chat?x={TOKEN}", {"to": "bob", "content": WORDS},
                        basic("ann", PASSWORD))  # fmt: skip
        self.assertEqual(self.log.text.count("RuntimeError: our bug"), 4)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 4)
        self.assertNoSecrets()


class ForgeryTests(LiveTestCase):
    """
    Names that would look like entries of the log, or colour it.
    """

    observe: Any = staticmethod(textFileLogObserver)

    async def prepare(self) -> None:
        self.log = LogBook(self, LogLevel.debug, self.observe)

    def assertNotForged(self) -> None:
        """
        Every line is the beginning of an entry, or indented, whatever takes
        lines apart; none of them is what somebody sent; nothing in them
        controls a terminal.
        """
        text = self.log.text
        for line in text.split("\n")[:-1]:
            self.assertRegex(line, LINE)
            self.assertNotIn(FORGED, line[:60])
            self.assertEqual([character for character in line[1:] if not character.isprintable()], [], repr(line))

    async def everywhere(self, live: Live) -> None:
        """
        Hostile texts wherever a text can be sent.
        """
        port = live.port
        ann = await self.tcp(port, "ann")
        for text in HOSTILE:
            client = await self.tcp(port)
            client.say(5, {"loginname": text, "password": text, "token": text, "device": text})
            await client.upTo(6)
            await self.tcp(port, f"u{HOSTILE.index(text)}", device=text)
            for command, body in (
                *((3, {"token": text}), (7, {"group_id": text}), (7, {"group_id": "g", "name": text})),
                *((11, private(text, text)), (11, private("bob", text, id=text, nick=text, extras={text: text}))),
                *((11, public(text, text)), (14, {"userid": text}), (15, {"id": text, "to": "bob"})),
                *((17, {"userid": text}), (19, {"userId": text, "type": 1}), (100, {"group": text})),
                *((104, {"to": text}), (118, {"token": text})),
            ):
                await ann.ask(command, body)
            await self.upgrade(port, f"/{quote(text)}?username={quote(text)}&{quote(text)}={quote(text)}")
            for path in (f"/{quote(text)}", f"/api/user/online?userid={quote(text)}", f"/api/command/{quote(text)}"):
                await self.http(port, "GET", path)
            await self.http(port, "POST", "/api/command/chat", {"to": text, text: text}, basic("ann", text))
            await self.http(port, "POST", "/api/command/chat", {"to": "bob", "kind": text}, basic(text, text))
            line = text.encode().replace(b"\r\n", b"\r").replace(b"\n", b"\r")
            for data in (
                b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % line,
                b"GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nConnection: close\r\n\r\n" % (line, line),
                b"GET / HTTP/1.1\r\nHost: x\r\n%s: x\r\n\r\n" % line,
                upgradeOf("/").replace(b"GET /", b"GET /" + line),
                upgradeOf("/").replace(b"\r\nUpgrade", b"\r\nOrigin: https://%s\r\nUpgrade" % line),
                upgradeOf("/").replace(b"\r\nUpgrade", b"\r\nSec-WebSocket-Protocol: %s\r\nUpgrade" % line),
                upgradeOf("/").replace(b"127.0.0.1", line),
                upgradeOf("/").replace(b": 13", b": " + line),
                upgradeOf("/") + socketFrame(b"\x03\xe8" + text.encode()[:100], 0x80 | CLOSE),
                b"\x01\x51" + text.encode(),
                text.encode(),
            ):
                raw = await self.connect(port, WebClient())
                raw.write(data)
                await pause(0.005)
                await raw.closedByUs()

    async def test_everywhere(self) -> None:
        """
        Nowhere does it come through.
        """
        await self.everywhere(await self.serve())
        await self.everywhere(await self.serve("--allow-origin", "https://chat.example.org"))
        self.assertNotForged()
        self.assertNothingLogged()

    async def test_failing(self) -> None:
        """
        Nor where handlers, the store, or the login check fail over it.
        """
        live = await self.serve()

        def fail(*_: Any) -> None:
            raise RuntimeError("our bug")

        for code in (3, 11, 15, 17, 19, 100, 104, 118):
            self.patch(live.core.registry.byCode[code], "handle", fail)
        await self.everywhere(live)
        self.assertNotEqual(self.flushLoggedErrors(RuntimeError), [])
        self.assertNotForged()

    async def test_accounts(self) -> None:
        """
        Nor where accounts are made and logins fail.
        """
        live = await self.serve("--auth", "accounts:", "--store", f"sqlite:{self.mktemp()}")
        for text in HOSTILE:
            for name in (text, "ann"):
                client = await self.tcp(live.port)
                client.say(5, {"loginname": name, "password": text})
                await client.upTo(6)
        self.assertNotForged()
        self.assertNothingLogged()

    async def test_long(self) -> None:
        """
        A megabyte of a name does not become a megabyte of log.
        """
        live = await self.serve()
        ann = await self.tcp(live.port, "ann")
        long = "x" * 1_000_000
        for command, body in (
            *((3, {"token": long}), (7, {"group_id": long}), (7, {"group_id": "g", "name": long})),
            *((11, private(long, "x")), (17, {"userid": long}), (15, {"id": long, "to": "bob"})),
            (118, {"token": long}),
        ):
            await ann.ask(command, body)
        stranger = await self.tcp(live.port)
        stranger.write(frameOf(5, b'{"loginname":"%s"}' % (b"x" * 60_000)))
        await stranger.upTo(6)
        await self.http(live.port, "GET", "/" + "x" * 60_000)
        await self.upgrade(live.port, f"/?username={'x' * 60_000}")
        self.assertLess(len(self.log.text), 10_000)
        self.assertNothingLogged()


class JSONSecretTests(SecretTests):
    """
    The same with a log of JSON.
    """

    observe = staticmethod(jsonLogObserver)


class JSONForgeryTests(ForgeryTests):
    """
    The same with a log of JSON.
    """

    observe = staticmethod(jsonLogObserver)

    def assertNotForged(self) -> None:
        """
        Every line is an entry of ours, whatever takes lines apart, and
        nothing in it controls a terminal.
        """
        lines = self.log.text.split("\n")
        self.assertEqual(lines.pop(), "")
        self.assertGreater(len(lines), 1)
        for line in lines:
            entry = json.loads(line)
            self.assertLessEqual({"time", "level", "system", "message"}, set(entry))
            self.assertFalse(entry["message"].startswith(FORGED))
            self.assertTrue(line.isprintable() and line.isascii(), line)


class ControlTests(LiveTestCase):
    """
    Negative controls: what is logged does show up here.
    """

    async def test_seen(self) -> None:
        """
        A text that is logged is found, and a line that is forged is, too.
        """
        book = LogBook(self, LogLevel.debug)
        live = await self.serve()
        live.server.log.debug("{words}", words=WORDS)
        self.assertIn(WORDS, book.text)
        live.server.log.info("{name}", name="\x1b[31m")
        self.assertNotEqual([one for one in book.text.split("\n")[-2][1:] if not one.isprintable()], [])

    async def test_seenInJSON(self) -> None:
        """
        The same with a log of JSON: a name that is logged is there, and
        forges nothing.
        """
        book = LogBook(self, LogLevel.debug, jsonLogObserver)
        live = await self.serve()
        for text in HOSTILE:
            live.server.log.info("{name} {words}", name=text, words=WORDS)
        logged = [json.loads(line) for line in book.lines[-len(HOSTILE) :]]
        self.assertEqual([entry["fields"]["name"] for entry in logged], HOSTILE)
        self.assertEqual(book.text.count(WORDS), 2 * len(HOSTILE))
        self.assertTrue(all(line.isprintable() and line.isascii() for line in book.lines))
