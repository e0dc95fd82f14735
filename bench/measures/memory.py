"""
What connections cost that do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import sleep

from bench.callers import manyOverTLS
from bench.loads import Load
from bench.servers import Baseline, Imtw
from bench.shapes import Numbers
from bench.stage import Amount, Stage

SETTLE = (0.3, 2.0)  # seconds until what came with the logins is gone
FIRST = 64  # clients that come and go first, so that what is made once is there


@dataclass(frozen=True)
class Idle:
    """
    Memory for each client that is logged in and says nothing.
    """

    server: Imtw | Baseline
    load: Load

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.
        """
        first = Load("hold", self.load.dialects, clients=FIRST, options=("--first", "19000"))
        with self.server.run(stage) as server:
            with first.held(stage, server):
                pass
            sleep(stage.size(SETTLE))
            before = server.memory
            with self.load.held(stage, server) as found:
                sleep(stage.size(SETTLE))
                return {**found, "kb": (server.memory - before) / found["clients"] / 1000}


@dataclass(frozen=True)
class IdleTLS:
    """
    The same over TLS.
    """

    server: Imtw
    clients: Amount

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.
        """
        count = stage.count(self.clients)
        with self.server.run(stage) as server:
            with manyOverTLS(server.tlsPort, range(FIRST)):
                pass
            sleep(stage.size(SETTLE))
            before = server.memory
            with manyOverTLS(server.tlsPort, range(count)):
                sleep(stage.size(SETTLE))
                return {"clients": count, "kb": (server.memory - before) / count / 1000}
