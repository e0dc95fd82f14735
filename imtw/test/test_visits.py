"""
Sessions that take part in one group, or that only follow all of a user's.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from imtw.commands import BLOCK, CHAT, CLOSE, JOIN, Block, Chat, Close, JoinGroup, Status
from imtw.errors import CommandRefused
from imtw.events import Enrolled, Event, Said
from imtw.lanes import Lane
from imtw.model import Membership, User, isId, isName, realmOf
from imtw.server import Core
from imtw.test.handlers.harness import HandlerTestCase
from imtw.test.people import Person, Words


class All(Words):
    """
    A form that tells also which groups a session is in or out of, and its
    own messages in any case.
    """

    def encode(self, event: Event) -> bytes:
        """
        Messages, and groups.
        """
        if isinstance(event, Said):
            return f"{event.message.content}\n".encode()
        return f"*{event.group}\n".encode() if isinstance(event, Enrolled) else b""


ALL = All()


class Visitor(Person):
    """
    Somebody who logs in nowhere.
    """

    def __init__(self, core: Core, name: str, realm: str = "", form: Words = ALL) -> None:
        self.heard: list[Any] = []
        self.isFinished = False
        self.user = User(realm + name, name)
        self.session = core.newSession(self, form, "ws", "192.0.2.1")
        self.session.realm = realm
        self.lane = Lane(core.dispatcher, self.session, self)


class VisitTests(HandlerTestCase):
    """
    L{imtw.attendance.Attendance.visit} and C{follow}.
    """

    def enter(self, visitor: Visitor, group: str = "g", joins: bool = True) -> Membership:
        """
        Come into a group, told what happens from now on.
        """
        place = self.ready(visitor, group, joins)
        self.relieve(visitor)
        return place

    def ready(self, visitor: Visitor, group: str = "g", joins: bool = True) -> Membership:
        """
        Come into a group, not told anything yet.
        """
        asked = self.core.attendance.visit(visitor.session, visitor.user, group, joins)
        place: Membership = self.successResultOf(Deferred.fromCoroutine(asked))
        return place

    def relieve(self, visitor: Visitor) -> None:
        """
        Be told.
        """
        assert visitor.session.catchUp is not None
        visitor.session.catchUp.relieved()
        self.clock.advance(0)

    def say(self, person: Person, text: str, group: str = "g") -> None:
        """
        Say something.
        """
        person.lane.take(CHAT.code, Chat(group=group, content=text))
        self.clock.advance(0)

    def test_oneGroup(self) -> None:
        """
        A visitor is told what is said in one group and nothing else, though
        the user is in others, and it makes nobody online.
        """
        ann = self.person("ann")
        self.ask(ann, JOIN.code, JoinGroup("other"))
        bob = Visitor(self.core, "bob")
        self.ready(Visitor(self.core, "bob"), "other")
        self.enter(bob)
        self.ask(ann, JOIN.code, JoinGroup("g"))
        self.assertFalse(self.core.sessions.online("bob"))
        self.say(ann, "elsewhere", "other")
        self.say(ann, "here")
        reply = self.ask(ann, CHAT.code, Chat("bob", content="private"))
        self.assertEqual(reply.status, Status.OFFLINE)
        self.assertEqual(bob.listen(), ["here"])
        self.say(bob, "and I")
        self.assertEqual(bob.listen(), ["and I", "SENT"])
        self.assertIn("said bob and I", ann.listen())

    def test_closed(self) -> None:
        """
        Who ends all of a user's connections ends those that only visit, too.
        """
        ann, bob = self.person("ann", operator=True), Visitor(self.core, "bob")
        self.enter(bob)
        self.assertEqual(self.status(ann, CLOSE.code, Close("bob")), Status.CLOSED)
        self.assertTrue(bob.isFinished)
        self.say(ann, "still there?")
        self.assertEqual(bob.listen(), [])

    def test_kickedMeanwhile(self) -> None:
        """
        Who is kicked while it comes in, as a member, is not left in the live
        group.
        """
        store, bob = self.core.store, Visitor(self.core, "bob")
        self.successResultOf(store.join("bob", "g", None, 10))
        membership = store.membership

        def kicked(user: str, group: str) -> Any:
            found = membership(user, group)
            self.successResultOf(store.kick(user, group))
            self.core.members.expel(user, group)
            return found

        self.patch(store, "membership", kicked)
        Deferred.fromCoroutine(self.core.attendance.visit(bob.session, bob.user, "g", False)).addErrback(lambda _: None)
        isMember = self.successResultOf(membership("bob", "g")) is not None
        self.assertEqual(bob.session.isIn("g"), isMember)

    def test_noGap(self) -> None:
        """
        What is said between coming in and being told comes once, in order,
        in front of what is said later.
        """
        ann, bob = Visitor(self.core, "ann"), Visitor(self.core, "bob")
        self.enter(ann)
        self.say(ann, "before")
        self.assertEqual(self.ready(bob).head, 1)
        for text in ("one", "two"):
            self.say(ann, text)
        self.assertEqual(bob.listen(), [])
        self.relieve(bob)
        self.say(ann, "three")
        self.assertEqual(bob.listen(), ["one", "two", "three"])

    def test_ownWhileLagging(self) -> None:
        """
        So does what it says itself meanwhile.
        """
        bob = Visitor(self.core, "bob")
        self.ready(bob)
        self.say(bob, "early")
        self.assertEqual(bob.listen(), ["SENT"])
        self.relieve(bob)
        self.assertEqual(bob.listen(), ["early"])

    def test_membersOnly(self) -> None:
        """
        Where a visitor does not join, it has to be a member.
        """
        bob = Visitor(self.core, "bob")
        refused = Deferred.fromCoroutine(self.core.attendance.visit(bob.session, bob.user, "g", False))
        self.assertEqual(self.failureResultOf(refused, CommandRefused).value.status, Status.NOT_JOINED)
        self.assertIsNone(bob.session.user)
        self.enter(Visitor(self.core, "bob"))
        self.assertEqual(self.enter(bob, joins=False).head, 0)

    def test_kicked(self) -> None:
        """
        Who is taken out of the group is cut.
        """
        bob = Visitor(self.core, "bob")
        self.enter(bob)
        self.core.members.expel("bob", "g")
        self.assertTrue(bob.isFinished)
        self.assertEqual(bob.session.members, {})
        self.assertEqual(list(self.core.sessions.visitors("bob")), [])

    def test_joinsForAll(self) -> None:
        """
        When a visitor joins, its user's other sessions are in the group too;
        other visitors stay where they are.
        """
        ann, other = self.person("ann"), Visitor(self.core, "ann")
        self.enter(other, "elsewhere")
        self.enter(Visitor(self.core, "ann"))
        self.say(Visitor(self.core, "x"), "nobody")
        bob = Visitor(self.core, "bob")
        self.enter(bob)
        self.say(bob, "hello")
        self.assertIn("said bob hello", ann.listen())
        self.assertEqual(other.listen(), [])

    def test_follows(self) -> None:
        """
        A follower is told of all groups of its user, also of those it joins
        and leaves later.
        """
        bob = Visitor(self.core, "bob")
        self.enter(Visitor(self.core, "bob"), "one")
        self.successResultOf(Deferred.fromCoroutine(self.core.attendance.follow(bob.session, bob.user)))
        ann = Visitor(self.core, "ann")
        self.enter(ann, "one")
        self.say(ann, "in one", "one")
        self.assertEqual(bob.listen(), ["in one"])
        self.enter(Visitor(self.core, "bob"), "two")
        self.say(ann, "in two", "two")
        self.assertEqual(bob.listen(), ["*two", "in two"])
        self.core.members.expel("bob", "one")
        self.say(ann, "later", "one")
        self.assertEqual(bob.listen(), ["*one"])
        bob.session.close()
        self.assertEqual(bob.session.members, {})
        self.assertIn("SENT", ann.listen())

    def test_realm(self) -> None:
        """
        Who is in a realm of its own meets nobody else, and nobody else gets
        there, whatever is written.
        """
        realm = realmOf("guests")
        bob, ann = Visitor(self.core, "bob", realm), self.person("ann")
        self.assertFalse(isName(realm + "g"))
        self.assertTrue(isId(realm, realm))
        self.assertFalse(isId(realm + "g\0", realm))
        self.assertFalse(isId("g", realm))
        self.enter(bob, realm + "g")
        for group in (realm + "g", "g"):
            self.assertIn(self.status(ann, JOIN.code, JoinGroup(group)), (Status.NOT_JOINED, Status.JOINED))
            self.say(ann, "let me in", group)
        self.ask(ann, CHAT.code, Chat(realm + "bob", content="hey"))
        self.say(bob, "let me out", "g")
        self.ask(ann, BLOCK.code, Block(realm + "bob"))
        self.assertEqual(bob.listen(), ["SENT"])
        self.assertNotIn("said " + realm + "bob let me out", ann.listen())
        self.assertEqual(self.status(ann, JOIN.code, JoinGroup(realm + "g")), Status.NOT_JOINED)
