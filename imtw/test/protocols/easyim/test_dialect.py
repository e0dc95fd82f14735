"""
Tests for L{imtw.protocols.easyim.dialect}: what is easyim's, and where it is
not offered.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from imtw.cli.machine import libraries
from imtw.errors import PluginLookupError
from imtw.interfaces import IDialect, IDialectMaker, IForm
from imtw.plugin import findMaker
from imtw.protocols.easyim import dialect as module
from imtw.protocols.easyim.dialect import EasyimDialect, readOptions
from imtw.tap import Options, makeServer

PLAIN = ["--store", "memory:", "--admin", "none"]


class DialectTests(SynchronousTestCase):
    """
    What is recognised.
    """

    def setUp(self) -> None:
        """
        A dialect of a server in memory.
        """
        options = Options()
        options.parseOptions(PLAIN)
        self.core = makeServer(options, MemoryReactorClock()).core
        self.dialect = EasyimDialect(self.core, False, {})

    def test_interfaces(self) -> None:
        """
        It and its API are dialects, and its forms forms.
        """
        for one in (self.dialect, *self.dialect.kinds.values()):
            self.assertTrue(verifyObject(IDialect, one))
        for form in (*self.dialect._streams.values(), *self.dialect._sockets.values()):
            self.assertTrue(verifyObject(IForm, form))
            self.assertIs(form.withDevice(True), form)

    def test_streams(self) -> None:
        """
        On the common port a stream is its if it begins as one; on its own
        port any is; on that for the API none.
        """
        api: Any = self.dialect.kinds["api"]
        for head, isMine in (
            *((bytes([tag]), True) for tag in (0x0A, 0x10, 0x1A, 0x22, 0x28, 0x30, 0x38, 0x42, 0x4A)),
            *((head, True) for head in (b"{", b" {", b"\r\n", b"\t")),
            *((head, False) for head in (b"\x01", b"\x66", b"login", b"\x16\x03", b"\x00", b"\xff", b"[", b"n")),
        ):
            self.assertEqual(self.dialect.recogniseStream(head, False) is not None, isMine, head)
            self.assertIsNotNone(self.dialect.recogniseStream(head, True))
            self.assertIsNone(api.recogniseStream(head, True))

    def test_sockets(self) -> None:
        """
        A WebSocket on the common port is its by the first message.
        """
        self.assertIsNone(self.dialect.recogniseUpgrade("/", {}, False))
        self.assertIsNotNone(self.dialect.recogniseUpgrade("/any", {"username": "x"}, True))
        self.assertIs(self.dialect.kinds["api"].recogniseUpgrade("/", {}, True), False)
        for payload, isBinary, isMine in (
            (b'{"msg_type":4}', False, True),
            (b' {"FROM_USER_ID":"1"}', True, True),
            (b'{"cmd":5,"from_user_id":"1"}', False, False),
            (b'{"id":"1"}', False, False),
            (b'[{"msg_type":4}]', False, False),
            (b"{", False, False),
            (b"[" * 5000, False, False),
            (b"\x0a\x011", True, True),
            (b"\x0a\x011", False, False),
            (b"\x0a\x7f1", True, False),
            (b"\x66\x01", True, False),
            (b"", True, False),
        ):
            self.assertEqual(self.dialect.recogniseMessage(payload, isBinary) is not None, isMine, payload[:20])

    def test_options(self) -> None:
        """
        Options are numbers within bounds; a wrong one says which it is.
        """
        self.assertEqual((readOptions({}).dropAfter, readOptions({}).maxMessage), (300, 65536))
        self.assertEqual(readOptions({"dropAfter": "2"}).dropAfter, 2)
        for name, value in (("dropAfter", "0"), ("dropAfter", "-1"), ("dropAfter", "x"), ("dropAfter", "²"),
                            ("maxMessage", "10"), ("maxMessage", "99999999")):  # fmt: skip
            with self.assertRaises(PluginLookupError) as caught:
                readOptions({name: value})
            self.assertIn(name, str(caught.exception))
        self.assertRaises(PluginLookupError, EasyimDialect, self.core, False, {"node": "1024"})


class MissingTests(SynchronousTestCase):
    """
    Where something is not installed.
    """

    def test_notOffered(self) -> None:
        """
        Without what it needs the dialect is not offered; the server starts,
        and C{--help-plugins} and the doctor say why.
        """
        maker: Any = findMaker(IDialectMaker, "easyim")
        self.assertEqual(maker.missing(), [])
        self.patch(maker, "needs", ["no_such_module"])
        options = Options()
        options.parseOptions(PLAIN)
        makeServer(options, MemoryReactorClock())
        for name in ("easyim", "easyim-api"):
            with self.assertRaises(usage.UsageError) as caught:
                Options().parseOptions([*PLAIN, "--port-for", f"{name}=tcp:0"])
            self.assertIn("fastim", str(caught.exception))
        told = io.StringIO()
        self.patch(sys, "stdout", told)
        self.assertRaises(SystemExit, Options().opt_help_plugins)
        self.assertIn("no_such_module is not installed", told.getvalue())
        self.assertIn("easyim", [finding.what for finding in libraries()])

    def test_withoutProtobuf(self) -> None:
        """
        Without protobuf it is offered, says so, and leaves binary messages
        to others.
        """
        self.patch(module, "protobuf", None)
        options = Options()
        options.parseOptions(PLAIN)
        dialect = EasyimDialect(makeServer(options, MemoryReactorClock()).core, False, {})
        self.assertIsNone(dialect.recogniseMessage(b"\x0a\x011", True))
        self.assertIsNotNone(dialect.recogniseMessage(b'{"msg_type":4}', True))
        self.assertEqual(set(dialect._streams), {True})
