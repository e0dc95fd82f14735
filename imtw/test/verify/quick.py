"""
The whole of C{imtw verify --quick}, on a sound server.

Its rows measure how long others wait, so it is no C{test_} module that runs
beside others: C{script/test} runs it by its name, alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from time import monotonic
from typing import Any
from unittest import TestCase

from imtw.verify.catalogue import ROWS
from imtw.verify.command import REQUIRE
from imtw.verify.server import ROOT

LONGEST = 60.0  # seconds
SEED = 20261121
#: Rows whose figures depend on what else the machine does: these have a second try.
TIMED = {id for row in ROWS if row.isTimed for id in row.ids}


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


def timed() -> tuple[float, dict[str, Any], str]:
    """
    All rows.

    @return: how long they took, in seconds, and the rest as L{verify}.
    """
    began = monotonic()
    _, found, text = verify("--quick", "--seed", str(SEED))
    return monotonic() - began, found, text


class QuickTests(TestCase):
    """
    C{imtw verify --quick}.
    """

    def test_passes(self) -> None:
        """
        Every row that the server keeps passes, in under a minute; what had
        to be skipped is said, and is a failure where everything is required.
        """
        took, found, text = timed()
        failed = {id for id, one in found.items() if one["verdict"] == "fail"}
        if failed and failed <= TIMED:
            _, again, text = verify("--quick", "--seed", str(SEED), "--only", ",".join(sorted(failed)))
            failed = {id for id in failed if again[id]["verdict"] == "fail"}
        self.assertEqual(failed, set(), text)
        skipped = {id: one["note"] for id, one in found.items() if one["verdict"] == "skip"}
        for id, why in skipped.items():
            print(f"\n{id} skipped: {why}")
        self.assertFalse(skipped and os.environ.get(REQUIRE))
        if took > LONGEST:  # that depends on what else the machine does, too
            print(f"\nit took {took:.0f} s: once more")
            took, _, _ = timed()
        self.assertLess(took, LONGEST)
