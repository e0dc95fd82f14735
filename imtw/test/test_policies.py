"""
Who may join which group, on a server as it comes.
"""

from __future__ import annotations

from imtw.test.clients import StreamClient
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
