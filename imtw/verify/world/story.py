"""
One seed's story: who is there, what they say, what goes wrong.
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
from imtw.verify.world.clients import Client
from imtw.verify.world.deeds import Deeds
from imtw.verify.world.jim import JimClient
from imtw.verify.world.lifetime import Lifetime, Timers
from imtw.verify.world.passwords import Hashes, useHashes
from imtw.verify.world.people import company
from imtw.verify.world.record import Record
from imtw.verify.world.store import Disk, WorldStore
from imtw.verify.world.timeline import Timeline
from imtw.verify.world.transports import ADDRESS
from imtw.verify.world.wires import End, Wire

CALM = 60.0  # seconds in which everybody gets what is due, once nothing goes wrong any more
LOOKS = 6  # in a row, half a second apart, at which all have what is due
OPTIONS = ("--store=memory:", "--admin=none", "--lobby=none")
JUMPS = (-3600.0, 3600.0)  # seconds


class World:
    """
    A server, its disk, its network and its clients.

    @ivar events: what happened, one line each, with its time.
    @ivar record: what was committed.
    @ivar errors: what the server logged as its own fault.
    """

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.clock = Timeline()
        self.disk = Disk(self.chance)
        self.record = Record()
        self.events: list[str] = []
        self.errors: list[str] = []
        self.wires: list[Wire] = []
        self.life: Lifetime | None = None
        self.skew = 0.0
        self.bounds = Bounds(self.chance)
        self._core: Any = None
        self._factory: Any = None
        self._isUp = False
        users = [f"u{number}" for number in range(self.chance.randint(2, 5))]
        self._deeds = Deeds(self.chance, self.bounds, users)
        self.clients = [client for user in users for client in company(self, user)]

    # what clients need

    def dial(self, end: End) -> Wire | None:
        """
        Connect to the server, if it is there.
        """
        if not self._isUp or self.life is None:
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
        self.life = life = Lifetime(self.clock, self.skew, self.chance)
        options = Options()
        options.parseOptions([*OPTIONS, *self.bounds.options])
        self._core = core = makeCore(options, life, self._store(life, options.limits))
        useHashes(core, Hashes(life, options.limits, self.chance))
        self._factory = portFactory(core, list(makeDialects(options, core).values()), False, [], None)
        self._factory.sockets._batched_timer = Timers(life)
        Deferred.fromCoroutine(core.open()).addCallbacks(self._started, self._cannotStart)

    def _store(self, life: Lifetime, limits: Limits) -> WorldStore:
        """
        What this life of the server keeps things with.
        """
        store = WorldStore(self.disk, life, limits, self.record.take)
        store.enough = self.bounds.queue // 2 + len(self.clients)
        store.enoughBytes = self.bounds.bytes + len(self.clients) * LARGEST
        store.faults = self.record.faults
        return store

    def _started(self, _: object) -> None:
        self.note("server", "is up")
        self._isUp = True

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
        if not self._isUp or self.life is None:
            return
        self.note("server", "crashes")
        self._fall()

    def stop(self) -> None:
        """
        The server is asked to end, as by SIGTERM, and starts again.
        """
        if self._isUp:
            self.note("server", "stops")
            self._isUp = False
            Deferred.fromCoroutine(self._end(self._core)).addBoth(self._stopped)

    async def _end(self, core: Any) -> None:
        """
        What L{imtw.tap.Server} does of its own at its end.
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
        self._isUp = False
        self.end()
        wires, self.wires = self.wires, []
        for wire in wires:
            wire.cut()
        self.later(self.chance.uniform(0.05, 2), self.start)

    def jump(self) -> None:
        """
        The server's clock is set.
        """
        self.skew += self.chance.choice(JUMPS)
        self.note("server", f"has its clock at {self.skew:+.0f} s")
        if self.life is not None:
            self.life.skew = self.skew

    # the story

    def play(self) -> None:
        """
        Let it all happen.
        """
        self.start()
        for client in self.clients:
            self.later(self.chance.uniform(0, 3), client.connect)
        seconds = self.chance.uniform(4, 12)
        trouble = self.chance.random()
        self.disk.isFailing = self.chance.random() < 0.3
        self.later(0.5, self._goOn, seconds, 0.25 * trouble)
        self.clock.until(seconds)
        self._calmDown()

    def _goOn(self, end: float, trouble: float) -> None:
        """
        One thing happens, and then the next one, up to the end.

        @param trouble: how often it is a mishap.
        """
        client = self.chance.choice(self.clients)
        if self.chance.random() < trouble:
            self._mishap(client)
        else:
            self._deeds.one(client)
        pause = self.chance.expovariate(6)
        if self.now() + pause < end:
            self.later(pause, self._goOn, end, trouble)

    def end(self) -> None:
        """
        It is over.
        """
        if self.life is not None:
            self.life.isOver = True
        self.disk.crash()

    def _mishap(self, client: Client) -> None:
        """
        Something goes wrong.
        """
        dice = self.chance.random()
        if dice < 0.5:
            client.cut()
        elif dice < 0.75:
            client.stall(self.chance.expovariate(1))
        elif dice < 0.88:
            self.crash()
        elif dice < 0.93:
            self.stop()
        else:
            self.jump()

    def _calmDown(self) -> None:
        """
        Nothing goes wrong any more: wait until all have what is due.
        """
        self.disk.isFailing = False
        self._rest()
        for client in self.clients:
            if isinstance(client, JimClient):
                client.askConversations()
        self._rest()

    def _rest(self) -> None:
        """
        Wait until nobody wants anything.
        """
        end = self.clock.seconds() + CALM
        calm = 0
        while self.clock.seconds() < end and calm < LOOKS:
            self.clock.until(self.clock.seconds() + 0.5)
            calm = calm + 1 if self._isUp and all(client.isContent for client in self.clients) else 0
