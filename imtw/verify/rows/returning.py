"""
O19, O20: old clients that can only send their password come back, all at
once: to the same process, which remembers them, and to a new one, where they
queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from imtw.verify import wire
from imtw.verify.crowd import Address, Crowd, Link
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.server import HOST, freePort

ALL = 10_000
BOUND = 30.0  # seconds for all of them
FLOOR = 1.0  # seconds: below this it says more of the machine than of the server
SOURCES = [f"127.0.0.{number}" for number in range(2, 22)]  # nobody may make 10,000 accounts from one address
ELSEWHERE = "127.0.0.99"
SHARE = 0.25  # of the crowd that may be let in while somebody from elsewhere waits
PATIENCE = 900.0
BACKLOG = 4096  # connections that the system keeps until they are taken; with 50 the others try again after 1 s
GLUED = 20  # connections made between two looks at what came


class Comer(Link):
    """
    A client that logs in, and waits.

    @ivar code: of the answer, 0 while there is none.
    @ivar waited: seconds from the first packet to the answer.
    """

    def __init__(self, crowd: Crowd, address: Address, login: bytes, source: str) -> None:
        self.code = 0
        self.waited = 0.0
        self._began = monotonic()
        super().__init__(crowd, address, source=source, waits=False)
        self.send(login)

    def heard(self, command: int, body: bytes) -> None:
        if command == wire.LOGGED_IN:
            self.code = int(wire.read(body).get("code", -1))
            self.waited = monotonic() - self._began

    def lost(self) -> None:
        self.code = self.code or -1

    @property
    def isIn(self) -> bool:
        """
        Was it let in?
        """
        return self.code == wire.LOGIN_OK


def areServed(stage: Stage) -> Sequence[Result]:
    """
    The rows.
    """
    count = stage.size(150, ALL)
    after = stage.size(60, 2000)
    names = [stage.name(f"user{number}") for number in range(count)]
    address = HOST, freePort()
    port = f"--port=tcp:{address[1]}:interface={HOST}:backlog={BACKLOG}"
    with stage.server("--auth=accounts:", port) as server, Crowd() as crowd:
        firstTime, first = come(stage, crowd, address, names, SOURCES, "sign-ups")
        hangUp(crowd, first)
        againTime, again = come(stage, crowd, address, names, SOURCES, "returns")
        hangUp(crowd, again)
        server.kill()
        server.start()
        lateTime, late = come(stage, crowd, address, names[:after], SOURCES[:1], "after a restart", names[-1])
    return [
        remembered(count, again, againTime, count / firstTime),
        queued(after, late, lateTime),
    ]


def come(
    stage: Stage,
    crowd: Crowd,
    address: Address,
    names: Sequence[str],
    sources: Sequence[str],
    what: str,
    stranger: str = "",
) -> tuple[float, list[Comer]]:
    """
    Have all of them log in at once.

    @param stranger: somebody who comes last, from elsewhere.
    @return: how long it took until all were answered, and they, in the order
        in which they came.
    """
    began = monotonic()
    comers = []
    with stage.progress(what, len(names), "logins") as bar:
        for number, name in enumerate(names):
            comers.append(Comer(crowd, address, wire.login(name), sources[number % len(sources)]))
            if not number % GLUED:
                crowd.turn(0)
        if stranger:
            comers.append(Comer(crowd, address, wire.login(stranger), ELSEWHERE))
        open_ = comers
        while open_ and monotonic() < began + PATIENCE:
            crowd.run(0.1)
            left = [one for one in open_ if not one.code]
            bar.update(len(open_) - len(left))
            open_ = left
    return max((one.waited + one._began for one in comers if one.code), default=monotonic()) - began, comers


def hangUp(crowd: Crowd, comers: Sequence[Comer]) -> None:
    """
    All go, and the server sees it.
    """
    for one in comers:
        one.reset()
    crowd.run(0.5)


def remembered(count: int, again: Sequence[Comer], took: float, rate: float) -> Result:
    """
    Judge those who came back to the same process.

    @param rate: at which passwords were checked when they came first.
    """
    bound = max(FLOOR, BOUND * count / ALL)
    missed = sum(not one.isIn for one in again)
    return judged(
        "O19",
        "old clients that come back are served at once",
        f"{count} clients with their password",
        f"not let in {missed}, all served after {took:.1f} s",
        f"0, {bound:g} s",
        not missed and took <= bound,
        f"{count / took:.0f} logins/s; when they came first it was {rate:.0f}/s, or {ALL / rate:.0f} s for {ALL}",
    )


def queued(count: int, late: Sequence[Comer], took: float) -> Result:
    """
    Judge those who came back to a new process.
    """
    *crowd, stranger = late
    missed = sum(not one.isIn for one in late)
    end = stranger._began + stranger.waited
    sooner = sum(stranger._began <= one._began + one.waited < end for one in crowd if one.code)
    rate = count / took
    return judged(
        "O20",
        "after a restart they queue, and in turn",
        f"{count} clients of one address, 1 of another",
        f"not let in {missed}, while the one waited {sooner} were",
        f"0, at most {SHARE * count:.0f}",
        not missed and sooner <= SHARE * count,
        f"{rate:.0f} logins/s, or {ALL / rate:.0f} s for {ALL}; the one waited {stranger.waited:.2f} of {took:.1f} s, "
        f"the last of the crowd {crowd[-1].waited:.1f} s",
    )
