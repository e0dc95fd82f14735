"""
Twisted's own tests of reactors, run on one of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.trial.runner import TestLoader
from twisted.trial.unittest import SynchronousTestCase

if TYPE_CHECKING:
    Mixin = SynchronousTestCase
else:
    Mixin = object


def casesOn(reactor: type[Any], suites: Mapping[Any, str], module: str) -> dict[str, Any]:
    """
    Test cases of these suites on a reactor, by their names.

    @param suites: each with the one of its tests that does not apply, if
        there is one.
    @param module: the module that is to run them.
    """
    cases = {}
    for suite, apart in suites.items():
        base = ReactorBuilder if apart else suite
        own = {name: value for name, value in vars(suite).items() if name != apart} if apart else {}
        space = {**own, "reactorFactory": reactor, "__module__": module}
        cases[suite.__name__] = type(suite.__name__, (base, SynchronousTestCase), space)
    return cases


class AreRun(Mixin):
    """
    Twisted's tests are there.  A mixin: trial would run it where it is
    imported.

    @cvar skip: why they are not, or L{None}.
    """

    cases: Mapping[str, Any]
    skip: str | None

    def test_areRun(self) -> None:
        """
        There are tests in each of the test cases.
        """
        self.assertTrue(self.cases)
        for case in self.cases.values():
            self.assertTrue(TestLoader().loadClass(case).countTestCases(), case)
