"""
Coming and going: what it takes for a session to be a user's, to be in its
groups, and to be neither again.

What a login finds is read by the store in the order of its commits, and the
session takes part from that moment on; so nothing is missed between what it
read and what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from twisted.internet.interfaces import IReactorTime

from imtw.accounts.holders import Holders
from imtw.catchup import CatchUp
from imtw.commands import JoinResult, JoinVerdict, Status
from imtw.cursors import Cursors
from imtw.delivery import Relay, nobodyElse
from imtw.errors import CommandRefused
from imtw.events import Admitted, Enrolled, Event, Expelled, Joined, Left, Revoked
from imtw.filters import Policies
from imtw.groups import LiveGroup, LiveGroups
from imtw.interfaces import IJoinPolicy, IStore
from imtw.limits import Limits
from imtw.model import Group, Membership, Mode, User
from imtw.numbers import Numbers
from imtw.presence import Watches
from imtw.sessions import Session, Sessions
from imtw.trail import Trail


class Attendance:
    """
    Who is here, and in which groups.

    @ivar holders: who shows a token that may be revoked before there is
        anything that it has opened.
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
        numbers: Numbers,
        trail: Trail,
    ) -> None:
        self._numbers = numbers
        self._trail = trail
        self._clock = clock
        self._store = store
        self._sessions = sessions
        self._groups = groups
        self._cursors = cursors
        self._limits = limits
        self.watches = Watches(clock, limits)
        self.lobby = list(lobby)
        self.holders = Holders()
        self._entering: dict[Session, str] = {}  # sessions whose user the store is being asked about
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

    async def enter(self, session: Session, user: User, forget: bool = False) -> None:
        """
        C{user} is on this session from now on.  Who was on it before leaves
        first; the same user again is told of again.
        """
        if session.user is not None and session.user.id != user.id:
            self.exit(session)
        self._entering[session] = user.id
        if session.isFed:
            self._cursors.settle(self._sessions.of(user.id))  # what another was just told is not told again
        try:
            entry = await self._store.enter(user, session.terminal, self.lobby, forget, session.device)
        finally:
            isWanted = self._entering.pop(session, None) is not None
        if not isWanted:
            raise CommandRefused(Status.LOGIN_FAILED, close=True)
        if session.ended is None:  # it went while the store was asked
            return
        places = [*entry.groups, *entry.behind]
        if not session.device:
            self._cursors.enter(user.id, places)
        session.since = self._clock.seconds() * 1000
        isFirst = not self._sessions.online(user.id)
        self._sessions.add(session, entry.user)
        if isFirst:
            self.watches.changed(user.id, True)
        for mate in self._sessions.of(user.id)[: -self._limits.sessionsPerUser]:
            mate.close()
        for membership in entry.groups:
            self._attach(session, entry.user, membership)
        if session.device or session.isFed:
            self._catchUp(session, places)

    def _catchUp(self, session: Session, places: Iterable[Membership]) -> None:
        """
        Have a session read what it missed, once its login is
        answered; until then it is told nothing new there.
        """
        if session.catchUp is not None:
            session.catchUp.stop()
        catchUp = self._reader(session)
        catchUp.begin(places)
        self._clock.callLater(0, catchUp.relieved)

    def _reader(self, session: Session) -> CatchUp:
        """
        What reads the log for a session.
        """
        session.catchUp = catchUp = CatchUp(
            session, self._store, self._groups, self._limits, self._cursors, self._numbers, self._trail
        )
        session.outlet.relieved = catchUp.relieved
        return catchUp

    async def visit(
        self, session: Session, user: User, group: str, joins: bool, name: str | None = None
    ) -> Membership:
        """
        Have a session take part in one group as C{user}, and in nothing
        else.  What happens there it is told once it calls
        C{session.catchUp.relieved}: everything after the head that this
        fires with.

        @param joins: the user becomes a member, if it is none.
        @param name: of the group, where it is made.
        @raise CommandRefused: C{NOT_JOINED}.
        """
        if joins:
            membership = await self._join(user, group, name or None, session.origin)
        else:
            places: list[Membership] = await self._store.places(user.id)  # in the order of the kicks
            found = next((place for place in places if place.pair.a == group), None)
            if found is None:
                raise CommandRefused(Status.NOT_JOINED, data=JoinResult(group, JoinVerdict.REFUSED))
            membership = found
        if session.ended is not None:
            self._sessions.visit(session, user)
            catchUp = self._reader(session)
            catchUp.hold(membership.conversation, membership.pair, membership.head)
            self._attach(session, user, membership)
        if joins:
            self._enroll(user, membership, session)
        return membership

    async def follow(self, session: Session, user: User) -> None:
        """
        Have a session take part in all groups of C{user}, from now on, and
        in nothing else.
        """
        places: list[Membership] = await self._store.places(user.id)
        if session.ended is not None:
            session.follows = True
            self._sessions.visit(session, user)
            for membership in places:
                self._groups.attach(session, membership)

    def _depart(self, session: Session) -> bool:
        """
        A visitor goes.

        @return: was it one?
        """
        user = session.user
        if user is None or not self._sessions.leave(session):
            return False
        if session.catchUp is not None:
            session.catchUp.stop()
        for id in list(session.members):
            if session.follows:
                self._groups.detach(session, id)
            else:
                self._detach(session, user, id)
        return True

    def exit(self, session: Session) -> None:
        """
        Nobody is on this session any more.
        """
        self.watches.forget(session)
        user = session.user
        if user is None or self._depart(session):
            return
        if session.catchUp is not None:
            session.catchUp.stop()
        session.token = b""
        if not session.device:
            self._cursors.settle([session])
        for id in list(session.members):
            self._detach(session, user, id)
        isLast = self._sessions.remove(session)
        if not (session.device or any(not mate.device for mate in self._sessions.of(user.id))):
            self._cursors.leave(user.id)
        if isLast:
            self.watches.changed(user.id, False)

    async def join(self, session: Session, user: User, group: str, name: str | None) -> JoinResult:
        """
        Let a user into a group, and this session take part in it.
        """
        membership = await self._join(user, group, name, session.origin)
        if session.user is user and session.ended is not None:  # not one HTTP request: nothing would take it out again
            self._attach(session, user, membership)
        self._enroll(user, membership, session)
        return JoinResult(group, JoinVerdict.OK)

    async def _join(self, user: User, group: str, name: str | None, origin: str) -> Membership:
        """
        Make a user a member, where that is allowed.
        """
        await self._policies.check(user, group)
        try:
            joined: Membership = await self._store.join(user.id, group, name, self._limits.groupsPerUser, origin)
        except CommandRefused as refused:
            reason = JoinVerdict.KICKED if refused.status == Status.FORBIDDEN else JoinVerdict.FULL
            raise CommandRefused(Status.NOT_JOINED, data=JoinResult(group, reason)) from refused
        return joined

    def _enroll(self, user: User, membership: Membership, spared: Session) -> None:
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

    async def leaveGroup(self, user: User, group: str) -> bool:
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
                self._detach(session, session.user, group)
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

    def revoke(self, user: str, device: str = "", token: bytes = b"", spared: Session | None = None) -> int:
        """
        A user's device or token counts no more: end what it opened, on all
        nodes.

        @param spared: who asked, and ends after its answer.
        @return: how many connections that were here.
        """
        ended = self.cut(user, device, token, spared)
        self.relay(Revoked(user, device, token))
        return ended

    def cut(self, user: str, device: str, token: bytes, spared: Session | None = None) -> int:
        """
        The same, on this node.  Where neither is named all of the user's
        connections end.
        """
        isAll = not (device or token)
        holding = self.holders.revoke(token)
        return holding + self._end(
            user, lambda session: session is not spared and (isAll or session.isOf(device, token))
        )

    def cutAll(self, user: str) -> int:
        """
        End all connections of a user, on all nodes.

        @return: how many that were here.
        """
        return self.revoke(user)

    def _end(self, user: str, isMeant: Callable[[Session], bool]) -> int:
        """
        End some of a user's connections; who is about to enter on one of
        these does not.
        """
        ended = [session for session in self._sessions.everyOf(user) if isMeant(session)]
        for session in ended:
            session.close()
        for session in [one for one, who in self._entering.items() if who == user and isMeant(one)]:
            del self._entering[session]
        return len(ended)

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
