"""
Who is meant by an id on easyim's wire: users are numbers there, accounts
where they have none.
"""

from __future__ import annotations

import re

from imtw.numbers import Numbers

LONGEST = 32  # digits
_NUMBER = re.compile(f"[+-]?[0-9]{{1,{LONGEST}}}").fullmatch


def asNumber(text: str) -> int | None:
    """
    An id as a number, as easyim reads it: with a sign or zeros in front, too.
    """
    if text.isdecimal() and text.isascii() and len(text) <= LONGEST:
        return int(text)
    return int(text) if _NUMBER(text) else None


def wireId(numbers: Numbers, user: str) -> str:
    """
    How a user is written.
    """
    number = numbers.known(user)
    return user if number is None else str(number)


async def userMeant(numbers: Numbers, text: str) -> str:
    """
    The user that an id means: whose number it is, else whose account.
    """
    number = asNumber(text)
    account = None if number is None else await numbers.account(number)
    return text if account is None else account.user.id
