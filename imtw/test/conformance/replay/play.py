"""
Plays one case: does its steps one after the other and notes which events each brought.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, NamedTuple

from .connection import Connection
from .match import mayBeAll, sameStep
from .values import Normal, Values
from .websocket import WebSocket
from .wire import Bytes, Event, Step, Wire
from .wire_easyim import Protobuf
from .wire_http import Answers, request
from .wire_jim import Jim

QUIET = 0.25  # seconds without an event that end a step
LIMIT = 20.0  # seconds a step may last
LINGER = 0.1  # seconds for the server to see that clients are gone, so that its notices do not reach the next case
WIRES: dict[str, type[Wire]] = {"json": Wire, "bytes": Bytes, "jim": Jim, "pb": Protobuf, "http": Answers}

Case = dict[str, Any]
Events = dict[str, list[Event]]


class Server(NamedTuple):
    """
    Where the server under test is.

    @ivar second: its second port, for steps that are for that one; the port
        behind the first unless it is given.
    @ivar settle: the quiet time that ends a step, unless the case itself asks
        for another.
    """

    host: str
    port: int
    settle: float = QUIET
    second: int = 0

    def at(self, step: Step) -> int:
        """
        The port that a step is for.
        """
        return (self.second or self.port + 1) if step.get("second") else self.port


async def play(case: Case, server: Server) -> list[Events]:
    """
    The events of each step.  It is waited for as many as are expected.
    """
    played = Play(case, server)
    try:
        return [await played.step(step, want) for step, want in zip(case["steps"], case["expect"], strict=True)]
    finally:
        for connection in played.connections.values():
            await connection.close()
        await asyncio.sleep(LINGER)


async def verdict(case: Case, server: Server) -> str:
    """
    Play a case.

    @return: the steps that brought something else than expected, or nothing.
    """
    try:
        return failure(case, await play(case, server))
    except Exception as error:  # a case that cannot be played is a failed case
        return f"  {type(error).__name__}: {error}"


def failure(case: Case, seen: list[Events]) -> str:
    """
    The steps that brought something else than expected, or nothing.
    """
    lines = []
    for number, (step, want, got) in enumerate(zip(case["steps"], case["expect"], seen, strict=True)):
        if not sameStep(want, got):
            lines.append(f"  step {number} {show(step)}\n    want {show(want)}\n    got  {show(got)}")
    return "\n".join(lines)


def show(value: object) -> str:
    """
    A value in one line.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


class Play:
    """
    A case under way.
    """

    def __init__(self, case: Case, server: Server) -> None:
        self.case = case
        self.server = server
        self.connections: dict[str, Connection] = {}
        self.values = Values()
        self.exact = bool(case.get("exact"))
        self.normal = Normal(self.values, self.exact, server.host, server.port, server.at({"second": True}))

    async def step(self, raw: Step, want: dict[str, Any]) -> Events:
        """
        Do a step, and wait for what it brings.
        """
        events = await self.act(raw)
        await self.settle(raw, want)
        for name, connection in self.connections.items():
            if came := connection.take():
                events[name] = came
        self.values.capture(events, raw.get("capture", {}))
        normal: Events = self.normal(events)
        return normal

    async def act(self, raw: Step) -> Events:
        """
        Do what the step says; the events that are known at once.
        """
        step = self.values.fill(raw)
        if "open" in step:
            return await self.open(step)
        if "send" in step:
            await self.send(raw)
        elif "http" in step:
            answer = await request(self.server.host, self.server.at(step), step, self.exact)
            return {step.get("as", "http"): [answer]}
        elif "close" in step:
            await self.connections[step["close"]].close(step.get("code"))
        elif "wait" in step:
            await asyncio.sleep(step["wait"])
        return {}

    async def open(self, step: Step) -> Events:
        """
        Open a connection.
        """
        carrier, _, name = step["via"].partition(":")
        wire = WIRES[name](self.exact)
        connection = Connection(wire, WebSocket(wire) if carrier == "ws" else None)
        try:
            await connection.open(self.server.host, self.server.at(step), step)
        except ConnectionError:
            return {step["open"]: [{"refused": True}]}
        self.connections[step["open"]] = connection
        return {}

    async def send(self, raw: Step) -> None:
        """
        Send something, once or several times.
        """
        if not (connection := self.connections.get(raw["send"])):
            return  # it was refused, as its event says
        for number in range(raw.get("times", 1)):
            await connection.send(self.values.fill(raw, number))
            if "gap" in raw:
                await asyncio.sleep(raw["gap"])

    async def settle(self, step: Step, want: dict[str, Any]) -> None:
        """
        Wait until everything expected is there and nothing more comes.
        """
        quiet: Any = step.get("settle", self.case.get("settle", self.server.settle))
        need = {name: events for name, events in want.items() if name in self.connections}
        begun = time.monotonic()
        while time.monotonic() - begun < LIMIT:
            await asyncio.sleep(0.02)
            last = max([begun, *(connection.last for connection in self.connections.values())])
            isHere = all(mayBeAll(events, self.connections[name].events) for name, events in need.items())
            if isHere and time.monotonic() - last >= quiet:
                return
