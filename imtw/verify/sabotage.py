"""
Servers that are broken on purpose, to see whether the tests notice::

    IMTW_SABOTAGE=early-ack python -m imtw.verify.sabotage --nodaemon jim ...

Nothing but the tests of the tests uses this.  What is done to them is in
L{imtw.verify.broken}, which names what belongs to one dialect, or to one module
alone, as texts: nothing depends on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from imtw.verify.broken import holding, logins, pace, storing, telling


def nothing() -> None:
    """
    The clients do it wrong, and not the server.
    """


SABOTAGES: dict[str, Callable[[], None]] = {
    "early-ack": storing.earlyAck,
    "unsynced": storing.unsynced,
    "polite-close": holding.politeClose,
    "die-at-once": storing.dieAtOnce,
    "tardy": storing.tardy,
    "brazen": storing.brazen,
    "unchecked": storing.unchecked,
    "forgetful": storing.forgetful,
    "believing": holding.believing,
    "inflating": holding.inflating,
    "leaking": holding.leaking,
    "stalling": pace.stalling,
    "congested": pace.congested,
    "queueing": logins.queueing,
    "amnesia": logins.amnesia,
    "unfair": logins.unfair,
    "piecemeal": storing.piecemeal,
    "skipping": telling.skipping,
    "unguarded": telling.unguarded,
    "clinging": telling.clinging,
    "hasty": telling.hasty,
    "miscounting": telling.miscounting,
    "gorging": holding.gorging,
    "sulking": telling.sulking,
    "hoarding": holding.hoarding,
    "greedy": holding.greedy,
    "restless": pace.restless,
    "choppy": telling.choppy,
    "flattering": telling.flattering,
    "reticent": telling.reticent,
    "onesided": storing.onesided,
    "secretive": telling.secretive,
    "gloomy": telling.gloomy,
    "indulgent": logins.indulgent,
    "credulous": logins.credulous,
    "no-sync": nothing,
}


def main() -> None:
    """
    Break it, then run it.
    """
    from twisted.scripts.twistd import run

    for name in os.environ["IMTW_SABOTAGE"].split(","):
        SABOTAGES[name]()
    run()


if __name__ == "__main__":
    main()
