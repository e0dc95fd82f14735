"""
Where each account has logged in from: the addresses at which no stranger's
guessing locks its owner out, before a restart or after.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from imtw.faults import report
from imtw.interfaces import IStore

SHELF = "addresses"  # of the store: name and line feed -> marks, newest first
MARK = 8  # bytes that stand for an address
KEPT = 8  # addresses of an account


class KnownAddresses:
    """
    The last few addresses of each account, as short hashes on a shelf of the
    store; what was read is kept in a bounded table.
    """

    _log = Logger()

    def __init__(self, store: IStore, most: int) -> None:
        """
        @param most: accounts kept in memory.
        """
        self._store = store
        self._most = most
        self._marks: OrderedDict[str, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._marks)

    async def has(self, name: str, address: str) -> bool:
        """
        Has this account logged in from this address?
        """
        marks = self._marks.get(name)
        if marks is None:
            rows = await self._store.get(SHELF, _key(name))
            marks = self._marks.setdefault(name, rows[0][1] if rows else b"")
        self._marks.move_to_end(name)
        if len(self._marks) > self._most:
            self._marks.popitem(last=False)
        return _mark(name, address) in _split(marks)

    def note(self, name: str, address: str) -> None:
        """
        This account has logged in from this address.  Does nothing for an
        account that L{has} was not asked about: no guess at it was counted.
        """
        marks = self._marks.get(name)
        if marks is None:
            return
        mark, old = _mark(name, address), _split(marks)
        if mark in old:
            return
        self._marks[name] = b"".join([mark, *old][:KEPT])
        kept: Deferred[None] = self._store.put(SHELF, _key(name), self._marks[name])
        kept.addErrback(lambda why: report(self._log, why, "address of {user} not kept", user=name))


def _key(name: str) -> str:
    return name + "\n"  # no name has one: a prefix that finds this name alone


def _mark(name: str, address: str) -> bytes:
    return blake2b(f"{name}\n{address}".encode(), digest_size=MARK).digest()


def _split(marks: bytes) -> list[bytes]:
    return [marks[i : i + MARK] for i in range(0, len(marks), MARK)]
