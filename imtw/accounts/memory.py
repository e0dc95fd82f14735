"""
The memory of verified passwords: why ten thousand old clients that come back
at once, and can only send their password, do not cost ten thousand hashes.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b
from hmac import compare_digest

from twisted.internet.interfaces import IReactorTime

from imtw.accounts.buckets import Buckets, Rate


class VerifiedPasswords:
    """
    Which password each user came in with from which address, under a keyed
    hash.

    The key is random and dies with the process.  The stored secret is part of
    what is hashed, so a password that was changed is forgotten by itself.

    Looking here costs next to nothing, so it must not be a way to guess:
    nothing is known at another address than where it was verified, and there
    the memory fails for a while after a few misses (an argon2 decides then).
    """

    def __init__(self, clock: IReactorTime, misses: Rate, most: int) -> None:
        """
        @param misses: of a user at an address.
        @param most: passwords remembered; those used longest ago go first.
        """
        self._most = most
        self._key = secrets.token_bytes(64)
        self._marks: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._misses = Buckets(clock, misses, most)

    def __len__(self) -> int:
        return len(self._marks)

    def remember(self, name: str, password: str, secret: str, address: str) -> None:
        """
        This password was verified against this stored secret.
        """
        place = name, address
        self._marks[place] = self._mark(password, secret)
        self._marks.move_to_end(place)
        if len(self._marks) > self._most:
            self._marks.popitem(last=False)

    def knows(self, name: str, password: str, secret: str, address: str) -> bool:
        """
        Was just this verified before?
        """
        place = name, address
        mark = self._marks.get(place)
        if mark is None or self._misses.isEmpty(place):
            return False
        if not compare_digest(mark, self._mark(password, secret)):
            self._misses.take(place)
            return False
        self._marks.move_to_end(place)
        return True

    def _mark(self, password: str, secret: str) -> bytes:
        word = password.encode()
        return blake2b(b"%d:%b%b" % (len(word), word, secret.encode()), digest_size=16, key=self._key).digest()
