"""
In which order the answers of a connection go out.

Requests of a connection are answered in order, and yet many chats may be
waiting for one commit.  So each connection has a L{Lane}: a bounded queue of
L{Slot}s, one for each answer that is due.  A chat takes a slot and the next
packet is handled at once; any other request that has to wait is a barrier:
the packets behind it stay unparsed until its slot is filled.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from imtw.commands import Command, Reply, Status
from imtw.dispatch import Dispatcher, Reader
from imtw.sessions import Session
from imtw.slots import GRANTED, HANGUP, SILENCE, Slot, awaited


class Voice(Reader, Protocol):
    """
    A dialect's end of a lane: what it asks and how it is answered.

    @ivar dialect: the dialect's name.
    """

    dialect: str
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

    def settled(self, packet: Any, answer: bytes) -> None:
        """
        A packet was answered as it always will be.
        """


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
        self._slots: list[Slot] | tuple[()] = ()  # few, most often none, and then no list
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
    def isFree(self) -> bool:
        """
        Would a packet be answered at once?
        """
        return not (self._slots or self.busy)

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
            self._slots = ()
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
        while self._slots and (reply := self._slots[0].reply) is not None:
            slot = self._slots.pop(0)
            self._write(slot.command, slot.packet, reply, slot.before)
        if not self._slots:
            self._slots = ()
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

    def _queue(self, slot: Slot) -> None:
        """
        Behind the others.
        """
        if self._slots:
            self._slots.append(slot)
        else:
            self._slots = [slot]

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
        self._queue(slot)
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
        self._queue(slot)
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
        self._slots = [new if slot is old else slot for slot in self._slots]
        self._barrier = False
        if new.gate is not None:
            self.hold()
            new.gate.park(self)
        self.advance()

    def _write(self, command: Command | None, packet: Any, reply: Reply, before: bytes) -> None:
        """
        Send one answer, and end the connection if that is part of it; or if
        the dialect fails to write it, which the peer would wait for.
        """
        if self._closed:
            return
        status = reply.status
        if status is not None and status not in GRANTED:
            self._dispatcher.counters.refused[status] += 1
        data = before
        if reply is not SILENCE and reply is not HANGUP:
            try:
                data += self.voice.answer(command, reply, packet)
                if reply.always and data:
                    self.voice.settled(packet, data)
            except Exception:  # dialects are anybody's code
                asked = "what is no command" if command is None else command.name
                self._dispatcher.log.failure("{asked} cannot be answered", asked=asked)
                reply = HANGUP
        if data:
            self.session.outlet.send(data)
        if reply.close:  # a dialect may have decided otherwise
            self.voice.finish()
