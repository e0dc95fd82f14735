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
        taken, bound, free = (freePort() for _ in range(3))
        with socket.create_server((HOST, taken)), socket.socket() as other:
            other.bind((HOST, bound))
            chances = iter([taken - LOWEST, bound - LOWEST, free - LOWEST])
            with mock.patch.object(server, "randbelow", lambda most: next(chances)):
                self.assertEqual(freePort(), free)
