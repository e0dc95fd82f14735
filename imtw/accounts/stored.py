"""
The store's own accounts: names and argon2id hashes.
"""

from __future__ import annotations

from typing import Literal

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import Interface, implementer

from imtw.accounts.addresses import networkOf
from imtw.accounts.buckets import AddressBuckets
from imtw.accounts.guessing import tooMany
from imtw.accounts.hashing import HashPool
from imtw.accounts.memory import VerifiedPasswords
from imtw.errors import CommandRefused, StoreError
from imtw.interfaces import ILoginChecker, IStore
from imtw.model import Account, User

Signup = Literal["open", "closed"]


class IRemembers(Interface):
    """
    What a L{ILoginChecker} may offer besides: to know at once who comes
    again.
    """

    def recall(name: str, password: str, address: str) -> Deferred[User | None]:
        """
        Called before any queue and any count of failures, so it must itself
        be of no use for guessing.

        @return: fires with the user, or L{None} where this has to be checked.
        """


@implementer(ILoginChecker, IRemembers)
class StoreChecker:
    """
    Checks passwords against the store's hashes.  With open signup the first
    login of a new name makes the account.
    """

    _log = Logger()

    def __init__(
        self, store: IStore, hashes: HashPool, memory: VerifiedPasswords, creations: AddressBuckets, signup: Signup
    ) -> None:
        """
        @param creations: accounts that an address may make.
        """
        self.signup = signup
        self._store = store
        self._hashes = hashes
        self._memory = memory
        self._creations = creations

    def recall(self, name: str, password: str, address: str) -> Deferred[User | None]:
        return Deferred.fromCoroutine(self._recall(name, password, networkOf(address)))

    async def _recall(self, name: str, password: str, address: str) -> User | None:
        account: Account | None = await self._store.account(name)
        if account is None or account.disabled or not self._memory.knows(name, password, account.secret, address):
            return None
        return account.user

    def check(self, name: str, password: str, address: str) -> Deferred[str | None]:
        """
        See L{ILoginChecker.check}.  Whatever the answer, it costs an argon2,
        unless the password was verified while this one waited.
        """
        return Deferred.fromCoroutine(self._check(name, password, networkOf(address)))

    async def _check(self, name: str, password: str, address: str) -> str | None:
        secret = await self._secretOf(name)
        if secret is None and self.signup == "open":
            if await self.signUp(User(id=name, nick=name), password, address):
                return name
            secret = await self._secretOf(name)
        if secret and self._memory.knows(name, password, secret, address):
            return name
        if not await self._hashes.verify(secret or "", password, address) or secret is None:
            return None
        if await self._secretOf(name) != secret:  # changed while it was checked
            return await self._check(name, password, address)
        if self._hashes.isOutdated(secret):
            secret = await self._renew(name, password, secret, address)
        self._memory.remember(name, password, secret, address)
        return name

    async def _secretOf(self, name: str) -> str | None:
        account: Account | None = await self._store.account(name)
        return None if account is None else account.secret

    async def signUp(self, user: User, password: str, address: str) -> bool:
        """
        Make an account; L{False} where somebody else did meanwhile.

        @param address: the network that pays for it.
        """
        name = user.id
        creations = self._creations.of(address)
        if creations.isEmpty(address):
            raise tooMany()
        creations.take(address)
        made = False
        try:
            secret = await self._hashes.hash(password, address)
            made = await self._store.addAccount(user, secret)
        finally:
            if not made:
                creations.giveBack(address)
        if made:
            self._memory.remember(name, password, secret, address)
            self._log.info("{user} signed up", user=name)
        return made

    async def setPassword(self, name: str, password: str, address: str = "") -> bool:
        """
        Change a password; the store drops the user's tokens.

        @return: L{False} where there is no such user.
        """
        secret = await self._hashes.hash(password, networkOf(address))
        changed: bool = await self._store.setSecret(name, secret)
        return changed

    async def _renew(self, name: str, password: str, old: str, address: str) -> str:
        """
        Replace a hash of another kind or cost.  If that is not possible now
        the login goes on; if somebody changed the password, theirs stays.

        @return: the hash that is stored now, or was.
        """
        try:
            secret = await self._hashes.hash(password, address)
            renewed: bool = await self._store.renewSecret(name, old, secret)
        except (StoreError, CommandRefused) as error:
            self._log.warn("hash of {user} not renewed: {error}", user=name, error=error)
            return old
        return secret if renewed else old
