"""
What is to be done: how much, with which seed, against what.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from random import Random

from imtw.cli.progress import Bar, progress
from imtw.verify.crowd import Address
from imtw.verify.report import Result
from imtw.verify.server import Server


@dataclass(frozen=True)
class Plan:
    """
    One run of C{imtw verify}.

    @ivar seed: everything that is left to chance comes from it.
    @ivar quick: for every commit, rather than for once and for all.
    @ivar target: a server of somebody's that is put to the test in place of
        our own, or L{None}.
    @ivar seeds: how many stories row W tells, or 0 for as many as it does.
    @ivar sabotage: what our own servers do wrong, to see it found; or empty.
    @ivar options: what they are given beside what a row gives them.
    """

    seed: int
    quick: bool = False
    target: Address | None = None
    sabotage: str = ""
    options: tuple[str, ...] = ()
    seeds: int = 0


@dataclass
class Stage:
    """
    What a row needs to run.

    @ivar folder: its own, which goes when it ends.
    @ivar random: what the plan of the row is made of; the same for the same
        seed.
    """

    plan: Plan
    row: str
    folder: str
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(f"{self.plan.seed}/{self.row}")

    def chance(self, word: str) -> Random:
        """
        For one of those who take part: what they do depends on nobody's pace
        but their own.
        """
        return Random(f"{self.plan.seed}/{self.row}/{word}")

    def size(self, quick: int, long: int) -> int:
        """
        How many of something.
        """
        return quick if self.plan.quick else long

    def seconds(self, quick: float, long: float) -> float:
        """
        How long something.
        """
        return quick if self.plan.quick else long

    def name(self, word: str) -> str:
        """
        A name for a user or a group that nobody has had before, also on a
        server that is not ours.
        """
        return f"{self.row}-{self.plan.seed}-{word}".lower()

    def server(self, *options: str, wrapper: Sequence[str] = ()) -> Server:
        """
        A server in a folder of its own, not started yet.
        """
        folder = tempfile.mkdtemp(dir=self.folder)
        return Server(folder, [*options, *self.plan.options], self.plan.sabotage, wrapper)

    @contextmanager
    def tested(self, *options: str) -> Iterator[tuple[Address, Server | None]]:
        """
        Where the server is that is put to the test, and that server, unless
        it is somebody's.

        @param options: of ours.
        """
        if self.plan.target is not None:
            yield self.plan.target, None
        else:
            with self.server(*options) as server:
                yield server.address, server

    def progress(self, what: str, total: int, unit: str) -> Bar:
        """
        A bar for people who wait.
        """
        return progress(f"{self.row} {what}", total, unit)

    def file(self, name: str) -> str:
        """
        A file of the row's own.
        """
        return os.path.join(self.folder, name)


Running = Callable[[Stage], Sequence[Result]]
Folder = AbstractContextManager[str]
