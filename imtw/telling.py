"""
Who is told of what, on this node and on the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from imtw.cursors import Cursors
from imtw.errors import CommandRefused
from imtw.events import Agreed, Edited, Event, Invited, Logged, Recalled, Said
from imtw.groups import LiveGroups
from imtw.interfaces import IStore
from imtw.model import Fact, Message, Pair
from imtw.numbers import Numbers
from imtw.sessions import Session, Sessions
from imtw.trail import Trail


class Relay(Protocol):
    """
    What other nodes are told with.
    """

    def __call__(self, event: Event, user: str | None = None, group: str | None = None) -> None:
        """
        Let them know; where the event does not say whom it is for, that is
        all sessions of C{user}, or in C{group}.
        """


def nobodyElse(event: Event, user: str | None = None, group: str | None = None) -> None:
    """
    The relay of a single node.
    """


class Telling:
    """
    Brings events to their people; L{imtw.delivery.Delivery} does that with
    messages once they are stored.

    @ivar relay: called with what other nodes have to know, too.
    """

    def __init__(
        self, store: IStore, sessions: Sessions, groups: LiveGroups, cursors: Cursors, numbers: Numbers, trail: Trail
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._groups = groups
        self._cursors = cursors
        self._numbers = numbers
        self._trail = trail
        self.relay: Relay = nobodyElse

    def tellUser(self, user: str, event: Event) -> None:
        """
        Tell all sessions of a user something that is not stored.
        """
        for session in self._sessions.of(user):
            session.tell(event)
        self.relay(event, user=user)

    def tellGroup(self, group: str, event: Event) -> None:
        """
        Tell all sessions in a group something that is not stored.
        """
        live = self._groups.get(group)
        if live is not None:
            live.post(event)
        self.relay(event, group=group)

    async def isHeard(self, user: str, pair: Pair) -> bool:
        """
        Would others in a conversation be told what this user says?
        """
        try:
            await self._store.maySpeak(user, pair)
        except CommandRefused:
            return False
        return True

    async def tellInvitation(self, event: Invited) -> None:
        """
        Tell those of this node whom an invitation is news for.  Where none
        of its sessions has a word for it, and reads, it stays news for the
        next one that does.
        """
        invitation = event.invitation
        if self._numbers.isWanted:
            await self._numbers.learn([invitation.user, invitation.friend])
        user = invitation.user if isinstance(event, Agreed) else invitation.friend
        hearing = [session for session in self._sessions.of(user) if session.hears(event)]
        for session in hearing:
            session.tell(event)
        if hearing:
            await self._store.told([invitation])

    def tellPair(self, event: Logged, speaking: Session | None = None, isLate: bool = False) -> bytes:
        """
        Tell a row of a private conversation to both sides' sessions here;
        what the speaking one is told is returned.

        @param isLate: it was stored a while ago: who came later has found it
            then.
        """
        message = event.message
        sender = message.sender
        partner = message.pair.partnerOf(sender)
        told = self._sessions.of(partner)
        online = bool(told)
        before = b""
        if online and not message.unheard:
            if isLate:
                told = [session for session in told if session.since < message.ts]
            before = self._tellSide(speaking, told, event)
            self._cursors.pushed(partner, message.conversation, message.seq)
            self._trail.told(told, message.conversation, message.pair, message.seq)
        echoed = self._sessions.echoed(sender, speaking)
        if echoed and partner != sender:
            mine = eventOf(message, own=True)
            mine.reached = online
            if isLate:
                echoed = [session for session in echoed if session.since < message.ts]
            before += self._tellSide(speaking, echoed, mine)
        return before

    def _tellSide(self, speaking: Session | None, sessions: Iterable[Session], event: Event) -> bytes:
        """
        Tell a user's sessions; what the speaking one is told is returned.
        """
        before = b""
        for session in sessions:
            if session is speaking and not session.isEchoed:
                continue
            if session is speaking and not session.lagging:
                before = event.bytesFor(session.form)
            else:
                session.tell(event)
        return before


def eventOf(message: Message, own: bool = False) -> Logged:
    """
    What a row of the log is told as.
    """
    return _KINDS[message.fact](message, own)


_KINDS = {Fact.MESSAGE: Said, Fact.RECALL: Recalled, Fact.EDIT: Edited}
