"""
The whole of it, on real servers: a sound one passes, broken ones do not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any
from unittest import TestCase

from twisted.trial.unittest import SkipTest

from imtw.verify.command import REQUIRE
from imtw.verify.controls import CONTROLS, Control, tried
from imtw.verify.plan import Plan
from imtw.verify.report import Verdict
from imtw.verify.server import ROOT

LONGEST = 60.0  # seconds of one processor: less than a minute where there are two, whatever else the machine does
SEED = 20261121
#: Rows whose figures depend on what else the machine does: these have a second try.
TIMED = {"O1", "O2", "O3", "O4", "O5", "O6", "O7", "O8", "O14", "O15", "O18", "O19", "O20"}


def verify(*words: str) -> tuple[int, dict[str, Any], str]:
    """
    Run the command.

    @return: exit status, results by row, and what it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "results.json")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])}
        ended = subprocess.run(
            [sys.executable, "-m", "imtw.verify", *words, "--json", file],
            env=environment, capture_output=True, text=True, timeout=5 * LONGEST, check=False,
        )  # fmt: skip
        if not os.path.exists(file):
            raise AssertionError(ended.stdout + ended.stderr)
        with open(file, encoding="utf-8") as stream:
            return ended.returncode, {one["id"]: one for one in json.load(stream)["results"]}, ended.stdout


def usedByChildren() -> float:
    """
    The processor time of all processes that were started here and ended,
    seconds.
    """
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class QuickTests(TestCase):
    """
    C{imtw verify --quick}.
    """

    def test_passes(self) -> None:
        """
        Every row that the server keeps passes, in under a minute; what had
        to be skipped is said, and is a failure where everything is required.
        """
        before = usedByChildren()
        _, found, text = verify("--quick", "--seed", str(SEED))
        took = usedByChildren() - before
        failed = {id for id, one in found.items() if one["verdict"] == "fail"}
        if failed and failed <= TIMED:
            _, again, text = verify("--quick", "--seed", str(SEED), "--only", ",".join(sorted(failed)))
            failed = {id for id in failed if again[id]["verdict"] == "fail"}
        self.assertEqual(failed, set(), text)
        skipped = {id: one["note"] for id, one in found.items() if one["verdict"] == "skip"}
        for id, why in skipped.items():
            print(f"\n{id} skipped: {why}")
        self.assertFalse(skipped and os.environ.get(REQUIRE))
        self.assertLess(took, LONGEST)


class ControlTests(TestCase):
    """
    Each row notices a server that is broken in its own way.
    """

    def notices(self, control: Control) -> None:
        """
        Try one.
        """
        for id, verdict, said in tried(control, Plan(SEED, True)):
            if verdict is Verdict.SKIP:
                raise SkipTest(said)
            self.assertIs(verdict, Verdict.PASS, f"{id}, a server that {control.what}: {said}")


def _test(control: Control) -> Any:
    """
    The test of one control.
    """

    def test(self: ControlTests) -> None:
        self.notices(control)

    test.__doc__ = f"{', '.join(control.ids)}: a server that {control.what} is found out."
    return test


for _control in CONTROLS:
    _words = "".join(word.capitalize() for word in (_control.sabotage or "unbounded").replace(",", "-").split("-"))
    setattr(ControlTests, f"test_{''.join(_control.ids).lower()}{_words}", _test(_control))
