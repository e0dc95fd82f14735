"""
Who may join which group, unless a plugin knows better.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from imtw.commands import JoinVerdict
from imtw.interfaces import ICore, IJoinPolicy
from imtw.model import Mode, User


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
