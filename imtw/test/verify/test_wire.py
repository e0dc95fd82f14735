"""
The client's own codec.
"""

from __future__ import annotations

from unittest import TestCase

from imtw.protocols.jim.frames import encodeFrame
from imtw.verify import wire
from imtw.verify.wire import FrameReader

STREAM = b"".join(
    [
        bytes.fromhex("01510d00000025") + b'{"command":13,"data":{"hbbyte":-128}}',
        bytes.fromhex("01f1000000070b00000002") + b"{}",
        bytes.fromhex("01510c00000000"),
    ]
)
FRAMES = [(13, b'{"command":13,"data":{"hbbyte":-128}}'), (11, b"{}"), (12, b"")]


class FrameTests(TestCase):
    """
    L{FrameReader} and L{wire.frame}.
    """

    def test_anyChunking(self) -> None:
        """
        What is read does not depend on where the stream was cut.
        """
        for size in range(1, len(STREAM) + 1):
            reader = FrameReader()
            found = [one for at in range(0, len(STREAM), size) for one in reader.feed(STREAM[at : at + size])]
            self.assertEqual(found, FRAMES, f"chunks of {size}")

    def test_asTheServerDoes(self) -> None:
        """
        A frame is what the server's own codec makes of the same.
        """
        self.assertEqual(wire.frame(11, b"{}"), encodeFrame(11, b"{}"))
        self.assertEqual(wire.announced(5, 7) + b"1234567", encodeFrame(5, b"1234567"))

    def test_noObject(self) -> None:
        """
        A body that is no object reads as an empty one.
        """
        for body in (b"", b"[1]", b"{", b"\xff"):
            self.assertEqual(wire.read(body), {})


class ConversationTests(TestCase):
    """
    L{wire.Conversation}.
    """

    def test_pair(self) -> None:
        """
        A pair is the same whoever speaks, and addressed to the other.
        """
        where = wire.pair("bob", "ann")
        self.assertEqual(where, wire.pair("ann", "bob"))
        self.assertEqual(where.addressed("ann"), {"chatType": 2, "to": "bob"})
        self.assertEqual(where.asked("bob"), {"userId": "bob", "fromUserId": "ann"})

    def test_group(self) -> None:
        """
        A group is addressed by its name.
        """
        self.assertEqual(wire.group("tea").addressed("ann"), {"chatType": 1, "group_id": "tea"})
        self.assertEqual(wire.group("tea").asked("ann"), {"userId": "ann", "groupId": "tea"})
