"""
easyim as a dialect: what it recognises and what it makes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.logger import Logger
from twisted.web.resource import IResource

from imtw.errors import PluginLookupError
from imtw.numbers import NODES
from imtw.protocols.dialect import Dialect
from imtw.protocols.easyim import protobuf as codec
from imtw.protocols.easyim.envelope import UPGRADING, Elsewhere
from imtw.protocols.easyim.forms import EasyimForm
from imtw.protocols.easyim.jsontext import writeText
from imtw.protocols.easyim.message import Malformed, Msg
from imtw.protocols.easyim.plain import Hall, PlainSpeaker, isLine
from imtw.protocols.easyim.resources import easyimRoutes
from imtw.protocols.easyim.socket import EasyimSpeaker, isText
from imtw.protocols.easyim.splitter import BLANKS, splitTexts
from imtw.protocols.easyim.stream import EasyimProtocol
from imtw.protocols.easyim.tokens import Tokens
from imtw.protocols.easyim.voice import EasyimOptions
from imtw.protocols.framing import BINARY, frame
from imtw.protocols.head import HOST
from imtw.server import Core

#: The codec, or L{None} without the extra imtw[easyim].
protobuf = codec if codec.isInstalled() else None
TAGS = bytes([0x0A, 0x10, 0x1A, 0x22, 0x28, 0x30, 0x38, 0x42, 0x4A])  # of its nine fields
KEYS = {"msg_type", "from_user_id"}  # one of which every message of a client has

_log = Logger()


class EasyimDialect(Dialect):
    """
    easyim, in JSON and protobuf, over TCP, WebSocket and HTTP.
    """

    name = "easyim"
    anyMethod = False
    quotesTargets = True
    needs = UPGRADING
    assumes = frozenset([b"sec-websocket-version", HOST])

    def __init__(self, core: Core, strict: bool, options: dict[str, str]) -> None:
        self._core = core
        self._options = readOptions(options)
        core.numbers.snowflakes.node = numberIn(options, "node", 1, 0, NODES - 1)
        self._tokens = Tokens(core.clock, core.store, core.numbers)
        core.accounts.addTokenReader(lambda text: Deferred.fromCoroutine(self._tokens.reader(text)))
        numbers = core.numbers
        self._streams = {True: EasyimForm(numbers, writeText, splitTexts)}
        self._sockets = {True: EasyimForm(numbers, lambda msg, rest: frame(writeText(msg, rest)))}
        if protobuf is not None:
            write = protobuf.encodeMessage
            self._streams[False] = EasyimForm(numbers, write, protobuf.splitMessages)
            self._sockets[False] = EasyimForm(numbers, lambda msg, rest: frame(write(msg, rest), BINARY))
        self.elsewhere = Elsewhere(hasSockets=True)
        self.patience = float(self._options.dropAfter)
        self.kinds = {"api": EasyimApi(self)}
        self._hall = Hall()
        if protobuf is None:
            _log.warn("easyim: protobuf is not installed (pip install imtw[easyim]); its clients are cut")

    def recogniseStream(self, head: bytes, alone: bool) -> Callable[[], IProtocol] | None:
        """
        A brace, perhaps behind blanks, or the tag of one of its protobuf
        fields; on a port of its own, anything.
        """
        first = head[0]
        if alone and self._options.plain and first not in b"{" + BLANKS and isLine(head) and not isMessage(head):
            return partial(PlainSpeaker, self._core, self._options, self._hall)
        if alone or first in b"{" + BLANKS or first in TAGS:
            return self._stream
        return None

    def recogniseUpgrade(self, path: str, query: dict[str, str], alone: bool) -> Callable[[], Any] | None:
        """
        On a port of its own, anything; elsewhere the first message says.
        """
        return self._socket if alone else None

    def recogniseMessage(self, payload: bytes, isBinary: bool) -> Callable[[], Any] | None:
        """
        JSON with one of its keys and no C{cmd}; or protobuf in a binary
        message.
        """
        if isText(payload):
            return self._socket if self._isMine(payload) else None
        return self._socket if isBinary and payload[0] in TAGS and isMessage(payload) else None

    def resources(self) -> dict[str, IResource]:
        """
        Its HTTP routes.
        """
        return easyimRoutes(self._core, self._tokens)

    def _isMine(self, payload: bytes) -> bool:
        """
        Is this a JSON text of an easyim client?
        """
        try:
            read = msgspec.json.decode(payload)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return False
        if not isinstance(read, dict):
            return False
        keys = {key.casefold() for key in read}
        return bool(keys & KEYS) and "cmd" not in keys

    def _stream(self) -> EasyimProtocol:
        return EasyimProtocol(self._core, self._options, self._tokens, self._streams, protobuf)

    def _socket(self) -> EasyimSpeaker:
        return EasyimSpeaker(self._core, self._options, self._tokens, self._sockets, protobuf)


class EasyimApi(Dialect):
    """
    easyim's HTTP routes alone, for a port of their own.
    """

    name = "easyim-api"
    quotesTargets = True
    assumes = frozenset([HOST])

    def __init__(self, whole: EasyimDialect) -> None:
        self._whole = whole
        self.elsewhere = Elsewhere(hasSockets=False)

    def recogniseUpgrade(self, path: str, query: dict[str, str], alone: bool) -> Literal[False]:
        """
        An upgrade is a request like any other.
        """
        return False

    def resources(self) -> dict[str, IResource]:
        """
        Its HTTP routes.
        """
        return self._whole.resources()


def isMessage(data: bytes) -> bool:
    """
    Is this a message in protobuf that says something?
    """
    if protobuf is None:
        return False
    try:
        packet = protobuf.decodeMessage(data)
    except Malformed:
        return False
    return bool(packet.msg != Msg())


def readOptions(options: dict[str, str]) -> EasyimOptions:
    """
    The options as they stand on the command line.

    @raise PluginLookupError: a value that is none.
    """
    return EasyimOptions(
        dropAfter=numberIn(options, "dropAfter", 300, 1, 86400),
        maxMessage=numberIn(options, "maxMessage", 64 * 1024, 1024, 2**20),
        plain=numberIn(options, "plain", 0, 0, 1) == 1,
    )


def numberIn(options: dict[str, str], name: str, default: int, least: int, most: int) -> int:
    """
    An option that is a number.

    @raise PluginLookupError: it is none, or too small or too large.
    """
    text = options.get(name, str(default))
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise PluginLookupError(f"easyim: {name} is {text!r}, wanted {least} to {most}")
    return int(text)
