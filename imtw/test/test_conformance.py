"""
What J-IM 2.6 was recorded to say, imtw says, too: the conversations in
C{conformance/jim}, on real sockets.
"""

from __future__ import annotations

import asyncio
import json

from twisted.internet.threads import deferToThread

from imtw.test.conformance.lots import SETTLE, ReplayTestCase, casesIn
from imtw.test.conformance.replay.match import mayBeAll
from imtw.test.conformance.replay.play import Case, Server, verdict
from imtw.test.live import ANY_PORT, LiveTestCase
from imtw.test.wire import HOST

OWN = ("--auth", "accounts:", "--port-for", f"jim={ANY_PORT}")
COMMON = ("--auth", "accounts:", "--port", ANY_PORT)
WITHOUT_STORE = "no-store"


def casesOf(*features: str) -> list[Case]:
    """
    The cases whose names begin with one of these words.
    """
    found = [case for case in casesIn("jim") if case["name"].partition("-")[0] in features]
    return [case for case in found if case.get("needs") != WITHOUT_STORE]


class ConformanceTests(ReplayTestCase):
    """
    On a port of its own, where only J-IM's rules hold, over a long-lived
    server with SQLite, twice; and on the common port.
    """

    async def test_chat(self) -> None:
        """
        Chat: what is said, to whom, in which order, and what is refused.
        """
        await self.replay(casesOf("chat"), *OWN)

    async def test_connection(self) -> None:
        """
        Handshake, auth, login, heartbeat, close.
        """
        await self.replay(casesOf("handshake", "auth", "login", "heartbeat", "close"), *OWN)

    async def test_wire(self) -> None:
        """
        Frames, WebSockets, and telling one from the other.
        """
        await self.replay(casesOf("frame", "ws", "protocol"), *OWN)

    async def test_http(self) -> None:
        """
        HTTP.
        """
        await self.replay(casesOf("http", "slow"), *OWN)

    async def test_queries(self) -> None:
        """
        Groups, users and messages that are asked for.
        """
        await self.replay(casesOf("group", "getuser", "getmsg"), *OWN)

    async def test_store(self) -> None:
        """
        What is kept: pending messages, history, presence.
        """
        await self.replay(casesOf("store"), *OWN)

    async def test_commonPort(self) -> None:
        """
        Where other dialects are spoken, too, chat, login and WebSockets are
        the same.
        """
        await self.replay(casesOf("chat", "login", "ws"), *COMMON, times=1)

    async def test_withoutStore(self) -> None:
        """
        Without a store there are no messages to be had.
        """
        cases = [case for case in casesIn("jim") if case.get("needs") == WITHOUT_STORE]
        self.assertNotEqual(cases, [])
        await self.replay(cases, "--store", "none:", *OWN)

    def test_allCases(self) -> None:
        """
        Every case that there is, is in one of these tests.
        """
        played = casesOf(
            *("chat", "handshake", "auth", "login", "heartbeat", "close", "frame", "ws", "protocol", "http", "slow"),
            *("group", "getuser", "getmsg", "store"),
        )
        self.assertEqual(len(played) + 1, len(casesIn("jim")))


class ReplayTests(LiveTestCase):
    """
    Negative controls: the tool sees what is wrong.
    """

    async def test_seesDifferences(self) -> None:
        """
        A case that expects something else fails, and says what came.
        """
        live = await self.serve(*OWN)
        case = next(case for case in casesOf("heartbeat") if case["name"] == "heartbeat-raw-byte")
        changed = json.loads(json.dumps(case).replace("-128", "-127"))
        text: str = await deferToThread(lambda: asyncio.run(verdict(changed, Server(HOST, live.port, SETTLE))))
        self.assertIn("want", text)
        self.assertIn("-128", text)

    def test_waitsForTheEnd(self) -> None:
        """
        What was wanted is not all there while the end of the connection is
        missing, whatever else came in its place.
        """
        want = [{"<optional>": {"close": "<any>"}}, {"closed": True}]
        self.assertFalse(mayBeAll(want, [{"close": 1009}]))
        self.assertTrue(mayBeAll(want, [{"close": 1009}, {"closed": True}]))
        self.assertTrue(mayBeAll(want, [{"closed": True}]))
        self.assertFalse(mayBeAll([{"json": 1}, "<more>"], []))
        self.assertTrue(mayBeAll({"<set>": [{"json": 1}]}, [{"json": 2}]))
