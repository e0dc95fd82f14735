"""
What the system knows of a process.
"""

from __future__ import annotations

import os
import socket
import time

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")  # a second
CPU_CLOCK = 2  # CPUCLOCK_SCHED of Linux: what the scheduler has counted


def cpu(pid: int) -> float:
    """
    Seconds of CPU time, of threads that have ended, too.
    """
    return time.clock_gettime(~pid << 3 | CPU_CLOCK)


def reactor(pid: int) -> float:
    """
    The same of its first thread alone.
    """
    with open(f"/proc/{pid}/task/{pid}/schedstat", encoding="ascii") as stream:
        return int(stream.read().split()[0]) / 1e9


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
