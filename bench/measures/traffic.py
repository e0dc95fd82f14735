"""
A server under a load.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.loads import Load
from bench.servers import Servable
from bench.shapes import Numbers
from bench.stage import Stage


@dataclass(frozen=True)
class Traffic:
    """
    CPU time and latency of one operation.
    """

    server: Servable
    load: Load

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.
        """
        with self.server.run(stage) as server:
            return self.load.run(stage, server)


@dataclass(frozen=True)
class HalfLoad(Traffic):
    """
    Latency at half of what the server can do: what that is, is found out
    first.
    """

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.
        """
        with self.server.run(stage) as server:
            full = self.load.run(stage, server)
            half = replace(self.load, rate=full["per_s"] / 2)
            return half.run(stage, server)


@dataclass(frozen=True)
class AmongOthers(Traffic):
    """
    A load while others are logged in and say nothing.
    """

    others: Load

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.
        """
        with self.server.run(stage) as server, self.others.held(stage, server):
            return self.load.run(stage, server)
