"""
What speaks to others: dialects to clients, relays to other nodes.
"""

from __future__ import annotations

from collections.abc import Callable
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
    How one family of clients speaks over the carriers.

    It may have ten attributes more.  C{quotesTargets} says that a request's
    target may have characters that are not ASCII; C{longestMessage}, how many
    bytes a WebSocket's first message may have whose target nobody recognises,
    where that is more than L{imtw.limits.Limits.bodyBeforeLogin}.  Two are of upgrades whose
    target it recognises (L{imtw.protocols.head.UPGRADE}): C{needs}, the
    headers without which one is an ordinary request; and C{assumes}, those
    that it may leave out, or what else of the head may be odd.  Six are for
    ports of its own: C{elsewhere}, an L{twisted.web.resource.IResource} that
    answers whatever has no route there (such a port has no routes but the
    dialect's, and no WebSockets but those it recognises); C{answersBroken},
    whether what is no HTTP is told so there (it is); C{anyMethod}, whether an
    unknown method makes a request, too (it does); C{longestHead}, bytes of a
    connection's first head and of a line of it; C{patience}, seconds for a
    connection's first byte; and C{kinds}, what is spoken on ports of other
    kinds (L{imtw.interfaces.IDialectMaker}): an L{IDialect} each, by the kind.
    There C{assumes} may also have the host, for any request.
    """

    name: str = Attribute("Its name on the command line.")

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
    A dialect's end of one WebSocket.  It may have attributes more:
    C{longest}, bytes of a message, where that is less than the limit;
    C{deflates}, whether messages may come compressed; C{echoesClose},
    whether a close is answered with the peer's code; C{upgradesTo}, the word
    in the answer's C{Upgrade}, where that is not C{websocket} in lower case;
    C{ignores}, the first bytes of frames that it does not want: which of them
    cannot be handed over, as too long or no UTF-8, are dropped and not
    refused.
    """

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
