"""
Who asks for C{/metrics}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.web.server import Request

from imtw.admin.gate import Gate, GuardedResource
from imtw.counters import Spread
from imtw.server import Core

if TYPE_CHECKING:
    from imtw.admin.metrics import Metrics


class MetricsResource(GuardedResource):
    """
    C{/metrics}.
    """

    methods = (b"GET",)

    def __init__(self, gate: Gate, core: Core, lags: Spread) -> None:
        super().__init__(gate)
        self._core = core
        self._lags = lags
        self._metrics: Metrics | None = None

    async def answer(self, request: Request) -> None:
        """
        Show them.
        """
        body, kind = self._made().show(request.getHeader("Accept") or "")
        request.setHeader(b"Content-Type", kind.encode())
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"Cache-Control", b"no-store")
        request.setHeader(b"Content-Length", str(len(body)).encode())
        request.write(body)
        request.finish()

    def _made(self) -> Metrics:
        """
        What shows them.  Its library takes 1 MB and 8 ms: it is loaded for
        the first who asks, and most servers nobody asks.
        """
        if self._metrics is None:
            from imtw.admin.metrics import Metrics

            self._metrics = Metrics(self._core, self._lags)
        return self._metrics

    def _check(self, request: Request) -> None:
        self._gate.forMetrics(request)
