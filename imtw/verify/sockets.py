"""
What the system's own books (C{/proc/net/tcp}) say of connections.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from imtw.verify.crowd import Address

TABLE = "/proc/net/tcp"
ESTABLISHED = 1


class Entry(NamedTuple):
    """
    One end of a connection.

    @ivar sending: bytes that the other side has not acknowledged.
    @ivar received: bytes that its owner has not read.
    @ivar isOwned: a process has it open.
    """

    state: int
    sending: int
    received: int
    isOwned: bool


class Books:
    """
    The connections of one server, as they are now.
    """

    def __init__(self, address: Address) -> None:
        port = address[1]
        #: By the client's port.
        self.server: dict[int, Entry] = {}
        self.client: dict[int, Entry] = {}
        with open(TABLE, encoding="ascii") as stream:
            next(stream)
            for line in stream:
                words = line.split()
                here, there = (int(end.partition(":")[2], 16) for end in words[1:3])
                if port not in (here, there):
                    continue
                sending, _, received = words[4].partition(":")
                entry = Entry(int(words[3], 16), int(sending, 16), int(received, 16), words[9] != "0")
                if here == port:
                    self.server[there] = entry
                else:
                    self.client[here] = entry

    def inKernel(self, port: int) -> int:
        """
        Bytes on their way to a client.
        """
        found = 0
        if port in self.server:
            found += self.server[port].sending
        if port in self.client:
            found += self.client[port].received
        return found


def areKept() -> bool:
    """
    Has this system such books?
    """
    return os.path.exists(TABLE)
