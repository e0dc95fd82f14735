"""
What is so in every dialect, unless it says otherwise.

A dialect and its ends of WebSockets say what they recognise and how they
speak, and of the attributes of their interfaces only what differs from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any, Literal

from twisted.internet.interfaces import IProtocol
from twisted.web.resource import IResource
from zope.interface import implementer

from imtw.interfaces import IDialect, ISocketSpeaker


@implementer(IDialect)
class Dialect:
    """
    A dialect that recognises nothing and has no routes.
    """

    name = ""
    needs: Set[bytes] = frozenset()
    assumes: Set[bytes] = frozenset()
    quotesTargets = False
    longestMessage = 0
    elsewhere: IResource | None = None
    answersBroken = False
    anyMethod = True
    acceptsUnmasked = False
    longestHead: tuple[int, int] | None = None
    patience: float | None = None
    kinds: Mapping[str, IDialect] = {}

    def recogniseStream(self, head: bytes, alone: bool) -> Callable[[], IProtocol] | None:
        """
        Not mine.
        """
        return None

    def recogniseUpgrade(
        self, path: str, query: dict[str, str], alone: bool
    ) -> Callable[[], Any] | Literal[False] | None:
        """
        Not mine.
        """
        return None

    def recogniseMessage(self, payload: bytes, isBinary: bool) -> Callable[[], Any] | None:
        """
        Not mine.
        """
        return None

    def resources(self) -> dict[str, IResource]:
        """
        None.
        """
        return {}


@implementer(ISocketSpeaker)
class Speaker:
    """
    One end of a WebSocket that reads whole messages, as the RFC has them.
    """

    longest: int | None = None
    deflates = False
    readsAnything = False
    upgradesTo = b"websocket"
    ignores: Set[int] = frozenset()

    def opened(self, socket: Any, query: dict[str, str]) -> None:
        """
        The handshake is done.
        """
        raise NotImplementedError

    def received(self, payload: bytes, isBinary: bool) -> None:
        """
        A message came.
        """
        raise NotImplementedError

    def closed(self) -> None:
        """
        The connection is gone.
        """
        raise NotImplementedError
