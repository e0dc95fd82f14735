"""
Where a measurement takes place: folders, cores, and how much is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVER, LOAD = 0, 1  # roles, each with a core of its own
ALLOWED = os.sched_getaffinity(0) if sys.platform.startswith("linux") else {0}

#: How many of something: quickly, and in full.
Amount = tuple[float, float] | float


class CannotMeasure(Exception):
    """
    Something that is needed is not there; the message says what.
    """


@dataclass(frozen=True)
class Stage:
    """
    What measurements share.

    @ivar tools: where the load generator and the baseline are.
    @ivar folder: for files of this run, which go when it ends.
    @ivar cache: for files that are worth keeping for the next run.
    @ivar quick: do little of everything.
    """

    tools: Path
    folder: Path
    cache: Path
    quick: bool = False

    @classmethod
    @contextmanager
    def open(cls, cache: Path, quick: bool) -> Iterator[Stage]:
        """
        One with a folder of its own, and with what has to be built.

        @raise CannotMeasure: it cannot be had here.
        """
        if not sys.platform.startswith("linux"):
            raise CannotMeasure(f"this needs Linux, for /proc and epoll, and is {sys.platform}")
        cache = cache.resolve()
        cache.mkdir(parents=True, exist_ok=True)
        tools = build(cache)
        with tempfile.TemporaryDirectory(prefix="run-", dir=cache) as folder:
            yield cls(tools, Path(folder), cache, quick)

    def size(self, amount: Amount) -> float:
        """
        How many of something are wanted here.
        """
        return amount[not self.quick] if isinstance(amount, tuple) else amount

    def count(self, amount: Amount) -> int:
        """
        The same, whole.
        """
        return int(self.size(amount))

    def newFolder(self) -> str:
        """
        A folder of one's own.
        """
        return tempfile.mkdtemp(dir=self.folder)

    def write(self, name: str, text: str) -> str:
        """
        Keep a text in a file.

        @return: the file.
        """
        path = Path(self.newFolder(), name)
        path.write_text(text, "utf-8")
        return str(path)


def build(folder: Path) -> Path:
    """
    Build the C programs, where they have changed.

    @raise CannotMeasure: it does not work, as where there is no compiler.
    """
    words = ["make", "-s", "-C", str(HERE), f"OUT={folder}"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CannotMeasure(f"the load generator needs make: {error}") from error
    if done.returncode:
        raise CannotMeasure(f"the load generator cannot be built: {done.stderr.strip()}")
    return folder


def coreOf(role: int) -> int:
    """
    The core for the server or for the load; on a machine with only one, that.
    """
    cores = sorted(ALLOWED)
    return cores[role % len(cores)]


@contextmanager
def pinned(role: int) -> Iterator[None]:
    """
    What is started in here runs on this role's core alone.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {coreOf(role)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tell(text: str) -> None:
    """
    Say how it goes.
    """
    print(text, file=sys.stderr, flush=True)
