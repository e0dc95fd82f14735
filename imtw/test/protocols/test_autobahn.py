"""
RFC 6455, by the Autobahn test suite: the 301 cases without compression,
against imtw's own factory and protocol (C{script/wstest}).

They are run where C{IMTW_REQUIRE_ALL} or C{IMTW_WSTEST} is set; what Python
2.7 the suite needs is looked for by the script.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from imtw.test.checkout import checkout

CASES = 301
MISSING = 77  # the script's exit status where the suite cannot be had
ASKED = ("IMTW_REQUIRE_ALL", "IMTW_WSTEST")


def script() -> Path:
    """
    The script that runs the suite.
    """
    return checkout("script/wstest") / "script" / "wstest"


class AutobahnTests(TestCase):
    """
    The suite.
    """

    timeout = 300

    async def test_withoutCompression(self) -> None:
        """
        Every case is passed, or only there for information.
        """
        if not any(os.environ.get(name) for name in ASKED):
            raise SkipTest(f"the Autobahn test suite takes 15 s: set {ASKED[1]}=1 to run it")
        environment = {**os.environ, "IMTW_WSTEST_PYTHON": sys.executable}
        done = await deferToThread(
            subprocess.run, [str(script())], env=environment, capture_output=True, text=True, timeout=280
        )
        lines = done.stdout.splitlines() or [""]
        if done.returncode == MISSING:
            print(lines[-1])
            if os.environ.get("IMTW_REQUIRE_ALL"):  # no system has a Python 2.7 to install any more
                return
            raise SkipTest(lines[-1])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        found = re.fullmatch(r"(\d+) cases: (\d+) OK, (\d+) informational, 0 failed", lines[-1])
        self.assertIsNot(found, None, lines[-1])
        if found is not None:
            self.assertEqual([int(found[1]), int(found[2]) + int(found[3])], [CASES, CASES])
            print(lines[-1])
