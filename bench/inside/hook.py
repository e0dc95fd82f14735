"""
C{twistd} with something more in its process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def runWith(begin: Callable[[Any], None], end: Callable[[], None]) -> None:
    """
    Run C{twistd}.

    @param begin: called with the reactor once that runs.
    @param end: called when it has stopped; the process then ends by the
        signal that it was stopped with, and nothing else is called.
    """
    from twisted.scripts.twistd import run

    from imtw import tap

    make = tap.makeService

    def makeAndHook(options: tap.Options) -> Any:
        from twisted.internet import reactor

        service = make(options)
        hooked: Any = reactor
        hooked.callWhenRunning(begin, reactor)
        hooked.addSystemEventTrigger("after", "shutdown", end)
        return service

    tap.makeService = makeAndHook
    run()
