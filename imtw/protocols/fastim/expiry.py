"""
Rooms live for a while: when nobody has spoken for C{timeout} seconds their
messages are gone.

When a room was last spoken in is known from the store, once at the start and
then every hour, and from what is said in FastIM meanwhile.  When a room is
due the store is asked, which knows better: it ends the messages, or says when
it will be time again.  So a message costs a look into a dictionary, and a room
a question each C{timeout}.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.errors import StoreError
from imtw.faults import report
from imtw.model import groupPair
from imtw.protocols.fastim.house import NAME, House

ROUND = 3600.0  # seconds between two looks at all rooms
PAGE = 1000  # rooms read at once
PAUSE = 5.0  # seconds until the store is asked again that could not answer


class Expiry:
    """
    When each room's time is over.

    @param emptied: called with a room whose messages are gone.
    """

    log = Logger()

    def __init__(self, house: House, emptied: Callable[[str], None]) -> None:
        self._core = house.core
        self._timeout = max(0, house.options.timeout) * 1000  # ms
        self._emptied = emptied
        self._due: list[tuple[int, str]] = []  # a heap: (ms, room)
        self._known: set[str] = set()  # the rooms in it, and those that are not FastIM's
        self._timer: IDelayedCall | None = None
        self._round: IDelayedCall | None = None
        self._isBusy = False
        self._isStopped = True

    def start(self) -> None:
        """
        The store is open.
        """
        if self._timeout:
            self._isStopped = False
            self._look()

    def stop(self) -> None:
        """
        The store closes.
        """
        self._isStopped = True
        for call in (self._timer, self._round):
            if call is not None and call.active():
                call.cancel()

    def spoken(self, room: str) -> None:
        """
        Something was said in a room just now.
        """
        if self._timeout and room not in self._known:
            self._note(room, self._core.now())

    def _note(self, room: str, ts: int) -> None:
        """
        A room was last spoken in at a time.
        """
        self._known.add(room)
        heappush(self._due, (ts + self._timeout, room))
        if not self._isBusy and self._due[0][1] == room:
            self._wait()

    def _wait(self, least: float = 0.0) -> None:
        """
        Wake when the first is due.
        """
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._due and not self._isStopped:
            seconds = (self._due[0][0] - self._core.now()) / 1000
            self._timer = self._core.clock.callLater(max(seconds, least, 0.001), self._wake)

    def _wake(self) -> None:
        """
        Ask the store about all that are due.
        """
        self._isBusy = True
        Deferred.fromCoroutine(self._end()).addCallbacks(lambda _: 0.0, self._failed).addCallback(self._rest)

    def _rest(self, pause: float) -> None:
        self._isBusy = False
        self._wait(pause)

    async def _end(self) -> None:
        while self._due and not self._isStopped and self._due[0][0] <= (now := self._core.now()):
            due, room = heappop(self._due)
            try:
                result: int | None = await self._core.store.expire(groupPair(room), NAME, now - self._timeout)
            except BaseException:
                heappush(self._due, (due, room))
                raise
            if result:
                heappush(self._due, (result + self._timeout, room))
            elif result == 0:
                self._known.discard(room)
                self._emptied(room)

    def _look(self) -> None:
        """
        Look at all rooms: somebody may have spoken there in another dialect.
        """
        self._round = self._core.clock.callLater(ROUND, self._look)
        self._known.intersection_update({room for _, room in self._due})
        Deferred.fromCoroutine(self._read()).addErrback(self._failed)

    async def _read(self) -> None:
        after = ""
        while not self._isStopped:
            found: list[tuple[str, int]] = await self._core.store.madeBy(NAME, after, PAGE)
            for room, ts in found:
                if ts and room not in self._known:
                    self._note(room, ts)
            if len(found) < PAGE:
                break
            after = found[-1][0]

    def _failed(self, failure: Failure) -> float:
        """
        The store could not be asked; once it can nothing is lost.

        @return: for how long to wait, seconds.
        """
        if not (failure.check(StoreError) and self._isStopped):
            report(self.log, failure, "fastim: rooms whose time is over")
        return PAUSE
