"""
What people do, one thing after the other.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from imtw.verify.wire import Conversation, group, pair
from imtw.verify.world.bounds import Bounds
from imtw.verify.world.clients import Around, Client
from imtw.verify.world.easyim import EasyimClient
from imtw.verify.world.jim import JimClient
from imtw.verify.world.thieves import Thief


class Peopled(Around, Protocol):
    """
    A world with people.
    """

    bounds: Bounds
    users: list[str]
    clients: list[Client]


class Deeds:
    """
    Lets somebody do something.

    @ivar groups: that there are, or may be.
    """

    def __init__(self, world: Peopled) -> None:
        self.groups = [f"g{number}" for number in range(world.chance.randint(1, 2))]
        self._world = world
        self._chance = world.chance
        self._bounds = world.bounds
        self._users = world.users
        self._count = 0

    def one(self, client: Client) -> None:
        """
        A client does something that it can do.
        """
        table: Any = self._EASYIM if isinstance(client, EasyimClient) else self._JIM
        dice = self._chance.random()
        for share, does in table:
            dice -= share
            if dice < 0:
                does(self, client)
                return

    def _say(self, client: Client) -> None:
        for _ in range(self._bounds.count(self._chance)):
            self._count += 1
            words = f"words {self._count}{self._bounds.padding(self._chance)}"
            client.say(self._somewhere(client), f"{client.user}-{self._count}", words)

    def _join(self, client: JimClient | EasyimClient) -> None:
        client.join(self._chance.choice(self.groups))

    def _leave(self, client: JimClient) -> None:
        client.leave(self._chance.choice(self.groups))

    def _order(self, client: JimClient) -> None:
        """
        Somebody says who may be where, and who may speak.
        """
        chance = self._chance
        other = self._other(client)
        dice = chance.random()
        name = f"m-{client.user}"  # a group of its own
        if name not in self.groups:
            self.groups.append(name)
            client.create(name, [user for user in self._users if chance.random() < 0.6])
        elif dice < 0.3:
            client.kick(name, other, chance.random() < 0.5)
        elif dice < 0.6:
            client.mute(name, other, chance.choice([0, 1, 3]))
        else:
            client.block(other, chance.random() < 0.5)

    def _sync(self, client: JimClient) -> None:
        client.sync(self._somewhere(client), self._chance.randint(0, 8), self._chance.choice([2, 200]))

    def _read(self, client: JimClient | EasyimClient) -> None:
        client.readAll(self._somewhere(client))

    def _amend(self, client: JimClient) -> None:
        """
        Somebody takes something back, or puts it in other words.
        """
        own = [words for words in client.said if words.ackedAt is not None and not words.isRecalling]
        if own and self._chance.random() < 0.6:
            client.recall(self._chance.choice(own))
        elif own:
            self._count += 1
            client.edit(self._chance.choice(own), f"other words {self._count}")

    def _befriend(self, client: Client) -> None:
        """
        Somebody invites, agrees, or parts.
        """
        dice, waiting = self._chance.random(), self._world.record.friendships.waiting
        asking = [user for user, friend in waiting if friend == client.user]
        if asking and dice < 0.6:
            client.agree(self._chance.choice(asking))
        elif dice < 0.8:
            client.invite(self._other(client))
        elif dice < 0.95 or not isinstance(client, JimClient):
            self._surprise(client, self._other(client))
        else:
            client.part(self._other(client))

    def _surprise(self, client: Client, other: str) -> None:
        """
        Somebody is invited who is away.
        """
        for mate in self._world.clients:
            if mate.user == other:
                mate.cut()
        self._world.later(1, client.invite, other)

    def _watch(self, client: JimClient) -> None:
        if client.device:  # old ones are told nothing
            client.watch([user for user in self._users if self._chance.random() < 0.7])

    def _askToken(self, client: JimClient) -> None:
        client.askToken()

    def _revoke(self, client: JimClient) -> None:
        """
        Somebody wants a token or a device of its user's to count no more.
        """
        mate = self._chance.choice([mate for mate in self._world.clients if mate.user == client.user])
        key = self._world.keys.tokens.get(mate.name)
        if key is not None and self._chance.random() < 0.6:
            client.revokeToken(key.secret)
            Thief(self._world, key, "token")
        elif mate.device:
            client.forget(mate.device)

    def _somewhere(self, client: Client) -> Conversation:
        chance = self._chance
        if client.joined and chance.random() < 0.6:
            return group(chance.choice(sorted(client.joined)))
        return pair(client.user, self._other(client))

    def _other(self, client: Client) -> str:
        """
        Another user.
        """
        return self._chance.choice([user for user in self._users if user != client.user])

    #: How often each thing is done: together 1.
    _JIM: ClassVar = (
        (0.47, _say), (0.10, _join), (0.03, _leave), (0.11, _order), (0.03, _sync), (0.05, _read), (0.08, _amend),
        (0.03, _askToken), (0.01, _revoke), (0.05, _befriend), (0.04, _watch),
    )  # fmt: skip
    _EASYIM: ClassVar = ((0.75, _say), (0.13, _join), (0.05, _read), (0.07, _befriend))
