"""
The fast paths there are, and which of them a server takes.

Each has an equal slow path behind it, which does the same with Twisted's and
Autobahn's own means; docs/howto/speed.rst says what each gains.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from msgspec import Struct

ALL = "all"


class Fast(Struct, frozen=True, kw_only=True):
    """
    The fast paths that are taken.

    @ivar reactor: reads without a log context: L{imtw.reactor}.
    @ivar send: sends past the transport while nothing waits in it:
        L{imtw.protocols.outlet}.
    @ivar frames: reads whole frames of WebSockets in front of Autobahn:
        L{imtw.protocols.fastframes}.
    @ivar cork: sends what one read causes at once: L{imtw.cork.Cork}.
    @ivar beats: answers a heartbeat that is said once more from memory:
        L{imtw.protocols.streamvoice}.
    @ivar gc: freezes what the garbage collector has let live:
        L{imtw.collector}.
    """

    reactor: bool = True
    send: bool = True
    frames: bool = True
    cork: bool = True
    beats: bool = True
    gc: bool = True


#: Their names.
PATHS = Fast.__struct_fields__


def fastWithout(slow: Iterable[str] = ()) -> Fast:
    """
    All fast paths but those named, which may be L{ALL}, and those that the
    environment variable C{IMTW_SLOW} names, with commas between.
    """
    named = {*slow, *os.environ.get("IMTW_SLOW", "").split(",")}
    return Fast(**{path: not named & {path, ALL} for path in PATHS})
