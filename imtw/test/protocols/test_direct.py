"""
What goes around the transport stays in order, and is never in plain where there
is TLS.
"""

from __future__ import annotations

import socket
import ssl
from random import Random
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import directlyProvides

from imtw.protocols.outlet import TransportOutlet, directSend
from imtw.test.clients import reactor
from imtw.test.live import pause
from imtw.test.protocols.certificates import makeCertificate
from imtw.test.protocols.outlets import SEED, SocketTestCase, numbered
from imtw.test.wire import HOST


class HastyOutlet(TransportOutlet):
    """
    What L{TransportOutlet} would be if it did not look whether something is
    queued before it: for negative controls.
    """

    def _write(self, data: bytes) -> None:
        try:
            sent = self._direct(data) if self._direct is not None else 0
        except OSError:
            sent = 0
        self._transport.write(data[sent:])


class OrderTests(SocketTestCase):
    """
    Every byte comes, once, in order.
    """

    async def talk(self, kind: type[TransportOutlet] = TransportOutlet) -> tuple[bytes, bytes, list[int]]:
        """
        Send a few MB in all ways, to a peer that reads now and then.

        @return: what was sent, what came, and what each direct send took: -1
            for all of it.
        """
        random = Random(SEED)
        sender, peer = await self.pair(kind=kind)
        outlet, transport, cork = sender.outlet, sender.transport, sender.cork
        direct = outlet._direct
        assert direct is not None
        taken: list[int] = []

        def counted(data: bytes) -> int:
            taken.append(0)
            sent = direct(data)
            taken[-1] = -1 if sent == len(data) else sent
            return sent

        outlet._direct = counted
        wanted, found = bytearray(), bytearray()
        for number in range(500):
            lengths = [random.choice([1, 7, 200, 1500, 9000, 40000]) for _ in range(random.choice([1, 1, 2, 5]))]
            words = [numbered(number * 8 + at, length) for at, length in enumerate(lengths)]
            way = random.choice(["send", "send", "send", "cork", "write", "flush"])
            if way in ("cork", "flush"):
                cork.push()
            for word in words:
                if way == "write":  # as Autobahn does with a pong
                    transport.write(word)
                else:
                    outlet.send(word)
            if way == "flush":
                outlet.flush()
                transport.write(words[0])
                words.append(words[0])
            if way in ("cork", "flush"):
                cork.pull()
            wanted += b"".join(words)
            if random.random() < 0.4 or sender.held > 500_000:
                some = random.choice([1, 5000, len(wanted), len(wanted)])
                found += await self.read(peer, min(len(wanted) - len(found), some), random)
                await pause(0)
        found += await self.read(peer, len(wanted) - len(found), random)
        self.assertEqual(sender.held, 0)
        return bytes(wanted), bytes(found), taken

    async def test_everyByte(self) -> None:
        """
        Direct sends, corked ones and writes of the transport's own, whole,
        in part and refused by the socket, come in the order they were made.
        """
        wanted, found, taken = await self.talk()
        self.assertTrue(wanted == found, "what came is not what was sent")
        whole, none = taken.count(-1), taken.count(0)
        partial = len(taken) - whole - none
        self.assertGreater(min(whole, partial), 10, (whole, partial, none))

    async def test_negativeControl(self) -> None:
        """
        The same finds the fault where nobody looks what is queued.
        """
        wanted, found, _ = await self.talk(HastyOutlet)
        self.assertEqual(len(wanted), len(found))
        self.assertFalse(wanted == found)

    async def test_refusedAtOnce(self) -> None:
        """
        A socket that takes nothing is no error: it all waits in the
        transport, and comes.
        """
        sender, peer = await self.pair()
        word = bytes(range(256)) * 4096
        for _ in range(3):
            sender.outlet.send(word)
        self.assertGreater(sender.held, 0)
        self.assertTrue(await self.read(peer, 3 * len(word)) == 3 * word)


class DirectTests(SocketTestCase):
    """
    Where bytes may go past the transport.
    """

    def test_which(self) -> None:
        """
        Only a plain TCP connection: none with TLS above or below, no
        wrapper, no fake.
        """
        with socket.socket() as one:
            connection = Connection(one, Protocol(), reactor)
            self.assertEqual(directSend(connection), one.send)
            directlyProvides(connection, ISSLTransport)
            self.assertIs(directSend(connection), None)
            wrapper: Any = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
            wrapper.transport = Connection(one, Protocol(), reactor)
            self.assertIs(directSend(wrapper), None)
        self.assertIs(directSend(StringTransport()), None)

    async def test_neverPlain(self) -> None:
        """
        On TLS everything goes through it: nothing that is sent can be read on
        the way, and all of it by the peer.
        """
        file = self.mktemp()
        makeCertificate(file)
        sender, peer = await self.pair(description=f"ssl:0:privateKey={file}")
        self.assertIs(sender.outlet._direct, None)
        context = ssl.create_default_context(cafile=file)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
        wire, found = bytearray(), bytearray()
        secret = b"nobody else may read this. " * 4000
        isSent = False
        while len(found) < len(secret):
            try:
                if not isSent:
                    tls.do_handshake()
                    isSent = True
                    sender.cork.push()
                    sender.outlet.send(secret[:1000])
                    sender.cork.pull()
                    sender.outlet.send(secret[1000:])
                found += tls.read(65536)
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    peer.sendall(outgoing.read())
                piece = await self.read(peer, 1)
                wire += piece
                incoming.write(piece)
                try:
                    piece = peer.recv(65536)
                    wire += piece
                    incoming.write(piece)
                except BlockingIOError:
                    pass
            if outgoing.pending:
                peer.sendall(outgoing.read())
        self.assertTrue(bytes(found) == secret)
        self.assertGreater(len(wire), len(secret))
        self.assertNotIn(secret[:16], wire)
