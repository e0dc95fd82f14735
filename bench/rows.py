"""
The rows there are: what is measured beside what, and how good it has to be.
"""

from __future__ import annotations

from bench.dialects import TCP, TCP_GROUP, WS, WS_GROUP, Dialect
from bench.loads import Load
from bench.measures.memory import Idle
from bench.measures.traffic import HalfLoad, Traffic
from bench.servers import Baseline, Imtw
from bench.shapes import AtMost, Figure, Measure, Row, Share, Target, Times

C = "C"
IMTW = "imtw"
CPU, P99 = "cpu_us", "p99"
DURABLE = Imtw(store="sqlite:{folder}/imtw.db")
#: Short answers to who comes: it is what is said that counts.
GROUP = Imtw(options=("--notice-limit", "0", "--list-limit", "1"))
CARRIERS = {"tcp": (TCP_GROUP,), "ws": (WS_GROUP,), "mixed": (TCP_GROUP, WS_GROUP)}


def traffic(
    name: str, title: str, load: Load, *figures: Figure, server: Imtw | None = None, baseline: Baseline | None = None
) -> Row:
    """
    A load on imtw, and the same on the baseline.
    """
    sides: dict[str, Measure] = {
        IMTW: Traffic(server or Imtw(), load),
        C: Traffic(baseline or Baseline(), load),
    }
    return Row(name, title, sides, figures)


def cpu(target: Target | None = None) -> Figure:
    """
    Server CPU for each operation.
    """
    return Figure(CPU, "us CPU", target)


def echo(name: str, dialect: Dialect, target: Target) -> Row:
    """
    Heartbeats.
    """
    load = Load("ask", (dialect,), "heartbeat", 100)
    return traffic(f"echo-{name}", f"heartbeat, 100 clients, {name}", load, cpu(target))


def private(outstanding: int, isDurable: bool, *figures: Figure) -> Row:
    """
    Pairs who chat.
    """
    load = Load("pair", (TCP,), "private", 2 * outstanding)
    kind = "durable" if isDurable else "memory"
    title = f"private chat, {'SQLite FULL' if isDurable else 'in memory'}, {outstanding} outstanding, tcp"
    server = DURABLE if isDurable else Imtw()
    return traffic(f"private-{kind}-{outstanding}", title, load, *figures, server=server, baseline=Baseline(isDurable))


def group(members: int, carrier: str, window: int, *figures: Figure) -> Row:
    """
    One speaks, all hear it.
    """
    few = min(members, 200 if members == 1000 else 1000)
    load = Load("group", CARRIERS[carrier], "group", (few, members), window)
    together = f", {window} outstanding" if window > 1 else ", one message at a time"
    name = f"group-{members}-{carrier}" + (f"-{window}" if window > 1 else "")
    sides: dict[str, Measure] = {IMTW: Traffic(GROUP, load)}
    # Messages that are sent together are held against a baseline that gets them one at a time.
    sides[C] = Traffic(Baseline(), Load("group", CARRIERS[carrier], "group", (few, members)))
    return Row(name, f"group of {members:,}{together}, {carrier}, each delivery", sides, figures)


def idle(name: str, dialect: Dialect, most: float) -> Row:
    """
    Connections that say nothing.
    """
    load = Load("hold", (dialect,), clients=(500, 10000))
    sides: dict[str, Measure] = {IMTW: Idle(Imtw(), load), C: Idle(Baseline(), load)}
    title = f"a logged-in connection that is idle, {name}"
    return Row(f"idle-{name}", title, sides, (Figure("kb", "KB", AtMost(most)),))


LATENCIES = (Figure("p50", "ms p50"), Figure(P99, "ms p99"), Figure("p999", "ms p99.9"))


def latency(name: str, server: Imtw, baseline: Baseline, title: str) -> Row:
    """
    How long messages take.
    """
    load = Load("pair", (TCP,), "private", 128)
    sides: dict[str, Measure] = {IMTW: HalfLoad(server, load), C: HalfLoad(baseline, load)}
    return Row(f"latency-{name}", f"{title}, half load, open loop, tcp", sides, LATENCIES)


ROWS = (
    echo("tcp", TCP, Share(0.70)),
    echo("ws", WS, Share(0.50)),
    private(1, False, cpu()),
    private(8, False, cpu()),
    private(64, False, cpu(AtMost(11))),
    private(1, True, cpu()),
    private(8, True, cpu()),
    private(64, True, cpu(AtMost(20)), Figure(P99, "ms p99", AtMost(20))),
    group(1000, "tcp", 1, cpu(Share(0.75))),
    group(1000, "ws", 1, cpu(Share(0.70))),
    group(1000, "mixed", 1, cpu()),
    group(1000, "tcp", 16, cpu(Share(5))),
    group(1000, "ws", 16, cpu()),
    group(1000, "mixed", 16, cpu()),
    group(10000, "tcp", 1, cpu()),
    group(10000, "ws", 1, cpu()),
    group(10000, "mixed", 1, cpu()),
    group(10000, "tcp", 16, cpu()),
    group(10000, "ws", 16, cpu()),
    group(10000, "mixed", 16, cpu()),
    idle("tcp", TCP, 2.5),
    idle("ws", WS, 10),
    latency("memory", Imtw(), Baseline(), "private chat, in memory"),
    latency("durable", DURABLE, Baseline(True), "private chat, SQLite FULL"),
    traffic(
        "fixed-rate",
        "private chat, SQLite FULL, 5,000 messages/s, tcp",
        Load("pair", (TCP,), "private", 128, rate=(1000, 5000)),
        Figure(P99, "ms p99", Times(2)),
        server=DURABLE,
        baseline=Baseline(True),
    ),
)
BY_NAME = {row.name: row for row in ROWS}
