"""
The servers that are measured: imtw as a user starts it, and the baseline.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

from bench import processes
from bench.stage import HERE, SERVER, Stage, pinned
from imtw.verify.server import CannotStart, Server, freePort

PATIENCE = 60.0  # seconds for a server to end


class Running:
    """
    A server that runs.

    @ivar folder: where its files are.
    """

    def __init__(self, pid: int, port: int, folder: str) -> None:
        self.pid = pid
        self.port = port
        self.folder = folder

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

    def run(self, stage: Stage) -> Running:
        """
        Within a C{with}: run one.
        """


@dataclass(frozen=True)
class Imtw:
    """
    C{twistd jim}.

    @ivar store: C{--store}; in C{{folder}} is the run's own.
    @ivar options: beside port and store.
    @ivar inside: a module of the benchmark that runs in the process, with its
        arguments.
    """

    store: str = "memory:"
    options: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    @contextmanager
    def run(self, stage: Stage) -> Iterator[Running]:
        """
        Run one.
        """
        folder = stage.newFolder()
        server = self.prepare(folder)
        try:
            with pinned(SERVER):
                server.start()
            yield Running(server.pid, server.address[1], folder)
            stop(server)
        finally:
            server.kill()

    def prepare(self, folder: str) -> Server:
        """
        One that is to be started.
        """
        server = Server(folder, ["--store", self.store.format(folder=folder), *self.options])
        if self.inside:
            module, *arguments = self.inside
            script = [str(HERE / "inside" / f"{module}.py"), *(word.format(folder=folder) for word in arguments)]
            server.runner = ["-P", *script]
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

    @contextmanager
    def run(self, stage: Stage) -> Iterator[Running]:
        """
        Run one.
        """
        folder = stage.newFolder()
        port = freePort()
        words = [str(stage.tools / "cbase"), str(port)]
        if self.durable:
            words.append(str(Path(folder, "log")))
        with pinned(SERVER):
            process = subprocess.Popen(words)
        try:
            began = monotonic()
            while not processes.listens(port):
                if process.poll() is not None or monotonic() - began > PATIENCE:
                    raise CannotStart("the baseline does not start")
                sleep(0.005)
            yield Running(process.pid, port, folder)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
