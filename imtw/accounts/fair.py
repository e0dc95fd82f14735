"""
A bounded queue in which nobody waits for somebody else's crowd.

Work waits in a lane for each address, and the lanes are served in turn.  A
lane may grow only while it is shorter than the room that is left: one address
alone gets half of the queue, C{k} busy ones get 1/(k+1) each, and as much
stays free for whoever comes next (the dynamic thresholds of shared-memory
switches, Choudhury and Hahne 1998).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from imtw.commands import Status
from imtw.errors import CommandRefused

T = TypeVar("T")
Work = Callable[[], Deferred[Any]]

SLICE = 64  # pieces of work begun between two turns of the reactor


class FairQueue:
    """
    Runs pieces of work, a few at once, in turn for each address.

    @ivar waiting: pieces that have not begun.
    """

    def __init__(self, clock: IReactorTime, width: int, most: int) -> None:
        """
        @param width: how many run at once.
        @param most: how many may wait.
        """
        self.waiting = 0
        self._clock = clock
        self._width = width
        self._most = most
        self._lanes: OrderedDict[str, OrderedDict[Deferred[Any], Work]] = OrderedDict()
        self._running: set[Deferred[Any]] = set()
        self._next: IDelayedCall | None = None
        self._serving = False
        self._stopped = False

    def run(self, address: str, work: Callable[[], Deferred[T]]) -> Deferred[T]:
        """
        Do some work when its turn comes.

        @return: fires with the work's result; fails with L{CommandRefused}
            (C{BUSY}) where there is no room.  Cancelling it takes waiting
            work out; work that has begun goes on, so that nobody gets a free
            guess by hanging up.
        """
        lane = self._lanes.get(address, ())
        if self._stopped or len(lane) >= self._most - self.waiting:
            return fail(_busy())
        done: Deferred[T] = Deferred(lambda done: self._takeOut(address, done))
        self._lanes.setdefault(address, OrderedDict())[done] = work
        self.waiting += 1
        self._serve()
        return done

    def stop(self) -> None:
        """
        Refuse what waits, cancel what runs, take nothing more.
        """
        self._stopped = True
        if self._next is not None:
            self._next.cancel()
            self._next = None
        while self._lanes:
            self._pop()[0].errback(_busy())
        for running in list(self._running):
            running.cancel()

    def _serve(self) -> None:
        """
        Begin what there is a place for.

        What ends at once makes its place free at once; a slice of such, and
        the reactor gets its turn.
        """
        if self._serving or self._next is not None:
            return
        self._serving = True
        for _ in range(SLICE):
            if not self._lanes or len(self._running) >= self._width:
                break
            self._begin(*self._pop())
        else:
            self._next = self._clock.callLater(0, self._resume)
        self._serving = False

    def _resume(self) -> None:
        self._next = None
        self._serve()

    def _begin(self, done: Deferred[Any], work: Work) -> None:
        running = maybeDeferred(work)
        self._running.add(running)
        running.addBoth(self._ended, running, done)

    def _ended(self, result: Any, running: Deferred[Any], done: Deferred[Any]) -> None:
        self._running.discard(running)
        if self._stopped and isinstance(result, Failure) and result.check(CancelledError):
            result = Failure(_busy())
        if not done.called:  # else its owner gave up
            done.callback(result)
        self._serve()

    def _pop(self) -> tuple[Deferred[Any], Work]:
        """
        The oldest work of the lane whose turn it is; the lane goes to the
        end.
        """
        address, lane = self._lanes.popitem(last=False)
        oldest = lane.popitem(last=False)
        if lane:
            self._lanes[address] = lane
        self.waiting -= 1
        return oldest

    def _takeOut(self, address: str, done: Deferred[Any]) -> None:
        """
        Forget work whose owner has gone, if it has not begun.
        """
        lane = self._lanes.get(address)
        if lane is not None and lane.pop(done, None) is not None:
            self.waiting -= 1
            if not lane:
                del self._lanes[address]


def _busy() -> CommandRefused:
    return CommandRefused(Status.BUSY, "too many logins are waiting")
