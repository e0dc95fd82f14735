"""
How much work it makes itself.
"""

from __future__ import annotations

from time import sleep
from typing import Any


def stalling() -> None:
    """
    Does something slow now and then, on the reactor's thread.
    """
    from twisted.internet.task import LoopingCall

    from imtw.service import Server

    start = Server.startService

    def startAndStall(self: Server) -> None:
        start(self)
        LoopingCall(sleep, 0.4).start(1.0)

    Server.startService = startAndStall  # type: ignore[method-assign]


def congested() -> None:
    """
    Has the more to do with each message the more of them wait.
    """
    from imtw.delivery import Delivery

    append = Delivery._append

    def appendSlowly(self: Delivery, session: Any, draft: Any) -> Any:
        if self._store.waiting > 500:
            sleep(0.0005)
        return append(self, session, draft)

    Delivery._append = appendSlowly  # type: ignore[method-assign]


def restless() -> None:
    """
    Turns and turns once a group was told something.
    """
    from imtw.sweeps import Sweeper

    turn = Sweeper._turn

    def turnAgain(self: Sweeper) -> None:
        turn(self)
        self._clock.callLater(0, self._turn)

    Sweeper._turn = turnAgain  # type: ignore[method-assign]
