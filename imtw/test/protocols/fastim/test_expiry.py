"""
FastIM's rooms are forgotten: L{imtw.protocols.fastim.expiry}, in virtual time.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.errors import PluginLookupError, StoreError
from imtw.limits import Limits
from imtw.model import Draft, groupPair
from imtw.persistence.memory import MemoryStore
from imtw.protocols.fastim.dialect import FastDialect
from imtw.protocols.fastim.expiry import PAUSE, ROUND
from imtw.protocols.fastim.house import NAME
from imtw.protocols.fastim.options import FastOptions, readOptions
from imtw.server import Core
from imtw.test.persistence.harness import Waiter

DAY = 86400


class ExpiryTests(SynchronousTestCase):
    """
    Rooms whose time is over.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.store = MemoryStore("", self.clock, Limits())
        self.begin(timeout=str(DAY))

    def begin(self, **options: str) -> None:
        """
        Start a server with that store.
        """
        self.core = Core(self.clock, self.store)
        self.dialect = FastDialect(self.core, False, options)
        self.successResultOf(Deferred.fromCoroutine(self.core.open()))

    def end(self) -> None:
        """
        Stop it.
        """
        for worker in self.core.workers:
            worker.stop()

    def say(self, room: str, isFast: bool = True) -> None:
        """
        Say something in a room, in FastIM or in another dialect.
        """
        self.store.join("ann", room, None, 100, NAME)
        self.store.append(Draft(groupPair(room), self.core.newId(), "ann", "x", 1), Waiter())
        if isFast:
            self.dialect.expiry.spoken(room)

    def count(self, room: str) -> int:
        """
        How many messages a room has.
        """
        [tally] = self.successResultOf(self.store.newest([groupPair(room)], 0))
        return tally.total

    def test_gone(self) -> None:
        """
        A room's messages are gone when its time is over, and not before; what
        is said meanwhile gives all of them another life.
        """
        self.say("a")
        self.say("b")
        self.clock.advance(DAY / 2)
        self.say("b")
        self.clock.advance(DAY / 2 - 1)
        self.assertEqual((self.count("a"), self.count("b")), (1, 2))
        self.clock.advance(1)
        self.assertEqual((self.count("a"), self.count("b")), (0, 2))
        self.clock.advance(DAY / 2 - 1)
        self.assertEqual(self.count("b"), 2)
        self.clock.advance(1)
        self.assertEqual(self.count("b"), 0)
        self.say("a")
        self.clock.advance(DAY)
        self.assertEqual(self.count("a"), 0)

    def test_restart(self) -> None:
        """
        After a start all rooms are known again.
        """
        self.say("a")
        self.clock.advance(DAY / 2)
        self.say("b")
        self.end()
        self.clock.advance(DAY * 3 / 4)
        self.assertEqual((self.count("a"), self.count("b")), (1, 1))
        self.begin(timeout=str(DAY))
        self.clock.advance(1)
        self.assertEqual((self.count("a"), self.count("b")), (0, 1))
        self.clock.advance(DAY / 4)
        self.assertEqual(self.count("b"), 0)

    def test_otherDialects(self) -> None:
        """
        What others say in an empty room is found within the hour; their own
        groups live for ever.
        """
        self.say("a", isFast=False)
        self.store.join("ann", "theirs", None, 100)
        self.store.append(Draft(groupPair("theirs"), "1", "ann", "x", 1), Waiter())
        self.dialect.expiry.spoken("theirs")
        self.clock.advance(ROUND)
        self.clock.advance(DAY)
        self.assertEqual((self.count("a"), self.count("theirs")), (0, 1))

    def test_storeIsAway(self) -> None:
        """
        While the store cannot be asked nothing is forgotten and nothing is
        lost.
        """
        self.say("a")
        expire = self.store.expire
        self.patch(self.store, "expire", lambda *args: fail(StoreError("away")))
        self.clock.advance(DAY)
        self.assertEqual(self.count("a"), 1)
        self.store.expire = expire  # type: ignore[method-assign]
        self.clock.advance(PAUSE)
        self.assertEqual(self.count("a"), 0)

    def test_costsNothing(self) -> None:
        """
        The store is asked about once a life for each room, however much is said.
        """
        asked = []
        expire = self.store.expire

        def counted(*args: Any) -> Any:
            asked.append(args)
            return expire(*args)

        self.patch(self.store, "expire", counted)
        for _ in range(100):
            self.say("a")
            self.clock.advance(DAY / 10)
        self.assertLess(len(asked), 13)  # ten days

    def test_forEver(self) -> None:
        """
        With a timeout of 0, or below, nothing ends.
        """
        for number, timeout in enumerate(("0", "-1", "-604800"), 1):
            self.end()
            self.begin(timeout=timeout)
            self.say("a")
            self.clock.advance(1000 * DAY)
            self.assertEqual(self.count("a"), number)


class OptionTests(SynchronousTestCase):
    """
    L{imtw.protocols.fastim.options}.
    """

    def test_defaults(self) -> None:
        """
        They are the original's, but for C{loginAuth}.
        """
        self.assertEqual(
            readOptions(False, {}),
            FastOptions(
                strict=False, loginAuth=True, autoJoin=True, timeout=604800, listNum=50, recallTimeLimit=120,
                updateRate=1.0, maxLength=8192, membersOnly=False,
            ),
        )  # fmt: skip

    def test_values(self) -> None:
        """
        Each can be given.
        """
        given = {"loginAuth": "0", "autoJoin": "0", "timeout": "3", "listNum": "0", "updateRate": "0.1"}
        read = readOptions(True, {**given, "recallTimeLimit": "2", "maxLength": "1", "membersOnly": "1"})
        self.assertEqual(
            read,
            FastOptions(
                strict=True, loginAuth=False, autoJoin=False, timeout=3, listNum=0, recallTimeLimit=2,
                updateRate=0.1, maxLength=1, membersOnly=True,
            ),
        )  # fmt: skip

    def test_wrong(self) -> None:
        """
        A value that is none is named, with what is wanted.
        """
        for name, value in (
            *(("loginAuth", "yes"), ("loginAuth", ""), ("autoJoin", "2"), ("timeout", "--1"), ("timeout", "x")),
            *(("listNum", "1001"), ("recallTimeLimit", "1.5"), ("updateRate", "0"), ("updateRate", "nan")),
            *(("recallTimeLimit", "-1"), ("updateRate", "x"), ("maxLength", "0"), ("maxLength", "\u0661")),
        ):
            error = self.assertRaises(PluginLookupError, readOptions, False, {name: value})
            self.assertIn(f"fastim: {name} is {value!r}, wanted ", str(error))
