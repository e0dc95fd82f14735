"""
WebSockets on a transport in memory: a speaker and its socket, what it ignores,
which pages may open one.
"""

from __future__ import annotations

from sys import getsizeof
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from imtw.deadlines import Deadlines
from imtw.interfaces import ISocketSpeaker
from imtw.protocols.framing import frame
from imtw.protocols.undecided import Undecided
from imtw.test.protocols.sockets import FIN, POLICY, Connection, Deaf, Dialect, Ear, frameOf
from imtw.test.wire import BINARY, PING, PONG, TEXT

TOO_BIG = 1009


class SpeakerTests(SynchronousTestCase):
    """
    A speaker and its socket.
    """

    def test_query(self) -> None:
        """
        Who speaks is decided by the path and the query, without its escapes;
        of a name that comes twice the first counts.  The speaker is told it.
        """
        verifyObject(ISocketSpeaker, Ear())
        connection = Connection(path="/chat?username=%E5%BC%A0%20%E4%B8%89&a=1&a=2")
        query = {"username": "张 三", "a": "1"}
        self.assertEqual((connection.status, connection.asked), (101, [("/chat", query)]))
        self.assertEqual(connection.ear.query, query)

    def test_blankInQuery(self) -> None:
        """
        A name without a value has an empty one, as in any form (D-13).
        """
        connection = Connection(path="/?username=ann&password=")
        self.assertEqual(connection.asked, [("/", {"username": "ann", "password": ""})])

    def test_targets(self) -> None:
        """
        A path is as it was sent, behind a host if one stands in front.
        """
        for target, path, query in (
            ("//there/chat/%2F?a=%26+&&c", "//there/chat/%2F", {"a": "& ", "c": ""}),
            ("http://there:1/chat?a", "/chat", {"a": ""}),
        ):
            self.assertEqual(Connection(path=target).asked, [(path, query)])

    def test_handshake(self) -> None:
        """
        The answer to an upgrade does not say what serves it, and has the
        word that the RFC has, unless the dialect's own server wrote another.
        """
        self.assertEqual(
            Connection().head.split(b"\r\n"),
            [
                b"HTTP/1.1 101 Switching Protocols",
                b"Upgrade: websocket",
                b"Connection: Upgrade",
                b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            ],
        )
        ear: Any = Ear()
        ear.upgradesTo = b"WebSocket"
        self.assertIn(b"\r\nUpgrade: WebSocket\r\n", Connection(ear).head)

    def test_versions(self) -> None:
        """
        Who speaks a draft of the RFC is told which version is spoken here.
        """
        for version in ("8", "12", "0", "x"):
            connection = Connection(headers={"Sec-WebSocket-Version": version})
            self.assertNotEqual(connection.status, 101, version)
        connection = Connection(headers={"Sec-WebSocket-Version": "8"})
        self.assertEqual(connection.status, 426)
        self.assertIn(b"Sec-WebSocket-Version: 13", connection.head.split(b"\r\n"))

    def test_nobody(self) -> None:
        """
        Where nobody speaks the upgrade is refused, and nobody hears of it.
        """
        connection = Connection(path="/nobody")
        self.assertEqual(connection.status, 404)
        self.assertTrue(connection.wire.disconnecting)
        connection.lose()
        self.assertEqual((connection.ear.query, connection.ear.ends), (None, 0))

    def test_askingFails(self) -> None:
        """
        A speaker that cannot be found is our bug: 500, and it is logged.
        """
        connection = Connection(path="/clumsy")
        self.assertEqual((connection.status, connection.ear.query), (500, None))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_ended(self) -> None:
        """
        The end is told once; nothing is sent behind it.
        """
        connection = Connection()
        outlet = connection.carrier.outlet
        connection.lose()
        outlet.send(frame(b"late"))
        self.assertEqual((connection.ear.ends, connection.wire.value()), (1, b""))

    def test_readOnce(self) -> None:
        """
        What the messages of one read cause is written once, in their order.
        """
        connection = Connection(Ear(bytes.upper))
        connection.feed(frameOf(b"a") + frameOf(b"b") + frameOf(b"c"))
        self.assertEqual(connection.frames, [(FIN | TEXT, body) for body in (b"A", b"B", b"C")])
        self.assertEqual(connection.wire.writes, 1)

    def test_noDelay(self) -> None:
        """
        Nothing waits for the peer to acknowledge what was sent before: two
        small writes one after the other would take 40 ms.
        """
        self.assertTrue(Connection().wire.noDelay)

    def test_pong(self) -> None:
        """
        A ping is answered with what it brought; a pong is not.
        """
        connection = Connection()
        connection.feed(frameOf(b"?", FIN | PING) + frameOf(b"!", FIN | PONG) + frameOf(b"", FIN | PING))
        self.assertEqual(connection.frames, [(FIN | PONG, b"?"), (FIN | PONG, b"")])

    def test_undecided(self) -> None:
        """
        Where no dialect knows the first message the connection ends with
        1008; one that knows it hears it and all that follow.
        """

        dialects: Any = [Dialect(b"a"), Dialect(b"b")]
        verifyObject(ISocketSpeaker, Undecided(dialects, Deadlines(Clock()), 60.0))
        connection = Connection(Undecided(dialects, Deadlines(Clock()), 60.0))
        connection.feed(frameOf(b"b1") + frameOf(b"a2"))
        self.assertEqual([dialect.ear.heard for dialect in dialects], [[], [(b"b1", False), (b"a2", False)]])
        connection.lose()
        self.assertEqual([dialect.ear.ends for dialect in dialects], [0, 1])
        connection = Connection(Undecided(dialects, Deadlines(Clock()), 60.0))
        connection.feed(frameOf(b"c"))
        self.assertEqual(connection.codes, [POLICY])


class FirstMessageTests(SynchronousTestCase):
    """
    A message that says who speaks, or that comes before somebody has said it.
    """

    def connect(self) -> Connection:
        """
        A connection that nobody has recognised.
        """
        dialects: Any = [Dialect(b"a")]
        return Connection(Undecided(dialects, Deadlines(Clock()), 60.0, 500), most=1000)

    def test_tooLong(self) -> None:
        """
        One that is too long is refused as soon as that is known.
        """
        for start in (frameOf(bytes(501))[:20], frameOf(bytes(400), TEXT) + frameOf(bytes(101), 0)[:20]):
            connection = self.connect()
            connection.feed(start)
            self.assertEqual(connection.codes, [TOO_BIG], start)

    def test_longLater(self) -> None:
        """
        Those that follow may be as long as their speaker takes.
        """
        connection = self.connect()
        connection.feed(frameOf(b"a" * 500), frameOf(b"b" * 1000))
        self.assertEqual((connection.codes, len(connection.carrier.speaker.heard)), ([], 2))
        connection.feed(frameOf(bytes(1001))[:20])
        self.assertEqual(connection.codes, [TOO_BIG])


class FragmentTests(SynchronousTestCase):
    """
    Messages in fragments.
    """

    def test_many(self) -> None:
        """
        However many there are, and in however many pieces they come, what is
        kept until the last one is no more than their bytes.
        """
        connection = Connection()
        long = frameOf(bytes(100), 0)
        connection.feed(frameOf(b"h", TEXT), *[frameOf(b"", 0)] * 1000, *(long[at : at + 1] for at in range(len(long))))
        self.assertLess(sum(map(getsizeof, connection.carrier.message_data)), 300)
        connection.feed(frameOf(b"i", FIN))
        self.assertEqual(connection.ear.heard, [(b"h" + bytes(100) + b"i", False)])


class IgnoredTests(SynchronousTestCase):
    """
    Frames that a speaker does not want.
    """

    def test_anyLength(self) -> None:
        """
        They are dropped however long they are and wherever they are cut, and
        nothing of them is kept.
        """
        stream = b"".join(
            frameOf(b"x" * size, FIN | BINARY) + frameOf(b"%d" % size, FIN | TEXT) for size in (0, 1, 125, 126, 70_000)
        )
        for size in (1, 7, 1000, len(stream)):
            connection = Connection(Deaf(), most=100)
            for at in range(0, len(stream), size):
                connection.feed(stream[at : at + size])
                self.assertLess(len(connection.carrier.data) + len(connection.carrier._rest), 20)
            heard = [payload for payload, isBinary in connection.ear.heard if not isBinary]
            self.assertEqual(heard, [b"0", b"1", b"125", b"126", b"70000"])
            self.assertEqual((connection.codes, connection.ear.ends), ([], 0))

    def test_others(self) -> None:
        """
        Where nobody ignores them, or they are not masked, they are refused.
        """
        for ear, data, code in (
            (Ear(), frameOf(b"x" * 200, FIN | BINARY), 1009),
            (Deaf(), frameOf(b"x" * 200, FIN | TEXT), 1009),
            (Deaf(), bytes([FIN | BINARY, 2]) + b"hi", 1002),
            (Deaf(), frameOf(b"a", TEXT) + frameOf(b"x" * 200, FIN | BINARY), 1002),
        ):
            connection = Connection(ear, most=100)
            connection.feed(data)
            self.assertEqual(connection.codes[:1], [code], data[:9])


class OriginTests(SynchronousTestCase):
    """
    Pages that ask for a WebSocket; L{imtw.test.protocols.test_badinput} has
    more, on a real server.
    """

    def statusOf(self, origin: str | None, *allowed: str) -> int:
        """
        The answer to a page of this origin.
        """
        return Connection(headers={"Origin": origin}, allowedOrigins=allowed).status

    def test_list(self) -> None:
        """
        Where there is a list, a page has to be on it, scheme, host and port;
        who is no page may come.
        """
        own = "http://chat.example.org:8080"
        for origin in (own, None, "HTTP://chat.example.org:8080", "http://CHAT.example.org:8080"):
            self.assertEqual(self.statusOf(origin, "https://x.example:1", own), 101, origin)
        for origin in (
            *("null", "http://chat.example.org", "https://chat.example.org:8080", "http://chat.example.org:80800"),
            *("http://chat.example.org.evil:8080", "http://evil.example:8080", "http://chatxexample.org:8080"),
            *("http://chat.example.org:8080@evil.example", "http://evil.example/http://chat.example.org:8080"),
            *("file:///", "", "http://", "http://[", "http://chat.example.org:x"),
        ):
            self.assertEqual(self.statusOf(origin, own), 400, origin)

    def test_defaultPort(self) -> None:
        """
        A browser leaves the usual port out, and so does the operator.
        """
        for own in ("https://chat.example.org", "http://chat.example.org"):
            self.assertEqual(self.statusOf(own, own), 101, own)

    def test_noList(self) -> None:
        """
        Where there is none, any page may.
        """
        for origin in ("https://evil.example", "null", "file:///", None):
            self.assertEqual(self.statusOf(origin), 101, origin)
