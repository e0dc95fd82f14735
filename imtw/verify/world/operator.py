"""
What the operator of a world's server does, by the server's own API.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from imtw.admin.api import NewUser, PasswordResource, RevokeResource, TokenText
from imtw.admin.gate import Refused
from imtw.errors import CommandRefused, StoreError
from imtw.verify.world.clients import Around
from imtw.verify.world.keys import Key
from imtw.verify.world.thieves import Thief

THIEVES = 2  # come by what is about to count no more


class Operated(Around, Protocol):
    """
    A world whose server is there, or is not.
    """

    core: Any
    isUp: bool
    users: list[str]


def act(world: Operated) -> None:
    """
    Give somebody a new password, or make somebody's token worthless.
    """
    if not world.isUp:
        return
    gate: Any = None  # whose request this is has been looked at
    tokens = sorted(world.keys.tokens)
    if tokens and world.chance.random() < 0.5:
        key = world.keys.tokens[world.chance.choice(tokens)]
        for _ in range(THIEVES):
            Thief(world, key, "token")
        work = RevokeResource(gate, world.core).ask(TokenText(key.secret))
        Deferred.fromCoroutine(work).addErrback(_refused)
    else:
        user = world.chance.choice(world.users)
        old, password = world.keys.passwordOf(user), world.keys.newPassword(user)
        if not password:
            return
        for _ in range(THIEVES):
            Thief(world, Key(user, "", old), "password")
        work = PasswordResource(gate, world.core).ask(NewUser(user, password))
        Deferred.fromCoroutine(work).addErrback(_refused).addBoth(lambda _: world.keys.settled(user))


def _refused(failure: Failure) -> None:
    """
    There is no such user or token yet, or the disk fails.
    """
    failure.trap(Refused, CommandRefused, StoreError)
