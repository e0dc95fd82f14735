"""
Who is a member of which group, and that its sessions take part in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime

from imtw.commands import JoinResult, JoinVerdict, Status
from imtw.cursors import Cursors
from imtw.errors import CommandRefused
from imtw.events import Admitted, Enrolled, Event, Expelled, Joined, Left
from imtw.groups import LiveGroup, LiveGroups
from imtw.interfaces import IJoinPolicy, IStore
from imtw.limits import Limits
from imtw.model import Group, Membership, Mode, User
from imtw.policies import Policies
from imtw.sessions import Session, Sessions
from imtw.telling import Relay, nobodyElse


class Members:
    """
    The members of all groups.

    @ivar lobby: (id, name) of the groups that every account is in from its
        first login on.
    @ivar relay: called with what other nodes have to know, too.
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
        self.lobby = list(lobby)
        self._policies = Policies(clock, limits.joinPolicy)
        self.relay: Relay = nobodyElse

    def usePolicies(self, policies: Sequence[tuple[str, IJoinPolicy]]) -> None:
        """
        Ask these, by name, in this order, who may join.
        """
        self._policies = Policies(self._clock, self._limits.joinPolicy, policies)

    async def start(self) -> None:
        """
        The store is open: have the lobby there before anybody comes.
        """
        if self.lobby:
            await self._store.openGroups(self.lobby)

    def attach(self, session: Session, user: User, *memberships: Membership) -> None:
        """
        Take part, and let the others know while they are few, in one group
        and in all together.
        """
        left = self._limits.notices
        for membership in memberships:
            live = self._groups.attach(session, membership)
            if self._groups.isSmall(live) and live.size <= left:
                left -= live.size
                self._tell(live, Joined(live.id, user))

    def detach(self, session: Session, user: User, *groups: str) -> None:
        """
        Take part no more, and let the others know in the same way.
        """
        left = self._limits.notices
        for group in groups:
            if session.catchUp is not None and session.isIn(group):
                session.catchUp.leave(session.members[group].group.conversation)
            live = self._groups.detach(session, group)
            if live is not None and self._groups.isSmall(live) and live.size <= left:
                left -= live.size
                self._tell(live, Left(live.id, user))

    async def join(self, session: Session, user: User, group: str, name: str | None) -> JoinResult:
        """
        Let a user into a group, and this session take part in it.
        """
        membership = await self.makeMember(user, group, name, session.origin)
        if session.user is user and session.ended is not None:  # not one HTTP request: nothing would take it out again
            self.attach(session, user, membership)
        self.enroll(user, membership, session)
        return JoinResult(group, JoinVerdict.OK)

    async def makeMember(self, user: User, group: str, name: str | None, origin: str) -> Membership:
        """
        Make a user a member, where that is allowed; its sessions take no part
        yet.
        """
        await self._policies.check(user, group)
        try:
            joined: Membership = await self._store.join(user.id, group, name, self._limits.groupsPerUser, origin)
        except CommandRefused as refused:
            reason = JoinVerdict.KICKED if refused.status == Status.FORBIDDEN else JoinVerdict.FULL
            raise CommandRefused(Status.NOT_JOINED, data=JoinResult(group, reason)) from refused
        return joined

    def enroll(self, user: User, membership: Membership, spared: Session) -> None:
        """
        Let a user's other sessions take part in a group that it has joined.
        """
        for mate in self._sessions.of(user.id):
            if mate is not spared:
                self._groups.attach(mate, membership)
        self._enrollFollowers(user.id, membership)

    def _enrollFollowers(self, user: str, membership: Membership) -> None:
        for visitor in self._sessions.visitors(user):
            if visitor.follows and not visitor.isIn(membership.pair.a):
                self._groups.attach(visitor, membership)
                visitor.tell(Enrolled(membership.pair.a))

    async def leave(self, user: User, group: str) -> bool:
        """
        Take a user out of a group, with all its sessions.

        @return: was it in?
        """
        wasIn = await self._store.leave(user.id, group)
        self.expel(user.id, group)
        return wasIn

    def expel(self, user: str, group: str) -> None:
        """
        A user was taken out of a group, or left: see to it on all nodes.
        """
        self.expelled(user, group)
        self.relay(Expelled(user, group))

    def expelled(self, user: str, group: str) -> None:
        """
        A user is in a group no more: nor are its sessions.
        """
        for session in list(self._sessions.of(user)):
            if group in session.members and session.user is not None:
                self.detach(session, session.user, group)
        for visitor in list(self._sessions.visitors(user)):
            if group in visitor.members and visitor.follows:
                self._groups.detach(visitor, group)
                visitor.tell(Enrolled(group))
            elif group in visitor.members:
                visitor.close()

    def admit(self, user: str, membership: Membership, by: str, spared: Session | None = None) -> None:
        """
        A user was taken into a group: it takes part and is told, on all
        nodes.

        @param spared: who asked, and is answered.
        """
        event = Admitted(user, membership.pair.a, membership.name, by)
        self.admitted(event, membership, spared)
        self.relay(event)

    def admitted(self, event: Admitted, membership: Membership, spared: Session | None = None) -> None:
        """
        The same, on this node.  What was said meanwhile waits for the
        sessions of the user.
        """
        for session in self._sessions.of(event.user):
            self._letIn(session, membership, event.user)
            if session is not spared:
                session.tell(event)
        self._enrollFollowers(event.user, membership)

    def _letIn(self, session: Session, membership: Membership, user: str) -> None:
        if session.isIn(membership.pair.a):
            return
        live = self._groups.attach(session, membership)
        if live.head == membership.head:
            return
        self._cursors.fallBehind(user, live.conversation)
        if session.catchUp is not None:
            session.catchUp.lag(live.conversation, membership.pair, membership.head)

    async def mayRead(self, user: User | None, group: str) -> None:
        """
        Managed groups are read by their members only, and by operators.

        @raise CommandRefused: C{FORBIDDEN}.
        """
        found: Group | None = await self._store.group(group)
        if found is None or found.mode is Mode.OPEN or (user is not None and user.operator):
            return
        if user is None or await self._store.membership(user.id, group) is None:
            raise CommandRefused(Status.FORBIDDEN)

    def _tell(self, live: LiveGroup, event: Event) -> None:
        """
        Tell a group, on this node and the others.
        """
        live.post(event)
        self.relay(event)
