"""
How long everybody else waits while a large group is told something.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bench.loads import Load
from bench.servers import Baseline, Imtw
from bench.shapes import Numbers, Unsound
from bench.stage import Stage

FILE = "lags"


@dataclass(frozen=True)
class FanOuts:
    """
    C{lag}: how late the reactor is at most in 999 of 1,000 looks, in ms, where
    the server has a probe (L{bench.inside.lag}); C{p999}: how long a
    bystander waits for its heartbeat.

    @ivar group: the load, which has to last longer than the bystander's.
    @ivar bystander: the other one, of a client that is in no group.
    """

    server: Imtw | Baseline
    group: Load
    bystander: Load

    def __call__(self, stage: Stage) -> Numbers:
        """
        Measure once.
        """
        with self.server.run(stage) as server, self.group.speaking(stage, server):
            began = monotonic()
            numbers = dict(self.bystander.run(stage, server))
            ended = monotonic()
        file = Path(server.folder, FILE)
        if file.exists():
            numbers["lag"] = worst(file.read_bytes(), began, ended)
        return numbers


def worst(data: bytes, began: float, ended: float) -> float:
    """
    The 999th of 1,000 lags between two times, in ms.

    @raise Unsound: there are none.
    """
    found = array("d", data)
    lags = sorted(lag for time, lag in zip(found[::2], found[1::2], strict=True) if began <= time <= ended)
    if not lags:
        raise Unsound("the probe noted nothing")
    return lags[int(len(lags) * 0.999)] * 1000
