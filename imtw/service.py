"""
The service that C{twistd} runs: the core with its ports, from its start to its
end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort
from twisted.logger import ILogObserver, Logger

from imtw.admin.listener import Admin
from imtw.collector import Freezer
from imtw.errors import ImtwError
from imtw.interfaces import IRelay
from imtw.protocols.accepted import keepLittle
from imtw.protocols.listen import namedWith, reasonOf
from imtw.relaying.node import Relaying
from imtw.relays.loopback import NoRelay
from imtw.server import Core

#: Seconds a thread may keep the interpreter.  At Python's 5 ms a busy reactor
#: and the store's writer starve each other: p99 of a commit 600 ms, not 14.
SWITCH = 0.0005


class Server(MultiService):
    """
    A server with its ports: opens the store, then listens; stops listening,
    then closes the store.

    @ivar listening: the ports, once they are open.
    @ivar giveUp: what ends the process where it cannot start.
    @ivar logObserver: what C{twistd} is to log with, unless it knows itself.
    """

    log = Logger()

    def __init__(self, core: Core, relay: IRelay) -> None:
        super().__init__()
        self.core = core
        self.relaying = Relaying(
            relay, core.store, core.sessions, core.groups, core.numbers, core.delivery, core.members, core.attendance
        )
        if not isinstance(relay, NoRelay):
            core.useRelay(self.relaying.tell)
        self.listening: list[IListeningPort] = []
        self._ports: list[tuple[str, StreamServerEndpointService]] = []
        self.started: Deferred[None] | None = None
        self.admin: Admin | None = None
        self.freezer: Freezer | None = None
        self.logObserver: ILogObserver | None = None
        self.giveUp: Callable[[], None] = lambda: None

    def setServiceParent(self, parent: Any) -> None:
        """
        Be part of an application; C{twistd} asks it for what to log with.
        """
        super().setServiceParent(parent)
        if self.logObserver is not None:
            parent.setComponent(ILogObserver, self.logObserver)

    def addPort(self, description: str, endpoint: Any, factory: Any) -> None:
        """
        Listen there, too, once the store is open.
        """
        self._ports.append((description, StreamServerEndpointService(endpoint, factory)))

    def startService(self) -> None:
        """
        Begin.
        """
        sys.setswitchinterval(SWITCH)
        super().startService()
        self.started = Deferred.fromCoroutine(self._start())
        self.started.addErrback(self._failed)

    def stopService(self) -> Deferred[Any]:
        """
        End.
        """
        return Deferred.fromCoroutine(self._stop())

    async def _start(self) -> None:
        await self.core.open()
        await self.core.accounts.start()
        await self.relaying.start()
        ports = [await self._listen(description, port) for description, port in self._ports]
        if self.admin is not None:
            await self.admin.start()
        if self.freezer is not None:
            self.freezer.start()
        self.log.info("ready: {ports}", ports=", ".join(ports))

    async def _listen(self, description: str, port: StreamServerEndpointService) -> str:
        """
        Open one port.

        @return: what is said of it.
        """
        try:
            listening = await port.endpoint.listen(port.factory)
        except Exception as error:
            option = "--port-for" if port.factory.isAlone else "--port"
            raise ImtwError(f"cannot listen on {description} ({option}): {reasonOf(error)}") from error
        keepLittle(listening)
        self.listening.append(listening)
        return description if port.factory.isAlone else namedWith(description, listening.getHost())

    async def _stop(self) -> None:
        if self.freezer is not None:
            self.freezer.stop()
        if self.admin is not None:
            await self.admin.stop()
        await gatherResults([Deferred.fromCoroutine(closed(port)) for port in self.listening])
        self.listening.clear()
        await self.core.drain()
        await self.relaying.stop()
        await self.core.accounts.stop()
        await self.core.stopService()
        await MultiService.stopService(self)

    def _failed(self, failure: Any) -> None:
        """
        Say why it cannot start, and end the process.
        """
        if failure.check(ImtwError):
            self.log.critical("cannot start: {error}", error=failure.getErrorMessage())
        else:
            self.log.failure("cannot start", failure)
        self.giveUp()


async def closed(port: IListeningPort) -> None:
    """
    Close a port.
    """
    stopped = port.stopListening()
    if stopped is not None:
        await stopped
