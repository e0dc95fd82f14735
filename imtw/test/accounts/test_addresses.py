"""
Tests of L{imtw.accounts.addresses}.
"""

from twisted.trial.unittest import SynchronousTestCase

from imtw.accounts.addresses import isLocal, networkOf


class NetworkTests(SynchronousTestCase):
    """
    L{networkOf} and L{isLocal}.
    """

    def test_countsAsOne(self) -> None:
        """
        An IPv4 address stands for itself in either spelling, an IPv6 address
        for its /64; a UNIX socket's peer has none.
        """
        for address, network in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:DB8:1:2::1", "2001:db8:1:2::"),
            ("fe80::1%eth0", "fe80::"),
            ("::1", "::1"),
            ("", ""),
            ("/run/imtw.sock", "/run/imtw.sock"),
        ]:
            self.assertEqual(networkOf(address), network)
            self.assertEqual(networkOf(network), network)

    def test_local(self) -> None:
        """
        Loopback in every spelling is this machine, and so is a UNIX socket.
        """
        for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "", "/run/imtw.sock"):
            self.assertTrue(isLocal(address), address)
        for address in ("203.0.113.9", "10.0.0.1", "2001:db8::", "fe80::1%eth0"):
            self.assertFalse(isLocal(address), address)
