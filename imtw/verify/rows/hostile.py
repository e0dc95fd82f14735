"""
O6, O7, O8: no input costs the server more than it cost to send.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep

from imtw.verify import bombs, websocket, wire
from imtw.verify.bombs import Shot
from imtw.verify.bystander import BEAT, Bystander
from imtw.verify.caller import Caller, NoAnswer
from imtw.verify.crowd import Address
from imtw.verify.pace import slowness
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.server import Server

MIB = 1024 * 1024
STALL = 0.010  # seconds, as L{imtw.verify.pace} has them: the server's processor is busy with it
BEATS = 0.002
PEAK = 2 * MIB  # of memory, for what is 54 KB on its way
PATIENCE = 1.0  # seconds for an answer or an end
AFTER = 0.02  # seconds after a shot in which it may still be felt
GUARANTEES = {
    "O6": "a false length costs no memory",
    "O7": "no JSON stalls or kills",
    "O8": "nothing is blown up by unpacking",
}


@dataclass
class Outcome:
    """
    What a shot did, in all its attempts.

    @ivar stalls: of each attempt, the longest wait of an innocent user.
    @ivar grown: bytes of memory an attempt, once it is over; of O6 while the
        connections of all attempts are there, unless the server has ended
        them.  Of O7 what is taken the first time may stay: the heap has
        holes, and says nothing of the next time.
    @ivar peak: bytes of memory at the worst moment, in all.
    """

    shot: Shot
    stalls: list[float] = field(default_factory=list)
    answers: set[str] = field(default_factory=set)
    grown: float = 0.0
    peak: int = 0

    @property
    def name(self) -> str:
        """
        What it was.
        """
        return f"{self.shot.name} ({self.shot.carrier})"

    @property
    def stall(self) -> float:
        """
        What it does each time; what it did once may be the machine's.
        """
        return min(self.stalls, default=0.0)


def costsNothing(stage: Stage) -> Sequence[Result]:
    """
    The rows.
    """
    with stage.tested() as (address, server):
        return play(stage, address, server)


def play(stage: Stage, address: Address, server: Server | None) -> Sequence[Result]:
    """
    Fire everything, one after the other.
    """
    tables = {"O6": list(bombs.oversized()), "O7": list(bombs.json()), "O8": list(bombs.compressed())}
    if stage.plan.quick:
        tables["O7"] = stage.random.sample(tables["O7"], 20)
    attempts = {"O6": stage.size(4, 60), "O7": stage.size(4, 10), "O8": stage.size(2, 30)}
    total = sum(len(shots) * attempts[row] for row, shots in tables.items())
    pid = server.pid if server is not None else 0
    found = []
    most = STALL * slowness() if server is not None else STALL
    name = stage.name("bystander")
    with (
        Bystander(stage.file("waits"), address, name, BEATS, 0, pid) as bystander,
        stage.progress("shots", total, "shots") as bar,
    ):
        gun = Gun(address, stage.name("attacker"), bystander)
        gun.fire(tables["O6"][0])  # once, so that everything has been imported
        for row, shots in tables.items():
            outcomes = []
            for shot in shots:
                if server is not None and not server.isAlive:
                    break
                outcome = Outcome(shot)
                before = server.memory() if server is not None else 0
                if server is not None:
                    server.forgetPeak()
                counted = attempts[row]
                for number in range(attempts[row]):
                    gun.attempt(outcome)
                    bar.update(1)
                    if row == "O7" and number == 0 and server is not None and server.isAlive:
                        gun.letGo()
                        isThere(address)
                        before, counted = server.memory(), counted - 1
                if row != "O6":
                    gun.letGo()
                    isThere(address)  # and has seen them go
                if server is not None and server.isAlive:
                    outcome.grown = (server.memory() - before) / counted
                    outcome.peak = server.peak() - before
                gun.letGo()
                outcomes.append(outcome)
            found.append(judge(row, outcomes, attempts[row], isThere(address), server, most))
    return found


class Gun:
    """
    Fires shots, each on a connection of its own.
    """

    def __init__(self, address: Address, name: str, bystander: Bystander) -> None:
        self._address = address
        self._name = name
        self._bystander = bystander
        self._held: list[socket.socket] = []

    def attempt(self, outcome: Outcome) -> None:
        """
        Fire once, and see who felt it.
        """
        began = monotonic()
        outcome.answers.add(self.fire(outcome.shot))
        sleep(AFTER)
        waits = self._bystander.waits(began - BEATS, kind=BEAT)
        outcome.stalls.append(max((wait.stall for wait in waits), default=0.0))

    def letGo(self) -> None:
        """
        End the connections of earlier shots.
        """
        while self._held:
            self._held.pop().close()

    def fire(self, shot: Shot) -> str:
        """
        Fire, and hold the connection.

        @return: what came back.
        """
        try:
            connection = self._ready(shot.carrier)
            self._held.append(connection)
            with suppress(ConnectionError, TimeoutError):
                connection.sendall(shot.data)
            connection.settimeout(PATIENCE)
            return "answer" if connection.recv(65536) else "end"
        except TimeoutError:
            return "silence"
        except (OSError, NoAnswer):
            return "end"

    def _ready(self, carrier: str) -> socket.socket:
        """
        A connection that a shot of some carrier begins on.
        """
        if carrier == bombs.LOGGED_IN:
            return Caller(self._address, self._name, patience=PATIENCE).socket
        connection = socket.create_connection(self._address, PATIENCE)
        if carrier == bombs.WEBSOCKET:
            offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
            connection.sendall(websocket.upgrade(f"/?username={self._name}&password=x", offer))
            said = b""
            while b'"command":6' not in said:
                data = connection.recv(65536)
                if not data:
                    break
                said += data
        return connection


def isThere(address: Address) -> bool:
    """
    Does the server still answer?
    """
    try:
        with Caller(address) as caller:
            caller.send(wire.frame(wire.HEARTBEAT))
            caller.hear(wire.HEARTBEAT)
    except (OSError, NoAnswer):
        return False
    return True


def judge(
    row: str, outcomes: Sequence[Outcome], attempts: int, isAlive: bool, server: Server | None, most: float
) -> Result:
    """
    One of the rows.

    @param most: seconds that a stall may last.
    """
    if not outcomes:
        return judged(row, GUARANTEES[row], "0 inputs", "CRASHED before", "alive", False)
    worst = max(outcomes, key=lambda one: one.stall)
    largest = max(outcomes, key=lambda one: one.grown)
    grown = sum(one.grown for one in outcomes) / len(outcomes)
    peak = max(one.peak for one in outcomes)
    isPeak = row == "O8" and server is not None
    slow = [one for one in outcomes if one.stall > most]
    memory = f"+{largest.grown / MIB:.2f} MiB an attempt at most, " if server is not None else ""
    memory += f"peak +{peak / MIB:.1f} MiB, " if isPeak else ""
    notes = [f"on average {grown / MIB:+.3f} MiB"] if server is not None else []
    notes += [f"most memory: {largest.name}"] if largest.grown > MIB / 4 else []
    notes += [f"longest stall: {worst.name}"]
    notes += [f"more than {most * 1000:.0f} ms: {listed(slow)}"] if slow else []
    silent = [one for one in outcomes if "silence" in one.answers]
    notes += [f"neither answer nor end: {listed(silent)}"] if silent else []
    return judged(
        row,
        GUARANTEES[row],
        f"{len(outcomes)} inputs x {attempts}",
        f"{memory}stall {worst.stall * 1000:.1f} ms, {'alive' if isAlive else 'CRASHED: ' + outcomes[-1].name}",
        ("1 MiB, " if server is not None else "")
        + (f"{PEAK // MIB} MiB, " if isPeak else "")
        + f"{most * 1000:.0f} ms, alive",
        isAlive and not slow and largest.grown <= MIB and not (isPeak and peak > PEAK),
        "; ".join(notes),
    )


def listed(outcomes: Iterable[Outcome], most: int = 8) -> str:
    """
    Some of them, by name, the worst first.
    """
    ordered = sorted(outcomes, key=lambda one: -one.stall)
    names = [f"{one.name} {one.stall * 1000:.0f} ms" for one in ordered[:most]]
    return ", ".join(names) + (f" and {len(ordered) - most} more" if len(ordered) > most else "")
