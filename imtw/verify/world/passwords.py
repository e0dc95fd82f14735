"""
Passwords without threads, and hashes that cost nothing but virtual time.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar, cast

from argon2 import PasswordHasher
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from imtw.accounts.hashing import HashPool
from imtw.accounts.login import Accounts
from imtw.limits import Limits
from imtw.server import Core
from imtw.verify.world.lifetime import Lifetime

T = TypeVar("T")

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
SECONDS = 0.03  # that a hash takes


class Hashes(HashPool):
    """
    The real pool, and argon2 at its cheapest.
    """

    def __init__(self, reactor: Lifetime, limits: Limits, chance: Random) -> None:
        super().__init__(reactor, limits, CHEAP)
        self._chance = chance

    def start(self) -> Deferred[None]:
        """
        There are no threads.
        """
        return succeed(None)

    def inThread(self, function: Callable[..., T], *args: object) -> Deferred[T]:
        """
        Call a function, as if on a thread.
        """
        done: Deferred[T] = Deferred()
        self._reactor.callLater(self._chance.expovariate(1 / SECONDS), self._do, done, function, args)
        return done

    def _do(self, done: Deferred[T], function: Callable[..., T], args: tuple[object, ...]) -> None:
        try:
            result = function(*args)
        except Exception:
            done.errback(Failure())
        else:
            done.callback(result)


def useHashes(core: Core, hashes: HashPool) -> None:
    """
    Have a server use these.
    """
    accounts = cast(Accounts, core.accounts)
    accounts._hashes = accounts.own._hashes = hashes
