"""
The secrets that easyim's tokens are signed with, one for each user.
"""

from __future__ import annotations

import secrets
import string

from twisted.internet.defer import DeferredLock

from imtw.interfaces import IStore
from imtw.model import SECRETS

SALT_LENGTH = 64
SALT_LETTERS = string.digits + string.ascii_lowercase


class Salts:
    """
    The secrets that tokens are signed with, in the store.
    """

    def __init__(self, store: IStore) -> None:
        self._store = store
        self._making = DeferredLock()

    async def of(self, user: str) -> str | None:
        """
        A user's secret, if it has one.
        """
        key = keyOf(user)
        found: list[tuple[str, bytes]] = await self._store.get(SECRETS, key)
        return next((value.decode() for name, value in found if name == key), None)

    async def need(self, user: str) -> str:
        """
        A user's secret, which is made if there is none.
        """
        await self._making.acquire()
        try:
            return await self.of(user) or await self.change(user)
        finally:
            self._making.release()

    async def change(self, user: str) -> str:
        """
        Give a user a new secret: no token of before counts.
        """
        salt = "".join(secrets.choice(SALT_LETTERS) for _ in range(SALT_LENGTH))
        await self.keep(user, salt)
        return salt

    async def keep(self, user: str, salt: str) -> None:
        """
        Keep a secret, as one brought over from elsewhere.
        """
        await self._store.put(SECRETS, keyOf(user), salt.encode())


def keyOf(user: str) -> str:
    """
    The key of a user's secret on the shelf, where a new password ends it.
    """
    return f"{user}\neasyim"
