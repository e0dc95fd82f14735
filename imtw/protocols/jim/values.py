"""
What fastjson makes of a single value that is not of the type wanted
(docs/wire/jim.rst, JSON rules).

Each function takes anything that JSON can say and gives a value of its type,
or L{None} for what counts as absent.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

import msgspec

from imtw.protocols.jim.lenient import MAX_DEPTH, MAX_DIGITS, Written

LEAST = -(2**63)  # what a store can keep
MOST = 2**63 - 1
PLAIN = 1e-6  # a fraction as large as this needs no exponent
_TOO_LONG = 10**MAX_DIGITS

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class Mismatch(ValueError):
    """
    A value that no leniency turns into what is wanted.
    """


def tidy(value: Any) -> Any:
    """
    Check what is relayed as it came (C{extras}), and drop members that are
    null from its objects, at any depth; nulls in arrays stay.

    @param value: changed in place.
    @return: the same.
    @raise Mismatch: it has more levels or an integer has more digits than
        L{imtw.protocols.jim.lenient} allows.
    """
    return _asNumbers(value) if _tidied(value) else value


def _tidied(value: Any) -> bool:
    """
    Do that, but for numbers, which stay as they were written.

    @return: are there any that say how?
    """
    areWritten = False
    level = [value]
    depth = 1  # the body around it
    while level:
        inner: list[Any] = []
        for node in level:
            kind = type(node)
            if kind is dict:
                if None in node.values():
                    for key in [key for key, member in node.items() if member is None]:
                        del node[key]
                inner += node.values()
            elif kind is list:
                inner += node
            elif kind is int and not -_TOO_LONG < node < _TOO_LONG:
                raise Mismatch(f"an integer of more than {MAX_DIGITS} digits")
            else:
                areWritten = areWritten or kind is Written
                continue
            if depth >= MAX_DEPTH:
                raise Mismatch(f"more than {MAX_DEPTH} levels")
        level = inner
        depth += 1
    return areWritten


def _asNumbers(value: Any) -> Any:
    """
    Have plain numbers in the place of those that say how they were written.

    @param value: changed in place.
    """
    whole = [value]
    level: list[Any] = [whole]
    for node in level:
        for place, member in node.items() if type(node) is dict else enumerate(node):
            if type(member) is Written:
                node[place] = float(member)
            elif type(member) is dict or type(member) is list:
                level.append(member)
    return whole[0]


def isNull(value: object) -> bool:
    """
    Whether it is a text that says null.
    """
    return isinstance(value, str) and len(value) == 4 and value.lower() == "null"


def text(value: object) -> str | None:
    """
    A text; anything else as JSON would write it, numbers with all their
    digits.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        _tidied(value)
        return msgspec.json.encode(value, enc_hook=_asWritten).decode()
    if isinstance(value, Written):
        return _decimal(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _decimal(number: Written) -> str:
    """
    A fraction as fastjson has it, and Java's C{BigDecimal}: all its digits,
    and an exponent only where there has to be one.

    @raise Mismatch: its exponent is beyond all that.
    """
    written = number.written
    if "e" not in written and "E" not in written and not -PLAIN < number < PLAIN:
        return written
    try:
        exact = Decimal(written)
    except InvalidOperation:
        raise Mismatch("too small a number") from None
    return str(exact.copy_abs() if exact.is_zero() else exact)


def _asWritten(number: Any) -> msgspec.Raw:
    """
    The same in a JSON text.
    """
    return msgspec.Raw(_decimal(number).encode())


def number(value: object) -> int | float | None:
    """
    The number in it; L{None} for an empty text or one that says null.
    """
    if value is None or isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        raise Mismatch(f"{type(value).__name__} where a number is wanted")
    if not value or isNull(value):
        return None
    # "1,000" is a thousand, as in fastjson; ",1" is not a number.
    digits = value if value.startswith(",") else value.replace(",", "")
    if (match := _NUMBER.fullmatch(digits)) is None:
        raise Mismatch("a text where a number is wanted")
    if match.group(1) is None and match.group(2) is None and len(digits) <= MAX_DIGITS:
        return int(digits)
    return float(digits)


def integer(value: object) -> int | None:
    """
    A whole number; of any other what stands before the point.
    """
    given = number(value)
    if given is None:
        return None
    # Compared first: int() of an infinity fails in another way.
    if not LEAST <= given <= MOST:
        raise Mismatch(f"an integer beyond {LEAST} to {MOST}")
    return int(given)


def decimal(value: object) -> float | None:
    """
    A number that is finite.
    """
    given = number(value)
    if given is None:
        return None
    try:
        made = float(given)
    except OverflowError:
        made = float("inf")
    if not isfinite(made):
        raise Mismatch("a number that is not finite")
    return made


def flag(value: object) -> bool | None:
    """
    True or false; of a number whether it is 1.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value == 1
    if not isinstance(value, str):
        raise Mismatch(f"{type(value).__name__} where true or false is wanted")
    if not value or isNull(value):
        return None
    try:
        return _FLAGS[value.lower()]
    except KeyError:
        raise Mismatch("a text where true or false is wanted") from None
