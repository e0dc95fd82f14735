"""
How the connections of WebSockets end, and how those who do not read are cut.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.deadlines import Deadlines
from imtw.limits import Limits
from imtw.protocols.framing import frame
from imtw.protocols.undecided import Undecided
from imtw.protocols.websocket.carrier import CLOSE_PATIENCE, SocketCarrier
from imtw.test.protocols.sockets import (
    BUDGET,
    FIN,
    INTERNAL_ERROR,
    NORMAL,
    PEER,
    POLICY,
    Connection,
    Dialect,
    Ear,
    Wire,
    frameOf,
)
from imtw.test.wire import CLOSE, PING, TEXT


class BrokenCloseTests(SynchronousTestCase):
    """
    Close frames that are none.
    """

    def test_told(self) -> None:
        """
        The peer is told so behind what was sent, and nothing is hung up before
        that is out; no timer is left.
        """
        for name, data in {
            "one byte": frameOf(b"\x03", FIN | CLOSE),
            "no code": frameOf(b"\x03\xed", FIN | CLOSE),
            "no text": frameOf(b"\x03\xe8\xff", FIN | CLOSE),
            "unmasked": bytes([FIN | CLOSE, 0]),
        }.items():
            connection = Connection()
            connection.feed(data)
            self.assertEqual(connection.codes, [1002], name)
            self.assertEqual((connection.wire.disconnecting, connection.wire.disconnected), (True, False), name)
            connection.lose()
            self.assertEqual((connection.ear.ends, connection.clock.getDelayedCalls()), (1, []), name)

    def test_answer(self) -> None:
        """
        The peer's answer ends the connection at once.
        """
        connection = Connection()
        connection.carrier.finish(POLICY)
        connection.feed(frameOf(b"\x03\xf0", FIN | CLOSE))
        self.assertEqual((connection.codes, connection.wire.disconnecting), ([POLICY], True))
        connection.lose()
        self.assertEqual(connection.clock.getDelayedCalls(), [])


class CloseTests(SynchronousTestCase):
    """
    How a connection ends.
    """

    def test_byUs(self) -> None:
        """
        A close frame with a code, behind what was sent; the peer has
        C{CLOSE_PATIENCE} seconds to answer it.
        """
        connection = Connection()
        connection.cork.push()
        connection.carrier.outlet.send(frame(b"last words"))
        connection.carrier.finish(POLICY, "why")
        connection.cork.pull()
        self.assertEqual(connection.frames, [(FIN | TEXT, b"last words"), (FIN | CLOSE, b"\x03\xf0why")])
        connection.clock.advance(CLOSE_PATIENCE - 0.1)
        self.assertFalse(connection.wire.disconnected)
        connection.clock.advance(0.1)
        self.assertTrue(connection.wire.disconnected)

    def test_answered(self) -> None:
        """
        When the peer answers, the connection ends at once, and no timer is
        left.
        """
        connection = Connection()
        connection.carrier.outlet.close()
        self.assertEqual(connection.codes, [NORMAL])
        connection.feed(frameOf(b"\x03\xe8", FIN | CLOSE))
        self.assertTrue(connection.wire.disconnecting)
        connection.lose()
        self.assertEqual((connection.ear.ends, connection.clock.getDelayedCalls()), (1, []))

    def test_goneAtOnce(self) -> None:
        """
        Whoever spoke is gone with the close frame, ours or the peer's, and
        not only when the connection is; once.
        """
        for isOurs in (True, False):
            connection = Connection()
            if isOurs:
                connection.carrier.finish()
            else:
                connection.feed(frameOf(b"\x03\xe8", FIN | CLOSE))
            self.assertEqual((connection.ear.ends, connection.wire.disconnected), (1, False))
            connection.lose()
            self.assertEqual(connection.ear.ends, 1)

    def test_twice(self) -> None:
        """
        Only one close frame is sent.
        """
        connection = Connection()
        for _ in range(2):
            connection.carrier.finish()
            connection.carrier.outlet.close()
        connection.feed(frameOf(b"x", 0xF1))
        self.assertEqual(connection.codes, [NORMAL])

    def test_byPeer(self) -> None:
        """
        A close of the peer's comes back, behind what was sent, and the
        connection ends once that is written.
        """
        connection = Connection(Ear(bytes.upper))
        connection.feed(frameOf(b"hi") + frameOf(b"\x0f\xa0bye", FIN | CLOSE))
        self.assertEqual(connection.frames, [(FIN | TEXT, b"HI"), (FIN | CLOSE, b"\x0f\xa0bye")])
        self.assertTrue(connection.wire.disconnecting)
        self.assertFalse(connection.wire.disconnected)

    def test_speakerFails(self) -> None:
        """
        A speaker's bug ends its connection with 1011, and is logged.
        """
        ear = Ear()
        ear.error = ZeroDivisionError()
        connection = Connection(ear)
        connection.feed(frameOf(b"a"))
        self.assertEqual((connection.ear.heard, connection.codes), ([(b"a", False)], [INTERNAL_ERROR]))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_nothingHeardBehindTheClose(self) -> None:
        """
        What came behind the message for which the connection ends is not
        handed on: one bug is logged once, and whom nobody knows cannot be
        known a moment later.
        """
        ear = Ear()
        ear.error = ZeroDivisionError()
        connection = Connection(ear)
        connection.feed(frameOf(b"a") + frameOf(b"b"))
        logged = self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual((ear.heard, len(logged)), ([(b"a", False)], 1))
        dialects: Any = [Dialect(b"a")]
        connection = Connection(Undecided(dialects, Deadlines(Clock()), 60.0))
        connection.feed(frameOf(b"c") + frameOf(b"a"))
        self.assertEqual(dialects[0].ear.heard, [])

    def test_openingFails(self) -> None:
        """
        So does one in its first step.
        """

        class Deaf(Ear):
            def opened(self, socket: SocketCarrier, query: dict[str, str]) -> None:
                raise ZeroDivisionError

        connection = Connection(Deaf())
        self.assertEqual((connection.status, connection.codes), (101, [INTERNAL_ERROR]))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_answersBeforeTheClose(self) -> None:
        """
        What messages caused that came before the peer's close, or before
        something that ends the connection, goes out in front of the close
        frame.
        """
        for end in (frameOf(b"\x03\xe8", FIN | CLOSE), frameOf(b"x", 0xF1)):
            connection = Connection(Ear(bytes.upper))
            connection.feed(frameOf(b"a") + end)
            self.assertEqual([first for first, _ in connection.frames], [FIN | TEXT, FIN | CLOSE])

    def test_nothingBehindTheClose(self) -> None:
        """
        Once a close frame is sent nothing else is (RFC 6455, 5.5.1).
        """
        connection = Connection()
        connection.carrier.finish()
        connection.carrier.outlet.send(frame(b"late"))
        self.assertEqual([first for first, _ in connection.frames], [FIN | CLOSE])

    def test_idleHandshake(self) -> None:
        """
        A handshake that is not done in time ends the connection.
        """
        connection = Connection()
        carrier = cast(Any, connection.factory.buildProtocol(PEER))
        wire = Wire()
        carrier.makeConnection(wire)
        connection.clock.advance(Limits().head)
        self.assertTrue(wire.disconnected)


class SlowReaderTests(SynchronousTestCase):
    """
    A peer that does not read: past the budget it is cut.
    """

    def setUp(self) -> None:
        self.connection = Connection()
        self.outlet = self.connection.carrier.outlet
        self.assertIs(self.connection.wire.producer, self.outlet)

    def test_evicted(self) -> None:
        """
        From the moment the transport is full what is sent is counted; past
        the budget the connection is aborted, once, and nothing more is sent.
        """
        self.outlet.send(bytes(2 * BUDGET))
        self.outlet.pauseProducing()
        for _ in range(BUDGET // 100):
            self.outlet.send(bytes(100))
        self.assertFalse(self.connection.wire.disconnecting)
        sent = len(self.connection.wire.value())
        for _ in range(3):
            self.outlet.send(b"x")
        self.assertTrue(self.connection.wire.disconnected)
        self.assertEqual(len(self.connection.wire.value()), sent)
        self.connection.lose()
        self.assertEqual(self.connection.ear.ends, 1)

    def test_caughtUp(self) -> None:
        """
        A peer that reads everything now and then is not cut; to be paused
        twice counts nothing away.
        """
        for _ in range(5):
            self.outlet.pauseProducing()
            self.outlet.send(bytes(BUDGET))
            self.outlet.resumeProducing()
        self.assertFalse(self.connection.wire.disconnecting)
        self.outlet.pauseProducing()
        self.outlet.send(bytes(BUDGET))
        self.outlet.pauseProducing()
        self.outlet.send(b"x")
        self.assertTrue(self.connection.wire.disconnected)

    def test_whileCorked(self) -> None:
        """
        What a turn holds back counts, too: it is one write, and what comes
        behind it is too much.
        """
        self.outlet.pauseProducing()
        for isCut in (False, True):
            self.connection.cork.push()
            for _ in range(11):
                self.outlet.send(bytes(100))
            self.connection.cork.pull()
            self.assertEqual(self.connection.wire.disconnected, isCut)
        self.assertEqual(len(self.connection.wire.value()), 1100)

    def test_pings(self) -> None:
        """
        So do the answers to its pings.
        """
        self.outlet.pauseProducing()
        for _ in range(BUDGET):
            self.connection.feed(frameOf(bytes(100), FIN | PING))
        self.assertTrue(self.connection.wire.disconnected)
        self.assertLessEqual(len(self.connection.wire.value()), BUDGET + 102)

    def test_closing(self) -> None:
        """
        One that never reads its close frame is cut in time.
        """
        self.outlet.pauseProducing()
        self.outlet.close()
        self.connection.clock.advance(CLOSE_PATIENCE)
        self.assertTrue(self.connection.wire.disconnected)

    def test_closedByPeer(self) -> None:
        """
        So is one that says goodbye and does not read the answer.
        """
        self.outlet.send(bytes(BUDGET))
        self.outlet.pauseProducing()
        self.connection.feed(frameOf(b"\x03\xe8", FIN | CLOSE))
        self.assertTrue(self.connection.wire.disconnecting)
        self.connection.clock.advance(60)
        self.assertTrue(self.connection.wire.disconnected)
