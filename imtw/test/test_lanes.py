"""
The lane of a connection: answers in order, whatever they wait for.
"""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.commands import Access, Command, Reply, Status
from imtw.errors import CommandRefused, RemoteProtocolError, StoreError, Unanswered
from imtw.gates import Gate
from imtw.limits import Limits
from imtw.persistence.memory import MemoryStore
from imtw.server import Core
from imtw.slots import Slot
from imtw.test.people import Person

SLOTS = 4


class Ask(Struct):
    """
    A request of these tests.
    """

    what: Any = None


class Handler:
    """
    Answers a command with what a request brings: a value, an error to raise,
    or something to wait for.
    """

    def __init__(
        self, code: int, atOnce: bool, access: Access = Access.ANYBODY, failure: Status = Status.BAD_REQUEST
    ) -> None:
        self.command = Command(code, f"command-{code}", Ask, code, None, access, atOnce, failure)
        self.asked: list[Any] = []

    def handle(self, request: Ask, session: Any) -> Any:
        self.asked.append(request.what)
        if isinstance(request.what, Exception):
            raise request.what
        return request.what


class LaneTests(SynchronousTestCase):
    """
    L{imtw.lanes.Lane}.
    """

    AT_ONCE, BARRIER, OPERATORS, USERS, LIKE_JIM = 21, 22, 23, 24, 25
    STATUSES: ClassVar = [Status.SENT, Status.OFFLINE, Status.CLOSED, Status.OK]

    def setUp(self) -> None:
        self.clock = Clock()
        limits = Limits(slots=SLOTS)
        self.core = Core(self.clock, MemoryStore("", self.clock, limits), limits)
        self.atOnce = Handler(self.AT_ONCE, True)
        self.barrier = Handler(self.BARRIER, False)
        for handler in (
            self.atOnce,
            self.barrier,
            Handler(self.OPERATORS, True, Access.OPERATOR),
            Handler(self.USERS, True, Access.USER),
            Handler(self.LIKE_JIM, True, Access.OPERATOR, Status.UNKNOWN_COMMAND),
        ):
            self.core.registry.register(handler)  # type: ignore[arg-type]
        self.ann = Person(self.core, "ann")
        self.lane = self.ann.lane

    def test_readLater(self) -> None:
        """
        A request that can only be understood later is a barrier; then it is
        authorised and handled, or refused, like any other.
        """
        read = self.ann.read
        asked: list[Deferred[Ask]] = []

        def later(command: Command, packet: Any) -> Any:
            if packet.what != "later":
                return read(command, packet)
            asked.append(Deferred())
            return asked[-1]

        self.ann.read = later  # type: ignore[method-assign]
        endings: list[Any] = [
            Ask(Reply(Status.OFFLINE)),
            CommandRefused(Status.FORBIDDEN),
            Ask(CommandRefused(Status.CLOSED)),
            Ask(None),
        ]
        for ending in endings:
            self.take(self.AT_ONCE, "later")
            self.assertTrue(self.lane.busy)
            waiting = asked.pop()
            waiting.errback(ending) if isinstance(ending, Exception) else waiting.callback(ending)
            self.assertFalse(self.lane.busy)
        self.take(self.LIKE_JIM, "later")
        asked.pop().callback(Ask(Reply(Status.SENT)))
        self.assertEqual(self.ann.listen(), ["OFFLINE", "FORBIDDEN", "CLOSED", "INVALID"])
        self.take(self.AT_ONCE, "later")
        asked.pop().errback(RemoteProtocolError("no"))
        self.assertTrue(self.ann.isFinished)

    def test_notAllowedFirst(self) -> None:
        """
        Who may not give a command is told so, whatever it says; but what
        J-IM answers to a command that it cannot read, it answers to anybody.
        """

        def read(command: Command, packet: Any) -> Any:
            raise CommandRefused(command.failure)

        self.ann.read = read  # type: ignore[method-assign]
        for code in (self.USERS, self.OPERATORS, self.LIKE_JIM):
            self.take(code)
        self.assertEqual(self.ann.listen(), ["BAD_REQUEST", "INVALID", "UNKNOWN_COMMAND"])
        self.core.sessions.remove(self.ann.session)
        for code in (self.USERS, self.AT_ONCE, self.LIKE_JIM):
            self.take(code)
        self.assertEqual(self.ann.listen(), ["INVALID", "BAD_REQUEST", "UNKNOWN_COMMAND"])

    def take(self, code: int, what: Any = None) -> None:
        """
        A packet comes.
        """
        self.lane.take(code, Ask(what))

    def test_inOrder(self) -> None:
        """
        Slots are answered in the order in which they were taken, not filled.
        """
        slots = [Slot(), Slot(), Slot()]
        for slot in slots:
            self.take(self.AT_ONCE, slot)
        slots[2].fill(Reply(Status.CLOSED))
        slots[1].fill(Reply(Status.OFFLINE), b"before\n")
        self.assertEqual(self.ann.listen(), [])
        slots[0].fill(Reply(Status.SENT))
        self.assertEqual(self.ann.listen(), ["SENT", "before", "OFFLINE", "CLOSED"])

    def test_atOnceWaitsItsTurn(self) -> None:
        """
        An answer that is there at once goes behind those that are due.
        """
        slot = Slot()
        self.take(self.AT_ONCE, slot)
        self.take(self.AT_ONCE, Reply(Status.OK))
        self.assertEqual(self.ann.listen(), [])
        slot.fill(Reply(Status.SENT))
        self.assertEqual(self.ann.listen(), ["SENT", "OK"])

    def test_filledAlready(self) -> None:
        """
        A slot that is filled when it comes is answered at once.
        """
        slot = Slot()
        slot.fill(Reply(Status.SENT))
        self.take(self.AT_ONCE, slot)
        self.assertEqual(self.ann.listen(), ["SENT"])
        self.assertFalse(self.lane.busy)

    def test_barrierWaitsForSlots(self) -> None:
        """
        A query is not even asked before earlier messages are committed.
        """
        slot = Slot()
        self.take(self.AT_ONCE, slot)
        self.take(self.BARRIER, Reply(Status.OK))
        self.assertTrue(self.lane.busy)
        self.assertEqual(self.barrier.asked, [])
        slot.fill(Reply(Status.SENT))
        self.assertEqual(self.ann.listen(), ["SENT", "OK"])
        self.assertFalse(self.lane.busy)

    def test_barrierHoldsTheRest(self) -> None:
        """
        While a request waits nothing behind it is taken.
        """
        waiting: Deferred[Reply] = Deferred()
        self.take(self.BARRIER, waiting)
        self.assertTrue(self.lane.busy)
        waiting.callback(Reply(Status.OK))
        self.assertFalse(self.lane.busy)
        self.assertEqual(self.ann.listen(), ["OK"])

    def test_coroutine(self) -> None:
        """
        A handler may be a coroutine.
        """

        async def answer() -> Reply:
            return Reply(Status.OK)

        self.take(self.BARRIER, answer())
        self.assertEqual(self.ann.listen(), ["OK"])

    def test_bounded(self) -> None:
        """
        Only so many answers may be due; then no packet is taken.
        """
        slots = [Slot() for _ in range(SLOTS)]
        for slot in slots:
            self.assertFalse(self.lane.busy)
            self.take(self.AT_ONCE, slot)
        self.assertTrue(self.lane.busy)
        slots[0].fill(Reply(Status.SENT))
        self.assertFalse(self.lane.busy)

    def test_gate(self) -> None:
        """
        Where something is full, nothing more is taken until it has room.
        """
        slot = Slot()
        slot.gate = gate = Gate()
        self.take(self.AT_ONCE, slot)
        slot.fill(Reply(Status.SENT))
        self.assertTrue(self.lane.busy)
        gate.open()
        self.assertFalse(self.lane.busy)

    def test_refusal(self) -> None:
        """
        What a handler refuses is answered with its status, raised or failed.
        """
        self.take(self.AT_ONCE, CommandRefused(Status.TOO_MANY))
        waiting: Deferred[Reply] = Deferred()
        self.take(self.BARRIER, waiting)
        waiting.errback(CommandRefused(Status.NOT_FOUND))
        self.assertEqual(self.ann.listen(), ["TOO_MANY", "NOT_FOUND"])
        self.assertEqual(self.core.counters.refused[Status.TOO_MANY], 1)

    def test_refusalThatCloses(self) -> None:
        """
        A refusal may end the connection, once it is written.
        """
        self.take(self.AT_ONCE, CommandRefused(Status.LOGIN_FAILED, close=True))
        self.assertEqual(self.ann.listen(), ["LOGIN_FAILED"])
        self.assertTrue(self.ann.isFinished)

    def test_brokenWire(self) -> None:
        """
        What breaks the wire ends the connection without an answer; what a
        dialect does not answer changes nothing.
        """
        self.take(self.AT_ONCE, Unanswered())
        self.assertEqual((self.ann.listen(), self.ann.isFinished), ([], False))
        self.take(self.AT_ONCE, RemoteProtocolError())
        self.assertEqual((self.ann.listen(), self.ann.isFinished), ([], True))

    def test_bug(self) -> None:
        """
        An error of ours is answered, and logged with its traceback; so is a
        handler that returns something strange.
        """
        self.take(self.AT_ONCE, ZeroDivisionError())
        self.take(self.AT_ONCE, "strange")
        self.assertEqual(self.ann.listen(), ["BAD_REQUEST", "BAD_REQUEST"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError, TypeError)), 2)

    def test_cannotBeWritten(self) -> None:
        """
        An answer that the dialect fails to write is logged, and ends the
        connection, whether it was waited for or not: nobody is left waiting
        for it, or for those behind it.
        """

        def answer(command: Command | None, reply: Reply, packet: Any) -> bytes:
            raise ZeroDivisionError

        for isLater in (False, True):
            person = Person(self.core, f"person{isLater}")
            person.answer = answer  # type: ignore[method-assign]
            waiting: Deferred[Reply] = Deferred()
            person.lane.take(self.BARRIER, Ask(waiting if isLater else Reply(Status.OK)))
            if isLater:
                waiting.callback(Reply(Status.OK))
            self.assertTrue(person.isFinished, isLater)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_storeError(self) -> None:
        """
        A store that fails is answered, and logged in a line.
        """
        self.take(self.AT_ONCE, StoreError("disk full"))
        self.assertEqual(self.ann.listen(), ["BAD_REQUEST"])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_whoMayAsk(self) -> None:
        """
        Users may what users may, and not what operators may; nobody else
        may either.
        """
        self.take(self.USERS, Reply(Status.OK))
        self.take(self.OPERATORS, Reply(Status.OK))
        assert self.ann.session.user is not None
        self.ann.session.user.operator = True
        self.take(self.OPERATORS, Reply(Status.OK))
        self.core.attendance.exit(self.ann.session)
        self.take(self.USERS, Reply(Status.OK))
        self.assertEqual(self.ann.listen(), ["OK", "INVALID", "OK", "INVALID"])

    def test_unknown(self) -> None:
        """
        A code that nobody answers is answered so.
        """
        self.take(99)
        self.assertEqual(self.ann.listen(), ["UNKNOWN_COMMAND"])

    def test_gone(self) -> None:
        """
        Answers for a connection that is gone go nowhere.
        """
        slot = Slot()
        self.take(self.AT_ONCE, slot)
        self.lane.close()
        slot.fill(Reply(Status.SENT))
        self.assertEqual(self.ann.listen(), [])

    def test_stop(self) -> None:
        """
        A lane that stops answers what is due and takes nothing more; what is
        not done in time is answered as failed.
        """
        slots = [Slot(), Slot()]
        for slot in slots:
            self.take(self.AT_ONCE, slot)
        self.lane.stop()
        slots[0].fill(Reply(Status.SENT))
        self.assertEqual((self.ann.listen(), self.lane.busy, self.lane.isIdle), (["SENT"], True, False))
        self.lane.abandon()
        self.assertEqual((self.ann.listen(), self.lane.isIdle), (["BAD_REQUEST"], True))
