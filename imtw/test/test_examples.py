"""
The examples: what a third party adds works as a third party would use it.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import twisted.plugins
from imtw.test.checkout import checkout
from imtw.test.clients import Client, SocketClient, StreamClient
from imtw.test.environments import PART, InstalledTestCase
from imtw.test.live import LiveTestCase
from imtw.test.test_docs.pages import page
from imtw.test.wire import TEXT, basic

JOIN, CHAT, POLL, HELLO, INVITE = 7, 11, 21, 22, 23
NOT_SENT, JOINED, NOT_JOINED, UNKNOWN_COMMAND, OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND = (
    10002, 10011, 10012, 10017, 10100, 10101, 10102, 10103,
)  # fmt: skip
FOR_PLUGINS = {"interfaces", "model", "commands", "errors", "events", "plugin"}
FOR_DIALECTS = {f"protocols.{name}" for name in ("dialect", "voice", "streamvoice", "socketvoice", "framing")}


class PollTests(InstalledTestCase):
    """
    The poll: a command, its values on the store's shelf, a push.
    """

    def assertTallies(self, events: list[Any], votes: list[int]) -> None:
        """
        These are a push and the reply, and both say so.
        """
        self.assertEqual([event["command"] for event in events], [POLL, POLL])
        self.assertEqual(["code" in event for event in events], [False, True])
        self.assertEqual([event["data"]["votes"] for event in events], [votes, votes])

    async def test_everyCarrier(self) -> None:
        """
        One asks over TCP, others vote over WebSocket and HTTP, all in the
        group see it, the tally outlives the server, and C{--without poll}
        takes the command away.
        """
        port = await self.start()
        alice, bob = await self.tcp(port, "alice"), await self.ws(port, "bob")
        for client in (alice, bob):
            await client.ask(JOIN, {"cmd": JOIN, "group_id": "team"})
        await alice.sync()

        question = {"group": "team", "question": "午饭?", "choices": ["noodles", "rice"]}
        asked = await alice.ask(POLL, question)
        id = asked[-1]["data"]["id"]
        self.assertTallies(asked, [0, 0])
        self.assertEqual(asked[-1]["data"], {**question, "id": id, "votes": [0, 0]})
        self.assertEqual((await bob.sync())[-1]["data"]["question"], "午饭?")

        ballot = {"group": "team", "id": id, "choice": 1}
        self.assertTallies(await bob.ask(POLL, {"cmd": POLL, **ballot}), [0, 1])
        self.assertEqual([event["data"]["votes"] for event in await alice.sync()], [[0, 1]])

        answer = await self.http(port, "POST", "/api/command/poll", ballot, basic("carol"))
        self.assertEqual((answer.status, answer.json["code"]), (403, FORBIDDEN), "she is no member")
        await (await self.tcp(port, "carol")).ask(JOIN, {"group_id": "team"})
        answer = await self.http(port, "POST", "/api/command/poll", ballot, basic("carol"))
        self.assertEqual((answer.status, answer.json["data"]["votes"]), (200, [0, 2]))
        self.assertEqual((await alice.sync())[-1]["data"]["votes"], [0, 2])
        self.assertEqual((await bob.sync())[-1]["data"]["votes"], [0, 2])

        again = await alice.ask(POLL, {**ballot, "choice": 0}) + await alice.ask(POLL, ballot)
        self.assertEqual([event["data"]["votes"] for event in again], [[1, 2], [1, 2], [0, 3], [0, 3]])
        await self.assertRefused(alice, id)

        await self.server.stop()
        port = await self.start()
        alice = await self.tcp(port, "alice")
        self.assertEqual((await alice.ask(POLL, {"group": "team", "id": id}))[-1]["data"]["votes"], [0, 3])

        await self.server.stop()
        port = await self.start("--without=poll")
        answer = await self.http(port, "POST", "/api/command/poll", ballot, basic("alice"))
        self.assertEqual(answer.status, 404)
        bob = await self.ws(port, "bob")
        self.assertEqual((await bob.ask(POLL, {"cmd": POLL, **ballot}))[-1]["code"], UNKNOWN_COMMAND)
        alice = await self.tcp(port, "alice")
        alice.say(POLL, ballot)
        await alice.closed()  # a frame of an unknown command is no frame of J-IM's
        self.assertNotIn(b"Traceback", self.server.output)

    async def assertRefused(self, alice: StreamClient, id: str) -> None:
        """
        What makes no sense is refused, and nobody is told.
        """
        for status, body in [
            (FORBIDDEN, {"group": "elsewhere", "question": "?", "choices": ["a", "b"]}),
            (BAD_REQUEST, {"group": "team", "question": "?", "choices": ["a"]}),
            (BAD_REQUEST, {"group": "team", "question": "", "choices": ["a", "b"]}),
            (BAD_REQUEST, {"group": "team", "id": id, "choice": 2}),
            (BAD_REQUEST, {"group": "team", "id": id, "choice": -1}),
            (BAD_REQUEST, {"group": "team", "id": id[:8], "choice": 0}),
            (NOT_FOUND, {"group": "team", "id": "0" * 32, "choice": 0}),
        ]:
            (reply,) = await alice.ask(POLL, body)
            self.assertEqual(reply["code"], status, body)
        await alice.ask(JOIN, {"group_id": "other"})
        (reply,) = await alice.ask(POLL, {"group": "other", "id": id})
        self.assertEqual(reply["code"], NOT_FOUND, "a poll is its group's")


class LineClient(Client):
    """
    Telnet, or nc.
    """

    async def hears(self, *lines: str) -> None:
        """
        The next lines are these.
        """
        wanted = "".join(f"{line}\r\n" for line in lines).encode()
        await self.until(lambda: len(self.received) >= len(wanted), str(lines))
        heard, self.received = self.received[: len(wanted)], self.received[len(wanted) :]
        if heard != wanted:
            raise AssertionError(f"{heard.decode()!r}, wanted {wanted.decode()!r}")


class LineSocket(SocketClient):
    """
    A page that sends what it is typed as it is.
    """

    def _frame(self, first: int, payload: bytes) -> None:
        self.frames.append((first, payload))

    async def hears(self, *lines: str) -> None:
        """
        The next messages are these.
        """
        await self.until(lambda: len(self.frames) >= len(lines), str(lines))
        heard, self.frames = self.frames[: len(lines)], self.frames[len(lines) :]
        wanted = [(0x80 | TEXT, line.encode()) for line in lines]
        if heard != wanted:
            raise AssertionError(f"{heard}, wanted {wanted}")


class LinesTests(InstalledTestCase):
    """
    The dialect for telnet.
    """

    async def test_conversation(self) -> None:
        """
        Who types lines chats with J-IM's clients, on the common port and
        off-line; what makes no sense is answered, and too long a line ends
        the connection.
        """
        port = await self.start()
        bob = await self.tcp(port, "bob")
        await bob.ask(JOIN, {"group_id": "tea"})
        alice = await self.lines(port)
        for line in (b"login alice secret\r\njo", b"in tea\n", "say tea 有人吗?  yes\n".encode(), b"tell bob hi\n"):
            alice.write(line)
        for line in (b"tell carol later\n", b"tell bob\n", b"\n", b"dance\n", b"say tea \x1b[2J\n"):
            alice.write(line)
        no = "* no. login NAME PASSWORD, join GROUP, say GROUP TEXT, tell USER TEXT, quit"
        await alice.hears(
            "* you are alice",
            "* you are in tea",
            "[tea] alice: 有人吗?  yes",
            "* carol is not here, and will get it later",
            no,
            no,
            no,
            "[tea] alice:  [2J",
        )
        heard = [event["data"] for event in await bob.sync() if event["command"] == CHAT]
        said = [(data["from"], data["content"]) for data in heard if data.get("group_id") == "tea"]
        self.assertEqual(said, [("alice", "有人吗?  yes"), ("alice", "\x1b[2J")])
        self.assertEqual([data["content"] for data in heard if data.get("to") == "bob"], ["hi"])
        await bob.ask(CHAT, {"cmd": CHAT, "chatType": 1, "msgType": 0, "group_id": "tea", "content": "tea\nis: ready"})
        await bob.ask(CHAT, {"cmd": CHAT, "chatType": 2, "msgType": 0, "to": "alice", "content": "hi yourself"})
        await alice.hears("[tea] bob: tea is: ready", "bob: hi yourself")

        alice.write(b"quit\n")
        await alice.closed()
        mallory = await self.lines(port)
        mallory.write(b"login mallory " + b"x" * 5000)
        await mallory.closed()
        stranger = await self.lines(port)
        stranger.write(b"login \nsay tea hello\n")
        await stranger.hears(no, no)
        self.assertNotIn(b"Traceback", self.server.output)

    async def test_webSocket(self) -> None:
        """
        The same requests are messages of a WebSocket at its path.
        """
        port = await self.start()
        bob = await self.lines(port)
        bob.write(b"login bob secret\njoin tea\n")
        await bob.hears("* you are bob", "* you are in tea")
        alice = await self.connect(port, LineSocket())
        self.assertEqual(await alice.upgrade("/lines"), 101)
        for line in ("login alice secret", "join tea", "say tea 有人吗?", "tell carol later", "dance"):
            alice.send(line.encode())
        await alice.hears(
            "* you are alice",
            "* you are in tea",
            "[tea] alice: 有人吗?",
            "* carol is not here, and will get it later",
            "* no. login NAME PASSWORD, join GROUP, say GROUP TEXT, tell USER TEXT, quit",
        )
        await bob.hears("[tea] alice: 有人吗?")
        bob.write(b"say tea yes\n")
        await bob.hears("[tea] bob: yes")
        await alice.hears("[tea] bob: yes")
        alice.send(b"say tea " + b"x" * 5000)
        await alice.closed()
        self.assertNotIn(b"Traceback", self.server.output)

    async def lines(self, port: int) -> LineClient:
        """
        A new connection.
        """
        return await self.connect(port, LineClient())


class FileTests(LiveTestCase):
    """
    The examples that are just files in a folder that Python knows.
    """

    def use(self, name: str) -> None:
        """
        Have one of them found, until the test ends.
        """
        folder = self.mktemp()
        source = checkout(PART) / "examples" / name
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__", "*.cache"))
        self.patch(sys, "path", [*sys.path, folder])
        self.patch(twisted.plugins, "__path__", [*twisted.plugins.__path__, os.path.join(folder, "twisted", "plugins")])
        known = set(sys.modules)
        self.addCleanup(lambda: [sys.modules.pop(new) for new in set(sys.modules) - known if "acme_" in new])

    async def test_hello(self) -> None:
        """
        A command in one file greets over every carrier.
        """
        self.use("hello")
        live = await self.serve()
        answer = await self.http(live.port, "POST", "/api/command/hello")
        self.assertEqual(answer.json["data"], {"text": "hello, stranger"})
        answer = await self.http(live.port, "POST", "/api/command/hello", headers=basic("alice"))
        self.assertEqual(answer.json["data"], {"text": "hello, alice"})
        for client in (await self.tcp(live.port, "bob"), await self.ws(live.port, "bob")):
            told = await client.ask(HELLO, {"cmd": HELLO})
            self.assertEqual((told[-1]["code"], told[-1]["data"]), (OK, {"text": "hello, bob"}))

    async def test_badwords(self) -> None:
        """
        A chat filter changes some messages and refuses others.
        """
        self.use("badwords")
        words = Path(self.mktemp())
        words.write_text("darn\nd.ck\n!spam\n", encoding="utf-8")
        self.patch(os, "environ", {**os.environ, "ACME_BADWORDS": str(words)})
        live = await self.serve()
        alice, bob = await self.tcp(live.port, "alice"), await self.ws(live.port, "bob")
        codes = []
        for text in ("darn it, DARNED duck", "buy Spam", "bye"):
            told = await alice.ask(CHAT, {"cmd": CHAT, "chatType": 2, "msgType": 0, "to": "bob", "content": text})
            codes.append(told[-1]["code"])
        self.assertEqual(codes, [10000, NOT_SENT, 10000])
        heard = [event["data"]["content"] for event in await bob.sync() if event["command"] == CHAT]
        self.assertEqual(heard, ["**** it, ****ED duck", "bye"])

    async def test_companyLogin(self) -> None:
        """
        A login checker lets the company's people in and nobody else.
        """
        self.use("company_login")
        file = self.mktemp()
        from acme_company import hashOf  # type: ignore[import-not-found, unused-ignore]

        with closing(sqlite3.connect(file)) as database, database:
            database.execute("CREATE TABLE staff (login TEXT PRIMARY KEY, salt BLOB, hash BLOB)")
            database.execute("INSERT INTO staff VALUES (?, ?, ?)", ("alice", b"salt", hashOf("right", b"salt")))
        live = await self.serve("--auth", f"company:{file}")
        told = []
        for name, password in (("alice", "right"), ("alice", "wrong"), ("bob", "right"), ("alice' --", "right")):
            told += (await (await self.tcp(live.port)).login(name, password))[-1:]
        self.assertEqual([event["code"] for event in told], [10007, 10008, 10008, 10008])

    async def test_invited(self) -> None:
        """
        Into a closed group comes who made it or was invited; other groups
        are open.
        """
        self.use("invited")
        live = await self.serve()
        alice, bob = await self.tcp(live.port, "alice"), await self.tcp(live.port, "bob")

        async def joins(client: StreamClient, group: str) -> int:
            return int(next(event["code"] for event in await client.ask(JOIN, {"group_id": group}) if "code" in event))

        invitation = {"group": "closed-1", "user": "bob"}
        self.assertEqual(await joins(alice, "closed-1"), JOINED)
        self.assertEqual(await joins(bob, "closed-1"), NOT_JOINED)
        self.assertEqual((await bob.ask(INVITE, invitation))[-1]["code"], FORBIDDEN)
        self.assertEqual((await alice.ask(INVITE, invitation))[-1]["code"], OK)
        self.assertEqual(await joins(bob, "closed-1"), JOINED)
        self.assertEqual(await joins(alice, "closed-1"), JOINED, "again, as clients do after each login")
        self.assertEqual(await joins(bob, "open"), JOINED)


class TextTests(SynchronousTestCase):
    """
    The examples as they can be read.
    """

    def sources(self) -> Iterator[Path]:
        """
        Their modules.
        """
        return (checkout(PART) / "examples").glob("*/**/*.py")

    def test_imports(self) -> None:
        """
        They import of imtw only what plugins may, as the rules for plugins
        have it.
        """
        rules = page("docs/plugins.rst").read_text("utf-8").partition("\nRules\n")[2]
        self.assertEqual(set(re.findall(r"``imtw\.([a-z.]+)``", rules)) - {"limits"}, FOR_PLUGINS | FOR_DIALECTS)
        found = set()
        for source in self.sources():
            for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "imtw":
                    found.add(node.module.removeprefix("imtw."))
                elif isinstance(node, ast.Import):
                    found.update(name.name for name in node.names if name.name.split(".")[0] == "imtw")
        self.assertIn("interfaces", found)
        self.assertLessEqual(found, FOR_PLUGINS | FOR_DIALECTS)

    def test_fifteenLines(self) -> None:
        """
        A command is a file of fifteen lines.
        """
        (source,) = [source for source in self.sources() if source.name == "acme_hello.py"]
        lines = [line for line in source.read_text(encoding="utf-8").splitlines() if line.strip()]
        self.assertLessEqual(len(lines), 15)

    def test_noPackages(self) -> None:
        """
        None of them has a C{twisted/__init__.py}, which would spoil Twisted.
        """
        for source in self.sources():
            self.assertFalse(source.name == "__init__.py" and "twisted" in source.parts[-3:], source)
