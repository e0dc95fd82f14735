"""
Opaque login tokens: random, kept as a hash, revocable.

A token is found by its hash and never compared, so looking for one takes the
same time whatever was sent.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.model import Token, TokenTerms

BITS = 256
LONGEST = 128  # characters of anything that may be a token
RENEWED = 24  # a token that lasts anew with each use is written after a part of its life, and for that part longer


class Tokens:
    """
    Makes, finds and drops the tokens of one store.
    """

    _log = Logger()

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

    async def replace(self, user: str, terms: TokenTerms) -> tuple[str, list[bytes]]:
        """
        Make the one token that a user has for an audience.

        @return: its text, and the hashes of those that it had before.
        """
        text = secrets.token_hex(terms.size)
        now = self._now()
        token = Token(user, "", now, _renewed(terms, now), terms.audience)
        replaced: list[bytes] = await self._store.addToken(digestOf(text), token, alone=True)
        return text, replaced

    async def check(self, text: str, terms: TokenTerms | None = None) -> Token | None:
        """
        The token with this text, if it is one and still lasts.
        """
        if not mayBeToken(text):
            return None
        digest = digestOf(text)
        token: Token | None = await self._store.token(digest)
        now = self._now()
        if token is None or token.expires <= now or token.audience != (terms.audience if terms else ""):
            return None
        return self._used(digest, token, terms, now) if terms else token

    def _used(self, digest: bytes, token: Token, terms: TokenTerms, now: int) -> Token:
        """
        A token lasts anew from now on.
        """
        if token.expires >= now + terms.lifetime * 1000:
            return token
        expires = _renewed(terms, now)
        renewed: Deferred[bool] = self._store.renewToken(digest, expires)
        renewed.addErrback(lambda why: self._log.warn("a token is not renewed: {why}", why=why.getErrorMessage()))
        return replace(token, expires=expires)

    async def revoke(self, text: str) -> Token | None:
        """
        Drop a token.

        @return: what it was, or L{None} where it was none.
        """
        if not mayBeToken(text):
            return None
        dropped: Token | None = await self._store.dropToken(digestOf(text))
        return dropped

    def _now(self) -> int:
        return int(self._clock.seconds() * 1000)


def _renewed(terms: TokenTerms, now: int) -> int:
    """
    Until when a token lasts that is used now, ms: long enough for all uses
    until it is written again.
    """
    return now + int(terms.lifetime * 1000 * (1 + 1 / RENEWED))


def mayBeToken(text: str) -> bool:
    """
    Need the store be asked about this at all?
    """
    return 0 < len(text) <= LONGEST and text.isascii()


def digestOf(text: str) -> bytes:
    """
    What is kept of a token.
    """
    return sha256(text.encode("ascii")).digest()
