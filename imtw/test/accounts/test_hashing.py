"""
Tests of L{imtw.accounts.hashing}: with real argon2 and real threads, and
with cheap ones where only the order counts.
"""

from __future__ import annotations

from hashlib import sha256
from threading import current_thread
from typing import Any

from argon2 import PasswordHasher, extract_parameters
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from imtw.accounts.hashing import ARGON2ID, MAX_PASSWORD, VERIFIERS, HashPool, isPassword
from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.limits import Limits
from imtw.test.accounts.fakes import CHEAP, CountedHashes


def verifySha256(secret: str, password: bytes) -> bool:
    """
    A hash as it comes from elsewhere.
    """
    return secret == "{sha256}" + sha256(password).hexdigest()


class PasswordTests(SynchronousTestCase):
    """
    L{isPassword}.
    """

    def test_size(self) -> None:
        """
        A password has at most 1024 bytes of UTF-8, whatever its characters.
        """
        for text, good in [
            ("", True),
            ("x" * MAX_PASSWORD, True),
            ("x" * (MAX_PASSWORD + 1), False),
            ("密" * 341, True),
            ("密" * 342, False),
            ("x" * 10**7, False),
        ]:
            self.assertIs(isPassword(text), good, f"{text[:1]!r} * {len(text)}")

    def test_surrogates(self) -> None:
        """
        A lone surrogate is no password, a NUL is a character as any other.
        """
        self.assertFalse(isPassword("a\ud800b"))
        self.assertTrue(isPassword("a\0b"))


class HashPoolTests(TestCase):
    """
    L{HashPool} on real threads.
    """

    timeout = 30

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        self.pool = HashPool(reactor, Limits())
        self.addCleanup(self.pool.stop)
        return self.pool.start()

    async def test_argon2id(self) -> None:
        """
        Hashes are argon2id at 19 MiB, t=2, p=1, never the same twice, and
        verify their own password alone.
        """
        secret, again = await self.pool.hash("päss"), await self.pool.hash("päss")
        found = extract_parameters(secret)
        self.assertEqual((found.memory_cost, found.time_cost, found.parallelism), (19456, 2, 1))
        self.assertTrue(secret.startswith("$argon2id$"))
        self.assertNotEqual(secret, again)
        self.assertTrue(await self.pool.verify(secret, "päss"))
        self.assertFalse(await self.pool.verify(secret, "pass"))
        self.assertFalse(self.pool.isOutdated(secret))

    async def test_threads(self) -> None:
        """
        It is never done on the reactor's thread, and on two at most.
        """
        names = await gatherResults([self.pool.inThread(lambda: current_thread().name) for _ in range(20)])
        self.assertNotIn(current_thread().name, names)
        self.assertLessEqual(len(set(names)), 2)

    async def test_besideTheReactor(self) -> None:
        """
        The interpreter is free meanwhile, which it is not for other work that
        takes as long.
        """
        rounds = [0]  # of a loop that the reactor's thread is in
        seen: list[int] = []  # of them, while the work was done

        def hashing() -> None:
            before = rounds[0]
            ARGON2ID.hash("secret")
            seen.append(rounds[0] - before)

        def multiplying(base: int = 3, exponent: int = 1_000_000) -> None:
            before = rounds[0]
            base**exponent  # no call: a thread may give way behind one
            seen.append(rounds[0] - before)

        for work, isFree in ((hashing, True), (multiplying, False)):
            seen.clear()
            done = self.pool.inThread(work)
            while not seen:
                rounds[0] += 1
            await done
            self.assertEqual(seen[0] > 1000, isFree, seen)

    async def test_turns(self) -> None:
        """
        An address with many hashes waiting does not hold up another's one.
        """
        begun: list[bytes] = []
        inThread = self.pool.inThread

        def noted(function: Any, password: bytes) -> Deferred[Any]:
            begun.append(password)
            return inThread(function, password)

        self.patch(self.pool, "inThread", noted)
        crowd = [self.pool.hash("crowd", "crowd") for _ in range(12)]
        await gatherResults([*crowd, self.pool.hash("lone", "lone")])
        self.assertEqual(begun, [*[b"crowd"] * 3, b"lone", *[b"crowd"] * 9])  # two had a place already, one was next

    async def test_stop(self) -> None:
        """
        Stopping refuses what waits, and what runs as well.
        """
        ends = [self.pool.hash("x") for _ in range(5)]
        await self.pool.stop()
        for end in ends:
            with self.assertRaises(CommandRefused) as refused:
                await end
            self.assertEqual(refused.exception.status, Status.BUSY)


class VerifierTests(SynchronousTestCase):
    """
    Which hashes are understood, and what they cost.
    """

    def setUp(self) -> None:
        self.hashed: list[bytes] = []
        outer = self

        class Counting(PasswordHasher):
            def hash(self, password: str | bytes, **more: Any) -> str:
                outer.hashed.append(password if isinstance(password, bytes) else password.encode())
                return CHEAP.hash(password, **more)

        clock = Clock()
        self.pool = CountedHashes(clock, Limits(), {**VERIFIERS, "{sha256}": verifySha256})
        self.pool._hasher = Counting(1, 8, 1)

    def verify(self, secret: str, password: str) -> bool:
        """
        Verify at once.
        """
        return self.successResultOf(self.pool.verify(secret, password))

    def test_foreign(self) -> None:
        """
        A hash from elsewhere is understood by its prefix, and is outdated.
        """
        secret = "{sha256}" + sha256(b"pass").hexdigest()
        self.assertTrue(self.verify(secret, "pass"))
        self.assertEqual(self.hashed, [])
        self.assertTrue(self.pool.isOutdated(secret))

    def test_wrongCostsAnArgon2(self) -> None:
        """
        A wrong password costs an argon2 where the stored hash is a cheap one,
        one that nobody understands, or none at all.
        """
        for number, secret in enumerate(["{sha256}00", "{md4}00", "", "$argon"], 1):
            self.assertFalse(self.verify(secret, "pass"))
            self.assertEqual(len(self.hashed), number, secret)

    def test_oldParameters(self) -> None:
        """
        argon2 of another kind or cost is understood and outdated.
        """
        secret = PasswordHasher(2, 16, 1).hash("pass")
        self.assertTrue(self.verify(secret, "pass"))
        self.assertTrue(self.pool.isOutdated(secret))
        self.assertFalse(self.pool.isOutdated(CHEAP.hash("pass")))

    def test_damaged(self) -> None:
        """
        A damaged hash is nobody's password, not a traceback.
        """
        for secret in ("$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$!$!", "$argon2id$v=19$m=8,t=1,p=1$\u5bc6"):
            self.assertFalse(self.verify(secret, "pass"))
