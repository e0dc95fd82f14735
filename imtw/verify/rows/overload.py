"""
O18: more is asked for than can be done, and what can be done is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from itertools import count, cycle
from time import monotonic

from imtw.verify import wire
from imtw.verify.caller import Caller
from imtw.verify.crowd import Address, Crowd
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.rows.flood import Flooder
from imtw.verify.rows.returning import SOURCES, Comer
from imtw.verify.server import HOST, Server, freePort

KEPT = 0.8  # of what is done at the peak
KEPT_LOOSELY = 0.6  # the same for --quick, which looks for a second or two
WINDOW = 100  # messages without an answer, of each of a few who speak as fast as they are answered
FEW, MANY = 4, 8
TWICE = 2.0
AT_ONCE = 8  # logins under way at the peak
ISSUE_TOKEN = 119
SLOWEST = 0.5  # seconds that a login with a token may take
LOOSE = 1.0  # the same for --quick, which runs where much else does
STEP = 0.005


def isShed(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    room = stage.size(40, 200)
    admin = freePort()
    options = ["--auth=accounts:", f"--limit=loginQueue={room}", f"--admin=tcp:{admin}:interface={HOST}"]
    with stage.server(*options) as server:
        peak, under = chats(stage, server)
        peakLogins, underLogins, resumed, waited, queue = logins(stage, server, admin)
    part, loginPart = under / peak, underLogins / peakLogins
    slow = max((one.waited for one in resumed if one.isIn), default=0.0)
    refused = sum(not one.isIn for one in resumed)
    bound, kept = stage.seconds(LOOSE, SLOWEST), stage.seconds(KEPT_LOOSELY, KEPT)
    return [
        judged(
            "O18",
            "too much is asked: what can be done is done",
            f"{MANY} flooders; logins at {TWICE:g} x what can be checked",
            f"messages {part:.0%}, logins {loginPart:.0%} of the peak, queue {queue}, "
            f"with a token: slowest {slow:.2f} s, refused {refused} of {len(resumed)}",
            f"{kept:.0%}, {kept:.0%}, at most {room}, {bound:g} s, 0",
            part >= kept and loginPart >= kept and queue <= room and slow <= bound and not refused and bool(resumed),
            f"{under:.0f} of {peak:.0f} messages/s, {underLogins:.0f} of {peakLogins:.0f} logins/s; "
            f"who came with a new password waited {waited:.2f} s (median)",
        )
    ]


def chats(stage: Stage, server: Server) -> tuple[float, float]:
    """
    Let a few speak as fast as they are answered, and many faster than that,
    in turns.

    @return: messages a second that were taken of each.
    """
    seconds = stage.seconds(0.8, 5.0)
    done = [0.0, 0.0]
    rounds = stage.size(1, 4)
    numbers = count()
    with Crowd() as crowd:
        for _ in range(rounds):
            for kind, number, window in ((0, FEW, WINDOW), (1, MANY, 0)):
                names = [stage.name(f"speaker{next(numbers)}") for _ in range(number)]
                links = [Flooder(crowd, server.address, one, wire.pair(one, stage.name("absent"))) for one in names]
                crowd.run(10.0, lambda links=links: all(one.isIn for one in links))  # type: ignore[misc]
                speak(crowd, links, window, 0.2)
                before = sum(map(taken, links))
                speak(crowd, links, window, seconds)
                done[kind] += (sum(map(taken, links)) - before) / seconds / rounds
                for one in links:
                    one.reset()
                crowd.run(0.2)
    return done[0], done[1]


def speak(crowd: Crowd, links: Sequence[Flooder], window: int, seconds: float) -> None:
    """
    Speak for a while.

    @param window: messages without an answer, 0 for as many as the sockets
        take.
    """
    end = monotonic() + seconds
    while monotonic() < end:
        for one in links:
            if window:
                one.speak(window)
            else:
                one.flood()
        crowd.turn(STEP)


def taken(link: Flooder) -> int:
    """
    How many messages were acknowledged.
    """
    return sum(link.codes.get(code, 0) for code in wire.TAKEN)


def logins(stage: Stage, server: Server, admin: int) -> tuple[float, float, list[Comer], float, int]:
    """
    Let new users log in as fast as their passwords can be checked, then twice
    as many, while others come with a token.

    @return: logins a second of both; who came with a token; how long the
        others waited; the longest queue.
    """
    seconds = stage.seconds(1.0, 10.0)
    newcomers = newcomersOf(stage)
    tokens = cycle([tokenOf(server.address, stage.name(f"owner{number}")) for number in range(5)])
    with Crowd() as crowd:
        comers: list[Comer] = []
        end = monotonic() + seconds
        while monotonic() < end:
            open_ = sum(not one.code for one in comers[-2 * AT_ONCE :])
            comers += [comer(crowd, server.address, next(newcomers)) for _ in range(AT_ONCE - open_)]
            crowd.turn(STEP)
        peak = sum(one.isIn for one in comers) / seconds
        crowd.run(5.0, lambda: all(one.code for one in comers))
        comers, resumed = [], []
        queue = 0
        began = looked = monotonic()
        while (now := monotonic()) < began + 2 * seconds:
            due = int((now - began) * peak * TWICE)
            comers += [comer(crowd, server.address, next(newcomers)) for _ in range(due - len(comers))]
            if now > looked + 0.1:
                looked = now
                queue = max(queue, queueOf(admin))
                resumed.append(Comer(crowd, server.address, next(tokens), SOURCES[0]))
            crowd.turn(STEP)
        under = sum(one.isIn for one in comers) / (2 * seconds)
        crowd.run(15.0, lambda: all(one.code for one in [*comers, *resumed]))
        waits = sorted(one.waited for one in comers if one.isIn)
    return peak, under, resumed, waits[len(waits) // 2] if waits else 0.0, queue


def newcomersOf(stage: Stage) -> Iterator[tuple[bytes, str]]:
    """
    The logins of people who were never here, and where they come from.
    """
    for number in count():
        yield wire.login(stage.name(f"new{number}")), SOURCES[number % FEW]


def comer(crowd: Crowd, address: Address, newcomer: tuple[bytes, str]) -> Comer:
    """
    One of them.
    """
    return Comer(crowd, address, *newcomer)


def tokenOf(address: Address, name: str) -> bytes:
    """
    A login with a token that somebody asked for.
    """
    with Caller(address, name) as caller:
        found = caller.ask(wire.frame(ISSUE_TOKEN, {"cmd": ISSUE_TOKEN}), ISSUE_TOKEN)
    return wire.frame(wire.LOGIN, {"cmd": wire.LOGIN, "token": found["data"]["token"]})


def queueOf(admin: int) -> int:
    """
    How many logins wait, by the server's own metrics.
    """
    connection = HTTPConnection(HOST, admin, timeout=5.0)
    with suppress(OSError, HTTPException):
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return int(float(re.findall(r"^imtw_login_queue ([\d.]+)", text, re.MULTILINE)[0]))
    return 0
