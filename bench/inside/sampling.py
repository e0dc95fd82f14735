"""
C{twistd} that looks, every 2 ms of processor time, where its reactor is::

    FILE --nodaemon jim ...

On SIGUSR1 it begins, on SIGUSR2 it stops; at the end of the process FILE has the stacks and
how often each was seen, as JSON: [[count, [[file, line of the function,
function], ...]], ...], the innermost first.  What the system does for a call,
such as a C{send}, counts for whom it was done.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from time import thread_time
from types import CodeType, FrameType
from typing import Any

from bench.inside.hook import runWith

PERIOD = 0.002  # seconds of processor time, of all threads
DEPTH = 60

seen: Counter[tuple[CodeType, ...]] = Counter()
had = 0.0  # seconds of processor time that the main thread had had at the last look


def look(number: int, frame: FrameType | None) -> None:
    """
    See where the main thread is, if it was that one which had the processor:
    the timer counts for all threads.
    """
    global had
    before, had = had, thread_time()
    if had - before < PERIOD / 2:
        return
    stack: list[CodeType] = []
    while frame is not None and len(stack) < DEPTH:
        stack.append(frame.f_code)
        frame = frame.f_back
    seen[tuple(stack)] += 1


def begin(number: int, frame: FrameType | None) -> None:
    """
    Look from now on.
    """
    signal.setitimer(signal.ITIMER_PROF, PERIOD, PERIOD)


def end(number: int, frame: FrameType | None) -> None:
    """
    Look no more.
    """
    signal.setitimer(signal.ITIMER_PROF, 0)


def write(file: str) -> None:
    """
    Keep what was seen.
    """
    found: list[Any] = [
        [count, [[code.co_filename, code.co_firstlineno, code.co_qualname] for code in stack]]
        for stack, count in seen.most_common()
    ]
    with open(file, "w", encoding="utf-8") as stream:
        json.dump(found, stream)


def main() -> None:
    """
    Run C{twistd}.
    """
    file = sys.argv.pop(1)
    signal.signal(signal.SIGPROF, look)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    runWith(lambda reactor: None, lambda: write(file))
