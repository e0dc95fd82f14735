"""
Who is let in, and when.
"""

from __future__ import annotations

from typing import Any


def queueing() -> None:
    """
    Lets who has a token wait for those who have to be checked.
    """
    from twisted.internet.defer import Deferred

    from imtw.accounts.login import Accounts

    login = Accounts._login

    async def loginInTurn(self: Accounts, name: str, password: str, token: str, address: str, device: str) -> Any:
        if not token:
            return await login(self, name, password, token, address, device)
        return await self._queue.run(
            address, lambda: Deferred.fromCoroutine(login(self, name, password, token, address, device))
        )

    Accounts._login = loginInTurn  # type: ignore[method-assign]


def amnesia() -> None:
    """
    Checks every password as if it came for the first time.
    """
    from imtw.accounts.memory import VerifiedPasswords

    VerifiedPasswords.knows = lambda *_: False  # type: ignore[method-assign]


def unfair() -> None:
    """
    Serves logins in the order in which they came, whoever sends them.
    """
    from imtw.accounts.fair import FairQueue

    run = FairQueue.run
    FairQueue.run = lambda self, address, work: run(self, "", work)  # type: ignore[method-assign]


def indulgent() -> None:
    """
    Ends no connection of who has lost the right to it.
    """
    from imtw.attendance import Attendance

    Attendance.cut = lambda self, user, device, token, spared=None: 0  # type: ignore[method-assign]


def credulous() -> None:
    """
    Lets in whoever shows what counts no more since it was looked at.
    """
    from imtw.accounts.holders import Holders

    Holders.revoke = lambda self, digest: 0  # type: ignore[method-assign]
    Holders.end = lambda self, user: None  # type: ignore[method-assign]
