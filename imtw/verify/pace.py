"""
How slow this machine is.  What the server's processor is busy with takes
longer on a slower one, and that is not the server's doing: where a target is
a time of work, it is so much of the machine's.
"""

from __future__ import annotations

from time import thread_time

REFERENCE = 0.0015  # seconds of processor that L{work} takes where the targets were set
TEXT = b'{"a": [1, "two", null]}, ' * 2000
TRIES = 5


def slowness() -> float:
    """
    How many times as long the same work takes here; 1 where it takes less.
    What others do meanwhile does not matter: it is this thread's own time.
    """
    return max(1.0, min(map(_timed, range(TRIES))) / REFERENCE)


def work() -> int:
    """
    Something like what a parser in Python does.

    @return: how deep it was.
    """
    depth = most = 0
    isText = False
    for byte in TEXT:
        if byte == 34:  # a quote
            isText = not isText
        elif isText:
            continue
        elif byte in b"[{":
            depth += 1
            most = max(most, depth)
        elif byte in b"]}":
            depth -= 1
    return most


def _timed(_: int) -> float:
    began = thread_time()
    work()
    return thread_time() - began
