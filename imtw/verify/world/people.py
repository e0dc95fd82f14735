"""
The people of a world: who has which clients.
"""

from __future__ import annotations

from collections.abc import Iterator

from imtw.verify.world.clients import Around, Client
from imtw.verify.world.easyim import EasyimClient
from imtw.verify.world.jim import JimClient

ON_SOCKETS = 0.25  # of J-IM's clients are on a WebSocket

#: What stands for a client: the name of its device, nothing for an old one, or what it speaks.
EASYIM = EasyimClient.kind
COMPANIES = (
    ("",),
    ("phone",),
    ("phone", "pad"),
    ("", "phone"),
    ("", ""),
    (EASYIM,),
    (EASYIM, "phone"),
    (EASYIM, ""),
)


def company(world: Around, user: str) -> Iterator[Client]:
    """
    The clients of a user.
    """
    for what in world.chance.choice(COMPANIES):
        if what == EASYIM:
            yield EasyimClient(world, user)
        else:
            yield JimClient(world, user, what, world.chance.random() < ON_SOCKETS)
