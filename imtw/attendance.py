"""
Coming and going: what it takes for a session to be a user's, to be in its
groups, and to be neither again.

What a login finds is read by the store in the order of its commits, and the
session takes part from that moment on; so nothing is missed between what it
read and what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime

from imtw.commands import JoinResult, JoinVerdict, Status
from imtw.cursors import Cursors
from imtw.delivery import nobodyElse
from imtw.errors import CommandRefused
from imtw.events import Event, Joined, Left
from imtw.groups import LiveGroup, LiveGroups
from imtw.interfaces import IJoinPolicy, IStore
from imtw.limits import Limits
from imtw.model import Membership, User
from imtw.presence import Watches
from imtw.sessions import Session, Sessions


class Attendance:
    """
    Who is here, and in which groups.

    @ivar watches: who is told of who comes and goes.
    @ivar relay: called with what other nodes have to know, too.
    @ivar lobby: (id, name) of the groups that every account is in from its
        first login on.
    """

    def __init__(
        self,
        clock: IReactorTime,
        store: IStore,
        sessions: Sessions,
        groups: LiveGroups,
        cursors: Cursors,
        limits: Limits,
        lobby: Sequence[tuple[str, str]],
    ) -> None:
        self._clock = clock
        self._store = store
        self._sessions = sessions
        self._groups = groups
        self._cursors = cursors
        self._limits = limits
        self.watches = Watches(clock, limits)
        self.lobby = list(lobby)
        self.policies: Sequence[IJoinPolicy] = ()
        self.relay: Callable[[Event], None] = nobodyElse

    async def enter(self, session: Session, user: User, forget: bool = False) -> None:
        """
        C{user} is on this session from now on.  Who was on it before leaves
        first; the same user again is told of again.
        """
        if session.user is not None and session.user.id != user.id:
            self.exit(session)
        entry = await self._store.enter(user, session.terminal, self.lobby, forget)
        if session.ended is None:  # it went while the store was asked
            return
        self._cursors.enter(user.id, [*entry.groups, *entry.behind])
        isFirst = not self._sessions.online(user.id)
        self._sessions.add(session, entry.user)
        if isFirst:
            self.watches.changed(user.id, True)
        for membership in entry.groups:
            self._attach(session, entry.user, membership)

    def exit(self, session: Session) -> None:
        """
        Nobody is on this session any more.
        """
        self.watches.forget(session)
        user = session.user
        if user is None:
            return
        for id, member in list(session.members.items()):
            self._cursors.pushed(user.id, member.group.conversation, member.group.seqAt(member))
            self._detach(session, user, id)
        if self._sessions.remove(session):
            self._cursors.flush()
            self._cursors.leave(user.id)
            self.watches.changed(user.id, False)

    async def join(self, session: Session, user: User, group: str, name: str | None) -> JoinResult:
        """
        Let a user into a group, and this session take part in it.
        """
        for policy in self.policies:
            asked: Deferred[JoinVerdict] = maybeDeferred(policy.mayJoin, user, group)
            verdict = await asked
            if verdict is not JoinVerdict.OK:
                raise CommandRefused(Status.NOT_JOINED, data=JoinResult(group, verdict))
        try:
            membership = await self._store.join(user.id, group, name, self._limits.groupsPerUser)
        except CommandRefused as refused:
            raise CommandRefused(Status.NOT_JOINED, data=JoinResult(group, JoinVerdict.FULL)) from refused
        if session.user is user and session.ended is not None:  # not one HTTP request: nothing would take it out again
            self._attach(session, user, membership)
        for mate in self._sessions.of(user.id):
            if mate is not session:
                self._groups.attach(mate, membership)
        return JoinResult(group, JoinVerdict.OK)

    async def leaveGroup(self, user: User, group: str) -> bool:
        """
        Take a user out of a group, with all its sessions.

        @return: was it in?
        """
        wasIn = await self._store.leave(user.id, group)
        for session in list(self._sessions.of(user.id)):
            if group in session.members:
                self._detach(session, user, group)
        return wasIn

    def _attach(self, session: Session, user: User, membership: Membership) -> None:
        """
        Take part, and let the others know while they are few.
        """
        live = self._groups.attach(session, membership)
        if self._groups.isSmall(live):
            self._tell(live, Joined(live.id, user))

    def _detach(self, session: Session, user: User, group: str) -> None:
        """
        Take part no more, and let the others know while they are few.
        """
        live = self._groups.detach(session, group)
        if live is not None and self._groups.isSmall(live):
            self._tell(live, Left(live.id, user))

    def _tell(self, live: LiveGroup, event: Event) -> None:
        """
        Tell a group, on this node and the others.
        """
        live.post(event)
        self.relay(event)
