"""
D5: a full disk is an error to the sender, and passes.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from imtw.cli.progress import Bar
from imtw.verify import wire
from imtw.verify.audit import Audit
from imtw.verify.caller import Caller, NoAnswer
from imtw.verify.crowd import Crowd
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.rows.kill import places, speakers, synced
from imtw.verify.server import Server
from imtw.verify.speakers import Journal, Said, Speaker

SPEAKERS = 4
FULL = 1.5  # seconds
RECOVERY = 10.0  # seconds
WHOLE = 400_000  # bytes that the log has before files may have no more than the next number
LIMIT = 200_000
DISK = 24  # MiB
TMPFS = ["unshare", "--mount", "sh", "-c"]
PATIENCE = 30.0

Shortage = Callable[[Server], AbstractContextManager[None]]


@contextmanager
def shortFiles(server: Server) -> Iterator[None]:
    """
    No file may grow past a size.
    """
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (LIMIT, hard))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def fullDisk(server: Server) -> Iterator[None]:
    """
    The disk of the server's own is full.
    """
    ballast = f"/proc/{server.pid}/root{server.folder}/ballast"
    with open(ballast, "wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            pass
    try:
        yield
    finally:
        os.remove(ballast)


def ownDisk() -> Sequence[str]:
    """
    The command that gives what it runs a small disk of its own; empty where
    that is not allowed.
    """
    if os.geteuid() or not shutil.which("unshare"):
        return ()
    script = f'mount -t tmpfs -o size={DISK}m none "$PWD" && cd "$PWD" && exec "$@"'
    tried = subprocess.run([*TMPFS, "mount -t tmpfs none /mnt", "sh"], capture_output=True, check=False)
    return () if tried.returncode else (*TMPFS, script, "sh")


class Way(NamedTuple):
    """
    One way to be short of room.

    @ivar command: what runs the server.
    """

    name: str
    command: Sequence[str]
    shortage: Shortage


class Watch:
    """
    What is answered while there is no room.

    @ivar failed: when the first failure was heard.
    @ivar late: messages that were sent after that and acknowledged while
        there was still no room.
    @ivar codes: of the refusals.
    """

    def __init__(self, crew: Sequence[Speaker]) -> None:
        self.failed = 0.0
        self.late = 0
        self.isFull = False
        self.codes: set[int] = set()
        self._after: set[str] = set()
        for speaker in crew:
            speaker.onAnswer = self.answered
            speaker.onSay = self.saying

    def saying(self, said: Said) -> None:
        """
        Somebody speaks.
        """
        if self.failed and self.isFull:
            self._after.add(said.id)

    def answered(self, said: Said, code: int) -> None:
        """
        Somebody was answered.
        """
        if not self.isFull:
            return
        if code in wire.TAKEN:
            self.late += said.id in self._after
        else:
            self.failed = self.failed or monotonic()
            self.codes.add(code)


@dataclass
class Tally:
    """
    What came of all shortages.
    """

    late: int = 0
    silent: int = 0
    lost: int = 0
    acked: int = 0
    felt: int = 0
    recoveries: list[float] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)


def isSurvived(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    rounds = stage.size(1, 5)
    wrapper = ownDisk()
    ways = [Way("file limit", (), shortFiles), *([Way("full disk", wrapper, fullDisk)] if wrapper else [])]
    runs = rounds * len(ways)
    tally = Tally()
    with stage.progress("shortages", runs, "shortages") as bar:
        for way in ways:
            suffer(stage, way, rounds, tally, bar)
    slowest = max(tally.recoveries)
    return [
        judged(
            "D5",
            "a full disk is an error, and passes",
            f"{runs} shortages, {tally.acked} acked",
            f"acked while full {tally.late}, silent {tally.silent}, lost {tally.lost}, back after {slowest:.1f} s",
            f"0, 0, 0, {RECOVERY:g} s without restart",
            not (tally.late or tally.silent or tally.lost) and tally.felt == runs and slowest <= RECOVERY,
            f"{', '.join(way.name for way in ways)}; refused with {sorted(tally.codes)}; felt {tally.felt}",
        )
    ]


def suffer(stage: Stage, way: Way, rounds: int, tally: Tally, bar: Bar) -> None:
    """
    Have one server short of room, some times, and read back what it has.
    """
    journal = Journal(stage.file(way.name.replace(" ", "-")))
    names = [stage.name(f"user{number}") for number in range(SPEAKERS)]
    crew = speakers(stage, names, journal)
    audit = Audit(places(stage, names), names[0])
    with stage.server(wrapper=way.command) as server, Crowd() as crowd:
        for speaker in crew:
            speaker.connect(crowd, server.address)
        for _ in range(rounds):
            watch = Watch(crew)
            silent, took = starve(server, crowd, crew, journal, watch, way.shortage)
            tally.silent += silent
            tally.late += watch.late
            tally.felt += bool(watch.failed)
            tally.codes |= watch.codes
            tally.recoveries.append(took)
            bar.update(1)
        for speaker in crew:
            speaker.isQuiet = True
        crowd.run(PATIENCE, lambda: not any(speaker.outstanding for speaker in crew))
        journal.sync()
        crowd.run(RECOVERY, lambda: isIn(server, names[0]), step=0.2)
        audit.readAll(server.address)
    findings = audit.compare(journal.acked.values())
    tally.lost += len(findings.lost) + len(findings.altered)
    tally.acked += len(journal.acked)
    journal.close()


def isIn(server: Server, name: str) -> bool:
    """
    Is somebody let in?
    """
    try:
        with Caller(server.address, name):
            return True
    except (OSError, NoAnswer):
        return False


def starve(
    server: Server, crowd: Crowd, crew: Sequence[Speaker], journal: Journal, watch: Watch, shortage: Shortage
) -> tuple[int, float]:
    """
    Take the room away under load, and give it back.

    @return: how many messages had no answer meanwhile, and how many seconds
        it took until there were acknowledgements again.
    """
    log = f"/proc/{server.pid}/root{server.database}-wal"
    before = len(journal.acked)
    crowd.run(
        PATIENCE, lambda: synced(journal) > before + 300 and os.path.exists(log) and os.path.getsize(log) > WHOLE
    )
    watch.isFull = True
    with shortage(server):
        crowd.run(FULL, lambda: bool(synced(journal)) and not server.isAlive)
        old = monotonic() - FULL / 2
        silent = sum(sent < old for speaker in crew for _, sent in speaker.outstanding)
        watch.isFull = False
    began, before = monotonic(), len(journal.acked)
    crowd.run(2 * RECOVERY, lambda: synced(journal) > before + 10)
    return silent, monotonic() - began
