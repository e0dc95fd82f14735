"""
Who is meant by an id on easyim's wire: users are numbers there, accounts
where they have none.
"""

from __future__ import annotations

import re

from imtw.numbers import Numbers

_NUMBER = re.compile(r"[+-]?[0-9]{1,32}").fullmatch


def asNumber(text: str) -> int | None:
    """
    An id as a number, as easyim reads it: with a sign or zeros in front, too.
    """
    return int(text) if _NUMBER(text) else None


def wireId(numbers: Numbers, user: str) -> str:
    """
    How a user is written.
    """
    return numbers.known(user) or user


async def userMeant(numbers: Numbers, text: str) -> str:
    """
    The user that an id means: whose number it is, else whose account.
    """
    number = asNumber(text)
    account = None if number is None else await numbers.account(number)
    return text if account is None else account.user.id
