"""
O4, O5: who drips, or says nothing, is held for a stated time only.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from msgspec import convert
from msgspec.structs import asdict

from imtw.limits import Limits
from imtw.verify import websocket, wire
from imtw.verify.bystander import CHAT, Bystander, p99
from imtw.verify.crowd import Address, Crowd, Link
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.server import Server

#: So that --quick need not wait for a minute.
QUICK = {"firstByte": 1.0, "head": 1.0, "httpRequest": 1.5, "login": 2.0}
PHASES = 50  # in which the connections drip, one after the other
WARM = 0.5  # seconds before anything counts
GRACE = 1.0  # seconds beyond a deadline
WORSE = 2.0  # times the control that others' p99 may be
LOOSE = 4.0  # the same for --quick, which does not look for long
PACE = 0.001  # seconds between two connections: faster ones would wait for the listening queue, not for the server
FLOOR = 0.005  # seconds: below this a p99 says more of the machine than of the server

HTTP_HEAD = b"POST /api/command/login HTTP/1.1\r\nHost: localhost\r\n"
UPGRADE = websocket.upgrade()
LOGIN = wire.login("somebody-who-never-gets-there")


class Way(NamedTuple):
    """
    One way to be slow.

    @ivar row: O4 for dripping, O5 for half-open.
    @ivar at: what is sent at once.
    @ivar drip: what is sent byte by byte, from the beginning again at its end.
    @ivar limit: the bound that ends it, by its name in L{Limits}.
    """

    row: str
    name: str
    at: bytes
    drip: bytes
    limit: str


WAYS = [
    Way("O4", "HTTP head", HTTP_HEAD, b"X-Slow: " + b"x" * 200, "head"),
    Way("O4", "HTTP body", HTTP_HEAD + b"Content-Length: 4096\r\n\r\n", b" ", "httpRequest"),
    Way("O4", "HTTP chunks", HTTP_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", "httpRequest"),
    Way("O4", "J-IM frame", LOGIN[:1], LOGIN[1:], "login"),
    Way("O4", "J-IM body", wire.announced(wire.LOGIN, 4096), b" ", "login"),
    Way("O4", "WebSocket frame", UPGRADE + b"\r\n" + websocket.head(4096), b" ", "login"),
    Way("O5", "silent", b"", b"", "firstByte"),
    Way("O5", "half an upgrade", UPGRADE, b"", "head"),
    Way("O5", "half a frame", LOGIN[:5], b"", "login"),
    Way("O5", "no login", wire.frame(wire.HEARTBEAT), wire.frame(wire.HEARTBEAT), "login"),
    Way("O5", "WebSocket, no login", UPGRADE + b"\r\n", b"", "login"),
]


class SlowLink(Link):
    """
    One slow connection.

    @ivar held: seconds until the server ended it; 0 while it has not.
    """

    def __init__(self, crowd: Crowd, address: Address, way: Way) -> None:
        self.way = way
        self.held = 0.0
        self._at = 0
        super().__init__(crowd, address)
        self.began = monotonic()
        if way.at:
            self.send(way.at)

    def drip(self) -> None:
        """
        One byte more.
        """
        drip = self.way.drip
        if drip and self.isOpen:
            self.send(drip[self._at % len(drip) :][:1])
            self._at += 1

    def arrived(self, data: bytes) -> None:
        """
        Whatever the server says to it.
        """

    def lost(self) -> None:
        """
        The server has enough.
        """
        self.held = monotonic() - self.began


def areDropped(stage: Stage) -> Sequence[Result]:
    """
    The rows.
    """
    limits = QUICK if stage.plan.quick and stage.plan.target is None else {}
    options = ["--store=memory:"]  # others shall wait for nothing else, such as a disk
    options += [f"--limit={name}={value}" for name, value in limits.items()]
    with stage.tested(*options) as (address, server):
        return play(stage, address, server, convert(limits, Limits))


def play(stage: Stage, address: Address, server: Server | None, limits: Limits) -> Sequence[Result]:
    """
    Be slow in all ways at once.
    """
    count = stage.size(20, 500)
    every = stage.seconds(0.25, 1.0)
    bounds = asdict(limits)
    longest = max(bounds[way.limit] for way in WAYS)
    pid = server.pid if server is not None else 0
    file, name = stage.file("waits"), stage.name("bystander")
    with Crowd() as crowd, Bystander(file, address, name, chat=0.005, pid=pid) as bystander:
        crowd.run(WARM)
        began = monotonic()
        crowd.run(stage.seconds(1.0, longest / 2))
        control = p99(bystander.waits(began, kind=CHAT))
        began = monotonic()
        links = []
        for _ in range(count):
            for way in WAYS:
                links.append(SlowLink(crowd, address, way))
                crowd.turn(PACE)
        end = monotonic() + longest + GRACE + 5.0
        with stage.progress("slow connections", len(links), "ended") as bar:
            ended = 0
            while ended < len(links) and monotonic() < end:
                for phase in range(PHASES):
                    for link in links[phase::PHASES]:
                        link.drip()
                    crowd.run(every / PHASES)
                now = sum(not link.isOpen for link in links)
                bar.update(now - ended)
                ended = now
        attack = p99(bystander.waits(began, kind=CHAT))
    worse = stage.seconds(LOOSE, WORSE)
    return [judge(row, links, bounds, (control, attack, worse)) for row in ("O4", "O5")]


def judge(
    row: str, links: Sequence[SlowLink], bounds: dict[str, float], others: tuple[float, float, float]
) -> Result:
    """
    One of the two rows.

    @param others: what innocent users waited without and with, and how many
        times as long it may be.
    """
    control, attack, worse = others
    ratio = attack / control if control else 1.0
    mine = [link for link in links if link.way.row == row]
    forever = sum(not link.held for link in mine)
    over = max(link.held - bounds[link.way.limit] for link in mine)
    ways = [way for way in WAYS if way.row == row]
    held = {way: max(link.held for link in mine if link.way is way) for way in ways}
    each = ", ".join(f"{way.name} {held[way]:.1f} of {bounds[way.limit]:g} s" for way in ways)
    return judged(
        row,
        "who drips is dropped in time" if row == "O4" else "who says too little is dropped in time",
        f"{len(mine)} connections, {len(ways)} ways",
        f"deadline {over:+.1f} s, never {forever}, others' p99 {ratio:.2f} x control",
        f"deadline +{GRACE:g} s, 0, {worse:g} x or {FLOOR * 1000:g} ms",
        not forever and over <= GRACE and (ratio <= worse or attack <= FLOOR),
        f"{each}; p99 of others {control * 1000:.1f} ms without, {attack * 1000:.1f} ms with",
    )
