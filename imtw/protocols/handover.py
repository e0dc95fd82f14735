"""
One protocol takes a connection over from another.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocol
from twisted.protocols.policies import ProtocolWrapper


def handOver(transport: Any, target: IProtocol, received: bytes) -> None:
    """
    Let C{target} take a connection over, on plain TCP and on TLS, with what
    was read already.  The protocol that had it hears nothing more of it, not
    even its end.
    """
    if isinstance(transport, ProtocolWrapper):
        transport.wrappedProtocol = target
    else:
        transport.protocol = target
    target.makeConnection(transport)
    if received:
        target.dataReceived(received)
