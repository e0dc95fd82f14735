"""
What is loaded only for who wants it.
"""

from __future__ import annotations

import subprocess
import sys
from unittest import TestCase

from imtw.test.persistence.harness import ENVIRONMENT

SERVER = """
import sys
from twisted.internet.testing import MemoryReactorClock
from imtw.tap import Options, makeServer
options = Options()
options.parseOptions(["--store", "memory:"])
server = makeServer(options, MemoryReactorClock())
loaded = set(sys.modules)
"""
PROTOBUF = """
from imtw.protocols.easyim.message import Msg
from imtw.protocols.easyim.protobuf import encodeMessage
encodeMessage(Msg("1"))
"""


def loads(wanted: str) -> list[str]:
    """
    The modules that a whole server has loaded before something is wanted of
    it, and those that come with that.
    """
    program = f"{SERVER}{wanted}\nprint(*loaded)\nprint(*set(sys.modules) - loaded)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.splitlines()


class LaterTests(TestCase):
    """
    A server at rest has not what most servers never need.
    """

    def test_protobuf(self) -> None:
        """
        Google's runtime comes with the first who speaks protobuf.
        """
        before, after = loads(PROTOBUF)
        self.assertIn("imtw.protocols.easyim.protobuf", before.split())
        self.assertNotIn("google.protobuf.message", before.split())
        self.assertIn("google.protobuf.message", after.split())
