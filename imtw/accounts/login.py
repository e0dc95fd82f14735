"""
Who may log in, by whatever way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from imtw.accounts.addresses import networkOf
from imtw.accounts.buckets import AddressBuckets
from imtw.accounts.fair import FairQueue
from imtw.accounts.guessing import Figures, Guessing, tooMany
from imtw.accounts.hashing import HashPool, isPassword
from imtw.accounts.known import KnownAddresses
from imtw.accounts.memory import VerifiedPasswords
from imtw.accounts.stored import IRemembers, Signup, StoreChecker
from imtw.accounts.tokens import Tokens, digestOf
from imtw.commands import Status
from imtw.errors import CommandRefused, StoreError
from imtw.interfaces import IAccounts, ILoginChecker, IStore
from imtw.limits import Limits
from imtw.model import Account, Admission, Token, TokenTerms, User, isName

TokenReader = Callable[[str], Deferred[str | None]]
NOT_LOOKED_AT = (Status.BUSY, Status.TOO_MANY)  # what a checker may say without evaluating a password


@implementer(IAccounts)
class Accounts:
    """
    The one door of a server: every login of every dialect and carrier comes
    through it, so failures are counted here.

    Whoever has a token, or a password that this process verified before,
    passes at once.  All others wait their turn, and pay for being wrong.

    @ivar own: the checker of the store's own accounts.
    """

    _log = Logger()

    def __init__(
        self,
        store: IStore,
        reactor: Any,
        limits: Limits,
        checker: ILoginChecker | None = None,
        signup: Signup = "open",
        hashes: HashPool | None = None,
        figures: Figures | None = None,
    ) -> None:
        """
        @param reactor: C{IReactorTime} and C{IReactorFromThreads}.
        @param checker: who checks passwords, L{own} where none is given; may
            be set later, too.
        @param signup: whether the first login of a new name makes an account
            in the store.
        """
        figures = figures or Figures()
        self._reactor = reactor
        self._store = store
        self._deadline = figures.deadline
        self._hashes = hashes or HashPool(reactor, limits)
        self._queue = FairQueue(reactor, figures.checks, limits.loginQueue)
        self._guessing = Guessing(reactor, figures)
        self._known = KnownAddresses(store, figures.table)
        self._tokens = Tokens(store, reactor, limits)
        creations = AddressBuckets(reactor, figures.signup, figures.localSignup, figures.table)
        memory = VerifiedPasswords(reactor, figures.memory, figures.table)
        self.own = StoreChecker(store, self._hashes, memory, creations, signup)
        self.checker: ILoginChecker = checker or self.own
        self._readers: list[TokenReader] = []

    @property
    def waiting(self) -> int:
        """
        Logins that wait for their turn.
        """
        return self._queue.waiting

    def start(self) -> Deferred[None]:
        """
        Get ready to check passwords.
        """
        return self._hashes.start()

    def stop(self) -> Deferred[None]:
        """
        Refuse the logins that wait, and end.
        """
        self._queue.stop()
        return self._hashes.stop()

    def login(self, name: str, password: str, token: str, address: str, device: str = "") -> Deferred[Admission]:
        """
        Let a user in by token, else by name and password.

        An unknown token that comes with a name and a password is passed over:
        J-IM ignores the field, so old clients may send anything in it.

        @param address: the peer's, without its port.
        @return: fires with who that is.  Fails with L{CommandRefused}:
            C{LOGIN_FAILED} for whatever is wrong, C{TOO_MANY} after too many
            failures, C{BUSY} where too many logins wait; or with
            L{StoreError}.
        """
        return Deferred.fromCoroutine(self._login(name, password, token, address, device))

    async def _login(self, name: str, password: str, token: str, address: str, device: str) -> Admission:
        if token:
            admission = await self._byToken(name, token, device)
            if admission is not None:
                return admission
            if not password:
                raise _failed()
        if not (isName(name) and isPassword(password)):
            raise _failed()
        return Admission(await self._userByPassword(name, password, address))

    # tokens

    async def _byToken(self, name: str, text: str, device: str) -> Admission | None:
        """
        Whom a token lets in, as itself and on the device it is for.
        """
        token = await self._tokens.check(text)
        if token is None:
            return await self._byForeign(name, text)
        if name not in ("", token.user) or (token.device and device not in ("", token.device)):
            return None
        return await self._holder(token.user, digestOf(text))

    async def _byForeign(self, name: str, text: str) -> Admission | None:
        """
        Whom a token of a dialect's own making lets in.
        """
        for reader in self._readers:
            user = await reader(text)
            if user is not None and name in ("", user):
                return await self._holder(user)
        return None

    async def _holder(self, user: str, digest: bytes = b"") -> Admission | None:
        """
        The user of a token, unless it is disabled.
        """
        account: Account | None = await self._store.account(user)
        return None if account is None or account.disabled else Admission(account.user, digest)

    def addTokenReader(self, reader: TokenReader) -> None:
        """
        See L{IAccounts.addTokenReader}.
        """
        self._readers.append(reader)

    def issueToken(self, user: str, device: str) -> Deferred[tuple[str, Token]]:
        """
        See L{IAccounts.issueToken}.
        """
        return Deferred.fromCoroutine(self._tokens.issue(user, device))

    def replaceToken(self, user: str, terms: TokenTerms) -> Deferred[tuple[str, list[bytes]]]:
        """
        See L{IAccounts.replaceToken}.
        """
        return Deferred.fromCoroutine(self._tokens.replace(user, terms))

    def checkToken(self, text: str, terms: TokenTerms | None = None) -> Deferred[Token | None]:
        """
        What is kept of a token; L{None} for one that is unknown or expired.
        """
        return Deferred.fromCoroutine(self._tokens.check(text, terms))

    def revokeToken(self, text: str) -> Deferred[Token | None]:
        """
        Make a token worthless; fires with what it was, so that the
        connections it opened can be cut.
        """
        return Deferred.fromCoroutine(self._tokens.revoke(text))

    # passwords

    def signUp(self, user: User, password: str, address: str) -> Deferred[bool]:
        """
        See L{IAccounts.signUp}.
        """
        return Deferred.fromCoroutine(self._signUp(user, password, address))

    async def _signUp(self, user: User, password: str, address: str) -> bool:
        if self.checker is not self.own or self.own.signup != "open":
            raise CommandRefused(Status.FORBIDDEN, "accounts are not made here")
        if not (isName(user.id) and isPassword(password)):
            raise CommandRefused(Status.BAD_REQUEST, "a name has 1 to 64 characters, a password 1024 bytes at most")
        if await self._store.account(user.id) is not None:
            return False
        return await self.own.signUp(user, password, networkOf(address))

    def setPassword(self, user: str, password: str, address: str = "") -> Deferred[bool]:
        """
        Change a password in the store; the old one and the user's tokens are
        worthless from then on.

        @return: fires with L{False} where there is no such user; fails with
            L{CommandRefused} (C{BAD_REQUEST}) where this can be no password.
        """
        return Deferred.fromCoroutine(self._setPassword(user, password, address))

    async def _setPassword(self, user: str, password: str, address: str) -> bool:
        if not isPassword(password):
            raise CommandRefused(Status.BAD_REQUEST, "a password has at most 1024 bytes of UTF-8")
        return await self.own.setPassword(user, password, address)

    async def _userByPassword(self, name: str, password: str, address: str) -> User:
        network = networkOf(address)
        user = await self._recall(name, password, network)
        if user is None:
            isKnown = await self._known.has(name, network)
            if not self._guessing.mayGuess(name, network, isKnown):
                raise tooMany()
            user = await self._queue.run(
                network, lambda: Deferred.fromCoroutine(self._guess(name, password, address, isKnown))
            )
        self._known.note(name, network)
        return user

    async def _recall(self, name: str, password: str, address: str) -> User | None:
        if not IRemembers.providedBy(self.checker):
            return None
        user: User | None = await self.checker.recall(name, password, address)
        return user

    async def _guess(self, name: str, password: str, address: str, isKnown: bool) -> User:
        """
        Evaluate a password: called in turn, a few at once.  It counts as a
        failure from here on, until it proves right.
        """
        guess = self._guessing.begin(name, networkOf(address), isKnown)
        try:
            id = await self._check(name, password, address)
            user = None if id is None else await self._admit(id)
        except (StoreError, CommandRefused) as error:
            if getattr(error, "status", Status.BUSY) in NOT_LOOKED_AT:
                guess.withdraw()
            raise
        if user is None:
            raise _failed()
        guess.withdraw()
        return user

    async def _check(self, name: str, password: str, address: str) -> str | None:
        """
        Ask the checker, which may be anybody's code.
        """
        asked = maybeDeferred(self.checker.check, name, password, address)
        try:
            id: str | None = await asked.addTimeout(self._deadline, self._reactor)
        except (StoreError, CommandRefused, CancelledError):
            raise
        except Exception as error:
            self._log.failure("login check of {user} failed", user=name)
            raise CommandRefused(Status.BUSY, "the login check failed") from error
        if id is not None and not isName(id):
            self._log.error("login check gave {id!r} for {user}: that is no id", id=id, user=name)
            return None
        return id

    async def _admit(self, id: str) -> User | None:
        """
        The user whose password was right, unless it is disabled.  A checker
        of its own accounts may let in whom the store has not seen yet.
        """
        account: Account | None = await self._store.account(id)
        if account is None:
            return User(id=id, nick=id)
        return None if account.disabled else account.user


def _failed() -> CommandRefused:
    """
    The one answer to everything that is wrong, so that nobody learns which
    names there are.
    """
    return CommandRefused(Status.LOGIN_FAILED, "login failed", close=True)
