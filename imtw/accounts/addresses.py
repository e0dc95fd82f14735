"""
Which addresses count as one when failures are counted.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address


@lru_cache(maxsize=4096)
def _parse(address: str) -> IPv4Address | IPv6Address | None:
    """
    The address behind a text; L{None} for the peer of a UNIX socket.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def networkOf(address: str) -> str:
    """
    What to count a peer under: an IPv4 address stands for itself, an IPv6
    address for its /64, since whoever has one has all of it (RFC 6177).
    """
    found = _parse(address)
    if isinstance(found, IPv6Address) and not found.is_loopback:
        return str(IPv6Address(int(found) >> 64 << 64))
    return address if found is None else str(found)


def isLocal(address: str) -> bool:
    """
    Is this a peer on the same machine: loopback, or a UNIX socket?
    """
    found = _parse(address)
    return found is None or found.is_loopback
