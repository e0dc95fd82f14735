"""
The rows there are: what is measured beside what, and how good it has to be.
"""

from __future__ import annotations

from dataclasses import replace

from bench.dialects import EASYIM, FASTIM, TCP, TCP_GROUP, TCP_TOKEN, WS, WS_GROUP, WS_TOKEN, Dialect
from bench.loads import Load
from bench.measures.easyim import Acquainted
from bench.measures.history import Pages
from bench.measures.lag import FanOuts
from bench.measures.memory import Idle, IdleTLS
from bench.measures.start import Start
from bench.measures.traffic import AmongOthers, HalfLoad, Traffic
from bench.servers import Bare, Baseline, Imtw
from bench.shapes import AtMost, Figure, Measure, Row, Share, Target, Times
from bench.stage import Amount
from bench.stock import Stock

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


def ceiling() -> Row:
    """
    How near to C heartbeats come with no chat server between.
    """
    load = Load("ask", (TCP,), "heartbeat", 100)
    sides: dict[str, Measure] = {"Twisted alone": Traffic(Bare(), load), C: Traffic(Baseline(), load)}
    return Row("ceiling-tcp", "100 clients who are answered, and nothing else, tcp", sides, (cpu(),))


def private(outstanding: int, isDurable: bool, *figures: Figure) -> Row:
    """
    Pairs who chat.
    """
    load = Load("pair", (TCP,), "private", 2 * outstanding)
    kind = "durable" if isDurable else "memory"
    title = f"private chat, {'SQLite FULL' if isDurable else 'in memory'}, {outstanding} outstanding, tcp"
    server = DURABLE if isDurable else Imtw()
    return traffic(f"private-{kind}-{outstanding}", title, load, *figures, server=server, baseline=Baseline(isDurable))


def easyim(name: str, title: str, load: Load) -> Row:
    """
    What easyim's clients do.
    """
    sides: dict[str, Measure] = {
        IMTW: Acquainted(Imtw(options=("--auth", "accounts:")), load),
        C: Acquainted(Baseline(), load),
    }
    return Row(name, f"easyim in JSON, {title}, tcp", sides, (cpu(Share(0.5)),))


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


USERS = Stock(accounts=10000)


def login(name: str, dialect: Dialect, most: float) -> Row:
    """
    Clients that come with a token, and go.
    """
    load = Load("churn", (dialect,), clients=32, stock=USERS)
    # The baseline knows no tokens: it is told a name, and believes it.
    simple = Load("churn", (TCP if dialect is TCP_TOKEN else WS,), clients=32)
    server = Imtw(stock=USERS, options=("--auth", "accounts:"))
    sides: dict[str, Measure] = {IMTW: Traffic(server, load), C: Traffic(Baseline(), simple)}
    return Row(f"login-{name}", f"connect and log in with a token, {name}", sides, (cpu(AtMost(most)),))


def history(name: str, messages: Amount, target: Target | None = None) -> Row:
    """
    Pages of a long log, beside those of a short one.
    """
    sides = {name: Pages(Imtw(), messages), "10 thousand": Pages(Imtw(), (1000, 10_000))}
    figures = Figure(CPU, "us CPU", target), Figure("p50", "ms p50", target)
    return Row(f"history-{name.replace(' ', '-')}", f"a page of 50 from anywhere among {name} messages", sides, figures)


def crowded() -> Row:
    """
    Whether it matters who else is there.
    """
    load = Load("pair", (TCP,), "private", 2, options=("--first", "19000"))
    others = Load("hold", (TCP,), clients=(1000, 15000))
    sides: dict[str, Measure] = {
        "among others": AmongOthers(Imtw(), load, others),
        "alone": Traffic(Imtw(), load),
    }
    figures = Figure(P99, "ms p99", Times(1.5)), cpu()
    return Row("crowded", "one pair chats among 15,000 who are logged in, tcp", sides, figures)


def lag() -> Row:
    """
    Whether a large group holds up everybody else.
    """
    group = Load("group", (TCP_GROUP,), "group", (1000, 10000), rate=3, seconds=(3, 14))
    # Whoever waits for longer than a second is to be seen, too: nothing is said to be lost for it.
    bystander = Load(
        "ask", (TCP,), "heartbeat", 1, rate=100, window=2048, seconds=(1, 10), options=("--first", "19000")
    )
    probed = replace(GROUP, inside=("lag", "{folder}/lags"))
    sides: dict[str, Measure] = {
        IMTW: FanOuts(probed, group, bystander),
        C: FanOuts(Baseline(), group, bystander),
    }
    figures = Figure("lag", "ms p99.9 of the reactor's lag", AtMost(3)), Figure("p999", "ms p99.9 of a heartbeat")
    return Row("lag", "three messages a second to a group of 10,000", sides, figures)


ROWS = (
    echo("tcp", TCP, Share(0.70)),
    echo("ws", WS, Share(0.50)),
    ceiling(),
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
    traffic(
        "fastim-1000",
        "FastIM room of 1,000, one message at a time, each delivery",
        Load("group", (FASTIM,), "group", (200, 1000)),
        cpu(Share(0.65)),
        server=Imtw(options=("--dialect", "fastim:loginAuth=0")),
    ),
    easyim("easyim-echo", "heartbeat, 100 clients", Load("ask", (EASYIM,), "heartbeat", 100)),
    easyim("easyim-64", "private chat, in memory, 64 outstanding", Load("pair", (EASYIM,), "private", 128)),
    group(10000, "tcp", 1, cpu()),
    group(10000, "ws", 1, cpu()),
    group(10000, "mixed", 1, cpu()),
    group(10000, "tcp", 16, cpu()),
    group(10000, "ws", 16, cpu()),
    group(10000, "mixed", 16, cpu()),
    idle("tcp", TCP, 2.5),
    idle("ws", WS, 10),
    Row(
        "idle-tls",
        "a logged-in connection that is idle, TLS",
        {IMTW: IdleTLS(Imtw(hasTLS=True), (100, 2000))},
        (Figure("kb", "KB", AtMost(28)),),
    ),
    crowded(),
    login("tcp", TCP_TOKEN, 150),
    login("ws", WS_TOKEN, 600),
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
    lag(),
    history("1 million", (10_000, 1_000_000)),
    history("10 million", (100_000, 10_000_000), Times(1.5)),
    Row(
        "start",
        "cold start, and at rest",
        {IMTW: Start(DURABLE), C: Start(Baseline())},
        (Figure("first", "s to the first login", AtMost(1.5)), Figure("rest", "MB at rest", AtMost(70))),
    ),
)
