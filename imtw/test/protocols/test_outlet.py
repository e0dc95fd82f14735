"""
L{TransportOutlet} on real sockets, with peers that read slowly, in parts, or
not at all.
"""

from __future__ import annotations

import socket
import ssl
from random import Random
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from imtw.cork import Cork
from imtw.fast import Fast
from imtw.protocols.listen import endpointFor
from imtw.protocols.outlet import TransportOutlet, directSend
from imtw.test.clients import HOST, private, reactor
from imtw.test.live import LiveTestCase, pause
from imtw.test.protocols.test_tls import makeCertificate

SMALL = 8 * 1024  # bytes of a socket's buffer, as asked for
PLENTY = 1 << 30
TRANSPORT = 64 * 1024  # bytes that a transport holds before it pauses its producer
SEED = 6455
PATIENCE = 5.0  # seconds for what has to come
CLOSING = 3.0  # seconds from a hang-up to the end


class Sender(Protocol):
    """
    A server's end of a connection, with its outlet.

    @ivar evictions: how often the outlet said that it cuts the peer.
    @ivar why: the connection is gone; L{None} while it is there.
    """

    transport: Any

    def __init__(self, cork: Cork, budget: int, kind: type[TransportOutlet]) -> None:
        self.cork = cork
        self.budget = budget
        self.kind = kind
        self.evictions = 0
        self.why: Failure | None = None
        self.outlet: TransportOutlet

    def connectionMade(self) -> None:
        self.outlet = self.kind(self.transport, self.cork, self.budget, self.evicted)

    def evicted(self) -> None:
        self.evictions += 1

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.outlet.forget()
        self.why = reason

    @property
    def held(self) -> int:
        """
        Bytes that the transport keeps.
        """
        return len(self.transport.dataBuffer) - self.transport.offset + self.transport._tempDataLen  # type: ignore[no-any-return]


class SenderFactory(Factory):
    """
    Makes one sender.
    """

    noisy = False

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.isMade: Deferred[Sender] = Deferred()

    def buildProtocol(self, addr: Any) -> Sender:
        reactor.callLater(0, self.isMade.callback, self.sender)
        return self.sender


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


class SocketTestCase(TestCase):
    """
    A sender on this side, a plain socket on the other.
    """

    timeout = 20

    async def pair(
        self, budget: int = PLENTY, description: str = "tcp:0", kind: type[TransportOutlet] = TransportOutlet
    ) -> tuple[Sender, socket.socket]:
        """
        A connection with small buffers on the way.
        """
        sender = Sender(Cork(Fast()), budget, kind)
        factory = SenderFactory(sender)
        port = await endpointFor(reactor, f"{description}:interface={HOST}").listen(factory)
        self.addCleanup(port.stopListening)
        peer = socket.socket()
        self.addCleanup(peer.close)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        peer.connect((HOST, cast(IPv4Address, port.getHost()).port))
        peer.setblocking(False)
        await factory.isMade
        self.addCleanup(self.gone, sender)
        if isinstance(sender.transport, Connection):
            sender.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        return sender, peer

    async def gone(self, sender: Sender) -> None:
        """
        End a connection, if it has not ended.
        """
        if sender.why is None:
            sender.transport.abortConnection()
        await self.ended(sender)

    async def read(self, peer: socket.socket, length: int, random: Random | None = None) -> bytes:
        """
        Read as a peer does: until so many bytes, or the end, are there.

        @param random: read a little at a time.
        """
        found = bytearray()
        until = reactor.seconds() + PATIENCE
        while len(found) < length:
            try:
                piece = peer.recv(length if random is None else random.choice([1, 100, 5000, 60000]))
            except BlockingIOError:
                self.assertLess(reactor.seconds(), until, f"{len(found)} bytes came, wanted {length}")
                await pause(0.0005)
                continue
            if not piece:
                break
            found += piece
        return bytes(found)

    async def ended(self, sender: Sender) -> Failure:
        """
        Why the connection is gone, once it is.
        """
        until = reactor.seconds() + PATIENCE
        while sender.why is None:
            self.assertLess(reactor.seconds(), until, "the connection is still there")
            await pause(0.001)
        return sender.why


def numbered(number: int, length: int) -> bytes:
    """
    Bytes in which every place is unlike its neighbours, and those of other
    numbers.
    """
    word = b"%d." % number
    return (word * (length // len(word) + 1))[:length]


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


class BudgetTests(SocketTestCase):
    """
    Peers that do not read.
    """

    async def test_evicted(self) -> None:
        """
        Past the budget the connection is aborted, and told of once; what was
        held by then is the budget, one frame beyond it, and what a transport
        takes by itself.
        """
        budget, word = 100_000, bytes(1000)
        sender, peer = await self.pair(budget)
        most = 0
        for _ in range(10_000):
            sender.outlet.send(word)
            most = max(most, sender.held)
            if sender.evictions:
                break
        self.assertTrue(budget < most <= budget + TRANSPORT + 2 * len(word), most)
        for _ in range(10):
            sender.outlet.send(word)
        sender.outlet.close()
        why = await self.ended(sender)
        self.assertTrue(why.check(ConnectionAborted), why)
        self.assertEqual(sender.evictions, 1)
        with self.assertRaises(ConnectionResetError):
            await self.read(peer, PLENTY)

    async def test_oneBeyond(self) -> None:
        """
        A peer that reads nothing for a moment, while frames come that are
        larger than the budget, gets those that began within it; the one after
        these finds that too much is held.
        """
        sender, peer = await self.pair(100_000)
        words = [numbered(at, 150_000) for at in range(2)]
        for word in words:
            sender.outlet.send(word)
        self.assertEqual(sender.evictions, 0)
        self.assertTrue(await self.read(peer, len(b"".join(words))) == b"".join(words))
        while sender.outlet._paused:
            await pause(0)
        for word in words:
            sender.outlet.send(word)
        held = sender.held
        sender.outlet.send(b"one more")
        self.assertEqual((sender.evictions, sender.held), (1, held))

    async def test_readsInTime(self) -> None:
        """
        A peer that reads all before the budget is used up is not cut, however
        much it gets.
        """
        sender, peer = await self.pair(100_000)
        word = bytes(150_000)
        for _ in range(20):
            sender.outlet.send(word)
            self.assertEqual(len(await self.read(peer, len(word))), len(word))
            while sender.outlet._paused:
                await pause(0)
        self.assertEqual(sender.evictions, 0)

    async def test_cutWhileCorked(self) -> None:
        """
        One that is cut when the cork comes out does not keep the others from
        being told.
        """
        stuck, _ = await self.pair(1000)
        stuck.outlet.send(bytes(1_000_000))
        stuck.outlet.send(bytes(2000))
        well, peer = await self.pair()
        cork = stuck.cork
        well.outlet._cork = cork
        cork.push()
        stuck.outlet.send(bytes(2000))
        well.outlet.send(b"hello")
        cork.pull()
        self.assertEqual((stuck.evictions, well.evictions), (1, 0))
        self.assertEqual(await self.read(peer, 5), b"hello")


class EndTests(SocketTestCase):
    """
    Closing, and what is done to a connection that is gone.
    """

    async def test_closeFlushes(self) -> None:
        """
        What was sent before is written, what the cork holds too, then the
        connection ends; what is sent later is not.
        """
        sender, peer = await self.pair()
        words = [numbered(at, 300_000) for at in range(3)]
        sender.outlet.send(words[0])
        sender.cork.push()
        sender.outlet.send(words[1])
        sender.outlet.send(words[2])
        sender.outlet.close()
        sender.outlet.send(b"late")
        sender.cork.pull()
        sender.outlet.close()
        self.assertTrue(await self.read(peer, PLENTY) == b"".join(words))
        why = await self.ended(sender)
        self.assertTrue(why.check(ConnectionDone), why)
        self.assertEqual(sender.evictions, 0)

    async def test_aborted(self) -> None:
        """
        To abort is to send nothing more.
        """
        sender, peer = await self.pair()
        sender.cork.push()
        sender.outlet.send(b"never")
        sender.outlet.abort()
        sender.outlet.send(b"never")
        sender.cork.pull()
        await self.ended(sender)
        with self.assertRaises(ConnectionResetError):
            await self.read(peer, 1)

    async def test_forgotten(self) -> None:
        """
        Once a connection is gone nothing is sent, nor kept, whether or not
        the cork was in.
        """
        sender, peer = await self.pair()
        sender.cork.push()
        sender.outlet.send(b"never")
        sender.outlet.forget()
        sender.outlet.send(b"never")
        sender.cork.pull()
        sender.outlet.send(b"never")
        sender.outlet.flush()
        await pause(0.02)
        with self.assertRaises(BlockingIOError):
            peer.recv(1)

    async def test_peerGone(self) -> None:
        """
        To send to a peer that has hung up raises nothing, and its end is
        noticed.
        """
        sender, peer = await self.pair()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        peer.close()
        for _ in range(3):
            sender.outlet.send(bytes(100))
        await self.ended(sender)
        self.assertTrue(sender.outlet._closed)
        sender.outlet.send(b"late")
        sender.outlet.close()


class UnreadTests(LiveTestCase):
    """
    A peer that reads nothing any more, on a real server.
    """

    async def test_closed(self) -> None:
        """
        When it is hung up on it is gone in time, though the last words were
        not read; nobody takes it for somebody who is online.
        """
        live = await self.serve("--limit", "sendBudget=100000000")
        bob = await self.tcp(live.port, "bob")
        ann = await self.tcp(live.port, "ann")
        await ann.sync()
        ann.transport.pauseProducing()  # type: ignore[union-attr]
        for _ in range(80):
            bob.say(11, private("ann", "x" * 100_000))
        await bob.sync()
        self.assertTrue(live.core.sessions.online("ann"))
        ann.write(bytes(7))  # no frame: the server hangs up
        until = reactor.seconds() + CLOSING
        while live.core.connections > 1 and reactor.seconds() < until:
            await pause(0.05)
        self.assertEqual((live.core.connections, live.core.sessions.online("ann")), (1, False))


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


class CorkTests(SynchronousTestCase):
    """
    Turns, without sockets.
    """

    def setUp(self) -> None:
        self.cork = Cork(Fast())
        self.transport = StringTransport()
        self.outlet = TransportOutlet(self.transport, self.cork, PLENTY, lambda: None)
        self.writes: list[bytes] = []
        self.transport.write = self.writes.append  # type: ignore[method-assign]

    def test_provides(self) -> None:
        """
        It is the push producer of its transport.
        """
        verifyObject(IPushProducer, self.outlet)
        self.assertIs(self.transport.producer, self.outlet)
        self.assertTrue(self.transport.streaming)

    def test_oneWrite(self) -> None:
        """
        What a turn brings goes out at once when its last cork comes out, and
        not before.
        """
        self.cork.push()
        self.outlet.send(b"a")
        self.cork.push()
        self.outlet.send(b"b")
        self.cork.pull()
        self.assertEqual(self.writes, [])
        self.cork.pull()
        self.assertEqual(self.writes, [b"ab"])
        self.outlet.send(b"c")
        self.assertEqual(self.writes, [b"ab", b"c"])

    def test_behindWhatWaits(self) -> None:
        """
        What is sent while the cork comes out stays behind what was sent while
        it was in.
        """
        self.cork.push()
        self.cork.whenPulled(lambda: self.outlet.send(b"b"))
        self.outlet.send(b"a")
        self.cork.pull()
        self.assertEqual(b"".join(self.writes), b"ab")

    def test_flushedBefore(self) -> None:
        """
        Who flushes by hand and sends again loses nothing, and sends nothing
        twice.
        """
        self.cork.push()
        for word in (b"a", b"b"):
            self.outlet.send(word)
            self.outlet.flush()
            self.outlet.flush()
        self.outlet.send(b"c")
        self.cork.pull()
        self.assertEqual(b"".join(self.writes), b"abc")

    def test_active(self) -> None:
        """
        To have sent something is to be active; to have nothing to flush is
        not.
        """
        self.outlet.isActive = False
        self.outlet.flush()
        self.assertFalse(self.outlet.isActive)
        self.outlet.send(b"a")
        self.assertTrue(self.outlet.isActive)
