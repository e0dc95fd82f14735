"""
C{bench/profile}: where the time of a row goes.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from bench.command import inFolder
from bench.rows import ROWS
from bench.servers import Imtw
from bench.shapes import Measure, Numbers, Row, Unsound
from bench.stage import CannotMeasure, Stage

FILE = "stacks"
LINES = 25
OUTER = 0.99  # what is seen more often than this is around everything
ROUNDS = 3


class Function(NamedTuple):
    """
    A function, by where it is.
    """

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        parts = Path(self.file).parts
        begin = max((at for at, part in enumerate(parts) if part in ("imtw", "twisted", "autobahn")), default=-1)
        return f"{'/'.join(parts[begin:])}:{self.line} {self.name}"


class Samples:
    """
    What was seen of the reactor's thread.

    @ivar total: how often it was looked at.
    @ivar own: by function, how often it was there.
    @ivar below: how often it was there, or in something called from there.
    """

    def __init__(self, found: Sequence[Any]) -> None:
        self.stacks = [(count, [Function(*function) for function in stack]) for count, stack in found]
        self.total = sum(count for count, _ in self.stacks)
        self.own: Counter[Function] = Counter()
        self.below: Counter[Function] = Counter()
        for count, stack in self.stacks:
            self.own[stack[0]] += count
            for function in set(stack):
                self.below[function] += count

    def lines(self, count: int) -> Iterator[str]:
        """
        The functions that matter most.
        """
        yield "  own  below  function"
        for function, own in self.own.most_common(count):
            yield f"{own / self.total:5.1%} {self.below[function] / self.total:6.1%}  {function}"
        yield ""
        yield "below  function, with all it calls"
        inner = [(function, below) for function, below in self.below.most_common() if below < OUTER * self.total]
        for function, below in inner[:count]:
            yield f"{below / self.total:5.1%}  {function}"

    def folded(self) -> Iterator[str]:
        """
        The stacks, a line each, as programs want them that draw flames.
        """
        for count, stack in self.stacks:
            yield f"{';'.join(str(function) for function in reversed(stack))} {count}"


def watched(measure: Measure, file: str) -> Measure:
    """
    The same measurement with a server that looks at itself.

    @raise CannotMeasure: it has none that can.
    """
    server = measure.server
    if not isinstance(server, Imtw):
        raise CannotMeasure("the row has no server that could be looked into")
    found: Measure = replace(measure, server=replace(server, inside=("sampling", file)))  # type: ignore[type-var]
    return found


def profile(row: Row, stage: Stage, rounds: int) -> tuple[Numbers, Samples]:
    """
    Measure a row's first side, and see where the reactor is.

    @return: the last round's numbers, and what was seen in all of them.
    @raise CannotMeasure: nothing was seen.
    """
    found: list[Any] = []
    for _ in range(rounds):
        file = Path(stage.newFolder(), FILE)
        try:
            numbers = watched(next(iter(row.sides.values())), str(file))(stage)
        except Unsound as problem:
            raise CannotMeasure(f"{row.name}: {problem}") from problem
        found += json.loads(file.read_text("utf-8"))
    if not found:
        raise CannotMeasure(f"{row.name} puts no load on its server, so nothing was seen")
    return numbers, Samples(found)


def show(row: Row, numbers: Numbers, samples: Samples, count: int) -> None:
    """
    Print it.
    """
    print(f"{row.title}: {numbers['cpu_us']:.1f} us CPU, with what looking costs; {samples.total} looks")
    if "reactor" in numbers:
        print(f"{numbers['reactor']:.0%} of it by the reactor's thread, which is the one below")
    print()
    print("\n".join(samples.lines(count)))


def run(arguments: Sequence[str] | None) -> None:
    """
    Do what is asked for.
    """
    parser = argparse.ArgumentParser(
        prog="bench/profile",
        description="See where the reactor's time goes. What the system does for a call counts for the caller.",
    )
    parser.add_argument("row", metavar="ROW", help="as bench/run --list names them")
    parser.add_argument("--quick", action="store_true", help="with small sizes")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"look so many times [{ROUNDS}]")
    parser.add_argument("--lines", type=int, default=LINES, metavar="N", help=f"functions to show [{LINES}]")
    parser.add_argument("--stacks", type=Path, metavar="FILE", help="keep the stacks, folded, for a flame graph")
    inFolder(parser)
    options = parser.parse_args(arguments)
    row = next((row for row in ROWS if row.name == options.row), None)
    if row is None:
        raise CannotMeasure(f"no row {options.row!r}; there are {', '.join(row.name for row in ROWS)}")
    with Stage.open(options.cache, options.quick) as stage:
        numbers, samples = profile(row, stage, options.rounds)
    show(row, numbers, samples, options.lines)
    if options.stacks is not None:
        options.stacks.write_text("".join(f"{line}\n" for line in samples.folded()), "utf-8")
