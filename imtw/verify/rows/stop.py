"""
D9: a graceful stop loses nothing and lies to nobody.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from threading import Timer
from time import monotonic

from imtw.verify.audit import Audit
from imtw.verify.crowd import Crowd
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.rows.kill import SPEAKERS, places, speak, speakers
from imtw.verify.server import Server
from imtw.verify.speakers import Journal, Speaker

DRAIN = 30.0  # seconds


def stopsWell(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    stops = stage.size(3, 30)
    names = [stage.name(f"user{number}") for number in range(SPEAKERS)]
    journal = Journal(stage.file("journal"))
    crew = speakers(stage, names, journal, 64)
    audit = Audit(places(stage, names), names[0])
    server = stage.server()
    drains: list[float] = []
    hanging, unanswered, status = 0, 0, 0
    try:
        with stage.progress("stops", stops, "stops") as bar:
            for _ in range(stops):
                server.start()
                wanted, delay = stage.random.randrange(1, 1500), stage.random.uniform(0.005, 0.03)
                drained, code = live(server, crew, journal, wanted, delay)
                drains.append(drained)
                status += code not in (0, -signal.SIGTERM)
                for speaker in crew:
                    hanging += speaker.isConnected
                    unanswered += len(speaker.outstanding)
                    speaker.outstanding.clear()  # not to be said again
                bar.update(1)
        server.start()
        audit.readAll(server.address)
    finally:
        server.kill()
        journal.close()
    findings = audit.compare(journal.acked.values())
    return [
        judged(
            "D9",
            "a stop (SIGTERM) loses nothing acknowledged",
            f"{stops} stops, {len(journal.acked)} acked",
            f"lost {len(findings.lost)}, left hanging {hanging}, longest drain {max(drains):.2f} s",
            f"0, 0, at most {DRAIN:g} s",
            not findings.lost and not hanging and not status and max(drains) <= DRAIN,
            f"answered as failed {sum(one.refused for one in crew)}, ended with the connection {unanswered}; "
            f"other exit status than SIGTERM's: {status}",
        )
    ]


def live(server: Server, crew: Sequence[Speaker], journal: Journal, wanted: int, delay: float) -> tuple[float, int]:
    """
    Have everybody speak, and stop the server under load: once so many
    messages are acknowledged, and a moment later.  Another thread does that,
    or it would always be at the end of what we had to do, and the server with
    nothing left to do.

    @return: how long it took to end, and its exit status.
    """
    with Crowd() as crowd:
        speak(crowd, server, crew, journal, wanted)
        process = server.process
        assert process is not None
        began = monotonic() + delay
        stopping = Timer(delay, server.terminate)
        stopping.start()
        crowd.run(DRAIN + 5.0, lambda: not server.isAlive, step=0.01)
        drained = monotonic() - began
        stopping.join()
        # A connection of a process that ended is closed by the system: what comes is what was sent before.
        crowd.run(2.0, lambda: not any(speaker.isConnected for speaker in crew))
        journal.sync()
        try:
            status = process.wait(0)
        except subprocess.TimeoutExpired:
            status = -1
        server.kill()
    return drained, status
