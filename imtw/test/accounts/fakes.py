"""
What the tests of this room share: hashes that are cheap and counted, a store
in memory whose accounts can be disabled, a company's own user database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from argon2 import PasswordHasher
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from imtw.accounts.guessing import Figures
from imtw.accounts.hashing import VERIFIERS, HashPool, Verifier
from imtw.accounts.login import Accounts
from imtw.accounts.stored import Signup
from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.interfaces import ILoginChecker
from imtw.limits import Limits
from imtw.model import Account, Admission, User
from imtw.persistence.memory import MemoryStore

T = TypeVar("T")

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HOME, AWAY = "203.0.113.1", "198.51.100.7"


class CountedHashes(HashPool):
    """
    A pool whose hashes are cheap and done at once, or held until told.

    @ivar done: hashes that were begun.
    """

    def __init__(self, clock: Clock, limits: Limits, verifiers: Mapping[str, Verifier] = VERIFIERS) -> None:
        super().__init__(clock, limits, CHEAP, verifiers)
        self.done = 0
        self.held: list[Deferred[None]] | None = None

    def inThread(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        self.done += 1
        if self.held is None:
            return succeed(function(*args))
        held: Deferred[None] = Deferred()
        self.held.append(held)
        return held.addCallback(lambda _: function(*args))

    def hold(self) -> None:
        """
        From now on a hash takes until it is released.
        """
        self.held = []

    def release(self) -> None:
        """
        Let those that are held, and all that follow, be done.
        """
        held, self.held = self.held or [], None
        for each in held:
            each.callback(None)


class Store(MemoryStore):
    """
    A store whose accounts can be disabled.
    """

    def __init__(self, clock: Clock, limits: Limits) -> None:
        super().__init__("", clock, limits)
        self.disabled: set[str] = set()

    def account(self, user: str) -> Deferred[Account | None]:
        return super().account(user).addCallback(self._mark)

    def _mark(self, account: Account | None) -> Account | None:
        if account is not None and account.user.id in self.disabled:
            account.disabled = True
        return account


@implementer(ILoginChecker)
class Company:
    """
    A checker as a company writes it: its users spell their names as they
    like.

    @ivar answer: what it says to a right password.
    """

    def __init__(self, passwords: dict[str, str]) -> None:
        self.passwords = passwords
        self.asked = 0
        self.fault: Exception | None = None
        self.pending: Deferred[str | None] | None = None

    def check(self, name: str, password: str, address: str) -> Deferred[str | None]:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        if self.pending is not None:
            return self.pending
        id = name.lower()
        return succeed(id if self.passwords.get(id) == password else None)


class AccountsTestCase(SynchronousTestCase):
    """
    A door on a virtual clock.
    """

    limits = Limits()
    figures = Figures()
    signup: Signup = "open"

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.store = Store(self.clock, self.limits)
        self.accounts = self.makeAccounts()

    def makeAccounts(self, checker: ILoginChecker | None = None) -> Accounts:
        """
        The door of a process that has just started, on the same store.
        """
        self.hashes = CountedHashes(self.clock, self.limits)
        return Accounts(self.store, self.clock, self.limits, checker, self.signup, self.hashes, self.figures)

    def makeUser(self, name: str, password: str) -> None:
        """
        An account, however closed the signup.
        """
        self.assertTrue(self.successResultOf(self.store.addAccount(User(name, name), CHEAP.hash(password))))

    def login(self, name: str, password: str = "", address: str = HOME, token: str = "", device: str = "") -> User:
        """
        Log in; the refusal, if any, is raised.
        """
        return self.successResultOf(self.begin(name, password, address, token, device))

    def begin(
        self, name: str, password: str = "", address: str = HOME, token: str = "", device: str = ""
    ) -> Deferred[User]:
        """
        Log in, without waiting.
        """
        admitted: Deferred[Admission] = self.accounts.login(name, password, token, address, device)
        return admitted.addCallback(lambda admission: admission.user)

    def statusOf(self, login: Deferred[Any]) -> Status:
        """
        How something ended that was refused.
        """
        refusal = self.failureResultOf(login, CommandRefused).value
        return Status(refusal.status)

    def outcome(self, name: str, password: str = "", address: str = HOME, token: str = "") -> Status:
        """
        How a login ends.
        """
        ended: list[Any] = []
        self.begin(name, password, address, token).addBoth(ended.append)
        self.assertEqual(len(ended), 1, "the login waits")
        if isinstance(ended[0], User):
            return Status.LOGGED_IN
        ended[0].trap(CommandRefused)
        return Status(ended[0].value.status)
