"""
What every store has to do with messages.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from zope.interface import implementer
from zope.interface.verify import verifyObject

from imtw.commands import Status
from imtw.interfaces import IAppended, IStore
from imtw.model import Draft, Fact, Message, Pair, Scope, User, groupPair, privatePair
from imtw.test.persistence.harness import CHAT, START, StoreHarness, Waiter


class LogContract(StoreHarness):
    """
    How messages are appended.
    """

    def test_interface(self) -> None:
        """
        It is a store.
        """
        verifyObject(IStore, self.store)

    async def test_seqIsDense(self) -> None:
        """
        The rows of a conversation are numbered 1, 2, ... in the order of
        commit; those of another one have numbers of their own.
        """
        rows = [await self.say(CHAT, "alice"), await self.say(CHAT, "bob"), await self.say(CHAT, "alice")]
        other = await self.say(privatePair("alice", "carol"), "alice")
        self.assertEqual([row.seq for row in rows], [1, 2, 3])
        self.assertEqual([row.n for row in rows], [1, 2, 3])
        self.assertEqual(len({row.conversation for row in rows}), 1)
        self.assertEqual((other.seq, other.n), (1, 1))
        self.assertNotEqual(other.conversation, rows[0].conversation)

    async def test_manyAtOnce(self) -> None:
        """
        However many wait at once, each conversation is numbered densely and
        in the order of sending.
        """
        pairs = [CHAT, await self.group("g"), privatePair("alice", "carol")]
        told: list[Any] = []
        waiting = [self.say(pairs[i % 3], "alice", f"{i}").addCallback(told.append) for i in range(900)]
        await gatherResults(waiting)
        self.assertEqual([row.content for row in told], [f"{i}" for i in range(900)])
        for pair in pairs:
            rows = await self.store.walk(pair, 0, 1000)
            self.assertEqual([row.seq for row in rows], list(range(1, 301)))
            self.assertEqual([row.content for row in rows], [f"{i}" for i in range(900) if pairs[i % 3] == pair])
        self.assertEqual(self.store.waiting, 0)

    async def test_everyField(self) -> None:
        """
        What was said comes back as it was, when it is stored and when it is
        read.
        """
        draft = Draft(
            CHAT, "id-1", "bob", "好 \U0001f600 \x00\n\"'", -5, "video", True, "phone",
            {"jim": {"a": [1, 2.5, None, True, "ü"], "big": 2**70}, "": ""},
        )  # fmt: skip
        row: Any = await self.append(draft)
        [read] = await self.store.history(CHAT, None, None, None, None)
        self.assertEqual(read, row)
        for field in ("pair", "id", "sender", "content", "created", "kind", "device", "extras", "fact"):
            self.assertEqual(getattr(read, field), getattr(draft, field), field)
        self.assertIsInstance(read.pair, Pair)
        self.assertIs(read.pair.scope, Scope.PRIVATE)
        self.assertIs(read.fact, Fact.MESSAGE)

    async def test_nothingAndMuch(self) -> None:
        """
        A message may say nothing, or fill megabytes.
        """
        contents = [None, "", " ", "0", "x" * 2_000_000]
        for content in contents:
            await self.say(CHAT, "alice", content)
        self.assertEqual(await self.contents(CHAT, offset=0, count=10), contents)

    async def test_fromBefore(self) -> None:
        """
        Whoever reads from before the first row on gets all.
        """
        await self.say(CHAT, "alice")
        for after in (0, -1, -7):
            self.assertEqual([row.seq for row in await self.store.walk(CHAT, after, 10)], [1])
            self.assertEqual([row.seq for row in await self.store.page(CHAT, after, None, 10)], [1])

    async def test_tsIncreases(self) -> None:
        """
        The server's time follows the clock, and within a conversation it
        increases even if the clock stands still or steps back.
        """
        stamps = []
        for seconds in (0, 0, 10, -3600, -3600, 11):
            self.reactor.time = START + seconds
            stamps.append((await self.say(CHAT, "alice")).ts)
        start = int(START * 1000)
        self.assertEqual([ts - start for ts in stamps], [0, 1, 10000, 10001, 10002, 11000])

    async def test_unknownGroup(self) -> None:
        """
        To a group that nobody made nothing is stored.
        """
        self.assertIsNone(await self.say(groupPair("nobody's"), "alice"))
        self.assertEqual(await self.store.walk(groupPair("nobody's"), 0, 10), [])
        membership = await self.store.join("alice", "nobody's", None, 10)
        self.assertEqual((membership.head, membership.cursor), (0, 0))

    async def test_groupNamedLikeUser(self) -> None:
        """
        A group and a user may have the same id.
        """
        group = await self.group("bob")
        await self.say(group, "alice", "to all")
        await self.say(CHAT, "alice", "to one")
        self.assertEqual(await self.contents(group), ["to all"])
        self.assertEqual(await self.contents(CHAT), ["to one"])

    async def test_toNobody(self) -> None:
        """
        A message to a name that nobody has waits for whoever takes it.
        """
        await self.store.enter(User("alice", "Alice"), "tcp", [], False)
        await self.say(CHAT, "alice", "who are you?")
        entry = await self.store.enter(User("bob", "Bob"), "tcp", [], False)
        self.assertEqual([place.pair for place in entry.behind], [CHAT])
        [(_, messages)] = await self.store.pending("bob", None, 10)
        self.assertEqual([message.content for message in messages], ["who are you?"])

    async def test_strangersAreBounded(self) -> None:
        """
        A user opens only so many conversations with names that nobody has;
        those that are open stay so, and users with an account do not count.
        """
        for name in ("alice", "zoe"):
            await self.store.addAccount(User(name, name), "")
        for number in range(3):
            await self.say(privatePair("alice", f"ghost{number}"), "alice")
        await self.refused(self.say(privatePair("alice", "ghost3"), "alice"), Status.TOO_MANY)
        self.assertEqual(await self.store.walk(privatePair("alice", "ghost3"), 0, 10), [])
        self.assertEqual((await self.say(privatePair("alice", "ghost2"), "alice")).seq, 2)
        self.assertEqual((await self.say(privatePair("alice", "zoe"), "alice")).seq, 1)
        self.assertEqual((await self.say(privatePair("zoe", "ghost3"), "zoe")).seq, 1)

    async def test_toOneself(self) -> None:
        """
        Who talks to oneself has one place in that conversation, and nothing
        waits there.
        """
        await self.store.addAccount(User("alice", "Alice"), "")
        mirror = privatePair("alice", "alice")
        await self.say(mirror, "alice", "note")
        self.assertEqual(await self.contents(mirror), ["note"])
        [(place, messages)] = await self.store.pending("alice", mirror, 10)
        self.assertEqual((place.pair, place.head, messages), (mirror, 1, []))
        self.assertEqual(await self.store.pending("alice", None, 10), [])

    async def test_framed(self) -> None:
        """
        The results of a commit are told between C{begin} and C{end}, and
        these never nest.
        """
        events: list[str] = []
        self.store.onCommit(lambda: events.append("begin"), lambda: events.append("end"))
        for number in range(3):
            self.store.append(Draft(CHAT, f"{number}", "alice", "hello", 0), Recorder(events))
        await self.say(CHAT, "alice", "last")
        await deferLater(self.reactor, 0)
        self.assertEqual([event for event in events if event.isdigit()], ["0", "1", "2"])
        inside = False
        for event in events:
            self.assertEqual(inside, event != "begin")
            inside = event != "end"
        self.assertFalse(inside)

    async def test_resultsInOrder(self) -> None:
        """
        The results of changes of all kinds come in the order in which they
        were asked for, and each knows what was committed before it.
        """
        await self.group("g", "alice", "bob")
        chat = groupPair("g")
        told: list[Any] = []
        asked = [
            self.say(chat, "alice", "one"),
            self.store.join("carol", "g", None, 10),
            self.say(chat, "alice", "two"),
            self.store.pending("bob", chat, 10),
            self.store.enter(User("dave", "Dave"), "ws", [("g", "g")], False),
            self.say(chat, "alice", "three"),
            self.store.leave("carol", "g"),
        ]
        await gatherResults([result.addCallback(told.append) for result in asked])
        self.assertEqual([told[0].seq, told[2].seq, told[5].seq], [1, 2, 3])
        self.assertEqual((told[1].head, told[1].cursor), (1, 1))
        [(place, messages)] = told[3]
        self.assertEqual((place.head, [message.content for message in messages]), (2, ["one", "two"]))
        self.assertEqual([(place.head, place.cursor) for place in told[4].groups], [(2, 2)])
        self.assertIs(told[6], True)

    async def test_appendWithinResult(self) -> None:
        """
        Who is told of a message may append the next one at once.
        """
        first = Waiter()
        second = first.result.addCallback(lambda row: self.say(CHAT, "bob", "re: " + row.content))
        self.store.append(Draft(CHAT, "1", "alice", "hello", 0), first)
        row: Any = await second
        self.assertEqual((row.seq, row.content), (2, "re: hello"))


@implementer(IAppended)
class Recorder:
    """
    Notes the ids of messages when they are told.
    """

    def __init__(self, events: list[str]) -> None:
        self.events = events

    def appended(self, message: Message | None) -> None:
        """
        The message is committed.
        """
        assert message is not None
        self.events.append(message.id)

    def refused(self, error: Exception) -> None:
        """
        It is not.
        """
        self.events.append(str(error))
