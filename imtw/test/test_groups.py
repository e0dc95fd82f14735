"""
The live side of groups: order, coalescing, slices, slow members.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.commands import CHAT
from imtw.handlers.chat import ChatHandler
from imtw.limits import Limits
from imtw.persistence.memory import MemoryStore
from imtw.server import Core
from imtw.test.people import Person, Words

SLICE = 8
TURN = 0.001  # seconds; enough for one turn of the reactor
LOBBY = [("100", "lobby")]
NOTICES = Words(notices=True)


class CountingPerson(Person):
    """
    A person that counts how often it is sent something.
    """

    sends = 0

    def send(self, data: bytes) -> None:
        """
        Something is told.
        """
        self.sends += 1
        super().send(data)


class KeepingPerson(Person):
    """
    A person that keeps what it is sent, as it is.
    """

    def __init__(self, core: Core, name: str) -> None:
        self.kept: list[bytes] = []
        super().__init__(core, name)

    def send(self, data: bytes) -> None:
        """
        Something is told.
        """
        self.kept.append(data)


class BrokenPerson(Person):
    """
    A person to whom nothing can be sent.
    """

    isBroken = False

    def send(self, data: bytes) -> None:
        """
        It fails.
        """
        if self.isBroken:
            raise ZeroDivisionError
        super().send(data)


class SweepTests(SynchronousTestCase):
    """
    L{imtw.groups}.
    """

    def setUp(self) -> None:
        self.clock: Any = Clock()
        self.limits = Limits(slice=SLICE, groupBacklog=2000)
        self.core = Core(self.clock, MemoryStore("", self.clock, self.limits), self.limits, LOBBY)
        self.core.registry.register(ChatHandler(self.core))

    def say(self, person: Person, *texts: str) -> None:
        """
        Say something in the lobby.
        """
        for text in texts:
            person.say(text, None, group="100")

    def turn(self, times: int = 1) -> None:
        """
        Let the reactor turn: what is put off to the next turn is not run in
        this one, as L{Clock.advance} would.
        """
        for _ in range(times):
            self.clock.rightNow += TURN
            for call in self.clock.getDelayedCalls():
                self.clock.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)

    def test_ownMessageFirst(self) -> None:
        """
        The sender sees its own message in front of the answer, in the same
        turn; the others in the next.
        """
        ann, bob = Person(self.core, "ann"), Person(self.core, "bob")
        self.turn()
        self.say(ann, "hello")
        self.assertEqual((ann.listen(), bob.listen()), (["hello", "SENT"], []))
        self.turn()
        self.assertEqual((ann.listen(), bob.listen()), ([], ["hello"]))

    def test_sharedBytes(self) -> None:
        """
        What waits for many who read slowly is one object, not a copy each.
        """
        ann, *others = [KeepingPerson(self.core, name) for name in ("ann", "bob", "carol", "dave")]
        self.turn()
        for person, level in zip(others, (0, 1, 2), strict=True):
            person.level = level
            person.kept.clear()
        self.say(ann, "one", "two", "three")
        self.turn()
        self.assertEqual([person.kept for person in others], [[b"one\ntwo\nthree\n"]] * 3)
        self.assertEqual(len({id(person.kept[0]) for person in others}), 1)

    def test_inOrder(self) -> None:
        """
        Nobody sees its own message before earlier ones of others.
        """
        ann, bob = Person(self.core, "ann"), Person(self.core, "bob")
        self.turn()
        self.say(ann, "one")
        self.say(bob, "two")
        self.say(ann, "three")
        self.turn()
        self.assertEqual(ann.listen(), ["one", "SENT", "two", "three", "SENT"])
        self.assertEqual(bob.listen(), ["one", "two", "SENT", "three"])

    def test_coalesced(self) -> None:
        """
        What waits when a sweep starts is sent once.
        """
        ann, bob = Person(self.core, "ann"), CountingPerson(self.core, "bob")
        self.turn()
        bob.listen()
        bob.sends = 0
        self.say(ann, *"abcdefgh")
        self.turn()
        self.assertEqual((bob.listen(), bob.sends), (list("abcdefgh"), 1))

    def test_slices(self) -> None:
        """
        A large group is served in slices with a turn between.
        """
        ann = Person(self.core, "ann")
        crowd = [Person(self.core, f"p{number}") for number in range(3 * SLICE)]
        self.turn(9)
        self.say(ann, "hello")
        for served in (SLICE, 2 * SLICE, 3 * SLICE):
            self.turn()
            self.assertLessEqual(abs(sum(bool(person.heard) for person in crowd) - served), 1)
        self.turn()
        self.assertEqual([person.listen() for person in crowd], [["hello"]] * len(crowd))

    def test_saidDuringASweep(self) -> None:
        """
        What is said while a sweep is under way is told behind it, to
        everybody once.
        """
        ann = Person(self.core, "ann")
        crowd = [Person(self.core, f"p{number}") for number in range(3 * SLICE)]
        self.turn(9)
        self.say(ann, "one")
        self.turn()
        self.say(crowd[0], "two")
        self.say(crowd[-1], "three")
        self.turn(12)
        self.assertEqual([text for text in ann.listen() if text != "SENT"], ["one", "two", "three"])
        for person in crowd:
            self.assertEqual([text for text in person.listen() if text != "SENT"], ["one", "two", "three"])

    def test_saidBeforeItsSweep(self) -> None:
        """
        What is said in a group whose sweep stands behind a slice of another
        one is told with it; then the group rests, and is told the next, too.
        """
        ann, bob = Person(self.core, "ann"), Person(self.core, "bob")
        for number in range(3 * SLICE):
            Person(self.core, f"p{number}")
        for person in (ann, bob):
            assert person.session.user is not None
            Deferred.fromCoroutine(self.core.members.join(person.session, person.session.user, "200", None))
        self.turn(9)
        bob.listen()
        self.say(ann, "to all")
        ann.say("one", None, group="200")
        self.turn()
        ann.say("two", None, group="200")
        self.turn(9)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        ann.say("three", None, group="200")
        self.turn(9)
        self.assertEqual([text for text in bob.listen() if text != "to all"], ["one", "two", "three"])

    def test_leavesDuringASweep(self) -> None:
        """
        Who has gone when its slice comes is sent nothing; who has come since
        is not told what was said before.
        """
        ann = Person(self.core, "ann")
        crowd = [Person(self.core, f"p{number}") for number in range(3 * SLICE)]
        self.turn(9)
        self.say(ann, "hello")
        self.turn()
        gone = crowd[-1]
        self.core.lost(gone.session)
        late = Person(self.core, "late")
        self.turn(9)
        self.assertEqual((gone.listen(), late.listen()), ([], []))
        self.assertEqual(crowd[-2].listen(), ["hello"])

    def test_oneFails(self) -> None:
        """
        A member that cannot be sent to holds nobody up for longer than this
        message.
        """
        ann, bad, bob = Person(self.core, "ann"), BrokenPerson(self.core, "bad"), Person(self.core, "bob")
        self.turn()
        bad.isBroken = True
        self.say(ann, "one")
        self.turn()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        bad.isBroken = False
        bob.listen()
        self.say(ann, "two")
        self.turn()
        self.assertEqual(bob.listen(), ["two"])

    def test_full(self) -> None:
        """
        Where too much waits, who speaks is not read until the sweep.
        """
        ann, bob = Person(self.core, "ann"), Person(self.core, "bob")
        self.turn()
        self.say(ann, "x" * 1900, "y")
        self.assertTrue(ann.lane.busy)
        self.turn()
        self.assertFalse(ann.lane.busy)
        self.assertEqual(bob.listen(), ["x" * 1900, "y"])

    def test_fullAnyway(self) -> None:
        """
        So it is with what goes along with a message, and with messages that
        nobody keeps.
        """
        ann, bob = Person(self.core, "ann"), Person(self.core, "bob")
        self.turn()
        extras = {"x": "x" * 1900}
        for more in ({"extras": extras}, {"extras": extras, "transient": True}):
            for content in ("one", "two"):
                ann.say(content, None, group="100", **more)
            self.assertTrue(ann.lane.busy, more)
            self.turn()
            self.assertFalse(ann.lane.busy, more)
            self.assertEqual((ann.listen(), bob.listen()), (["one", "SENT", "two", "SENT"], ["one", "two"]))

    def test_noticesWhileSmall(self) -> None:
        """
        Who comes and goes is told while a group is small, and not when it is
        large.
        """
        limits = Limits(noticed=2)
        core = Core(self.clock, MemoryStore("", self.clock, limits), limits, LOBBY)
        ann = Person(core, "ann", form=NOTICES)
        bob = Person(core, "bob", form=NOTICES)
        self.turn()
        self.assertEqual(ann.listen(), ["+ann", "+bob"])
        third = Person(core, "third", form=NOTICES)
        self.turn()
        self.assertEqual((ann.listen(), third.listen()), ([], []))
        core.lost(third.session)
        core.lost(bob.session)
        self.turn()
        self.assertEqual(ann.listen(), ["-third", "-bob"])

    def test_noticesInAll(self) -> None:
        """
        Who is in many groups tells so many connections that it comes and
        goes as are in a few, in those that it joined first; and those in
        which they are not counted go on as ever.
        """
        clock = Clock()
        limits = Limits(notices=7)
        store = MemoryStore("", clock, limits)
        core = Core(clock, store, limits)
        for name in ("ann", "bob", "cid"):
            for number in range(5):
                self.successResultOf(store.join(name, f"g{number}", None, 10))
        self.successResultOf(store.join("cid", "small", None, 10))
        people = [Person(core, name, form=Words(notices=True)) for name in ("ann", "bob", "cid")]
        for _ in range(9):
            clock.advance(0)
        ann, bob, cid = people
        self.assertEqual(cid.listen(), ["+cid"] * 3)  # two groups of three, and the one with room for one more
        self.assertEqual(sorted(bob.listen()), ["+bob"] * 3 + ["+cid"] * 2)
        self.assertEqual(len(cid.session.members), 6)
        core.lost(cid.session)
        for _ in range(9):
            clock.advance(0)
        self.assertEqual((bob.listen(), cid.listen(), ann.listen()[-3:]), (["-cid"] * 3, [], ["-cid"] * 3))
        core.lost(bob.session)
        clock.advance(0)
        self.assertEqual(ann.listen(), ["-bob"] * 5)

    def test_nothingLeft(self) -> None:
        """
        A group that everybody has left takes no memory, and no calls are
        left to be made.
        """
        ann, bob = Person(self.core, "ann"), Person(self.core, "bob")
        self.say(ann, "hello")
        for person in (ann, bob):
            self.core.lost(person.session)
        self.turn(9)
        self.assertIsNone(self.core.groups.get("100"))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.core.sessions.count, 0)

    def test_command(self) -> None:
        """
        These tests speak of the command that they think they do.
        """
        self.assertEqual(CHAT.code, 11)
