"""
From a packet to its answer: who may ask, and in which order answers go out.

Requests of a connection are answered in order, and yet many chats may be
waiting for one commit.  So each connection has a L{Lane}: a bounded queue of
L{Slot}s, one for each answer that is due.  A chat takes a slot and the next
packet is handled at once; any other request that has to wait is a barrier:
the packets behind it stay unparsed until its slot is filled.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import Any, Protocol

from msgspec import Struct
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.commands import Access, Command, Reply, Status
from imtw.counters import Counters
from imtw.errors import CommandRefused, RemoteProtocolError, StoreError, Unanswered
from imtw.fast import Fast, fastWithout
from imtw.groups import Gate
from imtw.interfaces import ICommandHandler
from imtw.model import Liberty
from imtw.registry import Registry
from imtw.sessions import Session


class Reader(Protocol):
    """
    Knows how a dialect asks.
    """

    def read(self, command: Command, packet: Any) -> Struct | Deferred[Struct]:
        """
        The request in a packet; a Deferred where something has to be looked
        up to understand it.

        @raise CommandRefused: it cannot be understood.
        """


class Voice(Reader, Protocol):
    """
    A dialect's end of a lane: what it asks and how it is answered.
    """

    lane: Lane

    def answer(self, command: Command | None, reply: Reply, packet: Any) -> bytes:
        """
        An answer on the wire; empty where the dialect is silent.

        @param command: L{None} where no handler answers the packet.
        """

    def resume(self) -> None:
        """
        The lane takes packets again.
        """

    def finish(self) -> None:
        """
        End the connection once what was sent is written.
        """

    def goAway(self) -> None:
        """
        The same, and let the peer know that it may come back soon.
        """


class Cork:
    """
    Joins what goes out in one turn: while it is in, outlets queue, and each
    of them sends once when it comes out (measured, 16 frames waiting: 16
    times the rate of sending each).

    @ivar fast: the fast paths that outlets and carriers take; without that
        of the cork nothing is queued.
    @ivar tight: it is in.
    @ivar whenPulled: have something called when the cork comes out.
    """

    __slots__ = ("_depth", "_waiting", "fast", "tight", "whenPulled")

    def __init__(self, fast: Fast | None = None) -> None:
        self.fast = fast or fastWithout()
        self._depth = 0
        self._waiting: list[Callable[[], None]] = []
        self.whenPulled = self._waiting.append
        self.tight = False

    def push(self) -> None:
        """
        From now on, queue.
        """
        self._depth += 1
        self.tight = self.fast.cork

    def pull(self) -> None:
        """
        Send what is queued, once this was called as often as L{push}.
        """
        self._depth -= 1
        if self._depth:
            return
        self.tight = False
        waiting = self._waiting
        if waiting:
            flushes = waiting[:]
            waiting.clear()
            for flush in flushes:
                flush()


class Slot:
    """
    The place of one answer in the order of its connection.

    @ivar before: what goes out in front of the answer, in the same turn.
    @ivar gate: where the lane has to wait before it takes more, or L{None}.
    """

    __slots__ = ("before", "command", "gate", "lane", "packet", "reply")

    def __init__(self) -> None:
        self.lane: Lane | None = None
        self.reply: Reply | None = None
        self.command: Command | None = None
        self.packet: Any = None
        self.before = b""
        self.gate: Gate | None = None

    def fill(self, reply: Reply, before: bytes = b"") -> None:
        """
        The answer is there.
        """
        self.reply = reply
        self.before = before
        if self.lane is not None:
            self.lane.advance()


# An attribute of an enumeration costs ten times as much as a name of the module's.
_ANYBODY = Access.ANYBODY
_USER = Access.USER
_BAD_REQUEST = Status.BAD_REQUEST

#: What an answer says that grants what was asked.
GRANTED = frozenset(
    [
        Status.SENT,
        Status.OFFLINE,
        Status.USER_FOUND,
        Status.ONLINE_USERS,
        Status.OFFLINE_USERS,
        Status.LOGGED_IN,
        Status.AUTHENTICATED,
        Status.JOINED,
        Status.PENDING,
        Status.HISTORY,
        Status.CLOSED,
        Status.OK,
    ]
)
SILENCE = Reply()  # fills the slot of a handler that answers nothing
HANGUP = Reply(close=True)  # no answer but the end of the connection


def refusalOf(refused: CommandRefused) -> Reply:
    """
    The answer that a refusal is.
    """
    data = refused.data if isinstance(refused.data, Struct) else None
    return Reply(Status(refused.status), data, refused.close, refused.reason)


def awaited(result: Any) -> Deferred[Reply | Slot | None]:
    """
    The Deferred that a handler returned, or that of its coroutine; anything
    else that is no answer fails.
    """
    if isinstance(result, CoroutineType):
        return Deferred.fromCoroutine(result)
    if isinstance(result, Deferred):
        return result
    return fail(TypeError(f"a handler returned {result!r}, wanted a Reply"))


class Dispatcher:
    """
    Hands packets to handlers, for all lanes of a server.
    """

    log = Logger()

    def __init__(self, registry: Registry, maxSlots: int, counters: Counters) -> None:
        self.counters = counters
        self.handlers = registry.byCode
        self.maxSlots = maxSlots

    def call(self, handler: ICommandHandler, session: Session, voice: Reader, packet: Any) -> Any:
        """
        Authorise, read and handle one request.  J-IM's own commands are read
        first: what it answers to a malformed one does not depend on who asks.

        @return: what the handler returned, the L{Reply} of a refusal, or
            L{None} for no answer.
        """
        command = handler.command
        isOpen = command.access is _ANYBODY
        if command.failure is _BAD_REQUEST and not (isOpen or isAllowed(command, session)):
            return Reply(Status.INVALID)
        try:
            request = voice.read(command, packet)
            if not isinstance(request, Struct):  # which is quicker told than a Deferred, a generic
                return self._later(handler, session, request)
            if not (isOpen or isAllowed(command, session)):
                return Reply(Status.INVALID)
            return handler.handle(request, session)
        except CommandRefused as refused:
            return refusalOf(refused)
        except Unanswered:
            return None
        except RemoteProtocolError:
            return HANGUP
        except Exception:
            return self.bug(command, Failure())

    async def _later(self, handler: ICommandHandler, session: Session, reading: Deferred[Struct]) -> Reply | Slot:
        """
        Authorise and handle a request once it is understood.
        """
        request = await reading
        if not isAllowed(handler.command, session):
            return Reply(Status.INVALID)
        result = handler.handle(request, session)
        if result is None:
            return SILENCE
        return result if isinstance(result, Reply | Slot) else (await awaited(result) or SILENCE)

    def failed(self, command: Command, failure: Failure) -> Reply:
        """
        The answer to a request whose Deferred failed.
        """
        if isinstance(failure.value, CommandRefused):
            return refusalOf(failure.value)
        if failure.check(RemoteProtocolError):
            return HANGUP
        if failure.check(Unanswered):
            return SILENCE
        return self.bug(command, failure)

    def bug(self, command: Command, failure: Failure) -> Reply:
        """
        Something went wrong on our side: log it, and say so.
        """
        if failure.check(StoreError):
            self.log.error("{command}: {error}", command=command.name, error=failure.getErrorMessage())
        else:
            self.log.failure("{command} failed", failure, command=command.name)
        return Reply(command.failure)


def isAllowed(command: Command, session: Session) -> bool:
    """
    May this session give this command?
    """
    access = command.access
    if access is _ANYBODY:
        return True
    if session.user is None:
        return access is _USER and Liberty.ANONYMOUS in session.liberties
    return access is _USER or session.user.operator


class Lane:
    """
    The requests of one connection, and their answers in order.

    @ivar busy: packets have to stay where they are until C{voice.resume}.
    """

    __slots__ = (
        "_barrier",
        "_closed",
        "_dispatcher",
        "_gates",
        "_held",
        "_slots",
        "_stopped",
        "busy",
        "session",
        "voice",
    )

    def __init__(self, dispatcher: Dispatcher, session: Session, voice: Voice) -> None:
        self._dispatcher = dispatcher
        self.session = session
        self.voice = voice
        self._slots: list[Slot] = []  # few, most often none: even an empty deque takes 0.7 KB
        self._held: tuple[int, Any] | None = None
        self._barrier = False
        self._gates = 0
        self._closed = False
        self._stopped = False
        self.busy = False

    @property
    def isIdle(self) -> bool:
        """
        Is no answer due?
        """
        return not self._slots

    @property
    def isClosed(self) -> bool:
        """
        Is nothing handled or answered any more?
        """
        return self._closed

    def take(self, code: int, packet: Any) -> None:
        """
        Handle a packet.  Not to be called while C{busy}.
        """
        dispatcher = self._dispatcher
        handler = dispatcher.handlers.get(code)
        if handler is None:
            self._answer(None, packet, Reply(Status.UNKNOWN_COMMAND))
            return
        command = handler.command
        if self._slots and not command.atOnce:
            self._held = (code, packet)
            self.busy = True
            return
        result = dispatcher.call(handler, self.session, self.voice, packet)
        if result is None:
            return
        if isinstance(result, Reply):
            if self._slots:
                self._answer(command, packet, result)
            else:
                self._write(command, packet, result, b"")
        elif isinstance(result, Slot):
            self._adopt(result, command, packet)
        else:
            self._await(awaited(result), command, packet)

    def refuse(self, packet: Any, status: Status) -> None:
        """
        Answer a packet that is no command at all, in its turn.
        """
        self._answer(None, packet, Reply(status))

    def close(self) -> None:
        """
        The connection is gone: answers that are still due go nowhere.
        """
        if not self._closed:
            self._closed = True
            self.busy = True
            self._slots.clear()
            self._held = None
            del self.voice  # which has this lane: no garbage is left to be found

    def stop(self) -> None:
        """
        Take nothing more; what is due is still answered.
        """
        self._stopped = self.busy = True

    def abandon(self) -> None:
        """
        Answer what is still due as failed.
        """
        for slot in self._slots:
            if slot.reply is None and slot.command is not None:
                slot.reply = Reply(slot.command.failure)
        self.advance()

    def hold(self) -> None:
        """
        Take nothing until L{release}.
        """
        self._gates += 1
        self.busy = True

    def release(self) -> None:
        """
        A gate is open again.
        """
        self._gates -= 1
        self._goOn()

    def advance(self) -> None:
        """
        A slot was filled: send what is due now, and go on reading.
        """
        slots = self._slots
        while slots and (reply := slots[0].reply) is not None:
            slot = slots.pop(0)
            self._write(slot.command, slot.packet, reply, slot.before)
        if not slots:
            self._barrier = False
        if self.busy:
            self._goOn()

    def _goOn(self) -> None:
        """
        Take packets again, if nothing else is in the way.
        """
        if self._closed or self._stopped or self._barrier or self._gates:
            return
        if len(self._slots) >= self._dispatcher.maxSlots:
            return
        if self._held is not None:
            if self._slots:
                return
            (code, packet), self._held = self._held, None
            self.take(code, packet)
            if self._barrier or self._closed:
                return
        self.busy = False
        self.voice.resume()

    def _answer(self, command: Command | None, packet: Any, reply: Reply) -> None:
        """
        An answer that is there at once.
        """
        if not self._slots:
            self._write(command, packet, reply, b"")
            return
        slot = Slot()
        slot.reply = reply
        self._adopt(slot, command, packet)

    def _adopt(self, slot: Slot, command: Command | None, packet: Any) -> None:
        """
        A slot that is filled when its message is committed.
        """
        slot.command = command
        slot.packet = packet
        if slot.gate is not None:
            self.hold()
            slot.gate.park(self)
        if slot.reply is not None and not self._slots:
            self._write(command, packet, slot.reply, slot.before)
            return
        slot.lane = self
        self._slots.append(slot)
        if len(self._slots) >= self._dispatcher.maxSlots:
            self.busy = True

    def _await(self, result: Deferred[Reply | Slot | None], command: Command, packet: Any) -> None:
        """
        A barrier: nothing behind it is looked at until it is answered.
        """
        slot = Slot()
        slot.lane = self
        slot.command = command
        slot.packet = packet
        self._slots.append(slot)
        self._barrier = self.busy = True

        def settle(reply: Reply | Slot | None) -> None:
            if isinstance(reply, Slot):  # a filtered chat: now it waits for its commit
                self._exchange(slot, reply)
            else:
                slot.fill(reply or SILENCE, self.session.waiting())

        result.addErrback(lambda failure: self._dispatcher.failed(command, failure)).addCallback(settle)
        result.addErrback(lambda failure: self._dispatcher.bug(command, failure))

    def _exchange(self, old: Slot, new: Slot) -> None:
        """
        The place of one slot goes to another.
        """
        if self._closed:
            return
        new.lane, new.command, new.packet = self, old.command, old.packet
        self._slots[self._slots.index(old)] = new
        self._barrier = False
        if new.gate is not None:
            self.hold()
            new.gate.park(self)
        self.advance()

    def _write(self, command: Command | None, packet: Any, reply: Reply, before: bytes) -> None:
        """
        Send one answer, and end the connection if that is part of it.
        """
        if self._closed:
            return
        status = reply.status
        if status is not None and status not in GRANTED:
            self._dispatcher.counters.refused[status] += 1
        data = before if reply is SILENCE or reply is HANGUP else before + self.voice.answer(command, reply, packet)
        if data:
            self.session.outlet.send(data)
        if reply.close:
            self.voice.finish()
