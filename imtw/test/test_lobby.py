"""
The lobby is there before anybody comes.
"""

from __future__ import annotations

import json

from imtw.test.live import Live, LiveTestCase, serve
from imtw.test.wire import codes, public

HALL = ("--lobby", "200=Hall")


class LobbyTests(LiveTestCase):
    """
    What is said to the lobby is kept, whoever was there first.
    """

    async def history(self, live: Live) -> list[str]:
        """
        What was said in the lobby.
        """
        ann = await self.tcp(live.port, "ann")
        ann.say(19, {"userId": "ann", "groupId": "200", "type": 1})
        (answer,) = [one for one in await ann.upTo(20) if one["command"] == 20]
        await ann.closedByUs()
        return [one["content"] for one in answer.get("data", {}).get("groups", {}).get("200", [])]

    async def test_beforeTheFirstLogin(self) -> None:
        """
        A message that an application sends to the lobby of a server where
        nobody was yet is kept, in every store.
        """
        for store in ("memory:", f"sqlite:{self.mktemp()}"):
            live = await self.serve("--store", store, *HALL)
            sent = {**public("200", "welcome"), "from": "desk"}
            answer = await self.http(live.port, "POST", "/api/message/send", sent)
            self.assertEqual((answer.status, json.loads(answer.body)["code"]), (200, 10000))
            self.assertEqual(await self.history(live), ["welcome"])

    async def test_laterLobby(self) -> None:
        """
        A lobby that is named at a restart takes what those say who came
        before it, and keeps it over the next.
        """
        store = "--store", f"sqlite:{self.mktemp()}"
        for lobby, wanted in (("none", []), (HALL[1], ["hello"]), (HALL[1], ["hello", "hello"])):
            live = await serve(*store, "--lobby", lobby)
            try:
                ann = await self.tcp(live.port, "ann")
                ann.say(11, public("200", "hello"))
                self.assertEqual(codes(await ann.upTo(12), 12), [10000])
                await ann.closedByUs()
                self.assertEqual(await self.history(live), wanted)
            finally:
                await live.stop()
