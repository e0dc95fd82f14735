"""
Chat filters, which see every message before it is stored and may be anybody's
code; and what becomes of one that fails.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from imtw.errors import CommandRefused
from imtw.interfaces import IChatFilter
from imtw.model import Draft

FILTER_STRIKES = 3  # failures in a row that park a filter


class FilterSeat:
    """
    A chat filter and how often it has failed lately.
    """

    def __init__(self, name: str, filter: IChatFilter) -> None:
        self.name = name
        self.filter = filter
        self.strikes = 0

    def answered(self) -> None:
        """
        It did what it is there for; a parked one stays parked.
        """
        if self.strikes < FILTER_STRIKES:
            self.strikes = 0


class Filters:
    """
    The chat filters of a server, in their order.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, filters: Sequence[tuple[str, IChatFilter]] = ()) -> None:
        """
        @param filters: names and filters.
        """
        self._clock = clock
        self.seats = [FilterSeat(name, filter) for name, filter in filters]

    async def show(self, draft: Draft) -> Draft:
        """
        Show a message to every filter: what they leave of it.

        @raise CommandRefused: one of them does not want it.
        """
        for seat in self.seats:
            if seat.strikes >= FILTER_STRIKES:
                continue
            try:
                asked: Deferred[Draft | None] = maybeDeferred(seat.filter.filter, draft)
                changed = await asked.addTimeout(seat.filter.deadline, self._clock)
            except CommandRefused:
                seat.answered()
                raise
            except Exception:  # filters are anybody's code
                self._strike(seat, Failure())
            else:
                seat.answered()
                draft = changed or draft
        return draft

    def _strike(self, seat: FilterSeat, failure: Failure) -> None:
        """
        A filter failed or took too long: chat goes on without it.
        """
        seat.strikes += 1
        self.log.failure("chat filter {name} failed", failure, LogLevel.warn, name=seat.name)
        if seat.strikes == FILTER_STRIKES:
            self.log.error(
                "chat filter {name} failed {strikes} times running and is parked until the next start: {error}",
                name=seat.name,
                strikes=seat.strikes,
                error=failure.getErrorMessage() or repr(failure.value),
            )
