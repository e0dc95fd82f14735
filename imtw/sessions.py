"""
Who is connected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from imtw.events import Event, Logged
from imtw.interfaces import IForm, ISession, ISessions
from imtw.model import Liberty, User
from imtw.outlet import Outlet

if TYPE_CHECKING:
    from imtw.catchup import CatchUp
    from imtw.groups import Member

#: The places of a session that has none: one for all, where nothing can be put.
NOWHERE: Any = MappingProxyType({})


@implementer(ISession)
class Session:
    """
    One connection of one user on one device, from its start on: before the
    login C{user} is L{None}.

    @ivar members: its places in groups, by the group's id.
    @ivar lagging: conversations in which nothing is sent for now, with the
        last seq that was left out; the log has it.  L{None} while nothing
        reads the log (C{catchUp}).
    @ivar watching: the users of whose coming and going it is told, those it
        asked about last at the end; L{None} for none.
    @ivar catchUp: what reads the log for a session with a device.
    @ivar token: the hash of the token that it logged in with, or nothing.
    @ivar isFed: what waits is sent to it unasked at its login, though it
        names no device.
    @ivar isEchoed: it is told of its own messages; else its dialect's answer
        says enough.
    @ivar isForgetful: a login leaves every group but the lobby, as the
        strict J-IM has it.
    @ivar realm: what the ids begin with that it may name
        (L{imtw.model.realmOf}), or an empty text.
    @ivar origin: the dialect whose groups those are that it makes, where
        that matters to it, or an empty text.
    @ivar follows: a visitor (L{Sessions.visit}) that takes part in all groups
        of its user.
    @ivar since: when its user came; what private rows there were then, the
        login has found.  ms since the epoch, by this node's clock.
    """

    __slots__ = (
        "_id",
        "_newId",
        "address",
        "catchUp",
        "device",
        "ended",
        "follows",
        "form",
        "isEchoed",
        "isFed",
        "isForgetful",
        "lagging",
        "lastTyped",
        "liberties",
        "members",
        "origin",
        "outlet",
        "realm",
        "since",
        "terminal",
        "token",
        "user",
        "watching",
    )

    def __init__(
        self,
        newId: Callable[[], str],
        outlet: Outlet,
        form: IForm,
        terminal: str,
        address: str,
        liberties: Liberty = Liberty.NONE,
    ) -> None:
        self._newId = newId
        self._id = ""
        self.outlet = outlet
        self.form = form
        self.terminal = terminal
        self.address = address
        self.liberties = liberties
        self.user: User | None = None
        self.device = ""
        self.token = b""
        self.members: dict[str, Member] = NOWHERE
        self.isEchoed = True
        self.isFed = False
        self.isForgetful = False
        self.realm = ""
        self.origin = ""
        self.follows = False
        self.since = 0.0
        self.lagging: dict[int, int] | None = None
        self.catchUp: CatchUp | None = None
        self.watching: dict[str, None] | None = None  # made when it asks: each takes 0.2 KB
        self.lastTyped = 0.0
        self.ended: Callable[[Session], None] | None = None

    @property
    def id(self) -> str:
        """
        What is unique for this connection: made when it is asked for, which
        is rare.
        """
        if not self._id:
            self._id = self._newId()
        return self._id

    def isIn(self, group: str) -> bool:
        """
        Does this session take part in a group?
        """
        return group in self.members

    def takePart(self, group: str, member: Member) -> None:
        """
        This session has a place in a group.
        """
        if self.members is NOWHERE:
            self.members = {}
        self.members[group] = member

    def partFrom(self, group: str) -> Member | None:
        """
        It has none any more.

        @return: the one it had.
        """
        member = self.members.get(group)
        if member is not None:
            del self.members[group]
            if not self.members:
                self.members = NOWHERE
        return member

    def tell(self, event: Event) -> None:
        """
        Send an event, if this session's form has words for it, and unless
        the log will have to tell it.
        """
        if (self.lagging or self.outlet.level) and self.leavesOut(event):
            return
        data = event.bytesFor(self.form)
        if data:
            self.outlet.send(data)

    def leavesOut(self, event: Event) -> bool:
        """
        Is this not sent, because the peer reads slowly or lags anyway?
        """
        if not isinstance(event, Logged):
            return self.outlet.level > 0
        message = event.message
        if self.catchUp is None or self.lagging is None:
            return False
        lastSeq = self.lagging.get(message.conversation)
        if lastSeq is not None:
            # A client without a device may repeat an older row meanwhile, which is told again.
            self.lagging[message.conversation] = max(lastSeq, message.seq)
            return True
        if self.outlet.level < 2:
            return False
        if message.repeat:  # it was told before, or was not for this one
            return True
        self.catchUp.lag(message.conversation, message.pair, message.seq - 1)
        self.lagging[message.conversation] = message.seq
        return True

    def hears(self, event: Event) -> bool:
        """
        Would this be sent now, which no log has?
        """
        return not self.outlet.level and bool(event.bytesFor(self.form))

    def isOf(self, device: str, token: bytes) -> bool:
        """
        Is this on that device, or was it opened with that token (its hash)?
        """
        return bool(device and device == self.device) or bool(token and token == self.token)

    def nameDevice(self, device: str) -> None:
        """
        The client says which device it runs on, or that it does not; before
        it enters.
        """
        self.device = device
        self.form = self.form.withDevice(bool(device))

    def waiting(self) -> bytes:
        """
        What waits for this session in its groups, as it would be swept: to
        be sent in front of an answer.
        """
        return b"".join([member.take() for member in self.members.values()])

    def close(self) -> None:
        """
        Leave everything, then end the connection once what was sent is
        written.
        """
        if self.ended is not None:
            self.ended(self)
        self.outlet.close()


@implementer(ISessions)
class Sessions:
    """
    The sessions of this node, by user.
    """

    def __init__(self) -> None:
        self._byUser: dict[str, tuple[Session, ...]] = {}  # most users have one
        self._visitors: dict[str, dict[Session, None]] = {}
        self.count = 0

    def add(self, session: Session, user: User) -> None:
        """
        C{user} is on this session from now on.
        """
        session.user = user
        mates = self._byUser.get(user.id, ())
        if session not in mates:
            self.count += 1
            self._byUser[user.id] = (*mates, session)

    def visit(self, session: Session, user: User) -> None:
        """
        C{user} is on this session, which takes no private messages: it makes
        nobody online.
        """
        session.user = user
        self._visitors.setdefault(user.id, {})[session] = None

    def everyOf(self, user: str) -> list[Session]:
        """
        The sessions of a user, visitors too: one for each connection.
        """
        visitors = [visitor for visitor in self.visitors(user) if not visitor.follows]
        return [*self.of(user), *visitors]

    def leave(self, session: Session) -> bool:
        """
        A visitor goes.

        @return: was it one?
        """
        user = session.user
        mates = self._visitors.get(user.id) if user is not None else None
        if user is None or mates is None or session not in mates:
            return False
        session.user = None
        del mates[session]
        if not mates:
            del self._visitors[user.id]
        return True

    def visitors(self, user: str) -> Iterable[Session]:
        """
        The sessions of a user that take no private messages.
        """
        return self._visitors.get(user, ())

    def remove(self, session: Session) -> bool:
        """
        Nobody is on this session any more.

        @return: was it the user's last?
        """
        user = session.user
        if user is None:
            return False
        session.user = None
        mates = self._byUser.get(user.id, ())
        if session not in mates:
            return False
        self.count -= 1
        if len(mates) > 1:
            self._byUser[user.id] = tuple(mate for mate in mates if mate is not session)
            return False
        del self._byUser[user.id]
        return True

    def of(self, user: str) -> Sequence[Session]:
        """
        All sessions of a user, as they are now.
        """
        return self._byUser.get(user, ())

    def echoed(self, user: str, speaking: Any = None) -> Sequence[Session]:
        """
        Those of a user that are told what it says itself to somebody, on one
        of them or elsewhere.
        """
        return [
            session
            for session in self._byUser.get(user, ())
            if session.form.tellsOwn and (session.isEchoed or session is not speaking)
        ]

    def online(self, user: str) -> bool:
        """
        Has this user a session that takes private messages?
        """
        return user in self._byUser

    def users(self) -> Iterable[str]:
        """
        The ids of all users that are online.
        """
        return self._byUser
