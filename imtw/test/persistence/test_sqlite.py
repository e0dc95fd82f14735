"""
Tests for L{imtw.persistence.sqlite}.
"""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from imtw.interfaces import IStore
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.persistence.contract import StoreContract


class SQLiteStoreTests(StoreContract, TestCase):
    """
    C{sqlite:} does what every store does.
    """

    def makeStore(self) -> IStore:
        """
        A store on a new file.
        """
        return SQLiteStore(self.mktemp(), self.reactor, self.limits)
