"""
Tests of L{imtw.accounts.known}.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.accounts.known import KEPT, SHELF, KnownAddresses
from imtw.errors import StoreBusy
from imtw.limits import Limits
from imtw.persistence.memory import MemoryStore
from imtw.test.live import LogBook


class KnownAddressesTests(SynchronousTestCase):
    """
    L{KnownAddresses}.
    """

    def setUp(self) -> None:
        self.store = MemoryStore("", Clock(), Limits())
        self.known = KnownAddresses(self.store, 100)

    def has(self, name: str, address: str) -> bool:
        """
        Ask at once.
        """
        return self.successResultOf(Deferred.fromCoroutine(self.known.has(name, address)))

    def test_noted(self) -> None:
        """
        An address is known once the account logged in from it, to this
        account alone, also after a restart.
        """
        self.assertFalse(self.has("ann", "home"))
        self.known.note("ann", "home")
        self.assertTrue(self.has("ann", "home"))
        self.known = KnownAddresses(self.store, 100)
        self.assertTrue(self.has("ann", "home"))
        self.assertFalse(self.has("anna", "home"))
        self.assertFalse(self.has("an", "home"))
        self.assertFalse(self.has("ann", "away"))

    def test_few(self) -> None:
        """
        The last few addresses are kept, as hashes.
        """
        self.has("ann", "")
        for number in range(KEPT + 1):
            self.known.note("ann", f"203.0.113.{number}")
        self.assertFalse(self.has("ann", "203.0.113.0"))
        self.assertTrue(all(self.has("ann", f"203.0.113.{number + 1}") for number in range(KEPT)))
        [(_, value)] = self.successResultOf(self.store.get(SHELF, "ann"))
        self.assertEqual(len(value), 8 * KEPT)
        self.assertNotIn(b"203", value)

    def test_unasked(self) -> None:
        """
        What was not asked for is not noted: a checker that lets anybody in
        writes nothing.
        """
        self.known.note("ann", "home")
        self.assertEqual(self.successResultOf(self.store.get(SHELF, "")), [])

    def test_notKept(self) -> None:
        """
        A store that is busy costs no login; it is logged in a line.
        """
        log = LogBook(self)
        self.has("ann", "home")
        self.store.put = lambda *args: fail(StoreBusy("busy"))  # type: ignore[method-assign]
        self.known.note("ann", "home")
        self.assertTrue(self.has("ann", "home"))
        self.assertIn("address of ann not kept: busy", log.text)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_bounded(self) -> None:
        """
        10^5 names leave no more than the bound behind.
        """
        for number in range(10**5):
            self.has(f"user {number}", "home")
        self.assertEqual(len(self.known), 100)
