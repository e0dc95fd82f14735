"""
Each row on real servers that are broken in its own way; on a sound one:
L{imtw.test.verify.quick}.
"""

from __future__ import annotations

from typing import Any
from unittest import TestCase

from twisted.trial.unittest import SkipTest

from imtw.verify.controls import CONTROLS, Control, tried
from imtw.verify.plan import Plan
from imtw.verify.report import Verdict

SEED = 20261121


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
