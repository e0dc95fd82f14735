"""
Is the server alive, and can it be used?  For whoever starts and watches it;
nothing else is told, so anybody may ask.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.resource import Resource
from twisted.web.server import Request

from imtw.protocols.site import JSON, encode


class HealthResource(Resource):
    """
    Says yes (200) or no (503).
    """

    isLeaf = True

    def __init__(self, word: str, isSo: Callable[[], bool]) -> None:
        """
        @param word: what is asked for.
        """
        super().__init__()
        self._word = word
        self._isSo = isSo

    def render_GET(self, request: Request) -> bytes:
        """
        Say it; C{HEAD} comes here, too.
        """
        isSo = self._isSo()
        request.setResponseCode(200 if isSo else 503)
        request.setHeader(b"Content-Type", JSON)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"Cache-Control", b"no-store")
        return encode({self._word: isSo})
