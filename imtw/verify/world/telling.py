"""
Tells stories by their numbers, and says which promises were broken.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from traceback import format_exception

from twisted.logger import ILogObserver, LogEvent, globalLogBeginner, globalLogPublisher
from zope.interface import provider

from imtw.verify.sabotage import SABOTAGES
from imtw.verify.world.judge import violations
from imtw.verify.world.story import World

CHUNK = 20  # stories that a process is given at once
SWEPT = 5  # of these, until what is left of them is swept away
CHUNKS = 50  # that it is given before others take their place: worlds leave memory in crumbs

Broken = tuple[int, list[str]]  # a story's number, and what went wrong in it


def told(number: int) -> tuple[World, list[str]]:
    """
    Tell one story.  Meanwhile no garbage is collected: what is left of
    another one would have its say in this.

    @return: the world as it is at the end, and the promises that were
        broken.
    """
    world = World(number)

    @provider(ILogObserver)
    def watch(event: LogEvent) -> None:
        if "log_failure" in event:
            world.errors.append(event["log_failure"].getTraceback())

    globalLogPublisher.addObserver(watch)
    gc.disable()
    try:
        world.play()
        return world, list(violations(world))
    except Exception as error:
        return world, ["the world ended: " + "".join(format_exception(error))]
    finally:
        world.end()
        globalLogPublisher.removeObserver(watch)
        gc.enable()


def some(numbers: Iterable[int]) -> list[Broken]:
    """
    Tell some stories, in a process for that.

    @return: those in which a promise was broken.
    """
    found = []
    for count, number in enumerate(numbers, 1):
        broken = told(number)[1]
        if broken:
            found.append((number, broken))
        if not count % SWEPT:
            gc.collect()  # worlds are full of circles
            gc.freeze()  # what is left stays
    return found


def many(first: int, count: int, sabotage: str = "") -> Iterator[tuple[int, list[Broken]]]:
    """
    Tell so many stories, in as many processes as there are processors.

    @param sabotage: what is wrong with the server, by the names of
        L{imtw.verify.sabotage}.
    @return: again and again, how many more were told, and the broken ones
        among them.
    """
    chunks = [range(at, min(at + CHUNK, first + count)) for at in range(first, first + count, CHUNK)]
    processes = min(len(chunks), os.cpu_count() or 1)
    spawned = multiprocessing.get_context("spawn")
    most = CHUNKS * max(processes, 1)
    for at in range(0, len(chunks), most):  # max_tasks_per_child would do, but Python 3.11 may wait for ever with it
        these = chunks[at : at + most]
        with ProcessPoolExecutor(processes, spawned, prepare, (sabotage,)) as pool:
            yield from zip(map(len, these), pool.map(some, these), strict=True)


def prepare(sabotage: str = "") -> None:
    """
    Break the server of this process, if that is wanted, and keep its log
    quiet: a story says what happened in its own way.
    """
    for name in filter(None, sabotage.split(",")):
        SABOTAGES[name]()
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)


def show(number: int) -> int:
    """
    Print a story and what is wrong with it.

    @return: the exit status.
    """
    prepare()
    world, broken = told(number)
    print("\n".join(world.events))
    print("\n".join(f"BROKEN: {one}" for one in broken) or "every promise was kept")
    return 1 if broken else 0
