"""
Asking who is online, and being told of changes.
"""

from __future__ import annotations

from imtw.commands import PRESENCE, Present, Status, WatchPresence
from imtw.events import Event, Presence
from imtw.limits import Limits
from imtw.outlet import Nowhere
from imtw.protocols.caller import NO_FORM
from imtw.test.handlers.harness import Client, HandlerTestCase, Short


class Telling(Short):
    """
    A form that tells of presence.
    """

    def encode(self, event: Event) -> bytes:
        """
        Who came, or went.
        """
        assert isinstance(event, Presence)
        return f"{event.user} {'came' if event.online else 'went'}\n".encode()


class PresenceTests(HandlerTestCase):
    """
    C{PRESENCE}.
    """

    limits = Limits(watching=3, watched=60.0)

    def setUp(self) -> None:
        """
        Ann asks.
        """
        super().setUp()
        self.ann = self.person("ann", "phone")
        self.ann.session.form = Telling(True)

    def watch(self, *users: str) -> list[str]:
        """
        Ann asks about these users.

        @return: who of them is online.
        """
        reply = self.ask(self.ann, PRESENCE.code, WatchPresence(list(users)))
        self.assertIs(reply.status, Status.OK)
        assert isinstance(reply.data, Present)
        self.assertEqual(reply.data.expires, int((self.clock.seconds() + 60) * 1000))
        return reply.data.online

    def visit(self, name: str) -> Client:
        """
        Somebody comes and goes.
        """
        person = self.person(name)
        self.core.lost(person.session)
        self.clock.advance(0)
        return person

    def test_told(self) -> None:
        """
        Who is online is said at once, each once, and changes are told until
        the time is over.
        """
        self.person("bob")
        self.ann.heard.clear()
        self.assertEqual(self.watch("bob", "cid", "bob"), ["bob"])
        self.visit("cid")
        self.visit("dan")
        self.assertEqual(self.ann.heard, ["cid came", "cid went"])
        self.clock.advance(60)
        self.visit("cid")
        self.assertEqual(self.ann.heard, ["cid came", "cid went"])

    def test_bounded(self) -> None:
        """
        A session watches as many as it may, those it asked about last; a name
        that nobody can have is kept nowhere.
        """
        self.watch("bob", "cid")
        self.watch("dan", "bob", "eve", "x" * 65, "")
        self.ann.heard.clear()
        for name in ("bob", "cid", "dan", "eve"):
            self.visit(name)
        self.assertEqual(self.ann.heard, [f"{n} {what}" for n in ("bob", "dan", "eve") for what in ("came", "went")])
        for number in range(100):
            self.watch(*(f"user{number}.{one}" for one in range(500)))
        self.assertEqual(len(self.core.attendance.watches), 3)

    def test_leaving(self) -> None:
        """
        Nothing is kept of a session that has gone.
        """
        self.watch("bob", "cid")
        self.assertEqual(len(self.core.attendance.watches), 2)
        self.core.lost(self.ann.session)
        self.assertEqual(len(self.core.attendance.watches), 0)

    def test_oneRequest(self) -> None:
        """
        A session that nothing can be told, such as that of one HTTP request,
        is answered and watches nobody.
        """
        session = self.core.newSession(Nowhere(), NO_FORM, "http", "192.0.2.1")
        session.ended = None
        session.user = self.ann.session.user
        reply = self.core.registry.byCode[PRESENCE.code].handle(WatchPresence(["ann", "bob"]), session)
        self.assertEqual(reply.data, Present(["ann"], int(self.clock.seconds() * 1000)))
        self.assertEqual(len(self.core.attendance.watches), 0)
