"""
The fast paths there are, and which of them a server takes.

Each has an equal slow path behind it, which does the same with Twisted's and
Autobahn's own means; docs/speed.rst says what each gains.
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
    """

    reactor: bool = True


#: Their names.
PATHS = Fast.__struct_fields__


def fastWithout(slow: Iterable[str]) -> Fast:
    """
    All fast paths but those named, which may be L{ALL}, and those that the
    environment variable C{IMTW_SLOW} names, with commas between.
    """
    named = {*slow, *os.environ.get("IMTW_SLOW", "").split(",")}
    return Fast(**{path: not named & {path, ALL} for path in PATHS})
