"""
What C{twistd jim} is told that cannot be.
"""

from __future__ import annotations

from msgspec.structs import fields
from twisted.internet.task import Clock
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from imtw.limits import Limits
from imtw.options import Options
from imtw.tap import makeServer


def limitsOf(*words: str) -> Limits:
    """
    The bounds that an operator sets.
    """
    options = Options()
    options.parseOptions(words)
    return options.limits


class LimitTests(SynchronousTestCase):
    """
    C{--limit}, C{--notice-limit} and C{--list-limit}.
    """

    def complaint(self, *words: str) -> str:
        """
        What is said of an operator's words.
        """
        return str(self.assertRaises(usage.UsageError, limitsOf, *words))

    def test_taken(self) -> None:
        """
        Numbers are, and C{0} where that means never, or none.
        """
        limits = limitsOf("--limit", "recall=0", "--limit", "slots=1", "--notice-limit", "0", "--limit", "typing=0.5")
        self.assertEqual((limits.recall, limits.slots, limits.noticed, limits.typing), (0, 1, 0, 0.5))

    def test_neverBelowZero(self) -> None:
        """
        No bound can be negative, no number, or without end.
        """
        for field in fields(Limits):
            for value in ("-1", "nan", "inf", "1e400", "9" * 30, "many", ""):
                self.assertIn(f"{field.name} is {value!r}", self.complaint("--limit", f"{field.name}={value}"))

    def test_neverNothing(self) -> None:
        """
        Without any of these nothing would work: no slot, no session in a
        slice of a sweep, no message in a commit, no byte for a peer.
        """
        for name in ("slots", "slice", "commitBatch", "commitQueue", "sendBudget", "connections", "watching"):
            self.assertIn(f"{name} is '0'", self.complaint("--limit", f"{name}=0"))

    def test_whichOption(self) -> None:
        """
        The option is named that was given, with what it was and what was
        wanted.
        """
        self.assertEqual(
            self.complaint("--notice-limit", "few"), "--notice-limit: noticed is 'few': expected `int`, got `str`"
        )
        self.assertEqual(self.complaint("--limit", "slots=0"), "--limit: slots is '0': expected `int` >= 1")

    def test_defaults(self) -> None:
        """
        What stands in the code is what an operator could set.
        """
        for field in fields(Limits):
            self.assertEqual(limitsOf("--limit", f"{field.name}={field.default}"), Limits())
        self.assertEqual(limitsOf("--limit", "noticed=7").noticed, 7)


class ChoiceTests(SynchronousTestCase):
    """
    What is chosen as C{NAME:ARGUMENT}.
    """

    def test_nothingBehind(self) -> None:
        """
        What takes no argument says so, and is not used without it.
        """
        for option, choice in (("store", "memory:x"), ("store", "none:x"), ("relay", "none:x"), ("auth", "anyone:x")):
            options = Options()
            options.parseOptions([f"--{option}={choice}", *(["--store=memory:"] if option != "store" else [])])
            error = self.assertRaises(usage.UsageError, makeServer, options, Clock())
            self.assertEqual(str(error), f"--{option} {choice}: nothing can stand behind the colon")
