"""
What C{imtw doctor} finds.
"""

from __future__ import annotations

from typing import NamedTuple

OK, NOTE, WRONG = "ok", "note", "WRONG"


class Finding(NamedTuple):
    """
    One thing that was looked at.

    @ivar level: L{OK}; L{NOTE} for what works, but not as it might; or
        L{WRONG}.
    @ivar what: what was looked at.
    @ivar found: what was found, and what is wanted.
    @ivar advice: what to do, where it is not right.
    """

    level: str
    what: str
    found: str
    advice: str = ""


def judge(what: str, found: str, isRight: bool, advice: str, otherwise: str = WRONG) -> Finding:
    """
    A finding with advice only where it is needed.
    """
    return Finding(OK, what, found) if isRight else Finding(otherwise, what, found, advice)


def sizeOf(count: float) -> str:
    """
    Bytes, for people.
    """
    units = ["TiB", "GiB", "MiB", "KiB", "bytes"]
    while count >= 1024 and len(units) > 1:
        count /= 1024
        units.pop()
    return f"{count:.1f} {units[-1]}" if count % 1 else f"{count:.0f} {units[-1]}"
