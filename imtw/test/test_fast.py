"""
What a peer is sent is the same with every fast path and without any: two
servers hear the same bytes, cut in the same places, and are compared.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.tcp import Server as Transport
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from imtw.fast import PATHS, Fast, fastWithout
from imtw.protocols.outlet import TransportOutlet
from imtw.tap import makeServer
from imtw.test.distributions import optionsFor
from imtw.test.protocols.sockets import ClockTimer, cut
from imtw.test.wire import frameOf, socketFrame, upgradeOf

ADDRESS = IPv4Address("TCP", "127.0.0.1", 12345)
NAMES = ["ann", "bob", "cid", "dee"]  # the odd ones come by WebSocket
SMALL = 4096  # bytes of a socket's buffer, about: so that sends are cut
GROUP = "100"


class Stage:
    """
    A server in virtual time, with real sockets between it and four peers.

    @ivar heard: every byte that a peer was sent.
    """

    def __init__(self, *slow: str) -> None:
        self.clock = MemoryReactorClock()
        self.clock.advance(1_700_000_000)
        server = makeServer(optionsFor(*(f"--slow={path}" for path in slow)), self.clock)
        self.core = server.core
        self.core._node = "00000000"
        server.startService()
        self.clock.advance(0)
        factory: Any = self.clock.tcpServers[0][1]
        self.factory = factory
        self.factory.sockets._batched_timer = ClockTimer(self.clock)
        self.heard = [b""] * len(NAMES)
        self.far: list[socket.socket] = []
        self.near: list[Any] = []
        for who in range(len(NAMES)):
            self.connect(who)
        self.settle()

    def connect(self, who: int) -> None:
        """
        Somebody comes, and logs in.
        """
        near, far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        for end in (near, far):
            end.setblocking(False)
        protocol: Any = self.factory.buildProtocol(ADDRESS)
        port: Any = None
        transport: Any = Transport(near, protocol, ("127.0.0.1", 12345), port, who, self.clock)
        transport.getPeer = lambda: ADDRESS
        transport.setTcpNoDelay = lambda on: None
        protocol.makeConnection(transport)
        self.far.append(far)
        self.near.append(transport)
        self.write(who, (upgradeOf() if who % 2 else b"") + packet(who, 5, {"loginname": NAMES[who], "password": "p"}))

    def write(self, who: int, data: bytes) -> None:
        """
        A peer sends, and is read once.
        """
        try:
            self.far[who].sendall(data)
        except OSError:
            return  # the server has hung up
        transport = self.near[who]
        if transport in self.clock.getReaders() and transport.connected:
            self.turn(who, transport.doRead())

    def turn(self, who: int, why: Any) -> None:
        """
        What the reactor does with what a read or a write came to.
        """
        if why:
            self.clock.removeReader(self.near[who])
            self.clock.removeWriter(self.near[who])
            self.near[who].connectionLost(Failure(why))

    def read(self, who: int, most: int) -> int:
        """
        A peer reads, and the server may go on writing.

        @return: how many bytes.
        """
        try:
            piece = self.far[who].recv(most)
        except BlockingIOError:
            piece = b""
        self.heard[who] += piece
        transport = self.near[who]
        if transport in self.clock.getWriters():
            self.turn(who, transport.doWrite())
        return len(piece)

    def settle(self) -> None:
        """
        Until nothing is on its way.
        """
        for _ in range(3):
            self.clock.advance(0)
            while sum(self.read(who, 1 << 20) for who in range(len(NAMES))):
                self.clock.advance(0)

    def end(self) -> list[bytes]:
        """
        Everybody has heard what there is to hear.
        """
        self.settle()
        for end in self.far:
            end.close()
        for transport in self.near:
            if transport.connected:
                transport.abortConnection()
        self.clock.advance(1)
        return self.heard


def packet(who: int, command: int, body: dict[str, Any]) -> bytes:
    """
    A request on this peer's carrier.
    """
    if who % 2:
        return socketFrame(json.dumps({"cmd": command, **body}).encode())
    return frameOf(command, json.dumps({"cmd": command, **body}).encode())


PEOPLE = st.integers(0, len(NAMES) - 1)
CONTENTS = st.sampled_from(["hi", "早上好", "x" * 200, "y" * 3000, "z" * 20000])


@st.composite
def requests(draw: st.DrawFn, who: int) -> bytes:
    """
    Something to ask or to say.
    """
    kind = draw(st.sampled_from(["private", "private", "group", "group", "beat", "user", "odd"]))
    if kind == "beat":
        return packet(who, 13, {"hbbyte": "-1"})
    if kind == "user":
        return packet(who, 17, {"userid": draw(st.sampled_from(NAMES)), "type": 0})
    if kind == "odd":
        return packet(who, draw(st.sampled_from([3, 11, 14, 19])), {"userid": 7, "token": "t"})
    said = {"content": draw(CONTENTS), "id": f"m{draw(st.integers(0, 10**9))}", "createTime": 1, "msgType": 0}
    if kind == "group":
        return packet(who, 11, {**said, "chatType": 1, "group_id": GROUP, "from": NAMES[who]})
    return packet(who, 11, {**said, "chatType": 2, "to": NAMES[draw(PEOPLE)], "from": NAMES[who]})


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, int, Any]]:
    """
    What happens: peers that send some requests, in pieces, and read some
    bytes, and turns of the reactor.
    """
    found: list[tuple[str, int, Any]] = []
    for _ in range(draw(st.integers(1, 12))):
        who = draw(PEOPLE)
        kind = draw(st.sampled_from(["write", "write", "write", "read", "turn"]))
        if kind == "write":
            stream = b"".join(draw(st.lists(requests(who), min_size=1, max_size=4)))
            for piece in cut(stream, draw(st.lists(st.integers(0, 5000), max_size=2))):
                found.append(("write", who, piece))
        else:
            found.append((kind, who, draw(st.sampled_from([1, 100, 10_000, 1 << 20]))))
    return found


def played(script: list[tuple[str, int, Any]], *slow: str) -> list[bytes]:
    """
    What the peers hear of a server without these fast paths.
    """
    stage = Stage(*slow)
    for kind, who, what in script:
        if kind == "write":
            stage.write(who, what)
        elif kind == "read":
            stage.read(who, what)
        else:
            stage.clock.advance(0)
    return stage.end()


class SameTests(SynchronousTestCase):
    """
    Nobody can hear which paths are taken.
    """

    def setUp(self) -> None:
        self.patch(os, "environ", {name: value for name, value in os.environ.items() if name != "IMTW_SLOW"})

    @settings(max_examples=60, deadline=None)
    @given(steps())
    def test_anyConversation(self, script: list[tuple[str, int, Any]]) -> None:
        """
        Four peers on two carriers, in any pieces, with full sockets: byte for
        byte the same.
        """
        fast = played(script)
        self.assertEqual(fast, played(script, "all"))
        self.assertTrue(all(b'"code":10007' in heard for heard in fast))

    def test_each(self) -> None:
        """
        The same for each path by itself, where much is said.
        """
        script: list[tuple[str, int, Any]] = [
            ("write", who, packet(who, 11, {"chatType": 1, "group_id": GROUP, "content": f"{n}" * 1500, "id": f"{n}"}))
            for n in range(20)
            for who in range(len(NAMES))
        ]
        wanted = played(script, "all")
        self.assertGreater(min(len(heard) for heard in wanted), 100_000)
        for path in PATHS:
            self.assertEqual(played(script, *(other for other in PATHS if other != path)), wanted, path)

    def test_negativeControl(self) -> None:
        """
        The same finds an outlet that sends past what waits.
        """

        def hasty(self: Any, data: bytes) -> None:
            try:
                sent = self._direct(data)
            except OSError:
                sent = 0
            self._transport.write(data[sent:])

        script: list[tuple[str, int, Any]] = [
            ("write", 0, packet(0, 11, {"chatType": 2, "to": "cid", "content": f"{n}" * 9000, "id": f"{n}"}))
            for n in range(5)
        ]
        script[3:3] = [("read", 2, 10_000)]
        wanted = played(script, "all")
        self.assertEqual(played(script), wanted)
        self.patch(TransportOutlet, "_write", hasty)
        self.assertNotEqual(played(script), wanted)


class SwitchTests(SynchronousTestCase):
    """
    L{fastWithout}.
    """

    def test_named(self) -> None:
        """
        What is named is slow, and nothing else; the environment names, too.
        """
        self.patch(os, "environ", {})
        self.assertEqual(fastWithout(), Fast())
        self.assertEqual(fastWithout(["send"]), Fast(send=False))
        self.assertEqual(fastWithout(["all"]), Fast(**dict.fromkeys(PATHS, False)))
        self.patch(os, "environ", {"IMTW_SLOW": "frames,cork"})
        self.assertEqual(fastWithout(["send"]), Fast(send=False, frames=False, cork=False))

    def test_help(self) -> None:
        """
        The option names all of them.
        """
        text = optionsFor().opt_slow.__doc__ or ""
        for path in PATHS:
            self.assertIn(path, text)
