"""
The admin listener: opens once everything else is open, closes first.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource

from imtw.admin import door
from imtw.admin.api import operatorRoutes
from imtw.admin.gate import Gate, GuardedResource
from imtw.admin.health import HealthResource
from imtw.admin.lag import LAGS, LagProbe
from imtw.admin.scrape import MetricsResource
from imtw.counters import Spread
from imtw.errors import ImtwError
from imtw.protocols.listen import endpointFor, reasonOf
from imtw.protocols.routing import Root
from imtw.protocols.site import BoundedSite
from imtw.server import Core

DEFAULT = "tcp:9734:interface=127.0.0.1"
CONNECTIONS = 100  # of operators and their programs; enough, and far from what a process may open
BODY = 64 * 1024  # bytes of a request
KINDS = ("tcp:", "tcp6:", "unix:")


class AdminSite(BoundedSite):
    """
    The HTTP side of the listener, with bounds of its own.
    """

    def __init__(self, core: Core, root: IResource) -> None:
        super().__init__(core, root)
        self.limits = replace(core.limits, httpBody=BODY)
        self._open = 0

    def buildProtocol(self, addr: Any) -> Any:
        """
        A connection came; none is taken past the limit.
        """
        if self._open >= CONNECTIONS:
            return None
        self._open += 1
        channel = super().buildProtocol(addr)
        lost = channel.connectionLost

        def connectionLost(reason: Failure) -> None:
            self._open -= 1
            lost(reason)

        channel.connectionLost = connectionLost
        return channel


class Nothing(Struct):
    """
    A question without fields.
    """


class ServerResource(GuardedResource):
    """
    C{GET /server}: which process this is, and where it listens.
    """

    methods = (b"GET",)
    asked = Nothing

    def __init__(self, gate: Gate, ports: Callable[[], Sequence[IListeningPort]]) -> None:
        super().__init__(gate)
        self._ports = ports

    async def ask(self, asked: Nothing) -> Any:
        """
        The process and its ports, as far as they have numbers.
        """
        addresses: list[Any] = [port.getHost() for port in self._ports()]
        return {"pid": os.getpid(), "ports": [address.port for address in addresses if hasattr(address, "port")]}


class Admin:
    """
    The admin listener of one server.

    @ivar lags: how late the server's reactor was.
    @ivar port: where it listens, while it does.
    """

    log = Logger()

    def __init__(
        self, core: Core, reactor: Any, description: str, ports: Callable[[], Sequence[IListeningPort]]
    ) -> None:
        """
        @param description: an endpoint, as C{--admin} takes it.
        @param ports: the server's other ports.
        @raise ValueError: it is none that will do.
        """
        if not description.startswith(KINDS):
            raise ValueError("wanted tcp:PORT:interface=ADDRESS, unix:PATH or none")
        self._endpoint = endpointFor(reactor, description)
        self._description = description
        #: Where the database is; a store without a file has no operator's commands either.
        self._database = core.store.path
        self._secret = secrets.token_urlsafe(32)
        gate = Gate(self._secret, core.apiSecret)
        self.lags = Spread(LAGS)
        self._probe = LagProbe(core.clock, self.lags.note)
        self.site = AdminSite(
            core,
            Root(
                {
                    "healthz": HealthResource("alive", lambda: True),
                    "readyz": HealthResource("ready", lambda: core.store.healthy),
                    "metrics": MetricsResource(gate, core, self.lags),
                    "server": ServerResource(gate, lambda: [*ports(), *([self.port] if self.port else [])]),
                    **operatorRoutes(gate, core),
                }
            ),
        )
        self.port: IListeningPort | None = None

    async def start(self) -> None:
        """
        Listen, and say where.

        Where the default port is taken the server goes on without: two on one
        machine need no option for that.

        @raise ImtwError: an endpoint that was asked for cannot be had.
        """
        try:
            self.port = await self._endpoint.listen(self.site)
        except Exception as error:
            if self._description != DEFAULT:
                raise ImtwError(f"cannot listen on {self._description} (--admin): {reasonOf(error)}") from error
            self.log.warn(
                "no admin listener: {endpoint} is taken; give --admin tcp:PORT:interface=127.0.0.1, or none: {error}",
                endpoint=DEFAULT, error=error,
            )
            return
        self._probe.start()
        if self._database:
            try:
                door.write(self._database, door.doorAt(self.port.getHost(), self._secret))
            except OSError as error:
                raise ImtwError(f"{error.filename} cannot be written: {error.strerror}") from error

    async def stop(self) -> None:
        """
        Take the file away, and close.
        """
        port, self.port = self.port, None
        if port is None:
            return
        if self._database:
            door.remove(self._database)
        self._probe.stop()
        stopped = port.stopListening()
        if stopped is not None:
            await stopped
