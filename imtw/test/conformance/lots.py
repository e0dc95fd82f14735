"""
Plays many recorded conversations against servers of their own.
"""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from typing import Any

from twisted.internet.threads import deferToThread

from imtw.test.conformance.replay.play import LINGER, Case, Server, verdict
from imtw.test.live import LiveTestCase
from imtw.test.wire import HOST

SETTLE = 0.1  # seconds; enough for a server on the same machine
SIDE_BY_SIDE = 8  # servers at a time: what takes time is to see that nothing more comes


def casesIn(folder: str) -> list[Case]:
    """
    All cases of a dialect.
    """
    found = files("imtw.test.conformance").joinpath(folder).iterdir()
    names = sorted((file for file in found if file.name.endswith(".json")), key=lambda file: file.name)
    return [json.loads(file.read_text(encoding="utf-8")) for file in names]


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


async def playLot(lot: list[Case], ports: list[int], times: int) -> list[str]:
    """
    Play some cases one after the other, and all of them again.

    @param ports: the server's first one, and perhaps its second.
    @return: what went wrong.
    """
    server = Server(HOST, ports[0], SETTLE, *ports[1:2])
    wrong = []
    for time in range(times):
        for case in lot:
            if text := await verdict(case, server):
                wrong.append(f"FAIL {case['name']} (play {time + 1})\n{text}")
    return wrong


async def playLots(piles: list[tuple[list[Case], list[int]]], times: int) -> list[str]:
    """
    Play several lots side by side, each on the server of its ports.
    """
    found = await asyncio.gather(*(playLot(lot, ports, times) for lot, ports in piles))
    return [text for wrong in found for text in wrong]


class ReplayTestCase(LiveTestCase):
    """
    Tests that play conversations.
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
            piles.append((lot, live.ports))
        await self.playOn(piles, times)

    async def playOn(self, piles: list[tuple[list[Case], list[int]]], times: int) -> None:
        """
        Play lots of cases side by side, each on the ports of a server.
        """
        wrong: list[Any] = await deferToThread(lambda: asyncio.run(playLots(piles, times)))
        if wrong:
            self.fail("\n" + "\n".join(wrong))
        self.assertNothingLogged()
