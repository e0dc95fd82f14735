"""
Tests of C{imtw doctor}.
"""

from __future__ import annotations

import os
import resource
import socket
import sqlite3
import subprocess
import sys

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from imtw.cli import machine
from imtw.cli.findings import NOTE, OK, WRONG, sizeOf
from imtw.limits import Limits
from imtw.model import Draft, Fact, groupPair
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.cli.harness import IMTW, PATIENCE, CommandTestCase, Ended
from imtw.verify.server import freePort


class DoctorTests(CommandTestCase):
    """
    The whole command.
    """

    def doctor(self, *arguments: str, files: int = 0) -> dict[str, list[tuple[str, str]]]:
        """
        Run it.

        @param files: the limit on open files, if there is to be one.
        @return: (level, what was found) by what was looked at.
        """
        ended = self.ended(*arguments, files=files)
        self.assertEqual(ended.err, "")
        *lines, last = ended.out.splitlines()
        found: dict[str, list[tuple[str, str]]] = {}
        for line in lines:
            if not line.startswith(" "):
                found.setdefault(line[6:26].strip(), []).append((line[:6].strip(), line[26:]))
        wrong = [level for findings in found.values() for level, _ in findings].count(WRONG)
        self.assertTrue(last.endswith(f" {wrong} wrong"), last)
        self.assertEqual(ended.status, 1 if wrong else 0, ended.out)
        self.out = ended.out
        return found

    def ended(self, *arguments: str, files: int = 0) -> Ended:
        """
        Run it, and see how it ends.
        """

        def limit() -> None:
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        ended = subprocess.run(
            [sys.executable, "-c", IMTW, "doctor", *arguments],
            capture_output=True, cwd=self.folder, env=self.environment, timeout=PATIENCE, check=False,
            preexec_fn=limit,
        )  # fmt: skip
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def levels(self, found: dict[str, list[tuple[str, str]]], what: str) -> list[str]:
        """
        The levels of one thing.
        """
        return [level for level, _ in found[what]]

    async def test_good(self) -> None:
        """
        A sound file: every row is looked at, and nothing about it is wrong.
        """
        await self.fill(groupPair("100"), ["ann"], [f"text {number}" for number in range(2500)])
        found = self.doctor()
        for what in ("Python", "Twisted", "msgspec", "SQLite", "server", "database", "disk"):
            self.assertEqual(self.levels(found, what), [OK], self.out)
        self.assertEqual(found["integrity"], [(OK, "the file is sound, and so is every row (2500)")])
        self.assertEqual(found["server"], [(OK, "none has imtw.db open")])
        self.assertIn("argon2", found)
        self.assertIn("port 9733", found)
        self.assertIn("port 9734", found)

    async def test_journal(self) -> None:
        """
        Rows that are in the journal are counted, too, each once, with or
        without a look at them.
        """
        group = groupPair("100")
        await self.fill(group, ["ann"], ["one", "two"])
        store = SQLiteStore(self.path, reactor, Limits())
        await store.start()
        try:
            await self.store(store, [Draft(group, f"late{number}", "ann", "late", 0) for number in range(30)])
            self.looked(32)
            # A message is taken back in its place: now all are there and in the journal.
            await self.store(store, [Draft(group, "late7", "ann", None, 0, fact=Fact.RECALL)])
            with sqlite3.connect(self.path) as connection:
                self.assertEqual(connection.execute("SELECT count(*) FROM messages").fetchone(), (33,))
                self.assertEqual(connection.execute("SELECT count(*) > 0 FROM journal").fetchone(), (1,))
            connection.close()
            self.looked(33)
        finally:
            await store.stop()

    def looked(self, rows: int) -> None:
        """
        Check how many rows are found.
        """
        self.assertEqual(self.doctor()["integrity"], [(OK, f"the file is sound, and so is every row ({rows})")])
        self.assertIn(f"about {rows} rows", self.doctor("--quick")["integrity"][0][1])

    async def test_forgedRow(self) -> None:
        """
        A row that was changed behind imtw's back is named.
        """
        await self.fill(groupPair("100"), ["ann"], [f"text {number}" for number in range(20)])
        with sqlite3.connect(self.path) as connection:
            connection.execute("UPDATE messages SET content = 'forged' WHERE seq = 8")
            connection.execute("DELETE FROM messages WHERE seq = 12")
        connection.close()
        found = self.doctor()
        wrong = [text for level, text in found["integrity"] if level == WRONG]
        self.assertEqual(len(wrong), 2, self.out)
        self.assertIn("message 8 of conversation", wrong[0])
        self.assertIn("message 13 of conversation", wrong[1])
        self.assertIn("-> stop the server, keep a copy of the file", self.out)
        quick = self.doctor("--quick")
        self.assertEqual(self.levels(quick, "integrity"), [NOTE])

    async def test_damagedFile(self) -> None:
        """
        A file with a page that is no page, and one that is cut off: wrong,
        and no traceback.
        """
        await self.fill(groupPair("100"), ["ann"], ["x" * 200] * 2000)
        with sqlite3.connect(self.path) as connection:
            (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'messages'").fetchone()
        connection.close()
        with open(self.path, "rb") as stream:
            sound = stream.read()
        at = (page - 1) * 4096
        for damaged in (sound[:at] + b"\xa5" * 4096 + sound[at + 4096 :], sound[: len(sound) // 8192 * 4096]):
            with open(self.path, "wb") as stream:
                stream.write(damaged)
            found = self.doctor()
            self.assertIn(WRONG, self.levels(found, "integrity"), self.out)
            self.assertLessEqual(len(found["integrity"]), 12)
        with open(self.path, "wb") as stream:
            stream.write(b"This is no database at all, whatever its name says.\n" * 100)
        self.assertEqual(self.levels(self.doctor(), "integrity"), [WRONG], self.out)

    async def test_otherVersion(self) -> None:
        """
        A database of a later release is wrong, but not damaged: nobody is
        told to restore a backup.
        """
        await self.fill(groupPair("100"), ["ann"], ["hi"])
        sqlite3.connect(self.path).execute("PRAGMA user_version = 99").connection.close()
        found = self.doctor()
        (text,) = [text for level, text in found["database"] if level == WRONG]
        self.assertIn("a newer one", text)
        self.assertNotIn("integrity", found)
        self.assertNotIn("backup", self.out)

    def test_none(self) -> None:
        """
        Before the first start there is no file, and that is all right; a
        folder that is not there is not. A low limit on open files is noted,
        one that is too low is wrong.
        """
        found = self.doctor(files=1024)
        self.assertEqual(found["database"], [(OK, "imtw.db is not there; the server makes it at its first start")])
        self.assertNotIn("integrity", found)
        self.assertEqual(self.levels(found, "open files"), [NOTE])
        self.assertIn("--limit connections=924", self.out)
        self.assertEqual(os.listdir(self.folder), [])
        found = self.doctor("--store", "sqlite:nowhere/imtw.db", files=128)
        self.assertEqual(self.levels(found, "database"), [WRONG])
        self.assertEqual(self.levels(found, "open files"), [WRONG])

    def test_besideServer(self) -> None:
        """
        A server that runs is found, with its ports; files that others could
        read are noted.
        """
        server = self.serve()
        os.chmod(self.path + ".admin", 0o644)
        found = self.doctor()
        (level, text), = found["server"]
        self.assertEqual(level, OK)
        self.assertIn(f"process {server.process.pid} has imtw.db open and listens on ports ", text)
        self.assertIn(str(server.port), text)
        self.assertEqual(self.levels(found, "integrity"), [OK])
        self.assertEqual(self.levels(found, "admin file"), [NOTE])
        self.assertIn("chmod 600", self.out)


class PortTests(SynchronousTestCase):
    """
    What is said of a port.
    """

    def setUp(self) -> None:
        other = socket.socket()
        self.addCleanup(other.close)
        other.bind(("127.0.0.1", 0))
        other.listen()
        self.taken = int(other.getsockname()[1])
        self.free = freePort()

    def test_levels(self) -> None:
        """
        It is free, or ours, or somebody's: then it is wrong if the server
        has yet to start.
        """
        for port, ours, level in (
            (self.free, set[int](), OK),
            (self.free, {1}, OK),
            (self.taken, set[int](), WRONG),
            (self.taken, {self.taken}, OK),
            (self.taken, {1}, OK),
            (self.taken, None, NOTE),
        ):
            self.assertEqual(machine.portFinding(port, "--port", ours).level, level, (port, ours))

    def test_advice(self) -> None:
        """
        The option that helps is named.
        """
        self.assertIn("--admin tcp:PORT", machine.portFinding(self.taken, "--admin", set()).advice)


class MachineTests(SynchronousTestCase):
    """
    What is said of libraries and versions.
    """

    def test_versions(self) -> None:
        """
        Versions are compared as numbers.
        """
        self.assertLess(machine.numbers("26.9.1"), machine.numbers("26.10"))
        self.assertLessEqual(machine.numbers("26.10"), machine.numbers("26.10.0"))

    def test_libraries(self) -> None:
        """
        Each is there in a wanted version, too old, too new, or not there.
        """
        self.patch(machine, "requirements", lambda: ["a>=1.10", "b[x]>=2", "c>=1,<2", "d>=1", "e"])
        there = {"a": "1.9", "b": "2.0", "c": "2.0.1", "e": "0.1", "tqdm": ""}
        self.patch(machine, "versionOf", lambda name: there.get(name, ""))
        found = {finding.what: finding for finding in machine.libraries()}
        levels = {what: finding.level for what, finding in found.items()}
        self.assertEqual(levels, {"a": WRONG, "b": OK, "c": WRONG, "d": WRONG, "e": OK, "tqdm": NOTE})
        self.assertEqual(found["a"].found, "1.9; wanted >= 1.10")
        self.assertEqual(found["a"].advice, "pip install 'a>=1.10'")
        self.assertEqual(found["d"].found, "not there; wanted >= 1")

    def test_requirements(self) -> None:
        """
        What imtw needs is known, installed or not.
        """
        self.assertIn("Twisted", " ".join(machine.requirements()))

    def test_sizes(self) -> None:
        """
        Sizes are for people.
        """
        for size, text in ((0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (1024**3, "1 GiB")):
            self.assertEqual(sizeOf(size), text)
        self.assertEqual(sizeOf(1024**5), "1024 TiB")
