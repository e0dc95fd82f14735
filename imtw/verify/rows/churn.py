"""
O14: connections that come and go leave nothing behind.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic, sleep

from imtw.verify import websocket, wire
from imtw.verify.caller import Caller, NoAnswer
from imtw.verify.crowd import RESET, Address
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.rows.hostile import isThere
from imtw.verify.server import Server

MIB = 1024 * 1024
FLAT = 4 * MIB  # of memory, in the second half
PATIENCE = 5.0
#: What a connection does before it is dropped: (weight, what it sends, whether it waits for an answer).
WAYS = [
    (2, b"", False),
    (1, b"\x01", False),
    (2, wire.frame(wire.HEARTBEAT), True),
    (3, b"login", True),
    (1, b"GET / HTTP/1.1\r\nHost: x\r\n", False),
    (1, b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", True),
    (1, websocket.upgrade() + b"\r\n", True),
]


def leavesNothing(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    with stage.tested() as (address, server):
        return [play(stage, address, server)]


def play(stage: Stage, address: Address, server: Server | None) -> Result:
    """
    Connect and drop, in all ways.
    """
    count = stage.size(1600, 100_000)
    weights = [way[0] for way in WAYS]
    sizes: list[int] = []
    files: list[int] = []
    failed = 0
    began = monotonic()
    with stage.progress("connections", count, "connections") as bar:
        # Half of them to get going, and then to look.
        for part in range(3):
            if part and server is not None:
                settle(server, files[0] if files else 0)
                sizes.append(server.memory())
                files.append(server.descriptors())
            for number in range(count // 2 if part < 2 else 0):
                _, data, waits = stage.random.choices(WAYS, weights)[0]
                if data == b"login":
                    data = wire.login(stage.name(f"user{stage.random.randrange(500)}"))
                failed += not once(address, data, waits, stage.random.random() < 0.5)
                if number % 100 == 99:
                    bar.update(100)
    rate = count / (monotonic() - began)
    isAlive = isThere(address)
    figure = f"failed {failed}, {'alive' if isAlive else 'CRASHED'}"
    target, holds = "0, alive", not failed and isAlive
    if server is not None:
        grown, left = sizes[1] - sizes[0], files[1] - files[0]
        figure = f"{grown / MIB:+.1f} MiB, descriptors {left:+d}, {figure}"
        target = f"{FLAT // MIB} MiB, +0, {target}"
        holds = holds and grown <= FLAT and left <= 0
    return judged(
        "O14", "connections that go leave nothing", f"{count} connections", figure, target, holds,
        f"from the first half to the second; {rate:.0f} a second",
    )  # fmt: skip


def once(address: Address, data: bytes, waits: bool, isRude: bool) -> bool:
    """
    One connection.

    @return: whether it could be made, and was answered.
    """
    try:
        with socket.create_connection(address, PATIENCE) as connection:
            if data:
                connection.sendall(data)
            if waits and not connection.recv(65536):
                return False
            if isRude:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    except OSError:
        return False
    return True


def settle(server: Server, files: int) -> None:
    """
    Give the server a moment to see the last ones go.
    """
    end = monotonic() + PATIENCE
    with suppress(OSError, NoAnswer), Caller(server.address) as caller:
        caller.send(wire.frame(wire.HEARTBEAT))
        caller.hear(wire.HEARTBEAT)
    while files and server.descriptors() > files and monotonic() < end:
        sleep(0.05)
    sleep(0.2)
