"""
The server of a world, from one start to the next, and what it stands on.
"""

from __future__ import annotations

import sqlite3
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from imtw.errors import StoreError
from imtw.limits import Limits
from imtw.tap import Options, makeCore, makeDialects, portFactory
from imtw.verify.world.bounds import LARGEST, Bounds
from imtw.verify.world.keys import Keys
from imtw.verify.world.lifetime import Lifetime, Timers
from imtw.verify.world.passwords import Hashes, useHashes
from imtw.verify.world.record import Record
from imtw.verify.world.store import Disk, WorldStore
from imtw.verify.world.timeline import Timeline
from imtw.verify.world.transports import ADDRESS
from imtw.verify.world.wires import End, Wire

OPTIONS = ("--store=memory:", "--admin=none", "--lobby=none")
JUMPS = (-3600.0, 3600.0)  # seconds


class Running:
    """
    A server with its disk and its network.

    @ivar events: what happened, one line each, with its time.
    @ivar keys: what counts of what people log in with.
    @ivar record: what was committed.
    @ivar errors: what the server logged as its own fault.
    @ivar core: the server's, in this life.
    @ivar isSteady: nobody has set the server's clock.
    @ivar isUp: it is there.
    @ivar speaking: how many may say something at the same time.
    """

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.clock = Timeline()
        self.disk = Disk(self.chance)
        self.keys = Keys(self)
        self.record = Record(self.keys)
        self.events: list[str] = []
        self.errors: list[str] = []
        self.wires: list[Wire] = []
        self.life: Lifetime | None = None
        self.skew = 0.0
        self.isSteady = True
        self.bounds = Bounds(self.chance)
        self.core: Any = None
        self.isUp = False
        self.users: list[str] = []
        self.speaking = 0
        self._factory: Any = None

    # what clients need

    def dial(self, end: End) -> Wire | None:
        """
        Connect to the server, if it is there.
        """
        if not self.isUp or self.life is None:
            return None
        # Its own chance: in which order the server serves several is not ours to depend on.
        chance = Random(self.chance.getrandbits(64))
        wire = Wire(self.clock, self.life, chance, end, self.bounds, self.bounds.pace(chance))
        wire.faults = self.record.faults
        protocol = self._factory.buildProtocol(ADDRESS)
        if protocol is None:
            return None
        wire.join(protocol)
        self.wires.append(wire)
        return wire

    def now(self) -> float:
        """
        The world's time.
        """
        return self.clock.seconds()

    def later(self, seconds: float, do: Any, *args: Any) -> None:
        """
        Do something then.
        """
        self.clock.callLater(seconds, do, *args)

    def note(self, who: str, what: str) -> None:
        """
        Write something down.
        """
        self.events.append(f"{self.clock.seconds():9.4f} {who} {what}")

    # the server

    def start(self) -> None:
        """
        Start the server on what is on the disk.
        """
        self.note("server", "starts")
        for user in self.users:
            self.keys.settled(user)
        self.life = life = Lifetime(self.clock, self.skew, self.chance)
        options = Options()
        options.parseOptions([*OPTIONS, *self.bounds.options])
        self.core = core = makeCore(options, life, self._store(life, options.limits))
        useHashes(core, Hashes(life, options.limits, self.chance))
        self._factory = portFactory(core, list(makeDialects(options, core).values()), False, [], None)
        self._factory.sockets._batched_timer = Timers(life)
        Deferred.fromCoroutine(core.open()).addCallbacks(self._started, self._cannotStart)

    def _store(self, life: Lifetime, limits: Limits) -> WorldStore:
        """
        What this life of the server keeps things with.
        """
        store = WorldStore(self.disk, life, limits, self.record.take)
        store.enough = self.bounds.queue // 2 + self.speaking
        store.enoughBytes = self.bounds.bytes + self.speaking * LARGEST
        store.faults = self.record.faults
        return store

    def _started(self, _: object) -> None:
        self.note("server", "is up")
        self.isUp = True

    def _cannotStart(self, failure: Failure) -> None:
        """
        The disk fails: whoever watches the server starts it again.
        """
        failure.trap(StoreError, sqlite3.OperationalError)
        self.note("server", f"cannot start: {failure.getErrorMessage()}")
        self._fall()

    def crash(self) -> None:
        """
        The server is gone, this very moment.
        """
        if not self.isUp or self.life is None:
            return
        self.note("server", "crashes")
        self._fall()

    def stop(self) -> None:
        """
        The server is asked to end, as by SIGTERM, and starts again.
        """
        if self.isUp:
            self.note("server", "stops")
            self.isUp = False
            Deferred.fromCoroutine(self._end(self.core)).addBoth(self._stopped)

    async def _end(self, core: Any) -> None:
        """
        What L{imtw.service.Server} does of its own at its end.
        """
        await core.drain()
        await core.accounts.stop()
        await core.stopService()

    def _stopped(self, result: object) -> None:
        """
        It has ended; what it has sent still arrives.
        """
        if isinstance(result, Failure):
            self.errors.append(result.getTraceback())
        left = self.disk.database.execute("SELECT count(*) FROM journal").fetchone()[0]
        if left and not self.disk.isFailing:
            self.record.faults.append(f"the server has stopped, and {left} entries of the journal have no place")
        self.note("server", "has stopped")
        self.later(1, self._fall)

    def _fall(self) -> None:
        """
        This life of the server is over; the next one begins soon.
        """
        self.isUp = False
        self.end()
        wires, self.wires = self.wires, []
        for wire in wires:
            wire.cut()
        self.later(self.chance.uniform(0.05, 2), self.start)

    def jump(self) -> None:
        """
        The server's clock is set.
        """
        self.isSteady = False
        self.skew += self.chance.choice(JUMPS)
        self.note("server", f"has its clock at {self.skew:+.0f} s")
        if self.life is not None:
            self.life.skew = self.skew

    def end(self) -> None:
        """
        It is over.
        """
        if self.life is not None:
            self.life.isOver = True
        self.disk.crash()
