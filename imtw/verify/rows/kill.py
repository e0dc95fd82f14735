"""
D1: what is acknowledged survives kill -9.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import sleep

from imtw.verify import wire
from imtw.verify.audit import Audit
from imtw.verify.crowd import Crowd
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.server import Server
from imtw.verify.speakers import Journal, Speaker
from imtw.verify.wire import Conversation

SPEAKERS = 8
MOST = 1000  # acknowledgements in one life of a server
PATIENCE = 60.0  # seconds for one life
EARLY = 0.1  # the part of the kills that hit a server which is just starting
STARTUP = 0.5  # seconds in which that is so


def places(stage: Stage, names: Sequence[str]) -> list[Conversation]:
    """
    Where is spoken: two groups, and everybody with the next one.
    """
    groups = [wire.group(stage.name(f"group{number}")) for number in range(2)]
    return groups + [wire.pair(name, names[(at + 1) % len(names)]) for at, name in enumerate(names)]


def speakers(stage: Stage, names: Sequence[str], journal: Journal, window: int = 16) -> list[Speaker]:
    """
    Who speaks there.
    """
    spoken = places(stage, names)
    return [
        Speaker(name, [where for where in spoken if where.group or name in where], stage.chance(name), journal, window)
        for name in names
    ]


def survives(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    points = stage.size(4, 200)
    names = [stage.name(f"user{number}") for number in range(SPEAKERS)]
    journal = Journal(stage.file("journal"))
    crew = speakers(stage, names, journal)
    audit = Audit(places(stage, names), names[0])
    server = stage.server()
    early = 0
    try:
        with stage.progress("kills", points, "kills") as bar:
            for _ in range(points):
                wanted = stage.random.randrange(1, MOST)
                delay = stage.random.uniform(0, 0.03)
                if stage.random.random() < EARLY:
                    early += 1
                    server.launch()
                    sleep(stage.random.uniform(0, STARTUP))
                    server.kill()
                server.start()
                if server.starts > 1:
                    audit.readOn(server.address)
                live(server, crew, journal, wanted, delay)
                server.kill()
                bar.update(1)
        server.start()
        finish(server, crew, journal)
        audit.readAll(server.address)
    finally:
        server.kill()
        journal.close()
    findings = audit.compare(journal.acked.values())
    return [
        judged(
            "D1",
            "acknowledged messages survive kill -9",
            f"{points + early} kills, {len(journal.acked)} acked",
            str(findings),
            "lost 0, repeats 0, inversions 0",
            findings.isSound and len(journal.acked) > points,
            f"{early} of the kills while it was starting; {findings.rows} rows read back; "
            f"{sum(one.refused for one in crew)} refused",
        )
    ]


def live(server: Server, crew: Sequence[Speaker], journal: Journal, wanted: int, delay: float) -> None:
    """
    Have everybody speak, and kill the server once so many messages are
    acknowledged, and a moment later.
    """
    with Crowd() as crowd:
        speak(crowd, server, crew, journal, wanted)
        crowd.run(delay, step=0.005)
        server.kill()
        # What had left the server was acknowledged.
        crowd.run(2.0, lambda: not any(speaker.isConnected for speaker in crew))
        journal.sync()


def speak(crowd: Crowd, server: Server, crew: Sequence[Speaker], journal: Journal, wanted: int) -> None:
    """
    Have everybody speak until so many more messages are acknowledged.
    """
    for speaker in crew:
        speaker.connect(crowd, server.address)
    before = len(journal.acked)
    crowd.run(PATIENCE, lambda: synced(journal) - before >= wanted or not server.isAlive)


def finish(server: Server, crew: Sequence[Speaker], journal: Journal) -> None:
    """
    Say again what was not acknowledged, and nothing new.
    """
    with Crowd() as crowd:
        for speaker in crew:
            speaker.isQuiet = True
            speaker.connect(crowd, server.address)
        crowd.run(PATIENCE, lambda: not any(speaker.outstanding for speaker in crew))
    journal.sync()


def synced(journal: Journal) -> int:
    """
    How much is acknowledged, and written down.
    """
    journal.sync()
    return len(journal.acked)
