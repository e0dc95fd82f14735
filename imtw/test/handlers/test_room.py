"""
Tests for how much one answer has room for.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from msgspec.json import encode

from imtw.commands import Chat, GetHistory, GetMessages, ListConversations, Sync, SyncState
from imtw.limits import Limits
from imtw.model import Message
from imtw.test.handlers.harness import Client, HandlerTestCase

LONG = "x" * 3000
COUNT = 40
ROOM = 32 * 1024  # bytes


class RoomTests(HandlerTestCase):
    """
    An answer has what fits into half of what a connection may be owed, and
    says truly where it ends.
    """

    limits = Limits(sendBudget=2 * ROOM)

    def setUp(self) -> None:
        """
        Ann has said more to Bob than fits.
        """
        super().setUp()
        self.ann = self.person("ann")
        for number in range(COUNT):
            self.say(f"{number} {LONG}")

    def say(self, content: str, to: str = "bob") -> None:
        """
        Ann says something.
        """
        self.clock.advance(1)
        self.ask(self.ann, 11, Chat(to, content=content))

    def numbers(self, messages: list[Message]) -> list[int]:
        """
        Which messages these are, all together not too large.
        """
        self.assertLess(len(encode(messages)), ROOM)
        self.assertGreater(len(messages), 5)
        return [int((message.content or "").split()[0]) for message in messages]

    def history(self, **more: Any) -> list[int]:
        """
        A page of the conversation.
        """
        answer: Any = self.ask(self.ann, 19, GetMessages("ann", partner="bob", **more)).data
        return self.numbers(answer.friends["bob"])

    def test_history(self) -> None:
        """
        The newest fit; counted from the oldest, the oldest; and who goes on
        behind what it got gets everything.
        """
        newest = self.history()
        self.assertEqual(newest, list(range(COUNT - len(newest), COUNT)))
        read: list[int] = []
        while len(read) < COUNT:
            read += self.history(offset=len(read), count=20)
        self.assertEqual(read, list(range(COUNT)))

    def test_pending(self) -> None:
        """
        What did not fit is pending still, in the same conversation and in
        others.
        """
        zoe = self.person("zoe")
        self.ask(zoe, 11, Chat("bob", content="40"))
        bob = self.person("bob")
        read: list[int] = []
        answers = 0
        while answer := self.pending(bob):
            read += answer
            answers += 1
        self.assertEqual(read, list(range(COUNT + 1)))
        self.assertGreater(answers, 3)

    def pending(self, who: Client) -> list[int]:
        """
        What is pending.
        """
        answer: Any = self.ask(who, 19, GetMessages("bob", True)).data
        self.assertLess(len(encode(answer)), ROOM + 100)
        found = answer.friends.get("ann", []) + answer.friends.get("zoe", [])
        return [int((message.content or "").split()[0]) for message in found]

    def test_bySeq(self) -> None:
        """
        Pages by seq, forwards and backwards, and the rows of a sync.
        """
        bob = self.person("bob", "phone")
        read: list[int] = []
        while len(read) < COUNT:
            read += self.numbers(self.data(bob, 109, GetHistory("ann", after=len(read), limit=100)).messages)
        self.assertEqual(read, list(range(COUNT)))
        newest = self.numbers(self.data(bob, 109, GetHistory("ann", limit=100)).messages)
        self.assertEqual(newest, list(range(COUNT - len(newest), COUNT)))
        synced = self.data(bob, 103, Sync(0, "ann", limit=100))
        self.assertEqual((synced.state, synced.start), (SyncState.GAP, len(self.numbers(synced.messages)) + 1))

    def test_conversations(self) -> None:
        """
        A list of conversations, each with its last message.
        """
        for number in range(COUNT):
            self.say(LONG, f"friend{number}")
        found = self.data(self.ann, 108, ListConversations(limit=100)).conversations
        self.assertLess(len(encode(found)), ROOM)
        friends = [f"friend{COUNT - 1 - number}" for number in range(len(found))]
        self.assertEqual([one.pair.partnerOf("ann") for one in found], friends)
        self.assertGreater(len(found), 5)

    def test_allConversations(self) -> None:
        """
        Who goes on with what a page gives as its C{next} gets each
        conversation once, though all are of the same time.
        """
        friends = [f"friend{number}" for number in range(COUNT)]
        for friend in friends:
            self.ask(self.ann, 11, Chat(friend, content=LONG))
        read: list[str] = []
        before: Any = None
        while before is not UNSET:
            page = self.data(self.ann, 108, ListConversations(before, 7))
            read += [one.pair.partnerOf("ann") for one in page.conversations]
            self.assertEqual({one.place for one in page.conversations}, {UNSET})
            before = page.next
        self.assertEqual(read, ["bob", *friends])

    def test_larger(self) -> None:
        """
        A message that is larger by itself is told all the same, alone.
        """
        self.say("huge" * ROOM)
        answer: Any = self.ask(self.ann, 19, GetMessages("ann", partner="bob")).data
        self.assertEqual([message.content for message in answer.friends["bob"]], ["huge" * ROOM])

    def test_catchingUp(self) -> None:
        """
        A device that comes back is sent as much at once, and all in the end.
        """
        phone = Sizes(self.core, "bob", "phone")
        self.clock.advance(0)
        for _ in range(COUNT):
            assert phone.session.catchUp is not None
            phone.session.catchUp.relieved()
            self.clock.advance(0)
        self.assertEqual(len(phone.heard), COUNT)
        self.assertLess(max(phone.sizes), ROOM)


class Sizes(Client):
    """
    Somebody who notes how much it is sent at once.
    """

    sizes: list[int]

    def send(self, data: bytes) -> None:
        """
        Something is told.
        """
        self.sizes = [*getattr(self, "sizes", []), len(data)]
        super().send(data)
