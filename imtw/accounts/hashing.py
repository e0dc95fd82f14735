"""
Passwords and their hashes: argon2id, on threads of its own.

A hash costs 19 MiB and about 30 ms of a core (OWASP's figures: t=2, p=1), so
two threads do it and everybody else waits in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from hmac import compare_digest
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from imtw.accounts.fair import FairQueue
from imtw.limits import Limits

T = TypeVar("T")
Verifier = Callable[[str, bytes], bool]

MAX_PASSWORD = 1024  # bytes of UTF-8
THREADS = 2
ARGON2ID = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def isPassword(text: str) -> bool:
    """
    May this be a password: at most 1024 bytes, no lone surrogate?
    """
    if len(text) > MAX_PASSWORD:
        return False
    try:
        return len(text.encode("utf-8")) <= MAX_PASSWORD
    except UnicodeEncodeError:
        return False


def verifyArgon2(secret: str, password: bytes) -> bool:
    """
    Is this the password behind an argon2 hash of any kind and cost?
    """
    try:
        return ARGON2ID.verify(secret, password)
    except (VerificationError, ValueError):  # the latter: damaged
        return False


#: What begins the SHA-256 in hex of the SHA-256 in hex of a password, without salt.
TWICE_SHA256 = "$sha256hex2$"


def verifyTwice(secret: str, password: bytes) -> bool:
    """
    Is this the password behind such a hash?
    """
    made = sha256(sha256(password).hexdigest().encode()).hexdigest()
    return compare_digest((TWICE_SHA256 + made).encode(), secret.lower().encode())


#: Who understands which stored hash, by what the hash begins with.  Whoever
#: brings accounts in from elsewhere adds a line; such a hash is replaced at
#: the user's next login.
VERIFIERS: dict[str, Verifier] = {"$argon2": verifyArgon2, TWICE_SHA256: verifyTwice}


class HashPool:
    """
    Makes and checks password hashes, off the reactor's thread.

    Both methods fail with L{imtw.errors.CommandRefused} (C{BUSY}) where
    L{imtw.limits.Limits.loginQueue} is full or the pool has stopped.
    """

    def __init__(
        self,
        reactor: Any,
        limits: Limits,
        hasher: PasswordHasher = ARGON2ID,
        verifiers: Mapping[str, Verifier] = VERIFIERS,
    ) -> None:
        """
        @param reactor: C{IReactorTime} and C{IReactorFromThreads}.
        """
        self._reactor = reactor
        self._hasher = hasher
        self._verifiers = verifiers
        self._queue = FairQueue(reactor, THREADS, limits.loginQueue)
        self._threads = ThreadPool(0, THREADS, "passwords")

    @property
    def waiting(self) -> int:
        """
        Hashes that nobody has begun.
        """
        return self._queue.waiting

    def start(self) -> Deferred[None]:
        """
        Start the threads.
        """
        self._threads.start()
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """
        Refuse what waits and end the threads: a hash or two, some 30 ms.
        """
        self._queue.stop()
        if self._threads.started:
            self._threads.stop()
        return succeed(None)

    def hash(self, password: str, address: str = "") -> Deferred[str]:
        """
        Make the hash to be stored.

        @param address: in whose turn.
        """
        return self._run(address, self._hasher.hash, password.encode())

    def verify(self, secret: str, password: str, address: str = "") -> Deferred[bool]:
        """
        Is this the password behind a stored hash?

        A hash that nobody understands, an empty one too, costs what a wrong
        password costs: an argon2.
        """
        return self._run(address, self._verify, secret, password.encode())

    def isOutdated(self, secret: str) -> bool:
        """
        Should this hash be made anew, now that the password is known?
        """
        try:
            return self._hasher.check_needs_rehash(secret)
        except InvalidHashError:
            return True

    def _run(self, address: str, function: Callable[..., T], *args: Any) -> Deferred[T]:
        return self._queue.run(address, partial(self.inThread, function, *args))

    def inThread(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """
        Call a function on a thread of this pool.
        """
        return deferToThreadPool(self._reactor, self._threads, function, *args)

    def _verify(self, secret: str, password: bytes) -> bool:
        """
        Called on a thread.
        """
        verifier = next((v for prefix, v in self._verifiers.items() if secret.startswith(prefix)), None)
        if verifier is not None and verifier(secret, password):
            return True
        if verifier is not verifyArgon2:
            self._hasher.hash(password)
        return False
