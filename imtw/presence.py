"""
Who wants to know who is online.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime

from imtw.events import Presence
from imtw.limits import Limits
from imtw.sessions import Session


class Watches:
    """
    Sessions that are told when a user comes or goes, for a while.
    """

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        self._clock = clock
        self._seconds = limits.watched
        self._most = limits.watchers
        self._mostWatched = limits.watching
        self._watchers: dict[str, dict[Session, float]] = {}

    def __len__(self) -> int:
        """
        Users that are watched.
        """
        return len(self._watchers)

    def watch(self, session: Session, users: Iterable[str]) -> float:
        """
        Tell a session of these users from now on; past L{Limits.watching} not
        of those any more that it asked about longest ago.  One that cannot be
        told of anything watches nobody.

        @return: when that ends, in seconds.
        """
        now = self._clock.seconds()
        if session.ended is None:
            return now
        ends = now + self._seconds
        watching = session.watching = session.watching or {}
        for user in users:
            watchers = self._watchers.setdefault(user, {})
            self._sweep(watchers)
            if session in watchers or len(watchers) < self._most:
                watchers.pop(session, None)
                watchers[session] = ends
                watching.pop(user, None)
                watching[user] = None
        for user in list(watching)[: -self._mostWatched]:
            del watching[user]
            self._drop(session, user)
        return ends

    def changed(self, user: str, online: bool) -> None:
        """
        A user has come, or has gone.
        """
        watchers = self._watchers.get(user)
        if watchers is None:
            return
        self._sweep(watchers)
        event = Presence(user, online)
        for session in list(watchers):
            session.tell(event)
        if not watchers:
            del self._watchers[user]

    def forget(self, session: Session) -> None:
        """
        A session watches nobody any more.
        """
        for user in session.watching or ():
            self._drop(session, user)
        session.watching = None

    def _drop(self, session: Session, user: str) -> None:
        """
        A session does not watch this user any more.
        """
        watchers = self._watchers.get(user)
        if watchers is not None:
            watchers.pop(session, None)
            if not watchers:
                del self._watchers[user]

    def _sweep(self, watchers: dict[Session, float]) -> None:
        """
        Drop those whose time is over: the oldest stand first.
        """
        now = self._clock.seconds()
        late = []
        for session, ends in watchers.items():
            if ends > now:
                break
            late.append(session)
        for session in late:
            del watchers[session]
