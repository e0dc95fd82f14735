"""
The proxy that cuts.
"""

from __future__ import annotations

import socket
from random import Random
from threading import Thread
from unittest import TestCase

from imtw.verify import wire
from imtw.verify.proxy import FaultProxy
from imtw.verify.server import HOST, freePort

PATIENCE = 5.0
FRAME = wire.frame(wire.HEARTBEAT, b"x" * 50)


class Echo(Thread):
    """
    A server that sends back what it gets.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.door = socket.create_server((HOST, 0))
        self.address = self.door.getsockname()
        self.reset = 0

    def run(self) -> None:
        """
        One connection after the other.
        """
        while True:
            try:
                connection, _ = self.door.accept()
            except OSError:
                return
            with connection:
                try:
                    while data := connection.recv(65536):
                        connection.sendall(data)
                except ConnectionError:
                    self.reset += 1


class ProxyTests(TestCase):
    """
    L{FaultProxy}.
    """

    def setUp(self) -> None:
        self.echo = Echo()
        self.echo.start()
        self.addCleanup(self.echo.join, PATIENCE)
        self.addCleanup(self.echo.door.close)
        self.addCleanup(self.echo.door.shutdown, socket.SHUT_RDWR)

    def proxy(self, least: int, most: int) -> FaultProxy:
        """
        A proxy in front of it, until the test ends.
        """
        proxy = FaultProxy(self.echo.address, Random(1), (least, most))
        proxy.__enter__()
        self.addCleanup(proxy.__exit__)
        return proxy

    def talk(self, proxy: FaultProxy, frames: int) -> bytes:
        """
        Send frames, one after the other; what comes back until the end.
        """
        found = b""
        with socket.create_connection(proxy.address, PATIENCE) as connection:
            try:
                for _ in range(frames):
                    connection.sendall(FRAME)
                    wanted = len(found) + len(FRAME)
                    while len(found) < wanted:
                        data = connection.recv(65536)
                        if not data:
                            return found
                        found += data
            except ConnectionError:
                pass
        return found

    def test_passesOn(self) -> None:
        """
        Until it cuts, everything gets through as it was.
        """
        proxy = self.proxy(1000, 1000)
        self.assertEqual(self.talk(proxy, 100), FRAME * 100)
        self.assertEqual(proxy.cuts, 0)

    def test_large(self) -> None:
        """
        What is larger than any buffer gets through, too, both ways at once.
        """
        proxy = self.proxy(10, 10)
        data = wire.announced(wire.CHAT, 5_000_000) + b"y" * 5_000_000
        with socket.create_connection(proxy.address, PATIENCE) as connection:
            sender = Thread(target=connection.sendall, args=(data,))
            sender.start()
            found = bytearray()
            while len(found) < len(data):
                found += connection.recv(1 << 20)
            sender.join(PATIENCE)
        self.assertEqual(found, data)

    def test_cuts(self) -> None:
        """
        After so many frames, of both directions together, the connection is
        reset, in the middle of what came last.
        """
        proxy = self.proxy(21, 21)
        found = self.talk(proxy, 100)
        self.assertTrue((FRAME * 11).startswith(found))
        self.assertIn(len(found) // len(FRAME), (9, 10))
        self.assertEqual(proxy.cuts, 1)

    def test_counts(self) -> None:
        """
        Each connection is cut; the same random numbers cut at the same
        frames.
        """
        lengths = []
        for _ in range(2):
            proxy = self.proxy(5, 50)
            lengths.append([len(self.talk(proxy, 100)) // len(FRAME) for _ in range(5)])
            self.assertEqual(proxy.cuts, 5)
        self.assertEqual(lengths[0], lengths[1])
        self.assertGreater(len(set(lengths[0])), 1)

    def test_calm(self) -> None:
        """
        A calm one cuts no more.
        """
        proxy = self.proxy(5, 5)
        proxy.isCalm = True
        self.assertEqual(self.talk(proxy, 100), FRAME * 100)

    def test_nobodyThere(self) -> None:
        """
        Where there is no server, connections end.
        """
        proxy = FaultProxy((HOST, freePort()), Random(1), (5, 5))
        with proxy:
            self.assertEqual(self.talk(proxy, 1), b"")
