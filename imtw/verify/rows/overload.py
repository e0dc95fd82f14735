"""
O18: more is asked for than can be done, and what can be done is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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

KEPT = 0.8  # of what is done at the peak, in a second of processor
IDLE = 0.25  # of that, in a second by the clock: a disk that others use takes its time, too
KEPT_LOOSELY = 0.6  # the same for --quick, which looks for a second or two
WINDOW = 100  # messages without an answer, of each of a few who speak as fast as they are answered
FEW, MANY = 4, 8
TWICE = 2.0
AT_ONCE = 8  # logins under way at the peak
ISSUE_TOKEN = 119
SLOWEST = 0.5  # seconds that a login with a token may take
STEP = 0.005


class Yield:
    """
    What is done at the peak, and under more than that.

    @ivar done: a second by the clock, of both.
    @ivar worked: a second of processor: what other programs of the machine
        took is not the server's.
    """

    def __init__(self, server: Server) -> None:
        self.done = [0.0, 0.0]
        self.worked = [0.0, 0.0]
        self._server = server
        self._count = [0, 0]
        self._seconds = [0.0, 0.0]
        self._work = [0.0, 0.0]

    @contextmanager
    def measured(self, kind: int, count: Callable[[], int]) -> Iterator[None]:
        """
        Note what is done meanwhile.

        @param kind: 0 at the peak, 1 under more.
        """
        before, began, worked = count(), monotonic(), self._server.worked()
        yield
        self._count[kind] += count() - before
        self._seconds[kind] += monotonic() - began
        self._work[kind] += self._server.worked() - worked
        self.done[kind] = self._count[kind] / self._seconds[kind]
        self.worked[kind] = self._count[kind] / max(self._work[kind], 0.01)

    @property
    def kept(self) -> float:
        """
        The part of the peak that is done under more.
        """
        return self.worked[1] / self.worked[0]

    def isKept(self, part: float) -> bool:
        """
        Is that much done?  Who is idle where there is work has not done it
        either.
        """
        return self.kept >= part and self.done[1] >= IDLE * part * self.done[0]


def isShed(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    room = stage.size(40, 200)
    admin = freePort()
    options = ["--auth=accounts:", f"--limit=loginQueue={room}", f"--admin=tcp:{admin}:interface={HOST}"]
    with stage.server(*options) as server:
        chat = chats(stage, server)
        login, resumed, waited, queue = logins(stage, server, admin)
    slow = max((one.waited for one in resumed if one.isIn), default=0.0)
    refused = sum(not one.isIn for one in resumed)
    kept = stage.seconds(KEPT_LOOSELY, KEPT)
    return [
        judged(
            "O18",
            "too much is asked: what can be done is done",
            f"{MANY} flooders; logins at {TWICE:g} x what can be checked",
            f"messages {chat.kept:.0%}, logins {login.kept:.0%} of the peak, queue {queue}, "
            f"with a token: slowest {slow:.2f} s, refused {refused} of {len(resumed)}",
            f"{kept:.0%}, {kept:.0%}, at most {room}, {SLOWEST:g} s, 0",
            chat.isKept(kept)
            and login.isKept(kept)
            and queue <= room
            and slow <= SLOWEST
            and not refused
            and bool(resumed),
            f"by the clock {chat.done[1]:.0f} of {chat.done[0]:.0f} messages/s, "
            f"{login.done[1]:.0f} of {login.done[0]:.0f} logins/s; "
            f"who came with a new password waited {waited:.2f} s (median)",
        )
    ]


def chats(stage: Stage, server: Server) -> Yield:
    """
    Let a few speak as fast as they are answered, and many faster than that,
    in turns.

    @return: the messages that were taken.
    """
    seconds = stage.seconds(0.8, 5.0)
    done = Yield(server)
    rounds = stage.size(1, 4)
    numbers = count()
    with Crowd() as crowd:
        for _ in range(rounds):
            for kind, number, window in ((0, FEW, WINDOW), (1, MANY, 0)):
                names = [stage.name(f"speaker{next(numbers)}") for _ in range(number)]
                links = [Flooder(crowd, server.address, one, wire.pair(one, stage.name("absent"))) for one in names]
                crowd.run(10.0, lambda links=links: all(one.isIn for one in links))  # type: ignore[misc]
                speak(crowd, links, window, 0.2)
                with done.measured(kind, lambda links=links: sum(map(taken, links))):  # type: ignore[misc]
                    speak(crowd, links, window, seconds)
                for one in links:
                    one.reset()
                crowd.run(0.2)
    return done


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


def logins(stage: Stage, server: Server, admin: int) -> tuple[Yield, list[Comer], float, int]:
    """
    Let new users log in as fast as their passwords can be checked, then twice
    as many, while others come with a token.

    @return: the logins; who came with a token; how long the
        others waited; the longest queue.
    """
    seconds = stage.seconds(1.0, 10.0)
    newcomers = newcomersOf(stage)
    done = Yield(server)
    tokens = cycle([tokenOf(server.address, stage.name(f"owner{number}")) for number in range(5)])
    with Crowd() as crowd:
        comers: list[Comer] = []
        end = monotonic() + seconds
        with done.measured(0, lambda: sum(one.isIn for one in comers)):
            while monotonic() < end:
                open_ = sum(not one.code for one in comers[-2 * AT_ONCE :])
                comers += [comer(crowd, server.address, next(newcomers)) for _ in range(AT_ONCE - open_)]
                crowd.turn(STEP)
        crowd.run(5.0, lambda: all(one.code for one in comers))
        comers, resumed = [], []
        queue = 0
        began = looked = monotonic()
        with done.measured(1, lambda: sum(one.isIn for one in comers)):
            while (now := monotonic()) < began + 2 * seconds:
                due = int((now - began) * done.done[0] * TWICE)
                comers += [comer(crowd, server.address, next(newcomers)) for _ in range(due - len(comers))]
                if now > looked + 0.1:
                    looked = now
                    queue = max(queue, queueOf(admin))
                    resumed.append(Comer(crowd, server.address, next(tokens), SOURCES[0]))
                crowd.turn(STEP)
        crowd.run(15.0, lambda: all(one.code for one in [*comers, *resumed]))
        waits = sorted(one.waited for one in comers if one.isIn)
    return done, resumed, waits[len(waits) // 2] if waits else 0.0, queue


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
