"""
The servers that are measured: imtw as a user starts it, and the baseline.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

from bench import processes
from bench.stage import HERE, SERVER, Stage, pinned
from bench.stock import Stock
from imtw.test.protocols.certificates import makeCertificate
from imtw.verify.server import CannotStart, Server, freePort

PATIENCE = 60.0  # seconds for a server to end


@dataclass
class Running:
    """
    A server that runs.

    @ivar folder: where its files are.
    @ivar began: when its process was started, by the monotonic clock.
    @ivar tlsPort: with TLS, or 0.
    @ivar isWatched: it waits for SIGUSR1 to look at itself, and SIGUSR2 to stop.
    """

    pid: int
    port: int
    folder: str
    began: float
    tlsPort: int = 0
    isWatched: bool = False

    def look(self, isWanted: bool) -> None:
        """
        What may be inside of it is to look, or to look no more.
        """
        if self.isWatched:
            os.kill(self.pid, signal.SIGUSR1 if isWanted else signal.SIGUSR2)

    @property
    def cpu(self) -> float:
        """
        Seconds of CPU it has had.
        """
        return processes.cpu(self.pid)

    @property
    def memory(self) -> int:
        """
        Bytes it has in memory.
        """
        return processes.memory(self.pid)


class Servable(Protocol):
    """
    A server that can be started.
    """

    def run(self, stage: Stage) -> AbstractContextManager[Running]:
        """
        Run one.
        """


@dataclass(frozen=True)
class Imtw:
    """
    C{twistd jim}.

    @ivar store: C{--store}; in C{{folder}} is the run's own.
    @ivar options: beside port and store.
    @ivar stock: what is in the database to begin with.
    @ivar isRead: it is only read, and no copy of it is needed.
    @ivar hasTLS: it has a second port, with TLS.
    @ivar inside: a module of L{bench.inside} that looks at it, and the file
        for what it sees; or nothing.
    """

    store: str = "memory:"
    options: tuple[str, ...] = ()
    stock: Stock | None = None
    isRead: bool = False
    hasTLS: bool = False
    inside: tuple[str, str] | tuple[()] = ()

    @contextmanager
    def run(self, stage: Stage) -> Iterator[Running]:
        """
        Run one.
        """
        folder = stage.newFolder()
        server, tlsPort = self.prepare(stage, folder), 0
        if self.hasTLS:
            tlsPort = freePort()
            pem = os.path.join(folder, "tls.pem")
            makeCertificate(pem)
            server.options += ["--port", f"ssl:{tlsPort}:interface=127.0.0.1:privateKey={pem}:certKey={pem}"]
        began = monotonic()
        try:
            with pinned(SERVER):
                server.start()
            if tlsPort:  # which it opens after the other
                untilListens(tlsPort, server.process, began)
            yield Running(server.pid, server.address[1], folder, began, tlsPort, self.inside[:1] == ("sampling",))
            stop(server)
        finally:
            server.kill()

    def prepare(self, stage: Stage, folder: str) -> Server:
        """
        One that is to be started.
        """
        store = self.store
        if self.stock is not None:
            store = "sqlite:{folder}/imtw.db"
            if self.isRead:
                store = f"sqlite:{self.stock.file(stage)}"
            else:
                self.stock.copy(stage, str(Path(folder, "imtw.db")))
        server = Server(folder, ["--store", store.format(folder=folder), *self.options])
        if self.inside:
            module, file = self.inside
            program = (
                f"import sys; sys.path.append({str(HERE.parent)!r}); from bench.inside.{module} import main; main()"
            )
            server.runner = ["-c", program, file.format(folder=folder)]
        return server


def stop(server: Server) -> None:
    """
    Let a server end as it does when asked to.
    """
    server.terminate()
    assert server.process is not None
    try:
        server.process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        raise CannotStart(f"the server did not end: {server.logTail()}") from None


@dataclass(frozen=True)
class Baseline:
    """
    C{cbase}.

    @ivar durable: it syncs what it acknowledges.
    """

    durable: bool = False

    def run(self, stage: Stage) -> AbstractContextManager[Running]:
        """
        Run one.
        """
        folder = stage.newFolder()
        return program(folder, [str(stage.tools / "cbase")], [str(Path(folder, "log"))] if self.durable else [])


@dataclass(frozen=True)
class Bare:
    """
    Twisted with no chat server in it: L{bench.bare}.
    """

    def run(self, stage: Stage) -> AbstractContextManager[Running]:
        """
        Run one.
        """
        return program(stage.newFolder(), [sys.executable, "-m", "bench.bare"])


def untilListens(port: int, process: subprocess.Popen[bytes] | None, began: float) -> None:
    """
    Wait for a server to take connections.

    @raise CannotStart: it does not.
    """
    while not processes.listens(port):
        if process is None or process.poll() is not None or monotonic() - began > PATIENCE:
            raise CannotStart(f"nothing listens on port {port}")
        sleep(0.005)


@contextmanager
def program(folder: str, before: Sequence[str], after: Sequence[str] = ()) -> Iterator[Running]:
    """
    Run a program that is told its port, and kill it in the end.

    @param before: what stands before the port.
    """
    port = freePort()
    began = monotonic()
    with pinned(SERVER):
        process = subprocess.Popen([*before, str(port), *after])
    try:
        untilListens(port, process, began)
        yield Running(process.pid, port, folder, began)
    finally:
        process.kill()
        process.wait()
