"""
The way out of a connection, for all carriers.

What is sent goes to the socket at once when nothing is queued before it
(measured: 2.2 times as many group deliveries as C{transport.write}), and
through the transport, which knows how to wait, when it does not fit.  What a
peer that does not read can make us hold is bounded: once that is past the
budget, the next that is sent to it aborts its connection (C{loseConnection}
never ends on a stuck peer).  What is held is judged before more is added: one
write may be larger than the budget, and a peer that only pauses gets it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer, ISSLTransport
from twisted.internet.tcp import Connection
from zope.interface import implementer

from imtw.cork import Cork
from imtw.outlet import Outlet, nothing

CLOSE_PATIENCE = 2.0  # seconds for a peer to read the last words


def directSend(transport: Any) -> Callable[[bytes], int] | None:
    """
    The socket's own C{send}, where bytes written there are what the peer
    reads: a plain TCP connection.  A TLS transport passes its socket
    through, and what is sent there would go out as plain text.
    """
    if isinstance(transport, Connection) and not ISSLTransport.providedBy(transport):
        return transport.socket.send
    return None


class Holder(Protocol):
    """
    Who has an outlet.
    """

    def evicted(self) -> None:
        """
        The peer is cut for not reading; called once.
        """


def kept(transport: Any, most: int) -> int:
    """
    How many bytes a transport keeps: with TLS, those of the one below it and
    what is not encrypted yet.

    @param most: no more than these; all of them where that cannot be told.
    """
    length: int | None = getattr(transport, "_tempDataLen", None)
    if length is None:
        return most
    length += len(transport.dataBuffer) - transport.offset + sum(map(len, getattr(transport, "_appSendBuffer", ())))
    return min(most, length)


@implementer(IPushProducer)
class TransportOutlet(Outlet):
    """
    Sends to one transport.

    @ivar level: 0 while little waits; 1 past a quarter of the budget; 2 past
        a half.
    @ivar relieved: called when the peer has read it all.
    @ivar isWaiting: the transport keeps something that the socket did not
        take.
    @ivar isActive: something went either way since somebody set this to
        L{False}.
    """

    __slots__ = (
        "_budget",
        "_closed",
        "_cork",
        "_direct",
        "_held",
        "_holder",
        "_hurry",
        "_paused",
        "_queue",
        "_transport",
        "isActive",
        "level",
        "relieved",
    )

    def __init__(self, transport: Any, cork: Cork, budget: int, holder: Holder) -> None:
        self._transport = transport
        self._cork = cork
        self._budget = budget
        self._direct = directSend(transport) if cork.fast.send else None
        self._queue: list[bytes] | None = None  # there while something is in it
        self._paused = False
        self._held = 0
        self._hurry: IDelayedCall | None = None
        self._closed = False
        self.isActive = True
        self.level = 0
        self.relieved: Callable[[], None] = nothing
        self._holder: Holder | None = holder
        transport.registerProducer(self, True)

    @property
    def isWaiting(self) -> bool:  # type: ignore[override]
        transport = self._transport
        return self._paused or bool(getattr(transport, "dataBuffer", b"") or getattr(transport, "_tempDataLen", 0))

    @property
    def isClosed(self) -> bool:  # type: ignore[override]
        return self._closed

    def send(self, data: bytes) -> None:
        """
        Send now, or with the rest of this turn while the cork is in.
        """
        if self._queue is not None:  # also while the cork comes out: stay behind what was queued
            self._queue.append(data)
        elif self._cork.tight:
            self._queue = [data]
            self._cork.whenPulled(self.flush)
        else:
            self._write(data)

    def close(self) -> None:
        """
        End the connection once what was sent is written.
        """
        if self._closed:
            return
        self.flush()
        self._closed = True
        self._transport.unregisterProducer()
        self._transport.loseConnection()
        reactor = getattr(self._transport, "reactor", None)
        if reactor is not None and self._hurry is None:
            self._hurry = reactor.callLater(CLOSE_PATIENCE, self._transport.abortConnection)

    def mute(self) -> None:
        """
        Send nothing more; somebody else ends the connection.
        """
        self._closed = True
        self._queue = None

    def abort(self) -> None:
        """
        End the connection now.
        """
        self._closed = True
        self._queue = None
        self._transport.abortConnection()

    def forget(self) -> None:
        """
        The connection is gone.
        """
        self.mute()
        self._holder = None
        self.relieved = nothing
        if self._hurry is not None and self._hurry.active():
            self._hurry.cancel()

    def pauseProducing(self) -> None:
        """
        The transport holds more than it likes: count from here on.
        """
        if not self._paused:
            self._paused = True
            self._held = 0

    def resumeProducing(self) -> None:
        """
        The peer has read it all.
        """
        self._paused = False
        if self.level:
            self.level = 0
            self.relieved()

    def stopProducing(self) -> None:
        """
        The connection is gone.
        """
        self.forget()

    def flush(self) -> None:
        """
        Send what this turn brought.
        """
        queue = self._queue
        if queue is not None:
            self._queue = None
            self._write(queue[0] if len(queue) == 1 else b"".join(queue))

    def _write(self, data: bytes) -> None:
        """
        To the socket if nothing is in the way, the rest to the transport.
        """
        if self._closed:
            return
        self.isActive = True
        transport = self._transport
        direct = self._direct  # called by a name: an attribute that is no method is slow to call
        if direct is not None and not (transport.dataBuffer or transport._tempDataLen):
            try:
                sent = direct(data)
            except OSError:  # full, or gone: the transport finds out which
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        if self._paused:
            if self._held >= self._budget:  # but it may have read a part of that
                self._held = kept(transport, self._held)
            if self._held >= self._budget:
                if self._holder is not None:
                    self._holder.evicted()
                self.abort()
                return
            self._held += len(data)
            self.level = max(self.level, min(2, self._held * 4 // self._budget))  # it falls when all is read
        transport.write(data)
