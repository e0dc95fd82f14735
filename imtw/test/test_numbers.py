"""
Users by number, and sessions that are fed what waits for them.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw import numbers
from imtw.limits import Limits
from imtw.model import User
from imtw.numbers import Numbers, Snowflakes
from imtw.persistence.memory import MemoryStore
from imtw.test.handlers.harness import Client, HandlerTestCase


class SnowflakeTests(SynchronousTestCase):
    """
    Numbers of time, node and count.
    """

    def setUp(self) -> None:
        """
        A moment whose numbers are known.
        """
        self.clock = Clock()
        self.clock.advance(1677550885.0095)  # 2023-02-28 02:21:25.009 UTC

    def test_recorded(self) -> None:
        """
        The ms and the node stand where they stand in a number of another
        server's.
        """
        made = Snowflakes(self.clock).next()
        self.assertEqual(made >> 22, 1630392697653039104 >> 22)
        self.assertEqual(made >> 12 & 0x3FF, 1)

    def test_larger(self) -> None:
        """
        Each is larger than the last, within a ms and with the clock set back.
        """
        flakes = Snowflakes(self.clock, 3)
        made = [flakes.next() for _ in range(5000)]
        self.clock.rightNow -= 10
        made += [flakes.next() for _ in range(10)]
        self.assertEqual(made, sorted(set(made)))
        self.assertEqual({one >> 12 & 0x3FF for one in made}, {3})


class NumbersTests(SynchronousTestCase):
    """
    L{Numbers}.
    """

    def setUp(self) -> None:
        """
        Ann and Bob have accounts.
        """
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.store = MemoryStore("", self.clock, Limits())
        self.numbers = Numbers(self.clock, self.store)
        for name in ("ann", "bob"):
            self.store.addAccount(User(name, name), "")

    def of(self, user: str) -> int | None:
        """
        A user's number.
        """
        return self.successResultOf(Deferred.fromCoroutine(self.numbers.of(user)))

    def test_stays(self) -> None:
        """
        A user's number is the store's, and one that is taken is not given
        again.
        """
        self.assertIsNone(self.numbers.known("ann"))
        ann = self.of("ann")
        self.assertEqual((self.numbers.known("ann"), self.of("ann")), (str(ann), ann))
        again = Numbers(self.clock, self.store)  # another process, which makes the same numbers
        bob = self.successResultOf(Deferred.fromCoroutine(again.of("bob")))
        self.assertNotEqual(ann, bob)
        found = self.successResultOf(Deferred.fromCoroutine(again.account(ann or 0)))
        self.assertEqual(found and found.user.id, "ann")
        self.assertEqual(again.known("ann"), str(ann))

    def test_nobody(self) -> None:
        """
        Who has no account has no number, and no number leads nowhere.
        """
        self.assertIsNone(self.of("nobody"))
        for number in (0, -1, 7, 1 << 63, 1 << 200):
            self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(self.numbers.account(number))))

    def test_bounded(self) -> None:
        """
        Only so many are kept, the others are asked for again.
        """
        self.patch(numbers, "KEPT", 1)
        ann, bob = self.of("ann"), self.of("bob")
        self.assertEqual((self.numbers.known("ann"), self.numbers.known("bob")), (None, str(bob)))
        self.assertEqual(self.of("ann"), ann)
        self.assertEqual(len(self.numbers._users), 1)


class FedTests(HandlerTestCase):
    """
    A session without a device that is sent what waits.
    """

    def feed(self, name: str) -> Client:
        """
        Somebody comes on such a session.
        """
        client = Client.__new__(Client)
        enter = self.core.newSession

        def newSession(*arguments: object) -> object:
            session = enter(*arguments)  # type: ignore[arg-type]
            session.isFed = True
            return session

        self.patch(self.core, "newSession", newSession)
        client.__init__(self.core, name)  # type: ignore[misc]
        self.patch(self.core, "newSession", enter)
        self.settle()
        return client

    def settle(self) -> None:
        """
        Let what waits be read.
        """
        for _ in range(5):
            self.clock.advance(0)

    def test_waits(self) -> None:
        """
        It is sent what others said, in the order of time over all of them,
        and once.
        """
        self.feed("eve").lane.voice.session.close()  # type: ignore[attr-defined]
        people = [self.person(name) for name in ("ann", "bob")]
        for number in range(300):
            self.clock.advance(0.001)
            people[number % 2].say(f"{number}", to="eve")
        eve = self.feed("eve")
        self.assertEqual(eve.listen(), [f"said {'ab'[n % 2] + ['nn', 'ob'][n % 2]} {n}" for n in range(300)])
        people[0].say("live", to="eve")
        self.assertEqual(eve.listen(), ["said ann live"])
        eve.session.close()
        self.core.cursors.flush()
        self.assertEqual(self.feed("eve").listen(), [])

    def test_ownWords(self) -> None:
        """
        Its user's own words are not among what waited.
        """
        eve, ann = self.feed("eve"), self.person("ann")
        eve.say("mine", to="ann")
        ann.say("hers", to="eve")
        eve.session.close()
        ann.say("later", to="eve")
        self.assertEqual(self.feed("eve").listen(), ["said ann later"])

    def test_slow(self) -> None:
        """
        What a slow reader was not sent waits for its next login.
        """
        eve, ann = self.feed("eve"), self.person("ann")
        ann.say("first", to="eve")
        eve.level = 2
        ann.say("second", to="eve")
        self.assertEqual(eve.listen(), ["said ann first"])
        eve.session.close()
        self.core.cursors.flush()
        self.assertEqual(self.feed("eve").listen(), ["said ann second"])

    def test_notEchoed(self) -> None:
        """
        A session that is not echoed is told all but its own words, in groups
        and alone.
        """
        eve, ann = self.person("eve", "phone"), self.person("ann", "phone")
        eve.session.isEchoed = False
        for one in (eve, ann):
            self.ask(one, 7, self.core.registry.byCode[7].command.request("club"))
            one.listen()
        eve.say("hello", to=None, group="club")
        ann.say("you, too", to=None, group="club")
        eve.say("psst", to="ann")
        self.settle()
        self.assertEqual(eve.listen(), ["said ann you, too"])
        self.assertEqual(ann.listen(), ["said eve hello", "said ann you, too", "said eve psst"])
