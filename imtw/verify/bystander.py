"""
Somebody who has nothing to do with it: how long an innocent user waits while
others are attacked, attack, or speak.

The one who waits is a process of its own, so that what is measured is the
server, and not how busy the attacker is::

    python -m imtw.verify.bystander FILE HOST PORT NAME BEAT CHAT PID

writes a line for each answer: its kind, when it was asked for, how long it
took, and how much of that the server, or this process, waited for a processor
(by their C{schedstat}; what other programs of the machine do is not the
server's stall).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from time import monotonic, sleep
from typing import NamedTuple

from imtw.verify import wire
from imtw.verify.crowd import Address, Crowd, Link
from imtw.verify.server import ROOT

BEAT, CHAT = "beat", "chat"
READY = 10.0  # seconds
NEVER = 3600.0


class Wait(NamedTuple):
    """
    One answer.

    @ivar began: C{monotonic}, which all processes of a machine share.
    @ivar took: seconds.
    @ivar queued: seconds of these that the server or we had no processor.
    """

    kind: str
    began: float
    took: float
    queued: float

    @property
    def stall(self) -> float:
        """
        What the server itself is to blame for.
        """
        return max(0.0, self.took - self.queued)


class Bystander:
    """
    The process, from outside.  Use it in a C{with} statement.
    """

    def __init__(
        self, file: str, address: Address, name: str, beat: float = 0.01, chat: float = 0.02, pid: int = 0
    ) -> None:
        """
        @param beat: seconds between two heartbeats.
        @param chat: seconds between two messages; 0 for none.
        @param pid: the server's, 0 where it is not on this machine.
        """
        self._file = file
        self._read = 0
        self._waits: list[Wait] = []
        words = [file, address[0], str(address[1]), name, str(beat), str(chat or NEVER), str(pid)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "imtw.verify.bystander", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
        )

    def __enter__(self) -> Bystander:
        end = monotonic() + READY
        while not self.waits() and self._process.poll() is None and monotonic() < end:
            sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def waits(self, since: float = 0.0, until: float = NEVER * NEVER, kind: str = "") -> list[Wait]:
        """
        What was waited for, among that which began in some time.
        """
        try:
            with open(self._file, encoding="ascii") as stream:
                stream.seek(self._read)
                for line in stream:
                    if not line.endswith("\n"):
                        break
                    self._read += len(line)
                    what, *numbers = line.split()
                    self._waits.append(Wait(what, *map(float, numbers)))
        except FileNotFoundError:
            pass
        return [wait for wait in self._waits if since <= wait.began < until and kind in ("", wait.kind)]


def quantile(values: Sequence[float], part: float) -> float:
    """
    The value below which a part of all lie; 0 where there are none.
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def p99(waits: Sequence[Wait]) -> float:
    """
    What 99 of 100 waited for the server at most, in seconds.
    """
    return quantile([wait.stall for wait in waits], 0.99)


class Measured(Link):
    """
    One of the two connections: what it sends is timed until something comes
    back.
    """

    def __init__(self, crowd: Crowd, address: Address, scribe: Scribe, name: str) -> None:
        self.scribe = scribe
        self.begun: deque[tuple[float, float]] = deque()
        self.times: dict[str, tuple[float, float]] = {}
        self.isIn = False
        super().__init__(crowd, address)
        self.send(wire.login(name))

    def heard(self, command: int, body: bytes) -> None:
        """
        An answer to a heartbeat, or a message.
        """
        if command == wire.HEARTBEAT and self.begun:
            self.scribe.note(BEAT, *self.begun.popleft())
        elif command == wire.CHAT:
            begun = self.times.pop(str(wire.read(body).get("data", {}).get("id")), None)
            if begun is not None:
                self.scribe.note(CHAT, *begun)
        elif command == wire.LOGGED_IN:
            self.isIn = True


class Scribe:
    """
    Writes down what was waited for.
    """

    def __init__(self, file: str, pid: int) -> None:
        self._out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._schedules = []
        for who in (f"{pid}/task/{pid}", "self") if pid else ():
            try:
                self._schedules.append(os.open(f"/proc/{who}/schedstat", os.O_RDONLY))
            except OSError:
                continue

    def now(self) -> tuple[float, float]:
        """
        The time, and how long the server and we have waited for a processor
        so far.
        """
        queued = 0
        for schedule in self._schedules:
            try:
                queued += int(os.pread(schedule, 100, 0).split()[1])
            except (OSError, IndexError):
                continue
        return monotonic(), queued / 1e9

    def note(self, kind: str, began: float, queued: float) -> None:
        """
        An answer came.
        """
        now, later = self.now()
        os.write(self._out, f"{kind} {began:.6f} {now - began:.6f} {max(0.0, later - queued):.6f}\n".encode())


def main(file: str, host: str, port: str, name: str, beat: str, chat: str, pid: str) -> None:
    """
    Wait, until killed.
    """
    address = host, int(port)
    scribe = Scribe(file, int(pid))
    every = {BEAT: float(beat), CHAT: float(chat)}
    with Crowd() as crowd:
        beating = Measured(crowd, address, scribe, name + "-a")
        reading = Measured(crowd, address, scribe, name + "-b")
        crowd.run(READY, lambda: beating.isIn and reading.isIn)
        speaking = Measured(crowd, address, scribe, name + "-c")
        where = wire.pair(name + "-c", name + "-b")
        due = dict.fromkeys(every, monotonic())
        count = 0
        while beating.isOpen:
            now = scribe.now()
            if now[0] >= due[BEAT]:
                beating.begun.append(now)
                beating.send(wire.frame(wire.HEARTBEAT))
                due[BEAT] = max(due[BEAT] + every[BEAT], now[0])
            if now[0] >= due[CHAT]:
                count += 1
                id = f"{os.getpid()}.{count}"
                reading.times[id] = now
                if speaking.isOpen:
                    speaking.send(wire.chat(where, name + "-c", id, str(count)))
                due[CHAT] = max(due[CHAT] + every[CHAT], now[0])
            crowd.turn(min(due.values()) - monotonic())


if __name__ == "__main__":
    main(*sys.argv[1:])
