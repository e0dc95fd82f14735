"""
Tests of L{imtw.admin.door}.
"""

from __future__ import annotations

import os
import stat

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from imtw.admin import door
from imtw.errors import StoreError


class DoorTests(SynchronousTestCase):
    """
    The file beside the database.
    """

    def setUp(self) -> None:
        folder = self.mktemp()
        os.makedirs(folder)
        self.database = os.path.join(folder, "im.db")
        self.file = self.database + ".admin"
        self.door = door.doorAt(IPv4Address("TCP", "127.0.0.1", 9734), "the secret")

    def test_forItsOwnerAlone(self) -> None:
        """
        Nobody else can read it, whatever the umask.
        """
        before = os.umask(0)
        try:
            door.write(self.database, self.door)
        finally:
            os.umask(before)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)

    def test_roundTrip(self) -> None:
        """
        What was written is read, until it is removed; nothing else is left.
        """
        self.assertIsNone(door.read(self.database))
        door.write(self.database, self.door)
        self.assertEqual(door.read(self.database), self.door)
        self.assertEqual(self.door.pid, os.getpid())
        door.remove(self.database)
        door.remove(self.database)
        self.assertIsNone(door.read(self.database))
        self.assertEqual(os.listdir(os.path.dirname(self.database)), [])

    def test_leftOver(self) -> None:
        """
        What a killed server left is replaced, also a half-written one and
        one that others could read; a link is not followed.
        """
        for path in (self.file, self.file + ".new"):
            with open(path, "w", encoding="ascii") as stream:
                stream.write("{")
            os.chmod(path, 0o666)
        door.write(self.database, self.door)
        self.assertEqual(door.read(self.database), self.door)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        elsewhere = self.mktemp()
        os.symlink(os.path.abspath(elsewhere), self.file + ".new")
        door.write(self.database, self.door)
        self.assertFalse(os.path.exists(elsewhere))

    def test_noDoor(self) -> None:
        """
        A file with something else in it is said to be one.
        """
        for text in (b"", b"{}", b"\xff", b"[1]", b'{"secret": 1, "pid": 2}'):
            with open(self.file, "wb") as stream:
                stream.write(text)
            error = self.assertRaises(StoreError, door.read, self.database)
            self.assertIn("im.db.admin is not what a server writes", str(error))

    def test_addresses(self) -> None:
        """
        A server that listens everywhere is asked on this machine.
        """
        for address, found in (
            (IPv4Address("TCP", "0.0.0.0", 1), ("127.0.0.1", 1, "")),
            (IPv4Address("TCP", "10.1.2.3", 2), ("10.1.2.3", 2, "")),
            (IPv6Address("TCP", "::", 3), ("::1", 3, "")),
            (UNIXAddress(b"/run/im.sock"), ("", 0, "/run/im.sock")),
        ):
            made = door.doorAt(address, "s")
            self.assertEqual((made.host, made.port, made.path), found)
