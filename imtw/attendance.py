"""
Coming and going: what it takes for a session to be a user's, to be in its
groups, and to be neither again.

What a login finds is read by the store in the order of its commits, and the
session takes part from that moment on; so nothing is missed between what it
read and what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IReactorTime

from imtw.accounts.holders import Holders
from imtw.catchup import CatchUp
from imtw.commands import JoinResult, JoinVerdict, Status
from imtw.cursors import Cursors
from imtw.errors import CommandRefused
from imtw.events import Revoked
from imtw.groups import LiveGroups
from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.members import Members
from imtw.model import Membership, User
from imtw.numbers import Numbers
from imtw.presence import Watches
from imtw.sessions import Session, Sessions
from imtw.telling import Relay, nobodyElse
from imtw.trail import Trail


class Attendance:
    """
    Who is here, and in which groups.

    @ivar holders: who shows a token, or a password, that may count no more
        before there is anything that it has opened.
    @ivar watches: who is told of who comes and goes.
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
        members: Members,
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
        self._members = members
        self.watches = Watches(clock, limits)
        self.holders = Holders()
        self._entering: dict[Session, str] = {}  # sessions whose user the store is being asked about
        self.relay: Relay = nobodyElse

    async def enter(self, session: Session, user: User, forget: bool = False) -> None:
        """
        C{user} is on this session from now on.  Who was on it before leaves
        first; the same user again is told of again.
        """
        if session.user is not None and session.user.id != user.id:
            self.exit(session)
        self._entering[session] = user.id
        if session.isFed:
            self._cursors.settle(user.id, self._sessions.of(user.id))  # what another was just told is not told again
        try:
            entry = await self._store.enter(user, session.terminal, self._members.lobby, forget, session.device)
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
        self._members.attach(session, entry.user, *entry.groups)
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
            membership = await self._members.makeMember(user, group, name or None, session.origin)
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
            self._members.attach(session, user, membership)
        if joins:
            self._members.enroll(user, membership, session)
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
        if not session.follows:
            self._members.detach(session, user, *session.members)
        for id in list(session.members):
            self._groups.detach(session, id)
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
            self._cursors.settle(user.id, [session])
        self._members.detach(session, user, *session.members)
        isLast = self._sessions.remove(session)
        if not (session.device or any(not mate.device for mate in self._sessions.of(user.id))):
            self._cursors.leave(user.id)
        if isLast:
            self.watches.changed(user.id, False)

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
        if isAll:
            self.holders.end(user)
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
