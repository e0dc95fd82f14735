"""
How much may wait for a commit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.errors import StoreError
from imtw.events import Event
from imtw.handlers.chat import ChatHandler
from imtw.limits import Limits
from imtw.model import Draft
from imtw.persistence.memory import MemoryStore
from imtw.server import Core
from imtw.test.people import Person, Words


class SlowStore(MemoryStore):
    """
    A store whose disk is slow: what is appended waits until L{commit}.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__("", clock, Limits())
        self._kept: list[tuple[Draft, Any]] = []

    def append(self, draft: Draft, waiter: Any) -> None:
        """
        It waits.
        """
        self._kept.append((draft, waiter))
        self.waiting = len(self._kept)

    def commit(self, most: int = 100, fails: bool = False) -> None:
        """
        The disk has written some.
        """
        batch, self._kept = self._kept[:most], self._kept[most:]
        self.waiting = len(self._kept)
        tell: Callable[..., None] = super().append
        self._begin()
        for draft, waiter in batch:
            if fails:
                waiter.refused(StoreError("the disk is full"))
            else:
                tell(draft, waiter)
        self._end()


class WaitingTests(SynchronousTestCase):
    """
    L{Limits.commitBytes}.
    """

    def setUp(self) -> None:
        """
        Ann and Cid talk to Bob.
        """
        clock = Clock()
        self.store = SlowStore(clock)
        core = Core(clock, self.store, Limits(commitBytes=100_000))
        core.registry.register(ChatHandler(core))
        self.ann, self.cid, self.bob = (Person(core, name) for name in ("ann", "cid", "bob"))

    def flood(self, person: Person, text: str, **more: Any) -> int:
        """
        Say it as often as the lane takes it, at most ninety times.
        """
        for count in range(90):
            if person.lane.busy:
                return count
            person.say(text, **more)
        return 90

    def test_large(self) -> None:
        """
        Nobody is read any more once large messages of so many bytes wait,
        whoever said them; and everybody is again when half of them are
        stored.
        """
        self.assertEqual(self.flood(self.ann, "x" * 30_000), 4)
        self.assertEqual(self.flood(self.cid, "", extras={"large": "x" * 30_000}), 1)
        self.store.commit(2)
        self.assertEqual((self.ann.lane.busy, self.cid.lane.busy), (True, True))
        self.store.commit(2)
        self.assertEqual((self.ann.lane.busy, self.cid.lane.busy), (False, False))
        self.assertEqual(len(self.bob.listen()), 4)

    def test_refused(self) -> None:
        """
        What could not be stored does not wait any more.
        """
        for _ in range(3):
            self.assertEqual(self.flood(self.ann, "x" * 30_000), 4)
            self.store.commit(fails=True)
            self.assertFalse(self.ann.lane.busy)

    def test_small(self) -> None:
        """
        Small ones are bound by their number alone.
        """
        self.assertEqual(self.flood(self.ann, "x" * 4000, extras={"a": 1}), 90)


class BrokenWords(Words):
    """
    A form that cannot say anything.
    """

    def encode(self, event: Event) -> bytes:
        """
        It fails.
        """
        raise ZeroDivisionError


class BrokenFormTests(SynchronousTestCase):
    """
    A dialect that fails at what it is to tell.
    """

    def setUp(self) -> None:
        """
        Ann and Bob, and Eve whose dialect is broken, are in one group.
        """
        self.clock = Clock()
        core = Core(self.clock, MemoryStore("", self.clock, Limits()), lobby=[("100", "lobby")])
        core.registry.register(ChatHandler(core))
        self.ann, self.bob = Person(core, "ann"), Person(core, "bob")
        self.eve = Person(core, "eve", form=BrokenWords())
        self.clock.advance(1)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_private(self) -> None:
        """
        Who speaks to somebody there is answered, since the message is kept.
        """
        self.ann.say("hello", "eve")
        self.assertEqual((self.ann.listen(), self.eve.listen()), (["SENT"], []))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_group(self) -> None:
        """
        The others in a group are told, and it is logged once.
        """
        self.ann.say("hello", None, group="100")
        self.clock.advance(0)
        self.assertEqual((self.ann.listen(), self.bob.listen(), self.eve.listen()), (["hello", "SENT"], ["hello"], []))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
