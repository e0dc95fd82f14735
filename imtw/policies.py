"""
Who may join which group: asking the policies, and the one there is unless a
plugin knows better.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from imtw.commands import JoinResult, JoinVerdict, Status
from imtw.errors import CommandRefused
from imtw.interfaces import ICore, IJoinPolicy
from imtw.model import Mode, User


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
            except Exception as error:  # policies are anybody's code
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


@implementer(IJoinPolicy)
class MembersOnly:
    """
    Into a group that was made on purpose nobody comes by asking: its owner
    and admins take people in (create-group, invite).  Who is in it may say so
    again, as clients do after each login.
    """

    def __init__(self, core: ICore) -> None:
        self._store = core.store

    def mayJoin(self, user: User, group: str) -> Deferred[JoinVerdict]:
        return Deferred.fromCoroutine(self._mayJoin(user.id, group))

    async def _mayJoin(self, user: str, group: str) -> JoinVerdict:
        found = await self._store.group(group)
        if found is None or found.mode is Mode.OPEN or await self._store.membership(user, group):
            return JoinVerdict.OK
        return JoinVerdict.REFUSED
