"""
Throw-away servers: real ones, each a process of its own, with their files in
a folder of the run.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from secrets import randbelow
from time import monotonic, sleep
from typing import IO

import imtw
from imtw.verify.crowd import Address

HOST = "127.0.0.1"
START = 30.0  # seconds
LOWEST = 10000  # of the ports to listen on
#: What runs the server: twistd itself, or the same with something taken out of it (imtw.verify.sabotage).
TWISTD = ["-c", "from twisted.scripts.twistd import run; run()"]
SABOTAGED = ["-m", "imtw.verify.sabotage"]
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(imtw.__file__)))
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


class CannotStart(Exception):
    """
    A server did not come up; its log is in the message.
    """


class Server:
    """
    One server.  Use it in a C{with} statement.

    @ivar address: where it listens, the same after each start.
    @ivar process: while it runs.
    @ivar runner: what Python is told to run it.
    @ivar starts: how often it was started.
    """

    def __init__(
        self,
        folder: str,
        options: Sequence[str] = (),
        sabotage: str = "",
        wrapper: Sequence[str] = (),
        database: str = "imtw.db",
    ) -> None:
        """
        @param options: of C{twistd jim}, beside port and store.
        @param sabotage: what is taken out of it, by the names of
            L{imtw.verify.sabotage}.
        @param wrapper: a command that runs the server's.
        """
        self.folder = folder
        self.options = list(options)
        self.sabotage = sabotage
        self.wrapper = list(wrapper)
        self.runner = SABOTAGED if sabotage else TWISTD
        self.database = os.path.join(folder, database)
        self.address: Address = (HOST, freePort())
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self._log: IO[bytes] | None = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def launch(self) -> None:
        """
        Start it, and wait for nothing.
        """
        words = [sys.executable, *self.runner, "--nodaemon", "--pidfile=", "jim"]
        host, port = self.address
        words += ["--port", f"tcp:{port}:interface={host}", "--store", f"sqlite:{self.database}"]
        words += ["--admin", "none", "--auth", "anyone:", "--lobby", "none", *self.options]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])}
        environment["IMTW_SABOTAGE"] = self.sabotage
        self._log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(
            [*self.wrapper, *words],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.starts += 1

    def start(self) -> float:
        """
        Start it, and wait until it takes connections.

        @return: how long that took, in seconds.
        @raise CannotStart: it does not.
        """
        began = monotonic()
        self.launch()
        while not self.takesConnections():
            if self.process is None or self.process.poll() is not None or monotonic() - began > START:
                self.kill()
                raise CannotStart(f"the server does not start: {self.logTail()}")
            sleep(0.005)
        return monotonic() - began

    def takesConnections(self) -> bool:
        """
        Does it listen?
        """
        try:
            socket.create_connection(self.address, 1.0).close()
        except OSError:
            return False
        return True

    @property
    def isAlive(self) -> bool:
        """
        Does the process live?
        """
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """
        The server's own process, whatever runs it.
        """
        assert self.process is not None
        pid = self.process.pid
        if self.wrapper:
            for child in childrenOf(pid):
                return child
        return pid

    def kill(self) -> None:
        """
        Kill it: kill -9, at once.
        """
        process, self.process = self.process, None
        if process is not None:
            for pid in [*(childrenOf(process.pid) if self.wrapper else []), process.pid]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None

    def terminate(self) -> None:
        """
        Ask it to stop: SIGTERM.
        """
        os.kill(self.pid, signal.SIGTERM)

    def logTail(self, lines: int = 5) -> str:
        """
        The end of its log.
        """
        try:
            with open(os.path.join(self.folder, "log"), "rb") as stream:
                return " | ".join(stream.read()[-4000:].decode("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return "no log"

    def memory(self) -> int:
        """
        Bytes that the process has in memory.
        """
        with open(f"/proc/{self.pid}/statm", "rb") as stream:
            return int(stream.read().split()[1]) * PAGE_SIZE

    def peak(self) -> int:
        """
        Bytes that the process had in memory at most, since L{forgetPeak}.
        """
        with open(f"/proc/{self.pid}/status", "rb") as stream:
            for line in stream:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0

    def forgetPeak(self) -> None:
        """
        Count L{peak} from here on.
        """
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as stream:
            stream.write("5")

    def worked(self) -> float:
        """
        Seconds of processor that the process has had, all its threads
        together.
        """
        with open(f"/proc/{self.pid}/stat", "rb") as stream:
            fields = stream.read().rpartition(b") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def descriptors(self) -> int:
        """
        How many files and sockets it has open.
        """
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def childrenOf(pid: int) -> list[int]:
    """
    The processes that a process has started.
    """
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as stream:
            return [int(word) for word in stream.read().split()]
    except OSError:
        return []


def freePort() -> int:
    """
    A port that nobody has, below those that the system gives to whoever asks
    for any.  So nobody else is given it before a server listens there, nor
    between two lives of one; and who connects too early never meets itself.
    """
    while True:
        port = LOWEST + randbelow(_handedOut() - LOWEST)
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((HOST, port))
            except OSError:  # somebody has it
                continue
        return port


def _handedOut() -> int:
    """
    The first of the ports that the system hands out.
    """
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", "rb") as stream:
            return max(LOWEST + 1000, int(stream.read().split()[0]))
    except OSError:
        return 32768  # or above, wherever there is no such file
