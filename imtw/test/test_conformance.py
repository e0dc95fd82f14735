"""
What J-IM 2.6 was recorded to say, imtw says, too: the conversations in
C{conformance/jim}, on real sockets.
"""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from typing import Any

from twisted.internet.threads import deferToThread

from imtw.test.clients import HOST
from imtw.test.conformance.replay.play import LINGER, Case, Server, verdict
from imtw.test.live import ANY_PORT, LiveTestCase

SETTLE = 0.1  # seconds; enough for a server on the same machine
SIDE_BY_SIDE = 8  # servers at a time: what takes time is to see that nothing more comes
OWN = ("--auth", "accounts:", "--port-for", f"jim={ANY_PORT}")
COMMON = ("--auth", "accounts:", "--port", ANY_PORT)
WITHOUT_STORE = "no-store"


def casesOf(*features: str) -> list[Case]:
    """
    The cases whose names begin with one of these words.
    """
    folder = files("imtw.test.conformance").joinpath("jim")
    found = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json") and file.name.partition("-")[0] in features
    ]
    return [case for case in found if case.get("needs") != WITHOUT_STORE]


def weight(case: Case) -> float:
    """
    About how many seconds a case takes.
    """
    settle = case.get("settle", SETTLE)
    return LINGER + sum(float(step.get("settle", settle)) + 0.02 + float(step.get("wait", 0)) for step in case["steps"])


def lots(cases: list[Case], count: int) -> list[list[Case]]:
    """
    The cases in lots that take about the same time.
    """
    made: list[list[Case]] = [[] for _ in range(min(count, len(cases)))]
    for case in sorted(cases, key=weight, reverse=True):
        min(made, key=lambda lot: sum(map(weight, lot))).append(case)
    return made


async def playLot(lot: list[Case], port: int, times: int) -> list[str]:
    """
    Play some cases one after the other, and all of them again.

    @return: what went wrong.
    """
    server = Server(HOST, port, SETTLE)
    wrong = []
    for time in range(times):
        for case in lot:
            if text := await verdict(case, server):
                wrong.append(f"FAIL {case['name']} (play {time + 1})\n{text}")
    return wrong


async def playLots(piles: list[tuple[list[Case], int]], times: int) -> list[str]:
    """
    Play several lots side by side, each on the server of its port.
    """
    found = await asyncio.gather(*(playLot(lot, port, times) for lot, port in piles))
    return [text for wrong in found for text in wrong]


class ConformanceTests(LiveTestCase):
    """
    On a port of its own, where only J-IM's rules hold, over a long-lived
    server with SQLite, twice; and on the common port.
    """

    timeout = 100

    async def replay(self, cases: list[Case], *arguments: str, times: int = 2) -> None:
        """
        Play cases on as many servers as it takes.
        """
        piles = []
        for lot in lots(cases, SIDE_BY_SIDE):
            store = ("--store", f"sqlite:{self.mktemp()}") if "--store" not in arguments else ()
            live = await self.serve(*store, *arguments)
            piles.append((lot, live.port))
        wrong: list[Any] = await deferToThread(lambda: asyncio.run(playLots(piles, times)))
        if wrong:
            self.fail("\n" + "\n".join(wrong))
        self.assertNothingLogged()

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
        folder = files("imtw.test.conformance").joinpath("jim")
        found = [json.loads(file.read_text(encoding="utf-8")) for file in folder.iterdir()]
        cases = [case for case in found if case.get("needs") == WITHOUT_STORE]
        self.assertNotEqual(cases, [])
        await self.replay(cases, "--store", "none:", *OWN)

    def test_allCases(self) -> None:
        """
        Every case that there is, is in one of these tests.
        """
        folder = files("imtw.test.conformance").joinpath("jim")
        played = casesOf(
            *("chat", "handshake", "auth", "login", "heartbeat", "close", "frame", "ws", "protocol", "http", "slow"),
            *("group", "getuser", "getmsg", "store"),
        )
        self.assertEqual(len(played) + 1, sum(file.name.endswith(".json") for file in folder.iterdir()))


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
