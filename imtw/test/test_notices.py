"""
Two nodes: what one tells the other beside messages that are stored.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, to_builtins
from twisted.internet.defer import Deferred

from imtw.commands import CHAT, FRIEND_INVITE, RECALL, Chat, InviteFriend, Recall
from imtw.events import Event, Invited, Pushed, Read, Recalled
from imtw.model import Group, User
from imtw.test.nodes import NOTICES, TwoNodes
from imtw.test.people import Person, Words


class Tally(Struct):
    """
    What an application tells.
    """

    topic: str
    count: int


class Telling(Words):
    """
    A form that tells what is no message.
    """

    def encode(self, event: Event) -> bytes:
        """
        Who has done what.
        """
        if isinstance(event, Read):
            return f"{event.user} {event.seq}\n".encode()
        if isinstance(event, Pushed):
            return f"{event.code} {to_builtins(event.data)}\n".encode()
        if isinstance(event, Invited):
            return f"invited by {event.invitation.user}\n".encode()
        if isinstance(event, Recalled):
            return f"recalled {event.message.id}\n".encode()
        return b""


TELLING = Telling()


class NoticeTests(TwoNodes):
    """
    L{imtw.relaying.notices}.
    """

    def test_whispered(self) -> None:
        """
        What nobody keeps is told on the other node, too.
        """
        self.ann.lane.take(CHAT.code, Chat("bob", content="psst", transient=True))
        self.ann.lane.take(CHAT.code, Chat(group="100", content="hush", transient=True))
        self.turn()
        self.assertEqual(self.bob.listen(), ["psst", "hush"])

    def test_pushed(self) -> None:
        """
        And what an application's command tells somebody, or a group.
        """
        phone = Person(self.cores[1], "bob", "phone", TELLING)
        self.turn()
        phone.listen()
        delivery = self.cores[0].delivery
        delivery.tellUser("bob", Pushed(30, Tally("tea", 1)))
        delivery.tellUser("cid", Pushed(30, Tally("tea", 2)))
        delivery.tellGroup("100", Pushed(30, Tally("tea", 3)))
        self.turn()
        told = [f"30 {{'topic': 'tea', 'count': {count}}}" for count in (1, 3)]
        self.assertEqual(phone.listen(), told)

    def test_invited(self) -> None:
        """
        Who was told of an invitation on another node is not told again.
        """
        phone = Person(self.cores[1], "bob", "phone", TELLING)
        self.turn()
        phone.listen()
        for name in ("bob", "cid"):
            self.successResultOf(self.store.addAccount(User(name, name), ""))
            self.ann.lane.take(FRIEND_INVITE.code, InviteFriend(name))
        self.assertEqual(phone.listen(), ["invited by ann"])
        news = [self.successResultOf(self.store.news(name, 10)) for name in ("bob", "cid")]
        self.assertEqual([len(found) for found in news], [0, 1])

    def test_blocked(self) -> None:
        """
        Who is blocked is not heard on another node, either.
        """
        phone = Person(self.cores[1], "bob", "phone", TELLING)
        for number in range(1, 7):
            self.ann.say(f"number {number}", "bob", id=str(number))
        self.turn()
        phone.listen()
        self.ann.lane.take(RECALL.code, Recall("1", "bob"))
        self.assertEqual(phone.listen(), ["recalled 1"])
        self.successResultOf(self.store.block("bob", "ann", True))
        self.ann.lane.take(RECALL.code, Recall("2", "bob"))
        self.assertEqual(phone.listen(), [])
        with self.lost(0):
            self.ann.lane.take(RECALL.code, Recall("3", "bob"))
        self.successResultOf(self.store.block("ann", "bob", True))
        self.ann.lane.take(RECALL.code, Recall("4", "bob"))
        self.turn()
        self.assertEqual(phone.listen(), [])
        self.successResultOf(self.store.block("bob", "ann", False))
        with self.lost(0):
            self.ann.lane.take(RECALL.code, Recall("5", "bob"))
        self.ann.lane.take(RECALL.code, Recall("6", "bob"))
        self.turn()
        self.assertEqual(phone.listen(), ["recalled 5", "recalled 6"])

    def test_notices(self) -> None:
        """
        Who comes and goes is told on both.
        """
        third = Person(self.cores[0], "third", form=NOTICES)
        self.turn()
        self.cores[0].lost(third.session)
        self.turn()
        self.assertEqual(self.bob.listen(), ["+third", "-third"])

    def test_expelled(self) -> None:
        """
        Who was taken out of a group on one node hears nothing more of it on
        the other.
        """
        self.successResultOf(self.cores[0].store.kick("bob", "100"))
        self.cores[0].members.expel("bob", "100")
        self.say("secret")
        self.assertEqual(self.bob.listen(), [])

    def test_admitted(self) -> None:
        """
        Who was taken into a group on one node takes part in it on the other.
        """
        store = self.cores[0].store
        self.successResultOf(store.addGroup(Group("team", "Team", owner="ann"), [], 10))
        [(user, place)] = self.successResultOf(store.addMembers("team", ["bob"], 10, "ann"))
        self.cores[0].members.admit(user, place, "ann")
        self.turn()
        self.assertTrue(self.bob.session.isIn("team"))

    def test_admittedAndExpelled(self) -> None:
        """
        Who is taken out of a group again while the other node still asks for
        its place there does not take part in it.
        """
        store = self.cores[0].store
        added = self.successResultOf(store.addGroup(Group("team", "Team", owner="ann"), ["bob"], 10))
        asked: Deferred[Any] = Deferred()
        self.patch(store, "membership", lambda user, group: asked)
        for user, place in added:
            self.cores[0].members.admit(user, place, "ann")
        self.cores[0].members.expel("bob", "team")
        asked.callback(added[1][1])
        self.turn()
        self.assertFalse(self.bob.session.isIn("team"))

    def test_revoked(self) -> None:
        """
        A device that was dropped on one node is cut on the other, and so is
        what a token opened.
        """
        phone, other = (Person(self.cores[1], "bob", device) for device in ("phone", ""))
        other.session.token = b"digest"
        self.turn()
        self.cores[0].attendance.revoke("bob", "phone")
        self.assertEqual((phone.isFinished, other.isFinished, self.bob.isFinished), (True, False, False))
        self.cores[0].attendance.revoke("bob", token=b"digest")
        self.assertEqual((other.isFinished, self.bob.isFinished), (True, False))

    def test_cutAll(self) -> None:
        """
        Whose connections are all to end, as when the password was changed,
        has none left on the other node, either.
        """
        phone, other = (Person(self.cores[1], "bob", device) for device in ("phone", ""))
        ann = Person(self.cores[1], "ann")
        self.turn()
        self.assertEqual(self.cores[0].attendance.cutAll("bob"), 0)
        self.assertEqual([one.isFinished for one in (phone, other, self.bob, ann)], [True, True, True, False])

    def test_read(self) -> None:
        """
        What somebody has read is told to both sides on the other node; of a
        group only to its own devices.
        """
        ann, bob = (Person(self.cores[1], name, "phone", TELLING) for name in ("ann", "bob"))
        self.turn()
        for event in (Read("ann", "bob", None, 3), Read("ann", None, "100", 4)):
            self.cores[0].delivery.relay(event)
        self.assertEqual((ann.listen(), bob.listen()), (["ann 3", "ann 4"], ["ann 3"]))

    def test_junk(self) -> None:
        """
        What cannot be read is dropped, and the next notice is not.
        """
        for junk in (b"", b"\xff", b"{}", b"\x81\xa4type\xa3row"):
            self.relays[1].receive(junk)
        self.say("hello")
        self.assertEqual(self.bob.listen(), ["hello"])
