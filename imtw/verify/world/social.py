"""
What people were told of each other, beside what is so.
"""

from __future__ import annotations

from collections.abc import Iterator

from imtw.verify.world.easyim import EasyimClient
from imtw.verify.world.jim import JimClient
from imtw.verify.world.story import World


def social(user: str, world: World) -> Iterator[str]:
    """
    A user's friends are those that were committed, and its clients know who
    is there.  Who speaks nothing but easyim was told of every invitation.
    """
    friendships = world.record.friendships
    clients = [client for client in world.clients if client.user == user]
    wanted = friendships.friends.get(user, set())
    for client in clients:
        if isinstance(client, JimClient):
            if client.friends != wanted:
                yield f"{client.name} is told of the friends {client.friends}, there are {wanted}"
            if world.isSteady and not world.bounds.isTight:  # else it may be told no more, or have read too slowly
                yield from _present(client)
    if any(client.device for client in clients) or user in world.keys.impersonated:
        return  # somebody else was told, and need not have listened
    if any(isinstance(client, EasyimClient) for client in clients) and not world.bounds.isTight:
        missed = friendships.newsFor(user) - {id for client in clients for id in client.told}
        if missed:
            yield f"{user} was never told of the invitations {sorted(missed)}"


def _present(client: JimClient) -> Iterator[str]:
    """
    Everybody is there at the end; who watches was told so last.
    """
    for user, isOnline in client.online.items():
        if not isOnline:
            yield f"{client.name} is told that {user} is gone, who is there"
