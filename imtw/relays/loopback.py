"""
Relays that need nothing: none at all, and one between the servers of one
process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from imtw.interfaces import IRelay
from imtw.plugin import takesNothing

Receive = Callable[[bytes], None]


@implementer(IRelay)
class NoRelay:
    """
    There are no other nodes.
    """

    def __init__(self, argument: str, reactor: IReactorTime) -> None:
        takesNothing("--relay none", argument)

    def start(self, receive: Receive) -> Deferred[None]:
        """
        Nothing will be received.
        """
        return succeed(None)

    def publish(self, notice: bytes) -> None:
        """
        Nobody hears it.
        """

    def stop(self) -> Deferred[None]:
        """
        There is nothing to end.
        """
        return succeed(None)


@implementer(IRelay)
class LoopbackRelay:
    """
    Joins the servers of one process that name the same hub.  What is
    published comes to the others in a turn of its own, as from a network.
    """

    _hubs: ClassVar[dict[str, dict[LoopbackRelay, Receive]]] = {}

    def __init__(self, argument: str, reactor: IReactorTime) -> None:
        self._name = argument
        self._reactor = reactor

    def start(self, receive: Receive) -> Deferred[None]:
        """
        Join the hub.
        """
        self._hubs.setdefault(self._name, {})[self] = receive
        return succeed(None)

    def publish(self, notice: bytes) -> None:
        """
        Tell the others.
        """
        for other in self._hubs.get(self._name, {}):
            if other is not self:
                self._reactor.callLater(0, other._hear, notice)

    def stop(self) -> Deferred[None]:
        """
        Leave the hub.
        """
        hub = self._hubs.get(self._name, {})
        hub.pop(self, None)
        if not hub:
            self._hubs.pop(self._name, None)
        return succeed(None)

    def _hear(self, notice: bytes) -> None:
        """
        Hand on what another server said, unless this one has left.
        """
        receive = self._hubs.get(self._name, {}).get(self)
        if receive is not None:
            receive(notice)
