"""
Chat filters: what they may do, and what becomes of one that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from imtw.commands import Recall, Status
from imtw.errors import CommandRefused
from imtw.handlers.chat import ChatHandler, RecallHandler
from imtw.interfaces import IChatFilter
from imtw.limits import Limits
from imtw.model import Draft, Message, groupPair, privatePair
from imtw.persistence.memory import MemoryStore
from imtw.server import Core
from imtw.test.people import Person

Result = Draft | Deferred[Draft | None] | None
Act = Callable[[Draft], Result]


@implementer(IChatFilter)
class Filter:
    """
    A filter that does what it is told.

    @ivar seen: the contents it was shown.
    """

    deadline = 2.0

    def __init__(self, act: Act) -> None:
        self.act = act
        self.seen: list[str | None] = []

    def filter(self, draft: Draft) -> Result:
        self.seen.append(draft.content)
        return self.act(draft)


def broken(draft: Draft) -> Draft:
    """
    A filter with a bug.
    """
    raise ZeroDivisionError("a bug of the filter's")


def behind(text: str) -> Act:
    """
    A filter that adds something.
    """
    return lambda draft: replace(draft, content=f"{draft.content}{text}")


class FilterTests(SynchronousTestCase):
    """
    Alice, Bob and a filter.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.store = MemoryStore("", self.clock, Limits())
        self.core = Core(self.clock, self.store, lobby=[("100", "all")])
        self.core.registry.register(ChatHandler(self.core))
        self.core.registry.register(RecallHandler(self.core))
        self.alice, self.bob = Person(self.core, "alice"), Person(self.core, "bob")
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)  # type: ignore[arg-type]
        self.settle()

    def tearDown(self) -> None:
        self.flushLoggedErrors(ZeroDivisionError, TimeoutError)  # what filters fail with here may be logged as it is

    def use(self, **acts: Act) -> list[Filter]:
        """
        Have these filters, in this order.
        """
        filters = [Filter(act) for act in acts.values()]
        self.core.delivery.useFilters(list(zip(acts, filters, strict=True)))
        return filters

    def settle(self) -> None:
        """
        Let the sweeps of the groups go on.
        """
        for _ in range(5):
            self.clock.advance(0)

    def history(self, group: str = "") -> list[Message]:
        """
        What Alice and Bob said to each other, or to a group.
        """
        pair = groupPair(group) if group else privatePair("alice", "bob")
        return self.successResultOf(self.store.history(pair, None, None, None, None))

    def logged(self, level: LogLevel) -> list[dict[str, Any]]:
        """
        What was logged at this level or above.
        """
        return [event for event in self.events if event.get("log_level", LogLevel.info) >= level]

    def test_provides(self) -> None:
        """
        The filter here is one.
        """
        verifyObject(IChatFilter, Filter(broken))

    def test_unchanged(self) -> None:
        """
        A filter that answers L{None}, or the draft itself, at once or later,
        changes nothing.
        """
        (each,) = self.use(a=lambda draft: None)
        acts: list[Act] = [each.act, lambda draft: draft, lambda draft: succeed(None), lambda draft: succeed(draft)]
        for each.act in acts:
            self.alice.say("hello")
            self.assertEqual(self.alice.listen(), ["SENT"])
            self.assertEqual(self.bob.listen(), ["hello"])
        self.assertEqual(each.seen, ["hello"] * 4)

    def test_refused(self) -> None:
        """
        A refusal is the sender's answer with the filter's reason; nobody is
        told and nothing is kept.
        """

        def refuse(draft: Draft) -> Draft:
            raise CommandRefused(Status.FORBIDDEN)

        first, second = self.use(a=refuse, b=lambda draft: None)
        for _ in range(5):
            self.alice.say("hello")
        self.assertEqual(self.alice.listen(), ["FORBIDDEN"] * 5)
        self.assertEqual(self.bob.listen(), [])
        self.assertEqual(self.history(), [])
        self.assertEqual(len(first.seen), 5, "a refusal is no failure")
        self.assertEqual(second.seen, [], "who comes behind is not asked")
        self.assertEqual(self.logged(LogLevel.warn), [])

    def test_refusedLater(self) -> None:
        """
        So is one that comes as a failed Deferred.
        """
        waiting: list[Deferred[Draft | None]] = []

        def think(draft: Draft) -> Deferred[Draft | None]:
            waiting.append(Deferred())
            return waiting[-1]

        self.use(a=think)
        self.alice.say("hello")
        self.assertEqual(self.alice.listen(), [])
        waiting.pop().errback(CommandRefused(Status.FORBIDDEN))
        self.assertEqual(self.alice.listen(), ["FORBIDDEN"])
        self.assertEqual(self.history(), [])

    def test_changed(self) -> None:
        """
        What a filter makes of a message is what the recipient gets and what
        is kept.
        """
        self.use(a=lambda draft: replace(draft, content="h*ll"))
        self.alice.say("hell")
        self.assertEqual(self.bob.listen(), ["h*ll"])
        self.assertEqual([message.content for message in self.history()], ["h*ll"])

    def test_changedInGroup(self) -> None:
        """
        In a group, too, for everybody in it.
        """
        self.use(a=lambda draft: replace(draft, content="h*ll"))
        self.alice.say("hell", None, group="100")
        self.settle()
        self.assertEqual(self.alice.listen(), ["h*ll", "SENT"])
        self.assertEqual(self.bob.listen(), ["h*ll"])
        self.assertEqual([message.content for message in self.history("100")], ["h*ll"])

    def test_oneAfterTheOther(self) -> None:
        """
        Each filter is shown what the one before it has made.
        """
        first, second, third = self.use(a=behind("1"), b=lambda draft: None, c=behind("3"))
        self.alice.say("x")
        self.assertEqual([first.seen, second.seen, third.seen], [["x"], ["x1"], ["x1"]])
        self.assertEqual(self.bob.listen(), ["x13"])

    def test_inOrder(self) -> None:
        """
        While a filter thinks, what its sender says next waits behind, and
        others are not kept.
        """
        waiting: list[Deferred[Draft | None]] = []

        def think(draft: Draft) -> Result:
            if draft.content != "slow":
                return None
            waiting.append(Deferred())
            return waiting[-1]

        self.use(a=think)
        self.alice.say("slow")
        self.assertTrue(self.alice.lane.busy, "what comes next is not looked at yet")
        self.bob.say("quick", "alice")
        self.assertEqual(self.alice.listen(), ["quick"])
        self.clock.advance(1.9)
        waiting.pop().callback(None)
        self.assertFalse(self.alice.lane.busy)
        self.alice.say("next")
        self.assertEqual(self.alice.listen(), ["SENT", "SENT"])
        self.assertEqual(self.bob.listen(), ["SENT", "slow", "next"])

    def test_deadline(self) -> None:
        """
        A filter that takes longer than its deadline is passed over, not a
        moment before.
        """
        cancelled: list[object] = []
        self.use(a=lambda draft: Deferred(cancelled.append), b=behind("!"))
        self.alice.say("hello")
        self.clock.advance(1.99)
        self.assertEqual((self.bob.listen(), cancelled), ([], []))
        self.clock.advance(0.01)
        self.assertEqual(self.alice.listen(), ["SENT"])
        self.assertEqual(self.bob.listen(), ["hello!"])
        self.assertEqual(len(cancelled), 1, "it is told that nobody waits any more")

    def test_failing(self) -> None:
        """
        A filter that fails loses no message: it goes on as it was, through
        the others.
        """
        self.use(a=behind("1"), b=broken, c=behind("3"))
        said = [str(number) for number in range(10)]
        for content in said:
            self.alice.say(content)
        self.assertEqual(self.alice.listen(), ["SENT"] * 10)
        self.assertEqual(self.bob.listen(), [f"{content}13" for content in said])
        self.assertEqual(len(self.history()), 10)

    def test_parked(self) -> None:
        """
        Three failures running park a filter: it is asked no more and named
        in the log, once.
        """
        sound, bad = self.use(sound=behind("."), bad=broken)
        for _ in range(10):
            self.alice.say("hello")
        self.assertEqual((len(sound.seen), len(bad.seen)), (10, 3))
        named = [event for event in self.logged(LogLevel.error) if "parked" in event.get("log_format", "")]
        self.assertEqual([event["name"] for event in named], ["bad"])

    def test_parkedBySlowness(self) -> None:
        """
        So do three deadlines that passed, and failures of both kinds.
        """
        (slow,) = self.use(slow=lambda draft: Deferred())
        for act in (slow.act, broken, slow.act, slow.act):
            slow.act = act
            self.alice.say("hello")
            self.clock.advance(2)
        self.assertEqual(len(slow.seen), 3)
        self.assertEqual(self.bob.listen(), ["hello"] * 4)

    def test_notRunning(self) -> None:
        """
        A filter that fails now and then stays.
        """
        (moody,) = self.use(moody=broken)
        for act in [broken, broken, behind("!")] * 4:
            moody.act = act
            self.alice.say("hello")
        self.assertEqual(len(moody.seen), 12)
        self.assertEqual(self.bob.listen(), ["hello", "hello", "hello!"] * 4)

    def test_refusingIsNotFailing(self) -> None:
        """
        A refusal between two failures shows that the filter works.
        """

        def refuse(draft: Draft) -> Draft:
            raise CommandRefused(Status.FORBIDDEN)

        (strict,) = self.use(strict=broken)
        for act in [broken, broken, refuse] * 4:
            strict.act = act
            self.alice.say("hello")
        self.assertEqual(len(strict.seen), 12)

    def test_staysParked(self) -> None:
        """
        A filter that was parked while it thought about an earlier message is
        parked, whatever comes of that.
        """
        late: Deferred[Draft | None] = Deferred()
        (odd,) = self.use(odd=lambda draft: late)
        self.bob.say("early", "alice")
        odd.act = broken
        for _ in range(3):
            self.alice.say("hello")
        late.callback(None)
        self.alice.say("hello")
        self.assertEqual(len(odd.seen), 4)

    def test_gone(self) -> None:
        """
        A message that is being looked at is taken on even where its sender
        has gone.
        """
        late: Deferred[Draft | None] = Deferred()
        self.use(a=lambda draft: late)
        self.alice.say("last words")
        self.alice.lane.close()
        self.core.lost(self.alice.session)
        late.callback(None)
        self.assertEqual(self.bob.listen(), ["last words"])
        self.assertEqual(self.alice.listen(), [])

    def test_transient(self) -> None:
        """
        A message that nobody keeps is filtered, too.
        """
        self.use(a=behind("!"))
        self.alice.say("hello", transient=True)
        self.assertEqual(self.bob.listen(), ["hello!"])

    def test_recalls(self) -> None:
        """
        Taking a message back is saying nothing: filters do not see it.
        """
        (each,) = self.use(a=lambda draft: None)
        self.alice.say("hello", id="m1")
        self.alice.lane.take(15, Recall("m1", "bob"))
        self.assertEqual(each.seen, ["hello"])
        self.assertEqual(self.history(), [])
