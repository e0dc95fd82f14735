"""
J-IM as a dialect: what it recognises and what it makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IProtocol
from twisted.web.resource import IResource

from imtw.errors import PluginLookupError
from imtw.protocols.dialect import Dialect
from imtw.protocols.head import KEY, LINE, UPGRADE
from imtw.protocols.jim.bodies import commandOf
from imtw.protocols.jim.resources import jimRoutes
from imtw.protocols.jim.socket import JimSpeaker
from imtw.protocols.jim.stream import JimProtocol
from imtw.protocols.jim.voice import JimOptions
from imtw.server import Core

VERSION = 0x01
NAMED_CODES = range(21)  # what J-IM has a name for: without a handler they are answered, others hang up


class JimDialect(Dialect):
    """
    J-IM 2.6 and its customer-service fork, over TCP, WebSocket and HTTP.
    """

    name = "jim"
    assumes = frozenset([*UPGRADE, LINE, KEY])  # any key makes it a WebSocket (docs/wire/jim.rst, WebSocket)
    quotesTargets = True
    longestHead = 20480, 2048  # in all, and a line: J-IM's own bounds

    def __init__(self, core: Core, strict: bool, options: dict[str, str]) -> None:
        self._core = core
        self._options = readOptions(strict, options)
        self.acceptsUnmasked = strict
        if strict:
            self.longestMessage = core.limits.webSocketBody
        self._known = frozenset([*NAMED_CODES, *core.registry.byCode])

    def recogniseStream(self, head: bytes, alone: bool) -> Callable[[], IProtocol] | None:
        """
        A frame begins with its version.
        """
        return self._stream if head[0] == VERSION else None

    def recogniseUpgrade(self, path: str, query: dict[str, str], alone: bool) -> Callable[[], Any] | None:
        """
        A login in the query; on a port of its own, anything.
        """
        return self._socket if alone or "username" in query or "token" in query else None

    def recogniseMessage(self, payload: bytes, isBinary: bool) -> Callable[[], Any] | None:
        """
        JSON that names a command.
        """
        return self._socket if commandOf(payload) is not None else None

    def resources(self) -> dict[str, IResource]:
        """
        Its HTTP routes.
        """
        return jimRoutes(self._core, self._options)

    def _stream(self) -> JimProtocol:
        return JimProtocol(self._core, self._options, self._known)

    def _socket(self) -> JimSpeaker:
        return JimSpeaker(self._core, self._options)


def readOptions(strict: bool, options: dict[str, str]) -> JimOptions:
    """
    The options as they stand on the command line.

    @raise PluginLookupError: a value that is none.
    """
    timeout = options.get("heartbeatTimeout", "0")
    if not timeout.isdigit():
        raise PluginLookupError(f"jim: heartbeatTimeout is {timeout!r}, wanted milliseconds, 0 for never")
    return JimOptions(strict=strict, suffix=options.get("authSuffix", "authKey"), heartbeatTimeout=int(timeout))
