"""
Users by number, for dialects whose ids are numbers.

A number is a snowflake: ms since an epoch, a node, a count within the ms.
The store keeps it for good; here are those that were met lately, so that an
event can be told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.gather import together
from imtw.interfaces import IStore
from imtw.model import Account

EPOCH = 1288834974657  # ms: Twitter's
STEPS = 1 << 12  # numbers in a ms
NODES = 1 << 10
KEPT = 100_000  # users
LARGEST = (1 << 63) - 1


class Snowflakes:
    """
    Makes numbers, larger each time.

    @param node: 0 to 1023; nodes of one store should differ.
    """

    def __init__(self, clock: IReactorTime, node: int = 1) -> None:
        self._clock = clock
        self.node = node
        self._last = 0

    def next(self) -> int:
        """
        A number that this node has not made before, even if the clock was
        set back.
        """
        tick = (int(self._clock.seconds() * 1000) - EPOCH) * STEPS
        self._last = max(self._last + 1, tick)
        return self._last // STEPS << 22 | self.node << 12 | self._last % STEPS


class Numbers:
    """
    Who has which number.

    @ivar isWanted: somebody here knows users by their numbers: whoever says
        something, or is spoken to, gets one first.
    @ivar known: a user's number as it is written, or L{None} if it was not met
        lately.
    @ivar userOf: whose number is written so, in the same way.
    """

    known: Callable[[str], str | None]
    userOf: Callable[[str], str | None]

    def __init__(self, clock: IReactorTime, store: IStore) -> None:
        self._store = store
        self.snowflakes = Snowflakes(clock)
        self.isWanted = False
        self._numbers: dict[str, str] = {}
        self._users: dict[str, str] = {}
        self.known = self._numbers.get
        self.userOf = self._users.get

    def note(self, user: str, number: int) -> None:
        """
        This user has this number.
        """
        if user not in self._numbers and len(self._numbers) >= KEPT:
            oldest = next(iter(self._numbers))
            del self._users[self._numbers.pop(oldest)]
        text = self._numbers[user] = str(number)
        self._users[text] = user

    async def of(self, user: str) -> int | None:
        """
        The number of a user, which gets one if need be; L{None} where there
        is no such user.
        """
        text = self._numbers.get(user)
        number = None if text is None else int(text)
        while number is None:
            try:
                number = await self._store.number(user, self.snowflakes.next())
            except CommandRefused as refused:
                if refused.status != Status.CONFLICT:
                    raise
                continue
            if number is None:
                return None
            self.note(user, number)
        return number

    async def learn(self, users: Iterable[str]) -> None:
        """
        Meet some users.
        """
        await together(Deferred.fromCoroutine(self.of(user)) for user in set(users) if user not in self._numbers)

    async def account(self, number: int) -> Account | None:
        """
        The user with a number.
        """
        if not 0 < number <= LARGEST:
            return None
        found: Account | None = await self._store.numbered(number)
        if found is not None:
            self.note(found.user.id, number)
        return found
