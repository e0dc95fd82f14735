"""
FastIM's options, by the names its operators know.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from imtw.errors import PluginLookupError

_INTEGER = re.compile("-?[0-9]{1,18}")


class FastOptions(Struct, frozen=True, kw_only=True):
    """
    How FastIM is spoken here.

    @ivar strict: with the original's holes and quirks.
    @ivar loginAuth: a WebSocket needs a token that fits its user.
    @ivar autoJoin: entering a room makes one a member.
    @ivar timeout: seconds after its last message that a room's messages
        live; for ever where it is not above 0.
    @ivar listNum: messages pushed when a room is entered.
    @ivar recallTimeLimit: seconds for which a message can be taken back.
    @ivar updateRate: seconds between two pushes of a list of rooms.
    @ivar maxLength: UTF-16 units of a message.
    @ivar membersOnly: only a room's members read what was said there; else
        whoever is logged in does, unless the group is a managed one.
    """

    strict: bool = False
    loginAuth: bool = True
    autoJoin: bool = True
    timeout: int = 604800
    listNum: int = 50
    recallTimeLimit: int = 120
    updateRate: float = 1.0
    maxLength: int = 8192
    membersOnly: bool = False


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("0 or 1")
    return text == "1"


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (_INTEGER.fullmatch(text) and least <= int(text) <= most):
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.1 <= rate <= 3600:
        raise ValueError("seconds from 0.1 to 3600")
    return rate


READERS: dict[str, Callable[[str], Any]] = {
    "loginAuth": _flag,
    "autoJoin": _flag,
    "timeout": _whole(-(2**31), 100 * 365 * 86400),
    "listNum": _whole(0, 1000),
    "recallTimeLimit": _whole(0, 10 * 365 * 86400),
    "updateRate": _rate,
    "maxLength": _whole(1, 174762),
    "membersOnly": _flag,
}


def readOptions(strict: bool, options: dict[str, str]) -> FastOptions:
    """
    The options as they stand on the command line.

    @raise PluginLookupError: a value that is none.
    """
    values: dict[str, Any] = {}
    for name, text in options.items():
        try:
            values[name] = READERS[name](text)
        except ValueError as wanted:
            raise PluginLookupError(f"fastim: {name} is {text!r}, wanted {wanted}") from None
    return FastOptions(strict=strict, **values)
