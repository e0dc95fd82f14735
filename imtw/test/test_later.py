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
SCRAPE = """
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
ours = IPv4Address("TCP", "127.0.0.1", 9734)
transport = StringTransport(ours, ours)
asked = server.admin.site.buildProtocol(ours)
asked.makeConnection(transport)
asked.dataReceived(b"GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
assert b"imtw_reactor_lag_seconds_count 0" in transport.value(), transport.value()
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

    def test_metrics(self) -> None:
        """
        What speaks Prometheus's words comes with the first who asks.
        """
        before, after = loads(SCRAPE)
        self.assertIn("imtw.admin.scrape", before.split())
        self.assertNotIn("prometheus_client", before.split())
        self.assertIn("prometheus_client", after.split())
