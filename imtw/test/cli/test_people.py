"""
Tests of C{imtw user} and C{imtw group}, with a server and without.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

from imtw.admin import door
from imtw.model import groupPair
from imtw.persistence.schema import Lock
from imtw.test.cli.harness import IMTW, PATIENCE, CommandTestCase, Server


class AloneTests(CommandTestCase):
    """
    Where no server runs.
    """

    def test_user(self) -> None:
        """
        Make users, change them, list them: a whole life, in a new file.
        """
        out = self.done("user", "add", "ann", "--password-file", "-", stdin=b"secret\n")
        self.assertEqual(
            out, "imtw.db was not there and is new: start the server with --store sqlite:imtw.db\nmade user ann\n"
        )
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        with open(os.path.join(self.folder, "pw"), "wb") as stream:
            stream.write("密码 mit Leerzeichen \r\nsecond line".encode())
        self.assertEqual(self.done("user", "add", "--password-file=pw", "李雷"), "made user 李雷\n")
        self.assertEqual(self.done("user", "operator", "ann", "yes"), "ann is an operator now\n")
        self.assertEqual(self.done("user", "list"), "ann\tann\toperator\n李雷\t李雷\t-\n")
        self.assertEqual(self.done("user", "operator", "ann", "no"), "ann is no operator now\n")
        out = self.done("user", "passwd", "ann", "--password-file", "pw")
        self.assertEqual(out, "changed the password of ann\n")
        self.assertEqual(self.done("user", "list"), "ann\tann\t-\n李雷\t李雷\t-\n")

        server = self.serve("--signup=closed")
        for name, password, code in (
            ("李雷", "密码 mit Leerzeichen ", 200),
            ("ann", "密码 mit Leerzeichen ", 200),
            ("ann", "secret", 401),
        ):
            self.assertEqual(server.post("/api/command/heartbeat", {}, name, password), code, (name, password))

    def test_refusals(self) -> None:
        """
        What cannot be done is said in one line, and nothing is changed.
        """
        for words in ("user list", "group list", "user passwd ann", "user operator ann yes", "export 100 --to x"):
            self.assertIn("imtw.db is not there: give the server's database", self.refused(*words.split()))
        self.assertEqual(os.listdir(self.folder), [])
        add = ("user", "add", "ann", "--password-file", "-")
        self.assertIn("there is no terminal to ask for the password", self.refused("user", "add", "ann"))
        self.assertIn("this is no password", self.refused(*add, stdin=b"\n"))
        self.assertIn("is not UTF-8", self.refused(*add, stdin=b"\xff\n"))
        self.assertIn("--password-file: pw cannot be read", self.refused(*add[:-1], "pw"))
        self.done(*add, stdin=b"secret\n")
        self.assertIn("there is a user 'ann' already", self.refused(*add, stdin=b"other\n"))
        for words in ("user operator bob yes", "user passwd bob --password-file -"):
            self.assertIn("there is no user 'bob'", self.refused(*words.split(), stdin=b"x\n"))
        for text in (b"no database", b"SQLite format 3\0" + b"x" * 5000):
            with open(os.path.join(self.folder, "other.db"), "wb") as stream:
                stream.write(text)
            for words in ("user list", "user operator ann yes"):
                self.assertIn("other.db", self.refused(*words.split(), "--store", "sqlite:other.db"))

    def test_terminal(self) -> None:
        """
        On a terminal the password is asked for, twice, and not shown.
        """
        status, shown = self.onTerminal("user", "add", "ann", answers=["geheim", "geheim"])
        self.assertEqual(status, 0, shown)
        self.assertIn("New password of ann:", shown)
        self.assertIn("made user ann", shown)
        self.assertNotIn("geheim", shown)
        status, shown = self.onTerminal("user", "passwd", "ann", answers=["geheim", "gehiem"])
        self.assertEqual(status, 1, shown)
        self.assertIn("imtw: the two passwords differ: nothing was changed", shown)

    async def test_groups(self) -> None:
        """
        Groups are listed, also where nobody has written in them.
        """
        await self.fill(groupPair("大厅"), ["ann"], ["hello"])
        await self.fill(groupPair("100"), ["ann"], ["hello"])
        self.assertEqual(self.done("group", "list"), "100\tgroup 100\n大厅\tgroup 大厅\n")

    def test_outputFails(self) -> None:
        """
        Whoever reads the list may have enough of it; where it cannot be
        written that is one line.
        """
        self.done("user", "add", "ann", "--password-file", "-", stdin=b"secret\n")
        read, write = os.pipe()
        os.close(read)
        full = os.open("/dev/full", os.O_WRONLY)
        for output, complaint in ((write, b""), (full, b"imtw: input or output: No space left on device\n")):
            with open(output, "wb") as failing:
                ended = subprocess.run(
                    [sys.executable, "-c", IMTW, "user", "list"],
                    stdout=failing, stderr=subprocess.PIPE, cwd=self.folder, env=self.environment, timeout=PATIENCE,
                    check=False,
                )  # fmt: skip
            self.assertEqual((ended.returncode, ended.stderr), (1, complaint))

    def test_inUse(self) -> None:
        """
        A file that somebody holds who cannot be asked is left alone.
        """
        self.done("user", "add", "ann", "--password-file", "-", stdin=b"secret\n")
        lock = Lock(self.path)
        self.addCleanup(lock.release)
        line = self.refused("user", "operator", "ann", "yes")
        self.assertIn(f"imtw.db is in use by process {os.getpid()}, which has no admin listener", line)
        self.assertEqual(self.done("user", "list"), "ann\tann\t-\n")


class ServedTests(CommandTestCase):
    """
    Where a server holds the file.
    """

    def isOperator(self, server: Server, name: str) -> bool:
        """
        May this user do what operators may: end somebody's connections?
        """
        return server.post("/api/command/close", {"user": "somebody"}, name, "secret") == 200

    def test_user(self) -> None:
        """
        The same commands, through the server; the flag counts at once, and
        the password, too.
        """
        server = self.serve()
        add = ("user", "add", "ann", "--password-file=-")
        self.assertEqual(self.done(*add, stdin=b"secret\n"), "made user ann\n")
        self.assertIn("there is a user 'ann' already", self.refused(*add, stdin=b"other\n"))
        self.assertFalse(self.isOperator(server, "ann"))
        self.done("user", "operator", "ann", "yes")
        self.assertTrue(self.isOperator(server, "ann"))
        self.assertEqual(self.done("user", "list"), "ann\tann\toperator\n")
        self.done("user", "operator", "ann", "no")
        self.assertFalse(self.isOperator(server, "ann"))
        self.assertIn("there is no user 'bob'", self.refused("user", "operator", "bob", "yes"))
        self.done("user", "passwd", "ann", "--password-file=-", stdin=b"other\n")
        self.assertEqual(server.post("/api/command/heartbeat", {}, "ann", "secret"), 401)
        self.assertEqual(server.post("/api/command/heartbeat", {}, "ann", "other"), 200)
        self.assertEqual(self.done("group", "list"), "100\tJ-IM朋友圈\n")
        server.stop()
        self.assertEqual(self.done("user", "list"), "ann\tann\t-\n")
        self.assertFalse(os.path.exists(self.path + ".admin"))
        for text in ("secret", "other", "Traceback"):
            self.assertNotIn(text, self.log())

    def test_publicPort(self) -> None:
        """
        What is the operator's is not on the clients' port, with the secret
        or without.
        """
        server = self.serve()
        found = door.read(self.path)
        assert found is not None
        for path in ("/metrics", "/healthz", "/readyz", "/server", "/users", "/groups", "/users/add", "/tokens/revoke"):
            for headers in ({}, {"Authorization": f"Bearer {found.secret}"}):
                self.assertEqual(server.get(path, headers), 404, path)

    def test_killed(self) -> None:
        """
        What a killed server leaves beside the file keeps nobody from it.
        """
        self.serve().stop(signal.SIGKILL)
        self.assertTrue(os.path.exists(self.path + ".admin"))
        self.done("user", "add", "ann", "--password-file=-", stdin=b"secret\n")
        self.assertEqual(self.done("user", "list"), "ann\tann\t-\n")

    def test_noListener(self) -> None:
        """
        Without its admin listener a server can only be read beside.
        """
        server = self.serve("--admin=none", hasDoor=False)
        line = self.refused("user", "add", "ann", "--password-file=-", stdin=b"secret\n")
        self.assertIn(f"in use by process {server.process.pid}, which has no admin listener", line)
        self.assertEqual(self.done("user", "list"), "")
