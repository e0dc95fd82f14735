"""
What speaks to others: dialects to clients, relays to other nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import TYPE_CHECKING, Any, Literal

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IProtocol
    from twisted.web.resource import IResource

    from imtw.interfaces.store import IStore
    from imtw.limits import Limits


class IDialect(Interface):
    """
    How one family of clients speaks over the carriers.  Begin with
    L{imtw.protocols.dialect.Dialect}, and say only what differs from it.
    """

    name: str = Attribute("Its name on the command line.")

    # Of requests.

    needs: Set[bytes] = Attribute(
        """
        The headers without which an upgrade whose target it recognises is an
        ordinary request (of L{imtw.protocols.head.UPGRADE}).
        """
    )
    assumes: Set[bytes] = Attribute(
        """
        What such an upgrade may leave out (of the same), or what else of its
        head may be odd (L{imtw.protocols.head.KEY},
        L{imtw.protocols.head.LINE}); on a port of its own also
        L{imtw.protocols.head.HOST}, for any request.
        """
    )
    quotesTargets: bool = Attribute("A request's target may have characters that are not ASCII.")
    longestMessage: int = Attribute(
        """
        Bytes that a WebSocket's first message may have whose target nobody
        recognises, where that is more than
        L{imtw.limits.Limits.bodyBeforeLogin}.
        """
    )

    # Of ports of its own (--port-for).

    elsewhere: IResource | None = Attribute(
        """
        Answers whatever has no route there.  Such a port has no routes but
        the dialect's, and no WebSockets but those it recognises.
        """
    )
    answersBroken: bool = Attribute("What is no HTTP there is told so, and not just hung up on.")
    anyMethod: bool = Attribute("An unknown method makes a request there, too.")
    acceptsUnmasked: bool = Attribute("The frames of WebSockets need no mask there.")
    longestHead: tuple[int, int] | None = Attribute(
        """
        Bytes of a connection's first head there, and of a line of it;
        L{None} for L{imtw.limits.Limits.headSize}.
        """
    )
    patience: float | None = Attribute(
        """
        Seconds for a connection's first byte there; L{None} for
        L{imtw.limits.Limits.firstByte}.
        """
    )
    kinds: Mapping[str, IDialect] = Attribute(
        """
        What is spoken on ports of other kinds, by the kind (see
        L{imtw.interfaces.IDialectMaker}).
        """
    )

    def recogniseStream(head: bytes, alone: bool) -> Callable[[], IProtocol] | None:
        """
        Asked with the first bytes of a connection (at least one).

        @param alone: whether the port is this dialect's own.
        @return: what makes the protocol that takes the connection over, or
            L{None} for not mine.
        """

    def recogniseUpgrade(path: str, query: dict[str, str], alone: bool) -> Callable[[], Any] | Literal[False] | None:
        """
        Asked with the target of a WebSocket upgrade.

        @param path: as it was sent, percent-encoded.
        @return: what makes the L{ISocketSpeaker}; L{None} for not mine;
            L{False} for mine, and no WebSocket: it is answered as an ordinary
            request.
        """

    def recogniseMessage(payload: bytes, isBinary: bool) -> Callable[[], Any] | None:
        """
        Asked with the first message of a WebSocket that nobody recognised.
        """

    def resources() -> dict[str, IResource]:
        """
        Its HTTP routes, by path without the first slash.
        """


class IImporter(Interface):
    """
    Brings over what another system's server has kept; made from the name of
    a file.
    """

    total: int = Attribute("How many rows there are.")

    def run(store: IStore, limits: Limits, report: Callable[[str, str, str], None]) -> Any:
        """
        Bring it all over; again, bring over what is new.

        @param report: called once for every row: with its kind, C{"brought
            over"}, C{"there already"} or C{"skipped"}, and why where it is
            skipped.
        @return: a coroutine, which may fail with L{imtw.errors.ImtwError}.
        """


class ISocketSpeaker(Interface):
    """
    A dialect's end of one WebSocket.  Begin with
    L{imtw.protocols.socketvoice.SocketVoice}, or L{imtw.protocols.dialect.Speaker}
    which has nothing but the usual attributes.
    """

    longest: int | None = Attribute("Bytes of a message; L{None} for L{imtw.limits.Limits.webSocketBody}.")
    deflates: bool = Attribute("Messages may come compressed.")
    readsAnything: bool = Attribute("Texts that are no UTF-8, and frames of no opcode there is, are messages, too.")
    upgradesTo: bytes = Attribute("The word in the answer's C{Upgrade}.")
    ignores: Set[int] = Attribute(
        """
        The first bytes of frames that it does not want: which of them cannot
        be handed over, as too long or no UTF-8, are dropped and not refused.
        """
    )

    def opened(socket: Any, query: dict[str, str]) -> None:
        """
        The handshake is done; C{socket} carries (see
        L{imtw.protocols.websocket.carrier.SocketCarrier}).
        """

    def received(payload: bytes, isBinary: bool) -> None:
        """
        A whole message came.
        """

    def closed() -> None:
        """
        The connection is gone.
        """


class IRelay(Interface):
    """
    Tells other nodes that something happened.  It may lose: the log is the
    truth.
    """

    def start(receive: Callable[[bytes], None]) -> Deferred[None]:
        """
        Begin; C{receive} is called with what other nodes publish, never with
        this node's own.
        """

    def publish(notice: bytes) -> None:
        """
        Tell all other nodes.
        """

    def stop() -> Deferred[None]:
        """
        End.
        """
