"""
For tests of C{imtw}: the command as a process of its own, on a real file,
beside a real server or without one.
"""

from __future__ import annotations

import http.client
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from imtw.admin import door
from imtw.limits import Limits
from imtw.model import Draft, Message, Pair, User
from imtw.persistence.sqlite import SQLiteStore
from imtw.verify.server import freePort

IMTW = "from imtw.cli import main; main()"
TWISTD = "from twisted.scripts.twistd import run; run()"
PATIENCE = 20  # seconds for any process
HOST = "127.0.0.1"


def basic(name: str, password: str) -> str:
    """
    The value of an Authorization header for a basic login.
    """
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


class Ended(NamedTuple):
    """
    How a command ended.
    """

    status: int
    out: str
    err: str


class Waiter:
    """
    Waits for messages to be stored.
    """

    def __init__(self, count: int) -> None:
        self.stored: list[Message] = []
        self.done: Deferred[None] = Deferred()
        self._count = count

    def appended(self, message: Message | None) -> None:
        """
        One is.
        """
        assert message is not None
        self.stored.append(message)
        if len(self.stored) == self._count:
            self.done.callback(None)

    def refused(self, error: Exception) -> None:
        """
        One is not.
        """
        self.done.errback(error)


class Server:
    """
    A server in a process of its own.

    @ivar port: its port for clients.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def post(self, path: str, body: Any, name: str, password: str) -> int:
        """
        A request as somebody who is nobody special on this machine.

        @return: the HTTP status.
        """
        return self._ask("POST", path, json.dumps(body), {"Via": "1.1 proxy", "Authorization": basic(name, password)})

    def get(self, path: str, headers: dict[str, str]) -> int:
        """
        Ask for something.

        @return: the HTTP status.
        """
        return self._ask("GET", path, None, headers)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def stop(self, kind: int = signal.SIGTERM) -> None:
        """
        End it, and wait for that.
        """
        if self.process.poll() is None:
            self.process.send_signal(kind)
            self.process.wait(PATIENCE)


class CommandTestCase(TestCase):
    """
    A folder for a database, and commands that run in it.
    """

    timeout = 60

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.makedirs(self.folder)
        self.path = os.path.join(self.folder, "imtw.db")
        here = os.pathsep.join(one for one in sys.path if one)
        self.environment = {**os.environ, "PYTHONPATH": here, "COLUMNS": "80"}

    def imtw(self, *arguments: str, stdin: bytes = b"") -> Ended:
        """
        Run C{imtw} without a terminal.
        """
        ended = subprocess.run(
            [sys.executable, "-c", IMTW, *arguments],
            input=stdin, capture_output=True, cwd=self.folder, env=self.environment, timeout=PATIENCE, check=False,
        )  # fmt: skip
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def done(self, *arguments: str, stdin: bytes = b"") -> str:
        """
        Run C{imtw}, which is to end well.

        @return: what it says.
        """
        ended = self.imtw(*arguments, stdin=stdin)
        self.assertEqual((ended.status, ended.err), (0, ""), ended)
        return ended.out

    def refused(self, *arguments: str, stdin: bytes = b"") -> str:
        """
        Run C{imtw}, which is to say in one line what is wrong.

        @return: the line.
        """
        ended = self.imtw(*arguments, stdin=stdin)
        self.assertEqual((ended.status, ended.out), (1, ""), ended)
        self.assertTrue(ended.err.startswith("imtw: "), ended.err)
        self.assertEqual(ended.err.count("\n"), 1, ended.err)
        return ended.err

    def onTerminal(self, *arguments: str, answers: Iterable[str]) -> tuple[int, str]:
        """
        Run C{imtw} on a terminal, and answer what it asks.

        @return: the exit status, and what the terminal shows.
        """
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        process = subprocess.Popen(
            [sys.executable, "-c", IMTW, *arguments],
            stdin=slave, stdout=slave, stderr=slave, cwd=self.folder, env=self.environment, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        shown = b""
        waiting = list(answers)
        until = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < until:
                if not select.select([master], [], [], 0.2)[0]:
                    continue
                try:
                    data = os.read(master, 4096)
                except OSError:  # the other end is closed
                    break
                if not data:
                    break
                shown += data
                if data.rstrip().endswith(b":") and waiting:
                    os.write(master, waiting.pop(0).encode() + b"\n")
            return process.wait(PATIENCE), shown.decode()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            os.close(master)

    def serve(self, *arguments: str, hasDoor: bool = True) -> Server:
        """
        Start a server on the database, until the test ends.
        """
        port, admin = freePort(), freePort()
        if not any(one.startswith("--admin") for one in arguments):
            arguments = (*arguments, f"--admin=tcp:{admin}:interface={HOST}")
        log = open(os.path.join(self.folder, "server.log"), "wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-c", TWISTD, "-n", "--pidfile=", "jim", f"--port=tcp:{port}:interface={HOST}",
                 *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=self.environment,
            )  # fmt: skip
        server = Server(process, port)
        self.addCleanup(server.stop)
        until(lambda: process.poll() is not None or (self._isServed(process.pid) if hasDoor else answers(port)))
        if process.poll() is not None:
            self.fail(f"the server ended: {self.log()}")
        return server

    def log(self) -> str:
        """
        What the server wrote.
        """
        with open(os.path.join(self.folder, "server.log"), encoding="utf-8") as stream:
            return stream.read()

    async def fill(self, pair: Pair, senders: Iterable[str], contents: Iterable[str]) -> list[Message]:
        """
        Put messages into the database, where no server holds it.
        """
        store = SQLiteStore(self.path, reactor, Limits())
        await store.start()
        try:
            for name in dict.fromkeys(senders):
                await store.addAccount(User(name, name), "")
                if not pair.b:
                    await store.join(name, pair.a, f"group {pair.a}", 10)
            names = list(senders)
            return await self.store(
                store,
                [
                    Draft(pair, f"id{number}", names[number % len(names)], text, 1_700_000_000_000 + number)
                    for number, text in enumerate(contents)
                ],
            )
        finally:
            await store.stop()

    async def store(self, store: SQLiteStore, drafts: Sequence[Draft]) -> list[Message]:
        """
        Put rows into the database, through a store that has it open.
        """
        waiter = Waiter(len(drafts))
        for draft in drafts:
            store.append(draft, waiter)
        await waiter.done
        return waiter.stored

    def _isServed(self, pid: int) -> bool:
        """
        Has this process written where its admin listener is?
        """
        found = door.read(self.path)
        return found is not None and found.pid == pid


def answers(port: int) -> bool:
    """
    Does somebody listen there?
    """
    with socket.socket() as one:
        return one.connect_ex((HOST, port)) == 0


def until(isSo: Callable[[], bool]) -> None:
    """
    Wait for something to be so.
    """
    end = time.monotonic() + PATIENCE
    while not isSo():
        if time.monotonic() > end:
            raise AssertionError(f"{PATIENCE} s passed")
        time.sleep(0.02)
