"""
Tests for L{imtw.handlers.rights}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from imtw.commands import (
    AddMembers,
    Block,
    ChangeRole,
    Chat,
    CreateGroup,
    GetHistory,
    GetMessages,
    GetUser,
    JoinGroup,
    JoinVerdict,
    Kick,
    LeaveGroup,
    Mute,
    Rank,
    Status,
    Sync,
    Typing,
)
from imtw.model import Role
from imtw.test.handlers.harness import Client, HandlerTestCase

OK, FORBIDDEN = Status.OK, Status.FORBIDDEN


class RightsTests(HandlerTestCase):
    """
    Ann has made a group: Bob administrates, Cid is a member, Dan is not;
    Olga operates.
    """

    def setUp(self) -> None:
        """
        They are all here.
        """
        super().setUp()
        self.people = {name: self.person(name) for name in ("ann", "bob", "cid", "dan")}
        self.people["olga"] = self.person("olga", operator=True)
        self.ann, self.bob, self.cid, self.dan, self.olga = self.people.values()
        made = self.data(self.ann, 111, CreateGroup("Team", "team", members=["bob", "cid", "nobody"]))
        self.assertEqual(made.group, "team")
        self.data(self.ann, 112, ChangeRole("team", "bob", Rank.ADMIN))

    def say(self, who: Client, **more: str) -> Status | None:
        """
        Say something to the group.
        """
        return self.status(who, 11, Chat(group="team", content="hello", **more))  # type: ignore[arg-type]

    def role(self, user: str) -> Role | None:
        """
        What somebody is there.
        """
        place = self.successResultOf(self.core.store.membership(user, "team"))
        return None if place is None else place.role

    def test_create(self) -> None:
        """
        Who is in a new group takes part at once, and only they.
        """
        self.assertEqual(self.say(self.ann), Status.SENT)
        self.assertEqual([bool(one.listen()) for one in self.people.values()], [True, True, True, False, False])
        self.assertEqual(self.say(self.dan), FORBIDDEN)
        self.assertEqual(self.status(self.dan, 111, CreateGroup("Mine", "team")), Status.CONFLICT)
        self.assertEqual(self.status(self.dan, 111, CreateGroup("Mine", " bad ")), Status.BAD_REQUEST)
        made = self.data(self.dan, 111, CreateGroup("Mine"))
        self.assertEqual(len(made.group), 32)

    def test_seen(self) -> None:
        """
        That somebody is in the group, and who else is, only members and
        operators see who look at a user.
        """
        seen = {
            name: [view.id for view in self.ask(one, 17, GetUser("cid")).data.groups]  # type: ignore[union-attr]
            for name, one in self.people.items()
        }
        self.assertEqual(seen, {"ann": ["team"], "bob": ["team"], "cid": ["team"], "dan": [], "olga": ["team"]})

    def test_roles(self) -> None:
        """
        Who may mute and kick whom: those above the other one, from admin on;
        operators anybody.  Roles are the owner's.
        """
        matrix = {
            "ann": "bob cid dan olga",
            "bob": "cid dan olga",
            "cid": "",
            "dan": "",
            "olga": "ann bob cid dan olga",
        }
        for who, whom in matrix.items():
            for other in self.people:
                allowed = OK if other in whom.split() else FORBIDDEN
                muted = self.status(self.people[who], 113, Mute("team", other, 60))
                self.assertEqual(muted, allowed, f"{who} mutes {other}")
                self.status(self.olga, 113, Mute("team", other, 0))
                if who in ("cid", "dan") or allowed is FORBIDDEN:
                    kicked = self.status(self.people[who], 114, Kick("team", other))
                    self.assertEqual(kicked, allowed, f"{who} kicks {other}")
        for who in ("bob", "cid", "dan"):
            self.assertEqual(self.status(self.people[who], 112, ChangeRole("team", "cid", Rank.ADMIN)), FORBIDDEN)
        self.assertEqual(self.status(self.ann, 112, ChangeRole("team", "dan", Rank.ADMIN)), Status.NOT_FOUND)
        self.assertEqual(self.status(self.ann, 112, ChangeRole("team", "ann", Rank.MEMBER)), FORBIDDEN)
        for code, request in (
            (112, ChangeRole("none", "bob", Rank.ADMIN)),
            (113, Mute("none", "bob", 1)),
            (114, Kick("none", "bob")),
        ):
            self.assertEqual(self.status(self.ann, code, request), Status.NOT_FOUND)

    def test_createTells(self) -> None:
        """
        Who is put into a new group is told, and so are the other devices of
        who made it; who asked is answered.
        """
        tablet, phone = self.person("ann", "tablet"), self.person("dan", "phone")
        asker = self.person("ann", "phone")
        self.data(asker, 111, CreateGroup("New", "new", members=["dan", "ann"]))
        self.assertEqual(tablet.listen(), ["admitted new New ann"])
        self.assertEqual(phone.listen(), ["admitted new New ann"])
        self.assertEqual(asker.listen(), [])

    def test_createAndKick(self) -> None:
        """
        Who is in a new group is what its commit says: who is taken out right
        after it does not come in with an answer that is late.
        """
        store = self.core.store
        late: list[tuple[Deferred[Any], Any]] = []

        def laterFound(*asked: Any) -> Deferred[Any]:
            late.append((Deferred(), self.successResultOf(found(*asked))))
            return late[-1][0]

        found = store.members
        self.patch(store, "members", laterFound)
        self.dan.lane.take(111, CreateGroup("New", "new", members=["bob"]))
        self.clock.advance(0)
        self.patch(store, "members", found)
        self.assertEqual(self.status(self.olga, 114, Kick("new", "bob")), OK)
        for asked, answer in late:
            asked.callback(answer)
        self.assertFalse(self.bob.session.isIn("new"))

    def test_invite(self) -> None:
        """
        Owners, admins and operators take users in: they are told, are in the
        group at once with all their sessions, and find it among theirs.
        """
        self.say(self.ann)
        phone = self.person("dan", "phone")
        for who in (self.cid, self.dan):
            self.assertEqual(self.status(who, 121, AddMembers("team", ["dan"])), FORBIDDEN)
        self.assertEqual(self.data(self.bob, 121, AddMembers("team", ["dan", "cid", "nobody"])).users, ["dan"])
        self.assertEqual(phone.listen(), ["admitted team Team bob"])
        self.assertEqual(self.role("dan"), Role.MEMBER)
        self.assertEqual(self.say(self.dan), Status.SENT)
        self.assertEqual(phone.listen(), ["said dan hello"])
        self.assertEqual([group.id for group in self.successResultOf(self.core.store.groupsOf("dan"))], ["team"])
        self.assertEqual(self.data(self.ann, 121, AddMembers("team", ["dan"])).users, [])
        self.status(self.ann, 114, Kick("team", "dan"))
        self.assertEqual(self.data(self.olga, 121, AddMembers("team", ["dan"])).users, [])
        self.status(self.ann, 114, Kick("team", "dan", back=True))
        self.assertEqual(self.data(self.olga, 121, AddMembers("team", ["dan"])).users, ["dan"])
        self.assertEqual(self.status(self.ann, 121, AddMembers("none", ["dan"])), Status.NOT_FOUND)
        self.ask(self.ann, 7, JoinGroup("open"))
        for who in (self.ann, self.olga):
            self.assertEqual(self.status(who, 121, AddMembers("open", ["dan"])), FORBIDDEN)

    def test_inviteFull(self) -> None:
        """
        Nobody is put into more groups than a user may be in.
        """
        most = self.core.limits.groupsPerUser
        for number in range(most):
            self.successResultOf(self.core.store.join("dan", f"g{number}", None, most))
        self.assertEqual(self.data(self.ann, 121, AddMembers("team", ["dan"])).users, [])

    def test_typing(self) -> None:
        """
        Who may not say anything to somebody does not tell that it is about
        to; when it may again, it does.
        """
        phone = self.person("bob", "phone")
        self.data(self.ann, 113, Mute("team", "cid", 60))
        self.data(self.bob, 115, Block("dan"))
        heard = []
        for _ in range(2):
            for who, request in (
                (self.cid, Typing(group="team")),
                (self.ann, Typing(group="team")),
                (self.dan, Typing("bob")),
                (self.dan, Typing(group="team")),
                (self.cid, Typing("bob")),
            ):
                who.answers.clear()
                self.clock.advance(2)
                who.lane.take(104, request)
                self.clock.advance(0)
                self.assertEqual([reply.status for reply in who.answers], [])
            heard.append(phone.listen())
            self.data(self.ann, 113, Mute("team", "cid", 0))
            self.data(self.bob, 115, Block("dan", blocked=False))
        self.assertEqual(heard[0], ["typing ann team", "typing cid bob"])
        self.assertEqual(heard[1], ["typing cid team", "typing ann team", "typing dan bob", "typing cid bob"])

    def test_newOwner(self) -> None:
        """
        The owner may hand the group on, and administrates then.
        """
        self.data(self.ann, 112, ChangeRole("team", "cid", Rank.OWNER))
        self.assertEqual((self.role("ann"), self.role("cid")), (Role.ADMIN, Role.OWNER))
        self.assertEqual(self.status(self.ann, 112, ChangeRole("team", "bob", Rank.MEMBER)), FORBIDDEN)

    def test_openGroups(self) -> None:
        """
        In an open group nobody is owner: only operators mute and kick.
        """
        for who in (self.ann, self.bob):
            self.ask(who, 7, JoinGroup("open"))
        self.assertEqual(self.status(self.ann, 113, Mute("open", "bob", 1)), FORBIDDEN)
        self.assertEqual(self.status(self.ann, 114, Kick("open", "bob")), FORBIDDEN)
        self.assertEqual(self.status(self.olga, 112, ChangeRole("open", "bob", Rank.OWNER)), FORBIDDEN)
        self.assertEqual(self.status(self.olga, 114, Kick("open", "bob")), OK)
        self.assertEqual(self.status(self.bob, 11, Chat(group="open", content="x")), FORBIDDEN)

    def test_mute(self) -> None:
        """
        Who is muted hears, and does not speak, not even in passing, until it
        is over.
        """
        until = self.data(self.bob, 113, Mute("team", "cid", 60)).until
        self.assertEqual(until, self.core.now() + 60_000)
        self.assertEqual(self.say(self.cid), FORBIDDEN)
        self.assertEqual(self.status(self.cid, 11, Chat(group="team", content="x", transient=True)), FORBIDDEN)
        self.cid.listen()
        self.say(self.ann)
        self.assertEqual(self.cid.listen(), ["said ann hello"])
        self.clock.advance(60)
        self.assertEqual(self.say(self.cid), Status.SENT)
        self.data(self.bob, 113, Mute("team", "cid", 60))
        self.data(self.bob, 113, Mute("team", "cid", 0))
        self.assertEqual(self.say(self.cid), Status.SENT)

    def test_kick(self) -> None:
        """
        Who is kicked hears nothing from then on, and does not come back
        until it may.
        """
        self.assertEqual(self.status(self.bob, 114, Kick("team", "cid")), OK)
        self.cid.listen()
        self.say(self.ann)
        self.assertEqual(self.cid.listen(), [])
        self.assertEqual(self.say(self.cid), FORBIDDEN)
        reply = self.ask(self.cid, 7, JoinGroup("team"))
        self.assertEqual((reply.status, reply.data.result), (Status.NOT_JOINED, JoinVerdict.KICKED))  # type: ignore[union-attr]
        self.assertEqual(self.status(self.bob, 114, Kick("team", "cid", True)), OK)
        self.assertEqual(self.ask(self.cid, 7, JoinGroup("team")).status, Status.JOINED)
        self.assertEqual(self.say(self.cid), Status.SENT)

    def test_reading(self) -> None:
        """
        A managed group is read by its members, and by operators, in every
        way; an open one by anybody.
        """
        self.say(self.ann)
        for name, allowed in (("ann", True), ("cid", True), ("dan", False), ("olga", True)):
            for code, request, granted in (
                (19, GetMessages(name, group="team"), Status.HISTORY),
                (103, Sync(0, group="team"), OK),
                (109, GetHistory(group="team"), OK),
            ):
                status = self.status(self.people[name], code, request)
                self.assertEqual(status, granted if allowed else FORBIDDEN, f"{name}: {code}")
        self.ask(self.ann, 7, JoinGroup("open"))
        self.assertEqual(self.status(self.dan, 109, GetHistory(group="open")), OK)

    def test_leaving(self) -> None:
        """
        Who leaves does not speak any more; nobody owns what its owner left.
        """
        self.ask(self.ann, 100, LeaveGroup("team"))
        self.assertEqual(self.say(self.ann), FORBIDDEN)
        self.assertEqual(self.status(self.bob, 112, ChangeRole("team", "cid", Rank.ADMIN)), FORBIDDEN)
        self.assertEqual(self.status(self.olga, 112, ChangeRole("team", "bob", Rank.OWNER)), OK)
        self.assertIs(self.role("bob"), Role.OWNER)

    def test_block(self) -> None:
        """
        Who is blocked reaches the other neither with what is kept nor with
        what is not.
        """
        self.assertEqual(self.status(self.ann, 115, Block("bob")), OK)
        for transient in (False, True):
            self.assertEqual(self.status(self.bob, 11, Chat("ann", content="x", transient=transient)), FORBIDDEN)
        self.assertEqual(self.ann.listen(), [])
        self.assertEqual(self.status(self.ann, 11, Chat("bob", content="y")), Status.SENT)
        self.assertEqual(self.status(self.ann, 115, Block("bob", False)), OK)
        self.assertEqual(self.status(self.bob, 11, Chat("ann", content="x")), Status.SENT)
        self.assertEqual(self.status(self.ann, 115, Block("ann")), Status.BAD_REQUEST)
