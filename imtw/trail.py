"""
What happened lately to messages on their way to devices, for their passports:
when a connection was handed one, when the last of it was written to the
socket, and when the device confirmed it.

Only private messages, and what a device is caught up with, page by page: in a
group it would be a note for each member and message.  Only devices that have a
name: others confirm nothing, so that a note would say little, and each costs a
microsecond a message.  It is kept in memory, the newest so many of them; before
that, and on other nodes, only the log and the cursors tell something.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from msgspec import Struct
from twisted.internet.interfaces import IReactorTime

from imtw.model import Pair, Receipt
from imtw.outlet import Outlet
from imtw.sessions import Session


class Handover(Struct, gc=False):
    """
    Rows of a conversation that one connection was handed.

    @ivar written: when the socket had taken them, ms; L{None} while it has
        not, and if it never did.
    @ivar outlet: where they wait until then.
    """

    pair: Pair
    first: int
    last: int
    user: str
    device: str
    outlet: Outlet | None
    queued: int
    written: int | None = None


class Trail:
    """
    The newest notes of one node.
    """

    def __init__(self, clock: IReactorTime, most: int) -> None:
        """
        @param most: how many of each kind are kept.
        """
        self._clock = clock
        self._handed: deque[Handover] = deque(maxlen=most)
        self._confirmed: deque[tuple[Pair, str, str, int, int]] = deque(maxlen=most)
        self._fresh: list[Handover] = []
        self._waiting: deque[Handover] = deque(maxlen=most)

    def told(self, sessions: Iterable[Session], conversation: int, pair: Pair, seq: int) -> None:
        """
        A row was handed to a user's sessions, but for those that lag there.
        """
        for session in sessions:
            if session.device and conversation not in (session.lagging or ()):
                self.handed(session, pair, seq, seq)

    def handed(self, session: Session, pair: Pair, first: int, last: int) -> None:
        """
        Rows were handed to a session.
        """
        if session.user is not None:
            note = Handover(pair, first, last, session.user.id, session.device, session.outlet, self._now())
            self._handed.append(note)
            self._fresh.append(note)

    def flushed(self) -> None:
        """
        What was handed over has gone as far as it goes at once.
        """
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            self._waiting += self._stillWaiting(fresh)

    def look(self) -> None:
        """
        See what was written meanwhile; called once a second, and when
        somebody asks.
        """
        self.flushed()
        if self._waiting:
            self._waiting = deque(self._stillWaiting(self._waiting), self._waiting.maxlen)

    def _stillWaiting(self, notes: Iterable[Handover]) -> list[Handover]:
        """
        Those that are not written yet; the time is noted on the others.
        """
        now = self._now()
        waiting = []
        for note in notes:
            outlet = note.outlet
            if outlet is None or outlet.isClosed:
                note.outlet = None
            elif outlet.isWaiting:
                waiting.append(note)
            else:
                note.written, note.outlet = now, None
        return waiting

    def confirmed(self, pair: Pair, user: str, device: str, seq: int) -> None:
        """
        A device says that it has got everything up to a row.
        """
        self._confirmed.append((pair, user, device, seq, self._now()))

    def complete(self, receipts: Iterable[Receipt], pair: Pair, seq: int) -> None:
        """
        Fill in what is known of devices and a row: the first time of each.
        """
        handed: dict[tuple[str, str], Handover] = {}
        for note in self._handed:
            if note.first <= seq <= note.last and note.pair == pair:
                handed.setdefault((note.user, note.device), note)
        confirmed: dict[tuple[str, str], int] = {}
        for where, user, device, reached, when in self._confirmed:
            if reached >= seq and where == pair:
                confirmed.setdefault((user, device), when)
        for receipt in receipts:
            whose = receipt.user, receipt.device
            receipt.received = confirmed.get(whose)
            if whose in handed:
                receipt.queued, receipt.written = handed[whose].queued, handed[whose].written

    def _now(self) -> int:
        return int(self._clock.seconds() * 1000)
