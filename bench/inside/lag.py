"""
C{twistd} that notes how late its reactor is, every 2 ms::

    FILE --nodaemon jim ...

What the reactor's thread waited for a core, which other programs had, is
taken off: the system counts it.  At the end of the process FILE has, as pairs
of doubles, when (monotonic seconds) and how late (seconds).
"""

from __future__ import annotations

import sys
from array import array
from time import monotonic
from typing import Any

from bench.inside.hook import runWith

PERIOD = 0.002  # seconds


class Probe:
    """
    Wants to be called at fixed times.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._found = array("d")

    def start(self, reactor: Any) -> None:
        """
        Begin.
        """
        self._reactor = reactor
        self._books = open("/proc/thread-self/schedstat", "rb", buffering=0)
        self._wait()

    def _wait(self) -> None:
        self._due = monotonic() + PERIOD
        self._before = self._waited()
        self._reactor.callLater(PERIOD, self._called)

    def _called(self) -> None:
        now = monotonic()
        self._found.extend((now, max(0.0, now - self._due - (self._waited() - self._before))))
        self._wait()

    def _waited(self) -> float:
        """
        Seconds that this thread wanted a core and had none.
        """
        self._books.seek(0)
        return int(self._books.read().split()[1]) / 1e9

    def write(self) -> None:
        """
        Keep what was found.
        """
        with open(self._file, "wb") as stream:
            self._found.tofile(stream)


def main() -> None:
    """
    Run C{twistd} with a probe in it.
    """
    probe = Probe(sys.argv.pop(1))
    runWith(probe.start, probe.write)
