"""
Token buckets by key, in a bounded dictionary.

A bucket is one number: when it will be full again.  Those that are full are
not kept, so the table holds only who failed lately.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from msgspec import Struct
from twisted.internet.interfaces import IReactorTime

from imtw.accounts.addresses import isLocal

ROUNDING = 1e-3  # seconds


class Rate(Struct, frozen=True):
    """
    How much at once, and how fast it comes back.

    In any hour that is at most C{burst + 3600 / every}.

    @ivar every: seconds until one comes back.
    """

    burst: int
    every: float


class Buckets:
    """
    A bucket for each key, full at first.
    """

    def __init__(self, clock: IReactorTime, rate: Rate, most: int) -> None:
        """
        @param most: buckets kept; past it the one touched longest ago counts
            as full.
        """
        self._clock = clock
        self._rate = rate
        self._most = most
        self._full: OrderedDict[Hashable, float] = OrderedDict()
        self._latest = clock.seconds()
        self._lag = 0.0  # how far the clock was set back, in all

    def __len__(self) -> int:
        return len(self._full)

    def isEmpty(self, key: Hashable) -> bool:
        """
        Is there nothing to take?
        """
        now = self._now()
        return self._fullAt(key, now) - now > (self._rate.burst - 1) * self._rate.every + ROUNDING

    def take(self, key: Hashable) -> None:
        """
        Take one.
        """
        now = self._now()
        self._full[key] = self._fullAt(key, now) + self._rate.every
        self._full.move_to_end(key)
        self._sweep(now)

    def giveBack(self, key: Hashable) -> None:
        """
        Put one back that was taken.
        """
        now = self._now()
        full = self._fullAt(key, now) - self._rate.every
        if full <= now + ROUNDING:
            self._full.pop(key, None)
        else:
            self._full[key] = full

    def _now(self) -> float:
        """
        The time.  Should the clock have been set back, it goes on from where
        it was: a bucket keeps what is in it.
        """
        now = self._clock.seconds() + self._lag
        if now < self._latest:
            self._lag += self._latest - now
            now = self._latest
        self._latest = now
        return now

    def _fullAt(self, key: Hashable, now: float) -> float:
        """
        When the bucket is full.
        """
        return max(self._full.get(key, now), now)

    def _sweep(self, now: float) -> None:
        """
        Drop the two oldest if they are full: the table shrinks faster than
        it grows, and no delayed call is needed.
        """
        for _ in range(2):
            oldest, full = next(iter(self._full.items()))
            if full > now and len(self._full) <= self._most:
                break
            del self._full[oldest]


class AddressBuckets:
    """
    A bucket for each address; this machine's own addresses may stand for
    many users (tests, a proxy), so they have other rates.
    """

    def __init__(self, clock: IReactorTime, rate: Rate, local: Rate, most: int) -> None:
        self._usual = Buckets(clock, rate, most)
        self._local = Buckets(clock, local, most)

    def __len__(self) -> int:
        return len(self._usual) + len(self._local)

    def of(self, address: str) -> Buckets:
        """
        The table this address is in.
        """
        return self._local if isLocal(address) else self._usual
