"""
Load on a server, as C{c/loadgen.c} makes it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from random import Random
from time import monotonic
from typing import Any

from bench import processes
from bench.dialects import Dialect
from bench.servers import Running
from bench.shapes import Numbers, Unsound
from bench.stage import LOAD, SERVER, Amount, Stage, coreOf, pinned
from bench.stock import Stock, tokenOf

SECONDS = (0.4, 2.0)
WARMUP = (0.2, 0.5)
READY = "ready\n"
MOST_USERS = 20000  # who come and go
SOURCES = 20  # addresses for clients that come and go: each has few ports


@dataclass(frozen=True)
class Load:
    """
    What clients do.

    @ivar mode: of the load generator.
    @ivar dialects: given to the clients in turns.
    @ivar text: what they say.
    @ivar window: how much is outstanding, for each who speaks.
    @ivar rate: messages a second in all, for an open loop; or 0.
    @ivar stock: whose users' tokens the clients have.
    @ivar places: they are given numbers below this as well, at random but
        the same in each round; or 0.
    @ivar options: of the load generator.
    """

    mode: str
    dialects: tuple[Dialect, ...]
    text: str = "private"
    clients: Amount = 2
    window: int = 1
    rate: Amount = 0
    seconds: Amount = SECONDS
    stock: Stock | None = None
    places: Amount = 0
    options: tuple[str, ...] = ()

    def words(self, stage: Stage, server: Running) -> list[str]:
        """
        How to run the load generator.
        """
        words = [str(stage.tools / "loadgen"), "--mode", self.mode, "--port", str(server.port)]
        words += ["--server", str(server.pid), "--clients", str(stage.count(self.clients))]
        words += ["--window", str(self.window), "--rate", str(stage.size(self.rate))]
        words += ["--seconds", str(stage.size(self.seconds)), "--warmup", str(stage.size(WARMUP))]
        if self.mode in ("churn", "hold"):
            words += ["--sources", str(SOURCES)]
        for dialect in self.dialects:
            words += ["--script", stage.write("script", dialect.script(self.text))]
        if self.stock is not None or self.places:
            words += ["--vars", self._variables(stage)]
        return [*words, *self.options]

    def _variables(self, stage: Stage) -> str:
        """
        A file with a token and a place for each client.
        """
        random = Random(1)
        most = stage.count(self.places) or 1
        users = range(self.stock.accounts if self.stock is not None else stage.count(self.clients))
        lines = (f"{tokenOf(user)}\t{random.randrange(most)}\n" for user in islice(users, MOST_USERS))
        return stage.write("variables", "".join(lines))

    def run(self, stage: Stage, server: Running) -> Numbers:
        """
        Put a server under this load.

        @return: what the load generator says, latencies in ms, and
            C{others}, the part of the time that other programs had the
            server's core; C{reactor}, the part of the server's CPU time that
            its first thread had.
        @raise Unsound: not all went as it has to.
        """
        before, own = processes.busy(coreOf(SERVER)), server.cpu
        began = monotonic()
        with self._begun(stage, server) as process:
            assert process.stdout is not None
            reactor, all_ = processes.reactor(server.pid), server.cpu
            server.look(True)
            out = process.stdout.readline()
            server.look(False)
            reactor, all_ = processes.reactor(server.pid) - reactor, server.cpu - all_
            numbers = self._numbers(out, process.communicate()[1])
        took = monotonic() - began
        numbers["others"] = max(0.0, processes.busy(coreOf(SERVER)) - before - (server.cpu - own)) / took
        numbers["reactor"] = reactor / all_
        return numbers

    @contextmanager
    def speaking(self, stage: Stage, server: Running) -> Iterator[None]:
        """
        Let this load run beside something else, from when its clients are
        there to its end.

        @raise Unsound: not all went as it has to.
        """
        with self._begun(stage, server) as process:
            yield
            self._numbers(*process.communicate())

    @contextmanager
    def _begun(self, stage: Stage, server: Running) -> Iterator[subprocess.Popen[str]]:
        """
        A load generator whose clients are there.
        """
        with pinned(LOAD):
            process = subprocess.Popen(
                [*self.words(stage, server), "--linger"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert process.stdout is not None and process.stderr is not None
        try:
            line = process.stderr.readline()
            if line != READY:
                raise Unsound(line.strip())
            yield process
        finally:
            process.kill()
            process.communicate()

    def _numbers(self, out: str, problem: str) -> dict[str, float]:
        """
        What the load generator said.

        @raise Unsound: not all went as it has to.
        """
        if not out:
            raise Unsound(problem.strip() or "the load generator said nothing")
        found: dict[str, Any] = json.loads(out)
        check(found, self)
        numbers = {key: float(value) for key, value in found.items() if key != "mode"}
        for key in ("p50", "p99", "p999", "max"):
            numbers[key] = numbers.pop(f"{key}_us") / 1000
        return numbers

    @contextmanager
    def held(self, stage: Stage, server: Running) -> Iterator[Numbers]:
        """
        Let the clients of a load that only holds them be there for a while.
        """
        with pinned(LOAD):
            process = subprocess.Popen(
                self.words(stage, server), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise Unsound(process.stderr.read().decode().strip())
            yield {key: value for key, value in json.loads(line).items() if key != "mode"}
            process.stdin.close()
            closed = json.loads(process.stdout.readline())["closed"]
            if closed:
                raise Unsound(f"{closed} clients were cut")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()


def check(found: dict[str, Any], load: Load) -> None:
    """
    See that nothing was lost on the way.
    """
    for key in ("lost", "gaps", "repeats", "closed", "errors"):
        if found[key]:
            raise Unsound(f"{key}: {found[key]} of {found['sent']} sent")
    if not found["measured"]:
        raise Unsound("nothing was heard while it was measured")
    areAnswered = all(load.text in dialect.answers for dialect in load.dialects)
    if load.mode in ("pair", "group") and areAnswered and found["acknowledged"] != found["sent"]:
        raise Unsound(f"{found['acknowledged']} acknowledgements of {found['sent']} messages")
