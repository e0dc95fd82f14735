"""
The rows there are.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from imtw.verify.plan import Running

Need = Callable[[], str]


def linux() -> str:
    """
    The system's own books, C{/proc}.
    """
    return "" if os.path.exists("/proc/self/statm") else f"needs Linux's /proc, this is {sys.platform}"


def strace() -> str:
    """
    The program that shows what a process asks of the system.
    """
    return "" if shutil.which("strace") else "needs strace (apt install strace)"


class Row(NamedTuple):
    """
    One test.

    @ivar ids: the rows of the table it fills.
    @ivar function: what does it: a module of L{imtw.verify.rows} and a name.
    @ivar isBlackBox: it can be done to a server that is not ours.
    @ivar needs: each says why the test is not possible here, or nothing.
    @ivar isTimed: its figures depend on what else the machine does, so it
        has that for itself.
    """

    ids: tuple[str, ...]
    guarantee: str
    function: str
    isBlackBox: bool = False
    needs: Sequence[Need] = ()
    isTimed: bool = False

    def run(self) -> Running:
        """
        What does it.
        """
        module, _, name = self.function.partition(".")
        found: Running = getattr(import_module(f"imtw.verify.rows.{module}"), name)
        return found


ROWS = [
    Row(("W",), "every promise, in virtual time with faults", "stories.areKept"),
    Row(("D1",), "acknowledged messages survive kill -9", "kill.survives"),
    Row(("D2", "D3"), "acknowledged messages survive a power cut", "power.isOnDisk", False, (linux, strace)),
    Row(("D5",), "a full disk is an error, and passes", "disk.isSurvived", False, (linux,)),
    Row(("D6",), "damage is found and named, not served", "damage.isFound"),
    Row(("D7",), "cut connections: each message exactly once", "cuts.isExactlyOnce", True),
    Row(("D8",), "an id sent again is one message", "repeats.isOnce", True),
    Row(("D9",), "a stop (SIGTERM) loses nothing acknowledged", "stop.stopsWell"),
    Row(("D10",), "an upgrade loses nothing, if killed, too", "upgrades.isRepeatable", False, (linux,)),
    Row(("O1", "O2"), "who does not read costs nobody else", "stalled.areCut", True, isTimed=True),
    Row(("O3",), "who floods is paused, others go on", "flood.isPaused", True, isTimed=True),
    Row(("O4", "O5"), "who is slow is dropped in time", "slow.areDropped", True, isTimed=True),
    Row(("O6", "O7", "O8"), "no input costs more than it cost to send", "hostile.costsNothing", True, isTimed=True),
    Row(("O14",), "connections that go leave nothing", "churn.leavesNothing", True, isTimed=True),
    Row(("O15",), "nobody waits long for a heartbeat", "mixed.isSmooth", True, isTimed=True),
    Row(("O18",), "too much is asked: what can be done is done", "overload.isShed", False, (linux,), isTimed=True),
    Row(("O19", "O20"), "old clients that come back are served", "returning.areServed", isTimed=True),
]
