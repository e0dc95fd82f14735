"""
Hours of work, at half of what the server can do, with people who come and go:
memory, descriptors and delayed calls stay as they are::

    python -m imtw.verify.soak --hours 8

No row of C{imtw verify}, since no figure of it is worth anything after a
minute.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from random import SystemRandom
from statistics import linear_regression, median
from time import monotonic
from typing import NamedTuple

from imtw.verify import wire
from imtw.verify.crowd import Address, Crowd, Link
from imtw.verify.plan import Plan, Stage
from imtw.verify.report import Result, Verdict, judged, table
from imtw.verify.rows.flood import Flooder
from imtw.verify.server import HOST, Server, freePort

MIB = 1024 * 1024
SLOPE = 1.0  # MiB an hour; of less than an hour, MiB in all
SPREAD = 3  # descriptors and delayed calls that come and go
LOAD = 0.5  # of the peak
SPEAKERS = 4
MEMBERS = 50  # who hear each message
WINDOW = 100
PEAK = 10.0  # seconds
WARM = 0.2  # of the time, before anything counts
EVERY = 5.0  # seconds between two looks
COMING = 0.2  # seconds between two who come, say who they are, and go
STEP = 0.01


class Sample(NamedTuple):
    """
    One look.

    @ivar at: seconds from the beginning.
    @ivar memory: bytes.
    @ivar calls: delayed calls.
    """

    at: float
    memory: int
    descriptors: int
    calls: int


class Member(Link):
    """
    Somebody who hears all and says nothing.
    """

    def __init__(self, crowd: Crowd, address: Address, name: str, group: str) -> None:
        super().__init__(crowd, address)
        self.send(wire.login(name) + wire.join(group))

    def arrived(self, data: bytes) -> None:
        """
        It is not looked at: the server is what is put to the test.
        """


def soak(stage: Stage, hours: float) -> Result:
    """
    Work for so long.
    """
    admin = freePort()
    with stage.server(f"--admin=tcp:{admin}:interface={HOST}") as server, Crowd() as crowd:
        where = wire.group(stage.name("group"))
        members = [Member(crowd, server.address, stage.name(f"m{number}"), where.group) for number in range(MEMBERS)]
        names = [stage.name(f"speaker{number}") for number in range(SPEAKERS)]
        speakers = [Flooder(crowd, server.address, name, where) for name in names]
        crowd.run(10.0, lambda: all(one.isIn for one in speakers))
        peak = peakOf(crowd, speakers)
        samples, answered = work(stage, crowd, server, speakers, peak * LOAD, hours * 3600, admin)
        cut = sum(not one.isOpen for one in [*members, *speakers])
    return judge(samples, hours, peak, answered, cut)


def peakOf(crowd: Crowd, speakers: Sequence[Flooder]) -> float:
    """
    Messages a second, if everybody speaks as fast as it is answered.
    """
    before, began = sum(one.answered for one in speakers), monotonic()
    while monotonic() < began + PEAK:
        for one in speakers:
            one.speak(WINDOW)
        crowd.turn(STEP)
    return (sum(one.answered for one in speakers) - before) / (monotonic() - began)


def work(
    stage: Stage, crowd: Crowd, server: Server, speakers: Sequence[Flooder], rate: float, seconds: float, admin: int
) -> tuple[list[Sample], int]:
    """
    Speak at a rate, and look.

    @return: the looks, and how many messages were answered.
    """
    samples: list[Sample] = []
    before, began = sum(one.answered for one in speakers), monotonic()
    said = coming = looked = 0.0
    guests: list[Link] = []
    with stage.progress("soak", int(seconds), "seconds") as bar:
        while (now := monotonic() - began) < seconds and server.isAlive:
            due = int(now * rate - said) // len(speakers)
            for one in speakers:
                said += one.sayMore(due, WINDOW * 10)
            if now > coming + COMING:
                coming = now
                guests.append(Link(crowd, server.address))
                guests[-1].send(wire.login(stage.name(f"guest{int(now / COMING) % 500}")))
                if len(guests) > 3:
                    guests.pop(0).reset()
            if now > looked + EVERY:
                bar.update(int(now) - int(looked))
                looked = now
                samples.append(Sample(now, server.memory(), server.descriptors(), callsOf(admin)))
            crowd.turn(STEP)
    return samples, sum(one.answered for one in speakers) - before


def callsOf(admin: int) -> int:
    """
    How many delayed calls there are, by the server's own metrics; -1 where
    it does not say.
    """
    connection = HTTPConnection(HOST, admin, timeout=10.0)
    with suppress(OSError, HTTPException, IndexError):
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        return int(float(re.findall(r"^imtw_delayed_calls ([\d.]+)", text, re.MULTILINE)[0]))
    return -1


def judge(samples: Sequence[Sample], hours: float, peak: float, answered: int, cut: int) -> Result:
    """
    What the looks say.
    """
    looks = [one for one in samples if one.at >= WARM * hours * 3600]
    if len(looks) < 10:
        return judged("SOAK", "hours of work leave nothing", f"{hours:g} h", f"{len(looks)} looks", "10", False)
    slope = linear_regression([one.at / 3600 for one in looks], [one.memory / MIB for one in looks]).slope
    third = len(looks) // 3
    files = median(one.descriptors for one in looks[-third:]) - median(one.descriptors for one in looks[:third])
    calls = median(one.calls for one in looks[-third:]) - median(one.calls for one in looks[:third])
    bound = SLOPE / min(1.0, hours * (1 - WARM))
    return judged(
        "SOAK",
        "hours of work leave nothing",
        f"{hours:g} h, {answered} messages to {MEMBERS} members",
        f"{slope:+.2f} MiB an hour, descriptors {files:+g}, delayed calls {calls:+g}, cut {cut}",
        f"{bound:.2g}, +{SPREAD}, +{SPREAD}, 0",
        slope <= bound and files <= SPREAD and calls <= SPREAD and not cut and min(one.calls for one in looks) >= 0,
        f"{answered / hours / 3600:.0f} of {peak:.0f} messages/s; memory {looks[0].memory / MIB:.1f} to "
        f"{looks[-1].memory / MIB:.1f} MiB; {looks[-1].descriptors} descriptors, {looks[-1].calls} delayed calls",
    )


def main() -> int:
    """
    Read the arguments; do it.

    @return: the exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m imtw.verify.soak", description="Hours of work leave nothing.")
    parser.add_argument("--hours", type=float, default=8.0, help="how long [8]")
    parser.add_argument("--sabotage", default="", help="what the server does wrong, to see it found")
    options = parser.parse_args()
    plan = Plan(SystemRandom().randrange(10**6), sabotage=options.sabotage)
    folder = tempfile.mkdtemp(prefix="imtw-soak-")
    try:
        result = soak(Stage(plan, "SOAK", folder), options.hours)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table([result]))
    print(f"\n{result.verdict.value}: {result.figure} (wanted {result.target})")
    return int(result.verdict is not Verdict.PASS)


if __name__ == "__main__":
    sys.exit(main())
