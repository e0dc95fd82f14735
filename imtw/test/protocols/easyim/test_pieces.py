"""
How easyim's messages are cut into writes.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from imtw.cork import Cork
from imtw.protocols.easyim.forms import EasyimForm
from imtw.protocols.easyim.jsontext import writeText
from imtw.protocols.easyim.message import Msg
from imtw.protocols.easyim.protobuf import encodeMessage, splitMessages
from imtw.protocols.easyim.splitter import splitTexts
from imtw.protocols.easyim.stream import PieceOutlet
from imtw.test.everybody.easyim import Binary, Text
from imtw.test.protocols.outlets import Nobody


class Writes(StringTransport):
    """
    A transport that keeps writes apart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        """
        One write.
        """
        self.writes.append(data)


class PieceTests(SynchronousTestCase):
    """
    L{PieceOutlet}.
    """

    def test_writesApart(self) -> None:
        """
        Each message is written for itself, also where several are sent at
        once or in one turn: to most clients a message is what they read.
        """
        first, second = ({"id": "1", "content": "}{"}, {"id": "2", "from_user_id": "3"})
        numbers: Any = None
        forms = (Text, writeText, splitTexts), (Binary, encodeMessage, splitMessages)
        for format, write, split in forms:
            transport, cork = Writes(), Cork()
            outlet = PieceOutlet(transport, cork, 1000, Nobody())
            outlet.form = EasyimForm(numbers, write, split)
            one, other = (format.write(message).replace(b" ", b"") for message in (first, second))
            outlet.send(one + other)
            cork.push()
            outlet.send(other)
            outlet.send(one + other + one)
            cork.pull()
            self.assertEqual(transport.writes, [one, other, other, one, other, one])
            transport.writes.clear()
            messages = Msg("1", content="}{"), Msg("2", from_user_id="3")
            for joined in (b"", other):  # what was just written, or came behind something else
                written = [outlet.form.write(message) for message in messages]
                for data in written:
                    outlet.send(joined + data)
            self.assertEqual(transport.writes, [one, other, other, one, other, other])
