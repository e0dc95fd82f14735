"""
The core: the parts of one server, put together.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from itertools import count
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from zope.interface import implementer

from imtw.attendance import Attendance
from imtw.cork import Cork
from imtw.counters import Counters
from imtw.cursors import Cursors
from imtw.deadlines import Deadlines
from imtw.delivery import Delivery
from imtw.dispatch import Dispatcher
from imtw.fast import Fast
from imtw.groups import LiveGroups
from imtw.interfaces import IAccounts, ICore, IForm, IStore
from imtw.lanes import Voice
from imtw.limits import Limits
from imtw.members import Members
from imtw.model import Liberty
from imtw.numbers import Numbers
from imtw.outlet import Outlet, nothing
from imtw.registry import Registry
from imtw.sessions import Session, Sessions
from imtw.telling import Relay
from imtw.trail import Trail

DRAIN_STEP = 0.02  # seconds between two looks whether all is answered
CURSOR_ROUND = 1.0  # seconds between two writes of moved cursors


class Worker(Protocol):
    """
    Does something of its own while the server runs.
    """

    def start(self) -> None:
        """
        The store is open.
        """

    def stop(self) -> None:
        """
        The store is about to close.
        """


@implementer(ICore)
class Core(Service):
    """
    One server without its ports: as a service it opens and closes the store.

    @ivar accounts: set by whoever makes the server, before it starts.
    @ivar workers: what begins once the store is open, and ends before it
        closes; given to it before it starts.
    @ivar voices: the speaking ends of all connections that have a lane.
    @ivar quit: ends the process; does nothing unless whoever made the server
        says how.
    @ivar apiSecret: what an HTTP caller that speaks for others has to know,
        or an empty text where there is none.
    """

    log = Logger()

    accounts: IAccounts

    def __init__(
        self,
        clock: IReactorTime,
        store: IStore,
        limits: Limits | None = None,
        lobby: Sequence[tuple[str, str]] = (),
        signup: str = "open",
        fast: Fast | None = None,
    ) -> None:
        self.clock = clock
        self.store = store
        self.limits = limits or Limits()
        self.signup = signup
        self.apiSecret = ""
        self.quit: Callable[[], None] = nothing
        self.counters = Counters()
        self.deadlines = Deadlines(clock)
        self.connections = 0
        self.requests = 0  # of HTTP, that are being answered
        self.uploads = 0  # bytes of large HTTP bodies that are here
        self.isStopping = False
        self._hurries = False  # a stop waits for nobody
        self.voices: dict[Voice, None] = {}  # a set of as many takes three times as much
        self.workers: list[Worker] = []
        self.cork = Cork(fast)
        self.sessions = Sessions()
        self.cursors = Cursors(store)
        self.groups = LiveGroups(clock, self.limits, self.cursors.swept)
        self.numbers = Numbers(clock, store)
        self.trail = Trail(clock, self.limits.handovers)
        self.delivery = Delivery(
            clock,
            store,
            self.sessions,
            self.groups,
            self.cursors,
            self.cork,
            self.limits,
            self.counters,
            self.numbers,
            self.trail,
        )
        self.members = Members(clock, store, self.sessions, self.groups, self.cursors, self.limits, lobby)
        self.attendance = Attendance(
            clock, store, self.sessions, self.groups, self.cursors, self.limits, self.members, self.numbers, self.trail
        )
        self.watches = self.attendance.watches
        self._exit = self.attendance.exit  # one bound method for all sessions
        self._sessionId = self.newId  # and this
        self.registry = Registry()
        self.dispatcher = Dispatcher(self.registry, self.limits.slots, self.counters)
        self._node = secrets.token_hex(4)
        self._ids = count(1)
        self._round = LoopingCall(self._everySecond)
        self._round.clock = clock

    def useRelay(self, tell: Relay) -> None:
        """
        Have other nodes told with this of what happens here.
        """
        self.delivery.relay = self.members.relay = self.attendance.relay = tell

    def now(self) -> int:
        """
        The time, in ms since the epoch.
        """
        return int(self.clock.seconds() * 1000)

    def newId(self) -> str:
        """
        A new message id: 32 hex digits of time, count and node, so that ids
        made one after the other stand side by side in an index.
        """
        return f"{self.now():012x}{next(self._ids) & 0xFFFFFFFFFFFF:012x}{self._node}"

    def newSession(
        self, outlet: Outlet, form: IForm, terminal: str, address: str, liberties: Liberty = Liberty.NONE
    ) -> Session:
        """
        The session of a new connection; C{Session.close} or L{lost} ends it.
        """
        session = Session(self._sessionId, outlet, form, terminal, address, liberties)
        session.ended = self._exit
        return session

    def lost(self, session: Session) -> None:
        """
        A session's connection is gone.
        """
        if session.ended is not None:
            session.ended(session)
            session.ended = None

    async def open(self) -> None:
        """
        Open what keeps things.  Fails with what to tell the operator.
        """
        await self.store.start()
        await self.members.start()
        self.deadlines.start()
        self._round.start(CURSOR_ROUND, now=False)
        for worker in self.workers:
            worker.start()

    def _everySecond(self) -> None:
        """
        Write the cursors that moved, see what slow peers have read.
        """
        for work in (self.cursors.gather, self.cursors.flush, self.trail.look):
            try:
                work()
            except Exception:  # or nothing would be done any more
                self.log.failure("what is done every second")

    async def drain(self) -> None:
        """
        Take no more requests, answer those that are under way, and end all
        connections: at most L{Limits.drain} seconds.  What is not done by
        then is answered as failed.
        """
        self.isStopping = True
        voices = list(self.voices)
        for voice in voices:
            voice.lane.stop()
        patience = int(self.limits.drain / DRAIN_STEP)
        while patience and not self._hurries and (self.requests or not all(voice.lane.isIdle for voice in voices)):
            await deferLater(self.clock, DRAIN_STEP)
            patience -= 1
        for voice in voices:
            voice.lane.abandon()
            voice.goAway()

    def hurry(self) -> None:
        """
        Have a stop wait for nobody any more.
        """
        self._hurries = True

    def stopService(self) -> Deferred[object]:
        """
        Write the last cursors and close the store.
        """
        stopped = super().stopService()
        return Deferred.fromCoroutine(self._close()).addCallback(lambda _: stopped)

    async def _close(self) -> None:
        """
        Everybody leaves, then the store closes.
        """
        self.deadlines.stop()
        for worker in self.workers:
            worker.stop()
        if self._round.running:
            self._round.stop()
        for user in list(self.sessions.users()):
            for session in list(self.sessions.of(user)):
                self.lost(session)
        await self.cursors.flush()
        await self.store.stop()
