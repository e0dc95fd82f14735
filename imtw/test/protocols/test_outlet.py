"""
L{TransportOutlet} and its turns; on real sockets peers that read slowly, in
parts, or not at all.
"""

from __future__ import annotations

import socket

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from imtw.cork import Cork
from imtw.fast import Fast
from imtw.protocols.outlet import TransportOutlet
from imtw.test.clients import reactor
from imtw.test.live import LiveTestCase, pause
from imtw.test.protocols.outlets import PLENTY, TRANSPORT, Nobody, SocketTestCase, numbered
from imtw.test.wire import private

CLOSING = 3.0  # seconds from a hang-up to the end


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

    async def test_readsSteadily(self) -> None:
        """
        A peer for whom something waits all the time is not cut while it
        reads as much as comes: what counts is what waits, and not what has
        been sent since it was behind first.  It is relieved once all is read,
        and not before.
        """
        sender, peer = await self.pair(300_000)
        word = bytes(10_000)
        while not sender.outlet._paused:
            sender.outlet.send(word)
        for _ in range(200):
            sender.outlet.send(bytes(len(await self.read(peer, len(word)))))
            self.assertTrue(sender.outlet._paused)
        self.assertEqual((sender.evictions, sender.outlet.level), (0, 2))
        relieved: Deferred[None] = Deferred()
        sender.outlet.relieved = lambda: relieved.callback(None)
        await self.read(peer, sender.held)
        await relieved
        self.assertEqual(sender.outlet.level, 0)

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


class CorkTests(SynchronousTestCase):
    """
    Turns, without sockets.
    """

    def setUp(self) -> None:
        self.cork = Cork(Fast())
        self.transport = StringTransport()
        self.outlet = TransportOutlet(self.transport, self.cork, PLENTY, Nobody())
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
