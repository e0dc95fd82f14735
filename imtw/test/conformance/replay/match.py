"""
Did what was expected arrive?  The wildcards of C{expect}::

    "<any>"             a value, whatever it is          "<any?>"             the same, or no such key at all
    "<any:int>"         a whole number                   "<any:str>"          a text
    "<starts:abc>"      a text that begins so            {"<one>": [...]}     one of these values
    {"<set>": [...]}    a list of these, in any order    "<more>"             last in a list or set: any others
    {"<optional>": x}   in a list or set: x or nothing   "...": true          in an object: further keys
"""

from __future__ import annotations

from typing import Any

CLOSED = {"closed": True}  # the last event of a connection
MISSING = object()  # stands for a key that is not there


def same(want: Any, got: Any) -> bool:
    """
    Does a value match?
    """
    if isinstance(want, dict):
        if "<set>" in want:
            return isinstance(got, list) and anyOrder(want["<set>"], got)
        if "<one>" in want:
            return any(same(one, got) for one in want["<one>"])
        return isinstance(got, dict) and sameObject(want, got)
    if isinstance(want, list):
        return isinstance(got, list) and inOrder(want, got)
    if isinstance(want, str) and want.startswith("<"):
        return sameWildcard(want, got)
    return type(want) is type(got) and bool(want == got)


def sameObject(want: dict[str, Any], got: dict[str, Any]) -> bool:
    """
    Does an object, with no keys too many or too few?
    """
    isOpen = want.get("...") is True
    keys = [key for key in want if not (isOpen and key == "...")]
    return all(same(want[key], got.get(key, MISSING)) for key in keys) and (isOpen or set(got) <= set(want))


def sameWildcard(want: str, got: Any) -> bool:
    """
    Does a value match a wildcard, or another text in angle brackets?
    """
    if want == "<any?>":
        return True
    if want == "<any>":
        return got is not MISSING
    if want == "<any:int>":
        return (isinstance(got, int) and not isinstance(got, bool)) or got == "<now>"
    if want == "<any:str>":
        return isinstance(got, str)
    if want.startswith("<starts:"):
        return isinstance(got, str) and got.startswith(want[len("<starts:") : -1])
    return bool(want == got)


def isOptional(want: Any) -> bool:
    """
    May it be missing from its list?
    """
    return isinstance(want, dict) and "<optional>" in want


def inOrder(want: list[Any], got: list[Any]) -> bool:
    """
    Does a list match?
    """
    for at, one in enumerate(want):
        if one == "<more>":
            return True
        if isOptional(one):
            rest, left = want[at + 1 :], got[at:]
            return inOrder(rest, left) or inOrder([one["<optional>"], *rest], left)
        if at == len(got) or not same(one, got[at]):
            return False
    return len(want) == len(got)


def anyOrder(want: list[Any], got: list[Any]) -> bool:
    """
    Does a list match in some order: is there a one-to-one pairing?
    """
    if not want:
        return not got
    first, rest = want[0], want[1:]
    if first == "<more>":
        return True
    if isOptional(first):
        if anyOrder(rest, got):
            return True
        first = first["<optional>"]
    return any(
        same(first, one) and anyOrder(rest, got[:at] + got[at + 1 :])
        for at, one in enumerate(got)
        if one not in got[:at]
    )


def sameStep(want: dict[str, Any], got: dict[str, Any]) -> bool:
    """
    Both say for each connection what came; one that is not named brought
    nothing.
    """
    return all(same(want.get(name, []), got.get(name, [])) for name in want.keys() | got.keys())


def mayBeAll(want: Any, came: list[Any]) -> bool:
    """
    May these events be all that was wanted: are there enough, and the end of
    the connection if that is among them?
    """
    if isinstance(want, dict):
        want = want.get("<set>", [])
    if not isinstance(want, list):
        return True
    least = sum(one != "<more>" and not isOptional(one) for one in want)
    return len(came) >= least and (CLOSED not in want or CLOSED in came)
