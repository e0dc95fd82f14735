"""
One WebSocket in a room: C{/group/chat/GROUP/USER/TOKEN}.

What was said last is pushed once, then what is said from there on.  Each text
that comes is a message; it comes back as everybody gets it, and that is the
only answer there is.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.accounts.holders import Hold
from imtw.commands import CHAT, Chat, Command, Reply, Status
from imtw.errors import CommandRefused
from imtw.faults import report
from imtw.model import User, groupPair
from imtw.protocols.fastframes import BINARY
from imtw.protocols.fastim.expiry import Expiry
from imtw.protocols.fastim.forms import chatOf
from imtw.protocols.fastim.house import HOUR, NAME, House
from imtw.protocols.fastim.paths import Room
from imtw.protocols.fastim.texts import DENIED, fitting, history
from imtw.protocols.framing import frame
from imtw.protocols.socketvoice import SocketVoice
from imtw.protocols.websocket.carrier import SocketCarrier
from imtw.slots import GRANTED

NORMAL, POLICY, TOO_LONG, BROKEN, LATER = 1000, 1008, 1009, 1011, 1013
UNIT = 3  # bytes of UTF-8 that a UTF-16 unit takes at most
STALE = 1.5  # seconds that a WebSocket stays when its token was replaced, unless it speaks


class FastSpeaker(SocketVoice):
    """
    What both of FastIM's WebSockets do alike.
    """

    log = Logger()
    deflates = True
    ignores = frozenset({BINARY})
    isStale = False
    _ending: IDelayedCall | None = None
    _hold: Hold | None = None  # of its token, where it has to show one

    def __init__(self, house: House, user: str, token: str) -> None:
        self.core = house.core
        self.house = house
        self.user = user
        self.token = token
        self.longest = UNIT * house.options.maxLength

    def opened(self, socket: SocketCarrier, query: dict[str, str]) -> None:
        """
        The handshake is done: come in.
        """
        self.attach(socket)
        self.begin(socket.outlet, self.house.form, "ws", socket.address)
        self.session.realm = self.house.realm
        self.session.origin = NAME
        self.lane.hold()
        self.run(self.enter())

    async def enter(self) -> None:
        """
        Find out who this is, and go on from there.
        """
        raise NotImplementedError

    async def admitted(self) -> User | None:
        """
        Who this is; L{None} where that was not shown, and the peer knows.
        """
        options = self.house.options
        if not options.loginAuth:
            guest = self.house.guest(self.user)
            if guest is None:
                self.end1008("a user's id is too long")
            return guest
        self._hold = self.core.attendance.holders.hold(
            self.token, self.goStale, self.house.idOf(self.user) or ""
        )
        user = await self.house.who(self.user, self.token)
        if user is None or self.isStale:
            self.deny()
            return None
        return user

    def goStale(self) -> None:
        """
        The token it was opened with is worth nothing any more: nothing is
        told here from now on, and soon it ends.
        """
        if not self.isStale:
            self.isStale = True
            self.leave()
            if not self.house.options.strict:  # the original's stay
                self._ending = self.core.clock.callLater(STALE, self.deny)

    def leave(self) -> None:
        """
        Take part in nothing any more.
        """
        raise NotImplementedError

    def closed(self) -> None:
        """
        The connection is gone.
        """
        if self._hold is not None:
            self._hold.letGo()
        if self._ending is not None and self._ending.active():
            self._ending.cancel()
        super().closed()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """
        Do something that has to wait; what it fails with ends the connection.
        """
        Deferred.fromCoroutine(work).addErrback(self._failed)

    def deny(self) -> None:
        """
        Say that somebody is not logged in, and close.
        """
        if not self.lane.isClosed:
            self.outlet.send(frame(DENIED))
            self.close(NORMAL)

    def end1008(self, reason: str) -> None:
        """
        Close, and say why.
        """
        self.close(POLICY, reason)

    def close(self, code: int, reason: str | None = None) -> None:
        """
        Close; nothing that waits is handled.
        """
        self.lane.close()
        self.socket.finish(code, reason)

    def _failed(self, failure: Failure) -> None:
        """
        Our fault.
        """
        report(self.log, failure, "fastim: a WebSocket")
        self.close(BROKEN, "the server cannot do that now")


class RoomSpeaker(FastSpeaker):
    """
    One WebSocket in a room.
    """

    _isDenied = False
    _isAsking = False

    def __init__(self, house: House, expiry: Expiry, room: Room) -> None:
        super().__init__(house, room.user, room.token)
        self._expiry = expiry
        self._name = room.group
        self._room = house.realm + room.group
        self._checked = house.core.clock.seconds()

    async def enter(self) -> None:
        """
        Enter the room, push what was said last, then go on live.
        """
        user = await self.admitted()
        if user is None:
            return
        if self.house.idOf(self._name) is None:
            self.end1008("a room's id is too long, or none")
            return
        core, session = self.core, self.session
        try:
            place = await core.attendance.visit(session, user, self._room, self.house.options.autoJoin, self._name)
        except CommandRefused:
            self.close(NORMAL)  # the original says nothing either
            return
        if self.isStale:
            self.leave()
        [tally] = await core.store.newest([groupPair(self._room)], self.house.options.listNum, place.head)
        if session.catchUp is None:  # it went, or its token did
            self.lane.release()
            return
        messages = [chatOf(message, self.house.realm) for message in tally.messages]
        shown = fitting(messages, core.limits.answer, True)
        self.outlet.send(frame(history(tally.total, shown).encode("utf-8", "replace")))
        session.catchUp.relieved()
        self.lane.release()

    def leave(self) -> None:
        """
        Leave the room.
        """
        self.core.attendance.exit(self.session)

    def received(self, payload: bytes, isBinary: bool) -> None:
        """
        A message came; binary ones are none.
        """
        self.outlet.isActive = True
        if isBinary:
            return
        most = self.house.options.maxLength
        text = payload.decode()
        if len(payload) > most and unitsOf(text) > most:
            self.close(TOO_LONG)
            return
        if self._hold is not None and self.core.clock.seconds() - self._checked > HOUR and not self._isAsking:
            self._isAsking = True
            self.lane.hold()
            self.run(self._ask())
        self.queue(text, len(payload))

    def take(self, packet: str) -> None:
        """
        Say it, if its token still lets in.
        """
        if not self.isStale:
            self.lane.take(CHAT.code, packet)
        elif not self.house.options.strict:
            self.deny()
        elif not self._isDenied:  # the original's sockets stay open, and say so once
            self._isDenied = True
            self.outlet.send(frame(DENIED))

    def read(self, command: Command, packet: str) -> Chat:
        """
        A text is what is said.
        """
        return Chat(group=self._room, content=packet)

    def answer(self, command: Command | None, reply: Reply, packet: str) -> bytes:
        """
        What was said came back already.  Where it was not, there is no word
        for that: hang up.
        """
        status = reply.status
        if status is Status.SENT or status is Status.OFFLINE:
            self._expiry.spoken(self._room)
        elif status not in GRANTED:
            code = BROKEN if status is None else CLOSES.get(status, BROKEN)
            self.close(code, reply.reason or "this was not said")
        return b""

    async def _ask(self) -> None:
        """
        See whether the token still lets in.
        """
        found = await self.house.who(self.user, self.token)
        self._checked = self.core.clock.seconds()
        self._isAsking = False
        if found is None:
            self.goStale()
        self.lane.release()


#: How a WebSocket ends on which somebody said what could not be said.
CLOSES = {Status.FORBIDDEN: POLICY, Status.BAD_REQUEST: POLICY, Status.NOT_SENT: POLICY, Status.BUSY: LATER}


def unitsOf(text: str) -> int:
    """
    How long a text is in UTF-16.
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
