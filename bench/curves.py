"""
C{bench/growth}: what an operation costs the server, by how much is there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from time import monotonic

from msgspec.json import encode, format

from bench.callers import firstLogin
from bench.command import inFolder
from bench.dialects import JOIN, STRANGER, TCP_TOKEN
from bench.driver import commit, machine
from bench.loads import Load
from bench.servers import Imtw
from bench.shapes import Unsound
from bench.stage import CannotMeasure, Stage, tell
from bench.stock import Stock, tokenOf
from bench.table import line, number

SIZES = (1000, 10_000, 100_000, 1_000_000)
FEW_SIZES = SIZES[:2]
MOST_CLIENTS = 15_000  # that one process has files for
ROUNDS = 3
SECONDS = (0.3, 1.0)
GROWN = 1.5  # times the cost with the least: more is said to grow

#: What a size costs, by the name of the operation with its unit.
Costs = dict[str, float]


@dataclass(frozen=True)
class Curve:
    """
    Something there may be much of.

    @ivar stock: a database with so many of it.
    @ivar isLive: it is clients who are connected, and no stock.
    """

    name: str
    stock: Callable[[int], Stock]
    isLive: bool = False

    def sizes(self, quick: bool) -> tuple[int, ...]:
        """
        How many, from few to many.
        """
        sizes = FEW_SIZES if quick else SIZES
        return (*(size for size in sizes if size < MOST_CLIENTS), MOST_CLIENTS) if self.isLive else sizes

    def costs(self, size: int, stage: Stage) -> Costs:
        """
        What everything costs with so many.

        @raise Unsound: something went wrong that must not.
        """
        stock = self.stock(size)
        server = Imtw(stock=stock, options=("--auth", "accounts:", "--notice-limit", "0", "--list-limit", "1"))
        with server.run(stage) as running:
            firstLogin(running.port, tokenOf(0))
            costs = {"restart, s": monotonic() - running.began, "at rest, MB": running.memory / 1e6}
            others = Load("hold", (TCP_TOKEN,), clients=size, stock=stock, options=("--first", "1000"))
            with others.held(stage, running) if self.isLive else nullcontext():
                for name, load in operations(stock).items():
                    try:
                        cost = load.run(stage, running)["cpu_us"]
                    except Unsound as problem:  # such as nothing that came in time
                        tell(f"{size:>9,} {self.name}: {name}: {problem}")
                        cost = inf
                    costs[f"{name}, us CPU"] = cost
        return costs


def operations(stock: Stock) -> Mapping[str, Load]:
    """
    What is done.
    """
    group = replace(TCP_TOKEN, hello=TCP_TOKEN.hello + JOIN)
    places = max(stock.messages - 50, 1)
    loads = {
        "connect, one heartbeat": Load("churn", (STRANGER,), clients=32),
        "connect and log in": Load("churn", (TCP_TOKEN,), clients=32),
        "connect and log in, one user": Load("churn", (TCP_TOKEN,), clients=1),
        "send, private": Load("pair", (TCP_TOKEN,), "private", 16),
        "deliver, group of 100": Load("group", (group,), "group", 100),
        "history page": Load("ask", (group,), "history", 8, places=places),
        "conversation list": Load("ask", (TCP_TOKEN,), "conversations", 1),
    }
    return {name: replace(load, stock=stock, seconds=SECONDS) for name, load in loads.items()}


CURVES = (
    Curve("accounts", lambda size: Stock(size)),
    # Each group has one member, and so the users of each stock are in as many groups.
    Curve("groups", lambda size: Stock(size, groups=size)),
    Curve("messages in the group", lambda size: Stock(messages=size)),
    Curve("conversations of one user", lambda size: Stock(conversations=size)),
    Curve("clients logged in", lambda size: Stock(20_000), True),
)


def measureCurve(curve: Curve, stage: Stage, rounds: int) -> dict[int, Costs]:
    """
    Measure all sizes in turns.

    @return: by size, the least of all rounds: what other programs do never makes it less.
    """
    found: dict[int, list[Costs]] = {size: [] for size in curve.sizes(stage.quick)}
    for _ in range(rounds):
        for size, costs in found.items():
            try:
                costs.append(curve.costs(size, stage))
            except Unsound as problem:
                raise CannotMeasure(f"{size} {curve.name}: {problem}") from problem
            tell(f"{size:>9,} {curve.name}")
    return {size: {name: min(one[name] for one in costs) for name in costs[0]} for size, costs in found.items()}


def tableOf(curve: Curve, found: Mapping[int, Costs]) -> Iterator[str]:
    """
    The curve for people.
    """
    yield line((curve.name, *(f"{size:,}" for size in found), "from first to last"))
    yield "|" + "---|" * (len(found) + 2)
    first, *_, last = found.values()
    for name in first:
        factor = last[name] / first[name]
        word = " GROWS" if factor > GROWN else ""
        yield line((name, *(number(costs[name]) for costs in found.values()), f"{number(factor)} times{word}"))
    yield ""


def run(arguments: Sequence[str] | None) -> None:
    """
    Do what is asked for.
    """
    parser = argparse.ArgumentParser(
        prog="bench/growth",
        description="Show what each operation costs with a thousand to a million of what could make it cost more. "
        "It takes about half an hour, with --quick three minutes.",
    )
    parser.add_argument("--quick", action="store_true", help="only the two smallest sizes")
    parser.add_argument("--curve", action="append", metavar="NAME", help="only curves whose names begin so")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"rounds for each size [{ROUNDS}]")
    parser.add_argument("--out", type=Path, default=Path("."), metavar="DIR", help="where growth.json and .md go [.]")
    inFolder(parser)
    options = parser.parse_args(arguments)
    curves = [curve for curve in CURVES if not options.curve or curve.name.startswith(tuple(options.curve))]
    if not curves:
        raise CannotMeasure(f"no such curve; there are {', '.join(curve.name for curve in CURVES)}")
    with Stage.open(options.cache, options.quick) as stage:
        found = {curve: measureCurve(curve, stage, options.rounds) for curve in curves}
    lines = [f"imtw {commit()}; " + ", ".join(f"{key} {value}" for key, value in machine().items()), ""]
    lines += [text for curve, sizes in found.items() for text in tableOf(curve, sizes)]
    print("\n".join(lines))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "growth.md").write_text("\n".join(lines), "utf-8")
    kept = {curve.name: {str(size): costs for size, costs in sizes.items()} for curve, sizes in found.items()}
    (options.out / "growth.json").write_bytes(format(encode(kept), indent=1))
