"""
Tests for L{imtw.handlers.reading}, L{imtw.handlers.sync} and edits.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from imtw.commands import (
    AskPassport,
    Block,
    Chat,
    Edit,
    GetHistory,
    GetMessages,
    JoinGroup,
    ListConversations,
    Nothing,
    Read,
    Recall,
    Received,
    Status,
    Sync,
    SyncState,
)
from imtw.errors import CommandRefused
from imtw.model import Entry, User, groupPair, privatePair
from imtw.test.handlers.harness import Client, HandlerTestCase

CHAT = privatePair("ann", "bob")


class ReadingTests(HandlerTestCase):
    """
    Ann speaks, Bob reads, on a phone and a pad and an old client.
    """

    def setUp(self) -> None:
        """
        They are here.
        """
        super().setUp()
        self.ann = self.person("ann", "laptop")
        self.phone = self.person("bob", "phone")
        self.pad = self.person("bob", "pad")
        self.old = self.person("bob")

    def say(self, content: str, to: str = "bob", who: Client | None = None, **more: str) -> None:
        """
        Say something.
        """
        self.ask(who or self.ann, 11, Chat(to, content=content, **more))  # type: ignore[arg-type]

    def heard(self) -> list[list[str]]:
        """
        What everybody heard since the last time.
        """
        return [one.listen() for one in (self.ann, self.phone, self.pad, self.old)]

    def test_read(self) -> None:
        """
        Reading is told to the partner and one's own other devices, as far as
        there is something to read.
        """
        self.say("one")
        self.say("two")
        self.heard()
        self.assertEqual(self.data(self.phone, 102, Read(1, "ann")).seq, 1)
        self.assertEqual(self.heard(), [["read bob ann 1"], [], ["read bob ann 1"], []])
        self.assertEqual(self.data(self.old, 102, Read(99, "ann")).seq, 2)
        self.assertEqual(self.heard(), [["read bob ann 2"], ["read bob ann 2"], ["read bob ann 2"], []])
        self.assertEqual(self.status(self.phone, 102, Read(1, "zoe")), Status.NOT_FOUND)
        self.assertEqual(self.status(self.phone, 102, Read(1)), Status.BAD_REQUEST)

    def test_readOfBlocked(self) -> None:
        """
        A partner who has blocked the reader is not told, the reader's own
        devices are.
        """
        self.say("one")
        self.data(self.ann, 115, Block("bob"))
        self.heard()
        self.assertEqual(self.data(self.phone, 102, Read(1, "ann")).seq, 1)
        self.assertEqual(self.heard(), [[], [], ["read bob ann 1"], []])
        self.data(self.ann, 115, Block("bob", blocked=False))
        self.data(self.phone, 102, Read(1, "ann"))
        self.assertEqual(self.heard(), [["read bob ann 1"], [], ["read bob ann 1"], []])

    def test_readInGroup(self) -> None:
        """
        In a group nobody else is told.
        """
        for who in (self.ann, self.phone):
            self.ask(who, 7, JoinGroup("g"))
        self.ask(self.ann, 11, Chat(group="g", content="one"))
        self.heard()
        self.assertEqual(self.data(self.phone, 102, Read(1, group="g")).seq, 1)
        self.assertEqual(self.heard(), [[], [], ["read bob g 1"], []])

    def test_conversations(self) -> None:
        """
        The list has what is unread, and the newest first.
        """
        self.say("one")
        self.clock.advance(1)
        self.say("hi", "bob", self.person("cid"))
        found = self.data(self.phone, 108, ListConversations()).conversations
        self.assertEqual([one.pair for one in found], [privatePair("bob", "cid"), CHAT])
        self.assertEqual([(one.unread, one.last.content) for one in found], [(1, "hi"), (1, "one")])
        self.data(self.phone, 102, Read(1, "ann"))
        [older] = self.data(self.pad, 108, ListConversations(found[0].last.ts)).conversations
        self.assertEqual((older.pair, older.unread, older.read), (CHAT, 0, 1))

    def test_history(self) -> None:
        """
        A conversation is paged by seq both ways.
        """
        for number in range(1, 8):
            self.say(f"{number}")
        for request, wanted in (
            (GetHistory("ann", limit=2), "67"),
            (GetHistory("ann", before=6, limit=2), "45"),
            (GetHistory("ann", after=0, limit=2), "12"),
            (GetHistory("ann", after=6), "7"),
            (GetHistory("zoe"), ""),
        ):
            messages = self.data(self.old, 109, request).messages
            self.assertEqual("".join(message.content for message in messages), wanted, request)

    def test_sync(self) -> None:
        """
        Reading on is complete, or has a gap, or begins anew.
        """
        for number in range(1, 6):
            self.say(f"{number}")
        found = self.data(self.phone, 103, Sync(0, "ann", limit=3))
        self.assertEqual((found.state, found.head, found.start), (SyncState.GAP, 5, 4))
        found = self.data(self.phone, 103, Sync(3, "ann", limit=3))
        self.assertEqual((found.state, found.head, found.start), (SyncState.COMPLETE, 5, None))
        self.assertEqual([row.seq for row in found.messages], [4, 5])
        found = self.data(self.phone, 103, Sync(9, "ann"))
        self.assertEqual((found.state, found.head, found.messages), (SyncState.RESET, 5, []))

    def test_othersDevices(self) -> None:
        """
        On which device somebody speaks is shown to nobody else, an operator
        neither, whichever way rows are read.
        """
        self.say("one", id="m1")
        self.data(self.ann, 110, Edit("m1", "two", "bob"))
        self.say("hi", "ann", self.phone)
        for who, mine in ((self.ann, "laptop"), (self.phone, "phone"), (self.old, "phone")):
            user = who.session.user
            assert user is not None
            partner = "ann" if user.id == "bob" else "bob"
            rows = [
                *self.data(who, 103, Sync(0, partner)).messages,
                *self.data(who, 109, GetHistory(partner)).messages,
                *(one.last for one in self.data(who, 108, ListConversations()).conversations),
            ]
            self.assertEqual(len(rows), 6)
            for row in rows:
                self.assertEqual(row.device, mine if row.sender == user.id else "", row)
        for who in (self.ann, self.person("eve", operator=True)):
            self.ask(who, 7, JoinGroup("g"))
        self.ask(self.ann, 11, Chat(group="g", content="all"))
        eve = self.person("eve")
        [row] = self.data(eve, 109, GetHistory(group="g")).messages
        self.assertEqual((row.sender, row.device), ("ann", ""))

    def test_edit(self) -> None:
        """
        An edit is told to all devices, its speaker's, too; old clients see
        it in the history.
        """
        self.say("one", id="m1")
        self.heard()
        edited = self.data(self.ann, 110, Edit("m1", "two", "bob"))
        self.assertEqual((edited.id, edited.seq), ("m1", 2))
        self.assertEqual(self.heard(), [["edited ann two"], ["edited ann two"], ["edited ann two"], []])
        self.assertEqual(self.data(self.ann, 110, Edit("m1", "two", "bob")).seq, 2)
        self.assertEqual(self.heard(), [[], [], [], []])
        found = self.ask(self.old, 19, GetMessages("bob", partner="ann")).data
        self.assertEqual([message.content for message in found.friends["ann"]], ["two"])  # type: ignore[union-attr]
        self.assertEqual(self.status(self.phone, 110, Edit("m1", "x", "ann")), Status.FORBIDDEN)
        self.assertEqual(self.status(self.ann, 110, Edit("m2", "x", "bob")), Status.NOT_FOUND)
        self.clock.advance(121)
        self.assertEqual(self.status(self.ann, 110, Edit("m1", "x", "bob")), Status.TOO_LATE)

    def test_missedChanges(self) -> None:
        """
        A device that was away is told of edits and recalls, and not of what
        was said and taken back.
        """
        self.pad.session.close()
        for id in ("1", "2", "3"):
            self.say(f"m{id}", id=id)
        self.data(self.ann, 110, Edit("2", "two", "bob"))
        self.data(self.ann, 110, Edit("1", "gone", "bob"))
        self.ask(self.ann, 15, Recall("1", "bob"))
        pad = Client(self.core, "bob", "pad")
        self.clock.advance(0)
        self.assertEqual(pad.listen(), ["said ann two", "said ann m3", "edited ann two", "recalled ann None"])

    def test_cursors(self) -> None:
        """
        What a device is told does not move the cursor of those without a
        name, nor does what it reads.
        """
        self.old.session.close()
        self.say("one")
        self.core.cursors.flush()
        self.ask(self.phone, 19, GetMessages("bob", True))
        self.phone.session.close()
        self.core.cursors.flush()
        old = Client(self.core, "bob")
        found = self.ask(old, 19, GetMessages("bob", True)).data
        self.assertEqual(len(found.friends["ann"]), 1)  # type: ignore[union-attr]
        found = self.ask(old, 19, GetMessages("bob", True)).data
        self.assertEqual(found.friends, {})  # type: ignore[union-attr]
        self.say("two")
        self.core.cursors.flush()
        self.assertEqual(self.ask(old, 19, GetMessages("bob", True)).data.friends, {})  # type: ignore[union-attr]

    def test_groupCursors(self) -> None:
        """
        The same in a group.
        """
        self.ask(self.old, 7, JoinGroup("g"))
        self.ask(self.old, 11, Chat(group="g", content="zero"))
        self.core.cursors.flush()
        self.old.session.close()
        self.ask(self.ann, 11, Chat(group="g", content="one"))
        self.clock.advance(0)
        self.assertIn("said ann one", self.phone.listen())
        self.phone.session.close()
        self.core.cursors.flush()
        [(place, [message])] = self.successResultOf(self.core.store.pending("bob", groupPair("g"), 10))
        self.assertEqual((place.cursor, message.content), (1, "one"))

    def test_devices(self) -> None:
        """
        A user's devices are listed, and no others.
        """
        found = self.data(self.old, 117, Nothing()).devices
        self.assertEqual([one.id for one in found], ["pad", "phone"])

    def test_passport(self) -> None:
        """
        A message's passport says when it was stored and which devices have
        confirmed it; only its sender and operators see it.
        """
        self.say("one", id="m1")
        self.say("two", id="m2")
        self.data(self.phone, 101, Received(1, "ann"))
        told = self.data(self.ann, 120, AskPassport("m1", "bob"))
        self.assertEqual((told.id, told.seq, told.time), ("m1", 1, self.core.now()))
        self.assertEqual((told.total, told.confirmed), (2, 1))
        self.assertEqual(
            [(one.user, one.device, one.confirmed) for one in told.devices],
            [("bob", "pad", False), ("bob", "phone", True)],
        )
        self.assertEqual(self.data(self.ann, 120, AskPassport("m2", "bob")).confirmed, 0)
        self.assertEqual(self.status(self.phone, 120, AskPassport("m1", "ann")), Status.NOT_FOUND)
        self.assertEqual(self.status(self.ann, 120, AskPassport("m9", "bob")), Status.NOT_FOUND)
        self.assertEqual(self.status(self.phone, 120, AskPassport("m1", "bob", user="ann")), Status.FORBIDDEN)
        olga = self.person("olga", operator=True)
        self.assertEqual(self.data(olga, 120, AskPassport("m1", "bob", user="ann")).confirmed, 1)

    def test_passportOnItsWay(self) -> None:
        """
        A passport tells when each device was handed the message, when that
        was written, and when the device confirmed it.
        """
        self.phone.isWaiting = True
        began = self.core.now()
        self.say("one", id="m1")
        self.clock.advance(2.0)

        def steps() -> list[tuple[str, int | None, int | None, int | None]]:
            told = self.data(self.ann, 120, AskPassport("m1", "bob"))
            asked = [(one.device, one.queued, one.written, one.received) for one in told.devices]
            return [(name, *(None if at is None else at - began for at in times)) for name, *times in asked]

        self.assertEqual(steps(), [("pad", 0, 0, None), ("phone", 0, None, None)])
        self.phone.isWaiting = False
        self.assertEqual(steps(), [("pad", 0, 0, None), ("phone", 0, 2000, None)])
        self.clock.advance(1.0)
        self.say("two", id="m2")
        self.data(self.phone, 101, Received(2, "ann"))
        self.clock.advance(1.0)
        self.data(self.pad, 101, Received(1, "ann"))
        self.assertEqual(steps(), [("pad", 0, 0, 4000), ("phone", 0, 2000, 3000)])

    def test_passportAfterCatchingUp(self) -> None:
        """
        A device that was away was handed the message when it came back; one
        whose connection ended before it was written has nothing written.
        """
        self.core.attendance.exit(self.phone.session)
        self.pad.isWaiting = True
        began = self.core.now()
        self.say("one", id="m1")
        self.pad.isWaiting, self.pad.isClosed = False, True
        self.clock.advance(5.0)
        self.person("bob", "phone")
        self.clock.advance(1.0)
        told = self.data(self.ann, 120, AskPassport("m1", "bob"))
        self.assertEqual(
            [(one.device, one.queued and one.queued - began, one.written is None) for one in told.devices],
            [("pad", 0, True), ("phone", 5000, False)],
        )

    def test_passportOfOldClient(self) -> None:
        """
        Of a client without a device it tells how far it has got, no more.
        """
        self.person("cid")
        self.ask(self.ann, 11, Chat("cid", content="one", id="m1"))
        (one,) = self.data(self.ann, 120, AskPassport("m1", "cid")).devices
        self.assertEqual((one.device, one.queued, one.written, one.received), ("", None, None, None))

    def test_passportInGroup(self) -> None:
        """
        In a group it has only counts.
        """
        for who in (self.ann, self.phone, self.person("cid")):
            self.ask(who, 7, JoinGroup("g"))
        self.ask(self.ann, 11, Chat(group="g", content="one", id="m1"))
        self.data(self.pad, 101, Received(1, group="g"))
        told = self.data(self.ann, 120, AskPassport("m1", group="g"))
        self.assertEqual((told.total, told.confirmed, told.devices), (3, 1, []))


class EnteringTests(HandlerTestCase):
    """
    Who is about to enter.
    """

    def test_revokedMeanwhile(self) -> None:
        """
        A device that is dropped while it logs in does not get in.
        """
        client = self.person("bob", "phone")
        self.core.attendance.exit(client.session)
        waiting: Deferred[Entry] = Deferred()
        self.patch(self.core.store, "enter", lambda *arguments: waiting)
        entering = Deferred.fromCoroutine(self.core.attendance.enter(client.session, User("bob", "bob")))
        self.core.attendance.revoke("bob", "phone")
        waiting.callback(Entry(User("bob", "bob"), False, [], []))
        refused = self.failureResultOf(entering, CommandRefused).value
        self.assertEqual((refused.status, refused.close), (Status.LOGIN_FAILED, True))
        self.assertFalse(self.core.sessions.online("bob"))
