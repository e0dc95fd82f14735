"""
Opaque login tokens: random, kept as a hash, revocable.

A token is found by its hash and never compared, so looking for one takes the
same time whatever was sent.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from twisted.internet.interfaces import IReactorTime

from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.model import Token

BITS = 256
LONGEST = 128  # characters of anything that may be a token


class Tokens:
    """
    Makes, finds and drops the tokens of one store.
    """

    def __init__(self, store: IStore, clock: IReactorTime, limits: Limits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits

    async def issue(self, user: str, device: str) -> tuple[str, Token]:
        """
        Make a token; its text is kept nowhere.
        """
        text = secrets.token_urlsafe(BITS // 8)
        now = self._now()
        token = Token(user, device, now, now + int(self._limits.token * 1000))
        await self._store.addToken(digestOf(text), token)
        return text, token

    async def check(self, text: str) -> Token | None:
        """
        The token with this text, if it is one and still lasts.
        """
        if not _mayBe(text):
            return None
        token: Token | None = await self._store.token(digestOf(text))
        return token if token is not None and token.expires > self._now() else None

    async def revoke(self, text: str) -> Token | None:
        """
        Drop a token.

        @return: what it was, or L{None} where it was none.
        """
        if not _mayBe(text):
            return None
        dropped: Token | None = await self._store.dropToken(digestOf(text))
        return dropped

    def _now(self) -> int:
        return int(self._clock.seconds() * 1000)


def _mayBe(text: str) -> bool:
    return 0 < len(text) <= LONGEST and text.isascii()


def digestOf(text: str) -> bytes:
    """
    What is kept of a token.
    """
    return sha256(text.encode("ascii")).digest()
