"""
An upgrade to a WebSocket that is not the first request of its connection.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from imtw.protocols.detect import PortFactory
from imtw.protocols.handover import handOver
from imtw.protocols.head import Head


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
        return request.requestHeaders.hasHeader(b"Sec-WebSocket-Key") and self._port.takes(headOf(request))

    def render(self, request: Request) -> int:
        """
        Hand the connection over.
        """
        channel: Any = request.channel
        cast(Any, request).ended()  # as a request of HTTP
        transport = channel.transport
        channel.setTimeout(None)
        transport.unregisterProducer()
        target, head = self._port.socketFor(headOf(request), transport.getPeer())
        self._port.countEnd(target)
        handOver(transport, target, head)
        channel.rawDataReceived = target.dataReceived  # what was read together with the request comes here yet
        return NOT_DONE_YET


def headOf(request: Request) -> Head:
    """
    A request's head, as it came.
    """
    lines = [b" ".join([request.method, request.uri, request.clientproto])]
    for name, values in request.requestHeaders.getAllRawHeaders():
        lines += [name + b": " + value for value in values]
    return Head(b"\r\n".join(lines))
