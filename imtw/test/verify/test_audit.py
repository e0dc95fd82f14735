"""
The comparison of what was acknowledged with what is there.
"""

from __future__ import annotations

from typing import Any
from unittest import TestCase

from imtw.verify import wire
from imtw.verify.audit import Audit
from imtw.verify.speakers import Said

WHERE = wire.group("tea")


def row(number: int, sender: str = "ann") -> dict[str, Any]:
    """
    A message as a server serves it.
    """
    return {"id": f"{sender}.{number}", "from": sender, "content": f"{number} hello"}


def said(number: int, sender: str = "ann") -> Said:
    """
    The same as it was said.
    """
    return Said(f"{sender}.{number}", sender, WHERE, number, f"{number} hello")


class Read(Audit):
    """
    An audit that reads from a list.
    """

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        super().__init__([WHERE], "ann")
        for page in pages:
            self.take(WHERE, 0, page)


class AuditTests(TestCase):
    """
    L{Audit} sees each kind of fault, and none where there is none.
    """

    def test_sound(self) -> None:
        """
        All is there, once, in order; more than was acknowledged may be.
        """
        audit = Read([row(1), row(1, "bob"), row(2)], [row(1), row(1, "bob"), row(2), row(2, "bob")])
        self.assertTrue(audit.compare([said(1), said(2), said(1, "bob")]).isSound)

    def test_lost(self) -> None:
        """
        What was acknowledged and is not there.
        """
        self.assertEqual(Read([row(1)]).compare([said(1), said(2)]).lost, ["ann.2"])

    def test_altered(self) -> None:
        """
        What is there with other content, or from somebody else.
        """
        changed = [{**row(1), "content": "1 bye"}, {**row(2), "from": "eve"}]
        self.assertEqual(Read(changed).compare([said(1), said(2)]).altered, ["ann.1", "ann.2"])

    def test_repeated(self) -> None:
        """
        What is there twice.
        """
        self.assertEqual(Read([row(1), row(2), row(1)]).compare([]).repeated, 1)

    def test_inverted(self) -> None:
        """
        What stands before what its sender said earlier.
        """
        self.assertEqual(Read([row(2), row(1), row(3)]).compare([]).inversions, 1)

    def test_moved(self) -> None:
        """
        What stands elsewhere than it did, or is gone.
        """
        self.assertEqual(Read([row(1), row(2)], [row(2), row(1)]).compare([]).moved, 2)
        self.assertEqual(Read([row(1), row(2)], [row(1)]).compare([]).moved, 1)
