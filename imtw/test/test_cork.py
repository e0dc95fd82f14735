"""
Tests for L{imtw.cork}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from imtw.cork import Cork
from imtw.fast import Fast


class CorkTests(SynchronousTestCase):
    """
    L{imtw.cork.Cork}.
    """

    def test_nested(self) -> None:
        """
        What waits is sent once, when the outermost cork comes out.
        """
        cork = Cork(Fast())
        flushed: list[str] = []
        cork.push()
        cork.push()
        cork.whenPulled(lambda: flushed.append("a"))
        cork.pull()
        self.assertEqual((flushed, cork.tight), ([], True))
        cork.pull()
        self.assertEqual((flushed, cork.tight), (["a"], False))
