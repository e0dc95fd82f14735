"""
Where throw-away servers listen.
"""

from __future__ import annotations

import socket
from unittest import TestCase, mock

from imtw.verify import server
from imtw.verify.server import HOST, LOWEST, freePort


class PortTests(TestCase):
    """
    L{freePort}.
    """

    def test_apart(self) -> None:
        """
        It is no port that the system gives to whoever asks for any.
        """
        given = []
        for _ in range(50):
            with socket.create_server((HOST, 0)) as any:
                given.append(any.getsockname()[1])
        for _ in range(50):
            self.assertTrue(LOWEST <= freePort() < min(given), given)

    def test_taken(self) -> None:
        """
        One that somebody has is left alone, listening or not.
        """
        with socket.create_server((HOST, freePort())) as taken, socket.socket() as bound:
            bound.bind((HOST, freePort()))
            ports = [taken.getsockname()[1], bound.getsockname()[1], freePort()]
            chances = iter(port - LOWEST for port in ports)
            with mock.patch.object(server, "randbelow", lambda most: next(chances)):
                self.assertEqual(freePort(), ports[-1])
