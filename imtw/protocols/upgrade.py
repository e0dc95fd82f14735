"""
An upgrade to a WebSocket that is not the first request of its connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from imtw.protocols.handover import handOver

if TYPE_CHECKING:
    from imtw.protocols.detect import PortFactory


class UpgradeResource(Resource):
    """
    Takes the connection away from HTTP and gives it to a WebSocket, with the
    request as it came.
    """

    isLeaf = True

    def __init__(self, port: PortFactory) -> None:
        super().__init__()
        self._port = port

    def wants(self, request: Request) -> bool:
        """
        Does this request ask for a WebSocket that there is?
        """
        if not request.requestHeaders.hasHeader(b"Sec-WebSocket-Key"):
            return False
        path, _, query = request.uri.decode("latin-1").partition("?")
        return self._port.isSocket(path, dict(parse_qsl(query, keep_blank_values=True)))

    def render(self, request: Request) -> int:
        """
        Hand the connection over.
        """
        channel: Any = request.channel
        transport = channel.transport
        channel.setTimeout(None)
        transport.unregisterProducer()
        head = [b" ".join([request.method, request.uri, request.clientproto])]
        for name, values in request.requestHeaders.getAllRawHeaders():
            head += [name + b": " + value for value in values]
        target = self._port.sockets.buildProtocol(transport.getPeer())
        self._port.countEnd(target)
        handOver(transport, target, b"\r\n".join([*head, b"", b""]))
        channel.rawDataReceived = target.dataReceived  # what was read together with the request comes here yet
        return NOT_DONE_YET
