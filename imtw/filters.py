"""
Plugins that have a say, which may be anybody's code: chat filters, who see
every message before it is stored, and join policies, who are asked who may
join which group; and what becomes of those that fail.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from imtw.commands import JoinResult, JoinVerdict, Status
from imtw.errors import CommandRefused
from imtw.interfaces import IChatFilter, IJoinPolicy
from imtw.model import Draft, User

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


class Policies:
    """
    The join policies of a server, in their order.
    """

    log = Logger()

    def __init__(
        self, clock: IReactorTime, deadline: float, policies: Sequence[tuple[str, IJoinPolicy]] = ()
    ) -> None:
        """
        @param deadline: seconds that each may take.
        @param policies: names and policies.
        """
        self._clock = clock
        self._deadline = deadline
        self._policies = policies

    async def check(self, user: User, group: str) -> None:
        """
        May this user join?  One that fails or takes too long refuses: it may
        be there to keep somebody out.

        @raise CommandRefused: no.
        """
        for name, policy in self._policies:
            verdict, reason = JoinVerdict.REFUSED, ""
            try:
                asked: Deferred[JoinVerdict] = maybeDeferred(policy.mayJoin, user, group)
                verdict = JoinVerdict(await asked.addTimeout(self._deadline, self._clock))
            except CommandRefused:
                raise
            except Exception as error:  # so are policies
                isLate = isinstance(error, TimeoutError)
                reason = f"has not answered within {self._deadline:g} s" if isLate else "failed"
                self.log.failure(
                    "{user} is not let into {group}: the join policy {name} {reason}",
                    user=user.id,
                    group=group,
                    name=name,
                    reason=reason,
                )
                reason = f"the join policy {reason}"
            if verdict is not JoinVerdict.OK:
                raise CommandRefused(Status.NOT_JOINED, reason, JoinResult(group, verdict))
