"""
Login tokens in memory, by their hash and by their user.
"""

from __future__ import annotations

from collections.abc import Callable

from imtw.model import Token


class Tokens:
    """
    All tokens of a store.

    @ivar byDigest: by the hash.
    """

    def __init__(self) -> None:
        self.byDigest: dict[bytes, Token] = {}
        self._digests: dict[str, set[bytes]] = {}

    def add(self, digest: bytes, token: Token, most: int) -> None:
        """
        Keep a token.

        @param most: of its user and audience; those that expire first go.
        """
        self.byDigest[digest] = token
        mine = self._digests.setdefault(token.user, set())
        mine.add(digest)
        kind = [each for each in mine if self.byDigest[each].audience == token.audience]
        kind.sort(key=lambda each: self.byDigest[each].expires, reverse=True)
        for old in kind[most:]:
            self.drop(old)

    def drop(self, digest: bytes) -> Token | None:
        """
        Forget a token.

        @return: what it was, if it was there.
        """
        token = self.byDigest.pop(digest, None)
        if token is not None:
            mine = self._digests[token.user]
            mine.remove(digest)
            if not mine:
                del self._digests[token.user]
        return token

    def dropOf(self, user: str, isMeant: Callable[[Token], bool]) -> list[bytes]:
        """
        Forget some of a user's tokens.

        @return: their hashes.
        """
        meant = [one for one in self._digests.get(user, ()) if isMeant(self.byDigest[one])]
        for digest in meant:
            self.drop(digest)
        return meant
