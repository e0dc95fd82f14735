"""
What slows guessing down: failures, counted over all carriers together.

Every guess that is evaluated takes from buckets and gets it back if it was
right.  One from an address that the account has logged in from takes from
that pair's bucket alone: whatever strangers do, the owner at home gets in.
Any other takes from its pair's, from the account's, which all strangers
share, and from its address's, which all accounts share.

With L{Figures} as they are an account's strangers have 20 + 40 guesses in any
hour.  At an address it knows there are 10 + 10, and 10 + 10 more that the
memory of verified passwords answers: 100 in all, the bound set for brute
force over all paths (OWASP ASVS 6.3.1).
"""

from __future__ import annotations

from collections.abc import Hashable
from unicodedata import normalize

from msgspec import Struct
from twisted.internet.interfaces import IReactorTime

from imtw.accounts.buckets import AddressBuckets, Buckets, Rate
from imtw.commands import Status
from imtw.errors import CommandRefused

Place = tuple[Buckets, Hashable]


class Figures(Struct, frozen=True, kw_only=True):
    """
    The bounds of logging in, beside L{imtw.limits.Limits}.

    @ivar pair: failures of one account from one address.
    @ivar account: failures of one account from all addresses that it never
        logged in from.
    @ivar memory: wrong passwords of one account at one address that
        L{imtw.accounts.memory.VerifiedPasswords} looks at.
    @ivar address: failures from one address, over all accounts.
    @ivar localAddress: the same for an address of this machine.
    @ivar signup: accounts made from one address.
    @ivar localSignup: the same for an address of this machine.
    @ivar table: entries of each table that grows with names or addresses.
    @ivar checks: logins that a checker works on at once.
    @ivar deadline: seconds a checker may take.
    """

    pair: Rate = Rate(10, 360.0)
    account: Rate = Rate(20, 90.0)
    memory: Rate = Rate(10, 360.0)
    address: Rate = Rate(200, 2.0)
    localAddress: Rate = Rate(2000, 1.0)
    signup: Rate = Rate(60, 60.0)
    localSignup: Rate = Rate(2000, 1.0)
    table: int = 200_000
    checks: int = 8
    deadline: float = 30.0


class Guess:
    """
    One password being checked; it counts as a failure until withdrawn.
    """

    def __init__(self, places: list[Place]) -> None:
        self._places = places
        for buckets, key in places:
            buckets.take(key)

    def withdraw(self) -> None:
        """
        It was right, or nobody looked at it.
        """
        for buckets, key in self._places:
            buckets.giveBack(key)


class Guessing:
    """
    Says who may guess, by (account, address), by account and by address.
    """

    def __init__(self, clock: IReactorTime, figures: Figures) -> None:
        self._pairs = Buckets(clock, figures.pair, figures.table)
        self._accounts = Buckets(clock, figures.account, figures.table)
        self._addresses = AddressBuckets(clock, figures.address, figures.localAddress, figures.table)

    def __len__(self) -> int:
        return len(self._pairs) + len(self._accounts) + len(self._addresses)

    def mayGuess(self, name: str, address: str, isKnown: bool) -> bool:
        """
        Is there a guess left?

        @param isKnown: whether this account has logged in from this address.
        """
        return not any(buckets.isEmpty(key) for buckets, key in self._places(name, address, isKnown))

    def begin(self, name: str, address: str, isKnown: bool) -> Guess:
        """
        A password is about to be checked.

        @raise CommandRefused: C{TOO_MANY}: there is no guess left.
        """
        if not self.mayGuess(name, address, isKnown):
            raise tooMany()
        return Guess(self._places(name, address, isKnown))

    def _places(self, name: str, address: str, isKnown: bool) -> list[Place]:
        """
        The buckets a guess takes from.  Names that a checker may take for one
        count as one, else each spelling would have guesses of its own.
        """
        account = normalize("NFKC", name).casefold()
        pair: Place = (self._pairs, (account, address))
        if isKnown:
            return [pair]
        return [pair, (self._accounts, account), (self._addresses.of(address), address)]


def tooMany() -> CommandRefused:
    """
    The answer to who has to wait; old clients are told it as a failed login.
    """
    return CommandRefused(Status.TOO_MANY, "too many failed logins", close=True)
