"""
O15: whatever goes on, nobody waits long for a heartbeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread
from time import monotonic

from imtw.verify import bombs, wire
from imtw.verify.bystander import BEAT, Bystander, quantile
from imtw.verify.caller import Caller, NoAnswer
from imtw.verify.catchers import Catcher
from imtw.verify.crowd import Address, Crowd
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.rows.hostile import Gun
from imtw.verify.server import Server
from imtw.verify.speakers import Journal, Speaker

LONGEST = 0.050  # seconds
BEATS = 0.002
WARM = 1.0
SPEAKERS, MEMBERS = 4, 20


class Rereader(Catcher):
    """
    Reads the whole history, again and again.
    """

    def heard(self, command: int, body: bytes) -> None:
        if command == wire.MESSAGES:
            self.order = [] if self.isCaughtUp else self.order
        super().heard(command, body)
        if command == wire.MESSAGES and self.isCaughtUp:
            self.order = []
            self.catchUp()


class Nuisance(Thread):
    """
    Logs in with new names, and fires what no server should be sent.
    """

    def __init__(self, stage: Stage, address: Address, bystander: Bystander) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self.over = Event()
        self._stage = stage
        self._address = address
        self._random = stage.chance("nuisance")
        self._gun = Gun(address, stage.name("attacker"), bystander)
        self._shots = [*bombs.oversized(), *bombs.json()]

    def run(self) -> None:
        """
        Until it is over.
        """
        while not self.over.is_set():
            self.count += 1
            if self._random.random() < 0.5:
                self._gun.fire(self._random.choice(self._shots))
                self._gun.letGo()
            else:
                name = self._stage.name(f"new{self.count}")
                with suppress(OSError, NoAnswer), Caller(self._address, name):
                    pass


def isSmooth(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    with stage.tested("--auth", "accounts:") as (address, server):
        return [play(stage, address, server)]


def play(stage: Stage, address: Address, server: Server | None) -> Result:
    """
    Everything at once.
    """
    seconds = stage.seconds(1.5, 60.0)
    where = wire.group(stage.name("group"))
    journal = Journal(stage.file("journal"))
    names = [stage.name(f"speaker{number}") for number in range(SPEAKERS)]
    crew = [Speaker(name, [where], stage.chance(name), journal, 8) for name in names]
    listeners = [Catcher(stage.name(f"member{number}"), where) for number in range(MEMBERS)]
    reader = Rereader(stage.name("reader"), where)
    everybody: list[Speaker | Catcher] = [*crew, *listeners, reader]
    pid = server.pid if server is not None else 0
    with Crowd() as crowd, Bystander(stage.file("waits"), address, stage.name("by"), BEATS, 0, pid) as bystander:
        nuisance = Nuisance(stage, address, bystander)
        for one in everybody:
            one.connect(crowd, address)
        nuisance.start()
        crowd.run(WARM)
        began, before = monotonic(), len(journal.acked)
        crowd.run(seconds)
        ended = monotonic()
        nuisance.over.set()
        waits = bystander.waits(began, ended, BEAT)
        nuisance.join(10.0)
    journal.close()
    stalls = [wait.stall for wait in waits]
    raw = max((wait.took for wait in waits), default=0.0)
    longest = max(stalls, default=0.0)
    return judged(
        "O15",
        "nobody waits long for a heartbeat",
        f"{seconds:g} s, {len(waits)} heartbeats",
        f"longest stall {longest * 1000:.1f} ms",
        f"{LONGEST * 1000:g} ms",
        bool(waits) and longest <= LONGEST,
        f"99 of 100 {quantile(stalls, 0.99) * 1000:.1f} ms; with what other programs took of the processor "
        f"{raw * 1000:.1f} ms; meanwhile {len(journal.acked) - before} messages to {len(everybody)} members, "
        f"{nuisance.count} logins of new names and hostile inputs, one endless reader of the history",
    )
