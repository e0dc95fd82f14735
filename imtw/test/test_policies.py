"""
Join policies: what becomes of one that fails, and who may join which group on
a server as it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer
from zope.interface.verify import verifyObject

from imtw.commands import JoinGroup, JoinResult, JoinVerdict, Reply, Status
from imtw.interfaces import IJoinPolicy
from imtw.limits import Limits
from imtw.model import User
from imtw.test.clients import StreamClient
from imtw.test.handlers.harness import HandlerTestCase
from imtw.test.live import LiveTestCase

JOIN, CREATE, INVITE = 7, 111, 121
JOINED, NOT_JOINED, OK = 10011, 10012, 10100


class MembersOnlyTests(LiveTestCase):
    """
    Into a group that was made on purpose nobody comes by asking.
    """

    async def joins(self, client: StreamClient, group: str) -> int:
        """
        Ask to be in a group; the answer's code.
        """
        return int(next(event["code"] for event in await client.ask(JOIN, {"group_id": group}) if "code" in event))

    async def made(self, *arguments: str) -> tuple[StreamClient, StreamClient]:
        """
        Ann's group, and Bob who is not in it.
        """
        live = await self.serve("--store", f"sqlite:{self.mktemp()}", *arguments)
        ann, bob = await self.tcp(live.port, "ann"), await self.tcp(live.port, "bob")
        self.assertEqual((await ann.ask(CREATE, {"group": "team", "name": "Team"}))[-1]["code"], OK)
        return ann, bob

    async def test_byInvitation(self) -> None:
        """
        A stranger is refused until somebody takes it in; members may say that
        they are there; groups that came to be by joining them are open.
        """
        ann, bob = await self.made()
        self.assertEqual(await self.joins(bob, "team"), NOT_JOINED)
        self.assertEqual(await self.joins(ann, "team"), JOINED)
        self.assertEqual((await ann.ask(INVITE, {"group": "team", "users": ["bob"]}))[-1]["code"], OK)
        self.assertEqual(await self.joins(bob, "team"), JOINED)
        self.assertEqual(await self.joins(ann, "open"), JOINED)
        self.assertEqual(await self.joins(bob, "open"), JOINED)

    async def test_without(self) -> None:
        """
        An operator who wants it otherwise switches the policy off.
        """
        _, bob = await self.made("--without", "members-only")
        self.assertEqual(await self.joins(bob, "team"), JOINED)


@implementer(IJoinPolicy)
class Policy:
    """
    A policy that does what it is told.
    """

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act

    def mayJoin(self, user: User, group: str) -> Any:
        return self.act()


class PolicyTests(HandlerTestCase):
    """
    Ann wants to be in a group, and there is a policy.
    """

    limits = Limits(joinPolicy=7.0)

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.person("ann")
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self.events.append)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)  # type: ignore[arg-type]

    def use(self, **acts: Callable[[], Any]) -> None:
        """
        Have these policies, in this order.
        """
        policies = [(name, Policy(act)) for name, act in acts.items()]
        self.assertTrue(all(verifyObject(IJoinPolicy, policy) for _, policy in policies))
        self.core.members.usePolicies(policies)

    def join(self) -> Reply:
        """
        Ask to be in the group.
        """
        return self.ask(self.ann, 7, JoinGroup("tea"))

    def refused(self, reply: Reply, error: type[Exception] | None = None, said: str = "") -> None:
        """
        It was refused; if that is because a policy failed, the log says so,
        and which.
        """
        reason = said.partition(" ")[2]
        self.assertEqual(reply.reason, reason and f"the join policy {reason}")
        formats = [formatEvent(event) for event in self.events if event["log_level"] is LogLevel.critical]
        self.assertEqual(formats, [f"ann is not let into tea: the join policy {said}"] if said else [])
        self.events.clear()
        self.assertEqual((reply.status, reply.data), (Status.NOT_JOINED, JoinResult("tea", JoinVerdict.REFUSED)))
        self.assertFalse(self.ann.session.isIn("tea"))
        logged = self.flushLoggedErrors()
        self.assertEqual([failure.type for failure in logged], [error] if error else [])

    def test_verdicts(self) -> None:
        """
        A policy answers at once or later; the first that refuses decides.
        """
        self.use(one=lambda: succeed(JoinVerdict.OK), two=lambda: JoinVerdict.REFUSED, three=self.fail)
        self.refused(self.join())
        self.use(one=lambda: succeed(JoinVerdict.OK))
        self.assertEqual(self.join().status, Status.JOINED)

    def test_late(self) -> None:
        """
        One that does not answer refuses at its deadline, not before, and what
        was asked is told so; its answer does not count any more.
        """
        cancelled: list[Any] = []
        asked: Deferred[JoinVerdict] = Deferred(cancelled.append)
        self.use(slow=lambda: asked)
        self.ann.answers.clear()
        self.ann.lane.take(7, JoinGroup("tea"))
        self.clock.advance(6.9)
        self.assertEqual((self.ann.answers, cancelled), ([], []))
        self.clock.advance(0.2)
        [reply] = self.ann.answers
        self.assertEqual(cancelled, [asked])
        self.refused(reply, TimeoutError, "slow has not answered within 7 s")
        self.use()
        self.assertEqual(self.join().status, Status.JOINED)

    def test_broken(self) -> None:
        """
        One that fails refuses, and so does one that says neither yes nor no.
        """

        def fails() -> None:
            raise ZeroDivisionError("a bug of the policy's")

        self.use(bad=fails)
        self.refused(self.join(), ZeroDivisionError, "bad failed")
        self.use(odd=lambda: None)
        self.refused(self.join(), ValueError, "odd failed")
