"""
Tests for L{imtw.protocols.listen}, with real sockets.
"""

from __future__ import annotations

import select
import socket
from pathlib import Path
from typing import Any
from unittest import SkipTest

from OpenSSL import crypto
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from imtw.protocols.listen import BACKLOG, endpointFor, namedWith, reasonOf
from imtw.service import closed
from imtw.test.protocols.certificates import makeCertificate

HOST = "127.0.0.1"
CROWD = 200  # who come at once
PATIENCE = 500  # ms for a connection to be there; the system asks again after a second


class BacklogTests(TestCase):
    """
    How many may come at once.
    """

    async def waiting(self, description: str) -> int:
        """
        Listen, take nobody, and see how many of a crowd get a connection.
        """
        port = await endpointFor(reactor, description).listen(Factory.forProtocol(Protocol))
        self.addCleanup(closed, port)
        where: Any = port.getHost()
        family = socket.AF_UNIX if description.startswith("unix:") else socket.AF_INET
        address = where.name if family == socket.AF_UNIX else (where.host, where.port)
        crowd = [socket.socket(family, socket.SOCK_STREAM) for _ in range(CROWD)]
        for one in crowd:
            self.addCleanup(one.close)
            one.setblocking(False)
        connecting = select.poll()
        for one in crowd:
            one.connect_ex(address)
            connecting.register(one, select.POLLOUT)
        connected = set()
        while found := [fd for fd, events in connecting.poll(PATIENCE) if events == select.POLLOUT]:
            for fd in found:
                connecting.unregister(fd)
            connected.update(found)
        return len(connected)

    async def test_atOnce(self) -> None:
        """
        A crowd that comes at once is taken in, on every kind of endpoint.
        """
        if int(Path("/proc/sys/net/core/somaxconn").read_text("ascii")) < BACKLOG:
            raise SkipTest("the system allows no such backlog")
        file = self.mktemp()
        makeCertificate(file)
        tls = f"ssl:0:interface={HOST}:privateKey={file}:certKey={file}"
        plain = f"tcp:0:interface={HOST}"
        for description in (plain, f"tcp:port=0:interface={HOST}", f"haproxy:{plain}", tls):
            self.assertEqual(await self.waiting(description), CROWD, description)

    async def test_asTold(self) -> None:
        """
        Where the endpoint says how many, it is as many.
        """
        file = self.mktemp()
        makeCertificate(file)
        tls = f"ssl:0:interface={HOST}:privateKey={file}:certKey={file}:backlog=20"
        for description in (f"tcp:0:interface={HOST}:backlog=20", f"haproxy:tcp:0:backlog=20:interface={HOST}", tls):
            self.assertLess(await self.waiting(description), 50, description)

    def test_noNumber(self) -> None:
        """
        A backlog that is no number is refused, for TLS as for TCP.
        """
        file = self.mktemp()
        makeCertificate(file)
        for description in ("tcp:0:backlog=many", f"ssl:0:privateKey={file}:backlog=many"):
            self.assertRaises(ValueError, endpointFor, reactor, description)

    def test_others(self) -> None:
        """
        What takes no backlog is not given one.
        """
        endpointFor(reactor, "unix:socket")
        self.assertRaises(ValueError, endpointFor, reactor, "nothing:0")


class WordsTests(TestCase):
    """
    What is said of endpoints.
    """

    def test_noEndpoint(self) -> None:
        """
        Whatever is wrong with a description is a L{ValueError}, with one
        that would do.
        """
        for wrong in ("", "9733", "tcp", "tcp:x", "tcp:0:port=0", "tcp:0:nosuch=1", "tcp:0:1:2:3", "haproxy:tcp:x"):
            self.assertIn("tcp:9800:interface=", str(self.assertRaises(ValueError, endpointFor, reactor, wrong)))
        for notGiven in ("systemd:domain=INET:index=9", "systemd:domain=INET:name=nosuch"):
            self.assertIn("systemd", str(self.assertRaises(ValueError, endpointFor, reactor, notGiven)))

    def test_noTLS(self) -> None:
        """
        Of files that will not do the one is named in which something is
        wrong, and OpenSSL asks nobody for a passphrase.
        """
        ours, others, locked, broken, empty = (self.mktemp() for _ in range(5))
        makeCertificate(ours)
        makeCertificate(others)
        text = Path(ours).read_bytes()
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, text)
        Path(locked).write_bytes(crypto.dump_privatekey(crypto.FILETYPE_PEM, key, "aes256", b"secret"))
        Path(broken).write_bytes(text.replace(b"BEGIN CERTIFICATE-----\n", b"BEGIN CERTIFICATE-----\nAAAA"))
        Path(empty).touch()
        for arguments, words in (
            ("", "TLS needs privateKey=FILE"),
            ("privateKey=/nowhere/x", "/nowhere/x cannot be read: No such file or directory"),
            (f"privateKey={empty}", f"{empty} has no private key"),
            (f"privateKey={locked}:certKey={ours}", f"{locked} has no private key that is in PEM and without a pass"),
            (f"privateKey={ours}:certKey={empty}", f"{empty} has no certificate"),
            (f"privateKey={ours}:extraCertChain={broken}", f"{broken} has a certificate that is damaged"),
            (f"privateKey={ours}:certKey={others}", f"{ours} is not the key of the first certificate in {others}"),
            (f"privateKey={ours}:keys={others}", "keys: none of privateKey, certKey"),
        ):
            error = self.assertRaises(ValueError, endpointFor, reactor, f"ssl:0:{arguments}")
            self.assertIn(words, str(error))

    def test_named(self) -> None:
        """
        A port that browsers reach is named with what to open; one that
        nobody reaches but a proxy, or a file, by its description alone.
        """
        for description, address, url in (
            ("tcp:0:interface=127.0.0.1", IPv4Address("TCP", "127.0.0.1", 81), "http://127.0.0.1:81/"),
            ("tcp:81", IPv4Address("TCP", "0.0.0.0", 81), "http://127.0.0.1:81/"),
            ("tcp6:81", IPv6Address("TCP", "::", 81), "http://[::1]:81/"),
            ("ssl:81:privateKey=x", IPv4Address("TCP", "192.0.2.1", 81), "https://192.0.2.1:81/"),
        ):
            self.assertEqual(namedWith(description, address), f"{description} ({url})")
        self.assertEqual(namedWith("unix:x", UNIXAddress("x")), "unix:x")
        self.assertEqual(namedWith("haproxy:tcp:81", IPv4Address("TCP", "0.0.0.0", 81)), "haproxy:tcp:81")

    async def test_reason(self) -> None:
        """
        Why a port cannot be had is said in the system's words, without a
        number, and where it is taken with what to do.
        """
        for description, words in (
            ("unix:/nowhere/socket", "No such file or directory"),
            ("tcp:0:interface=192.0.2.1", "Cannot assign requested address"),
        ):
            listening = endpointFor(reactor, description).listen(Factory.forProtocol(Protocol))
            error: Any = await self.assertFailure(listening, Exception)
            self.assertEqual(reasonOf(error), words)
