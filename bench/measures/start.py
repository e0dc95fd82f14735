"""
What a server takes to be there, and at rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep

from bench.callers import firstLogin
from bench.servers import Baseline, Imtw
from bench.shapes import Numbers
from bench.stage import Stage

SETTLE = (0.5, 2.0)  # seconds


@dataclass(frozen=True)
class Start:
    """
    C{first}: seconds from the start of the process to the first login that is
    answered; C{rest}: MB in memory afterwards, with nobody there.
    """

    server: Imtw | Baseline

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.
        """
        with self.server.run(stage) as server:
            firstLogin(server.port)
            took = monotonic() - server.began
            sleep(stage.size(SETTLE))
            return {"first": took, "rest": server.memory / 1e6}
