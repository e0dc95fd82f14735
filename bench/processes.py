"""
What the system knows of a process.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")  # a second
CPU_CLOCK = 2  # CPUCLOCK_SCHED of Linux: what the scheduler has counted


class Thread(NamedTuple):
    """
    A thread's account, in seconds.

    @ivar ran: it had a core.
    @ivar waited: it wanted one, which others had.
    """

    id: int
    name: str
    ran: float
    waited: float


def cpu(pid: int) -> float:
    """
    Seconds of CPU time, of threads that have ended, too.
    """
    return time.clock_gettime(~pid << 3 | CPU_CLOCK)


def threads(pid: int) -> Iterator[Thread]:
    """
    Its threads.
    """
    for name in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{name}/schedstat", encoding="ascii") as stream:
                ran, waited, _ = stream.read().split()
            with open(f"/proc/{pid}/task/{name}/comm", encoding="utf-8") as stream:
                comm = stream.read().strip()
        except FileNotFoundError:
            continue  # it has ended just now
        yield Thread(int(name), comm, int(ran) / 1e9, int(waited) / 1e9)


def busy(core: int) -> float:
    """
    Seconds that a core had something to do, for whomever; what the machine
    below took away from us is in it.
    """
    with open("/proc/stat", encoding="ascii") as stream:
        words = next(line for line in stream if line.startswith(f"cpu{core} ")).split()
    user, nice, system, _, _, interrupts, softInterrupts, stolen = map(int, words[1:9])
    return (user + nice + system + interrupts + softInterrupts + stolen) / TICKS


def memory(pid: int) -> int:
    """
    Bytes in memory.
    """
    with open(f"/proc/{pid}/statm", "rb") as stream:
        return int(stream.read().split()[1]) * PAGE


def listens(port: int) -> bool:
    """
    Does somebody take connections there?
    """
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True
