"""
What users and groups may be called.
"""

from __future__ import annotations

MAX_NAME = 64  # characters of a user's or a group's id


def isName(text: str) -> bool:
    """
    May this be the id of a user or a group: 1 to 64 characters, none of them
    a control character, a lone surrogate or a space at either end?
    """
    return 0 < len(text) <= MAX_NAME and text.isprintable() and text == text.strip()


#: No name has this character: ids that begin with it nobody can write who is asked for a name.
MARK = "\x1f"

LONGEST_ID = 255  # characters behind a realm


def realmOf(name: str) -> str:
    """
    What the ids of a realm begin with.  Users who prove nothing live in one
    of their own, with the groups they make: no name leads there, and none of
    their ids leads out.
    """
    return f"{MARK}{name}{MARK}"


def isId(text: str, realm: str = "") -> bool:
    """
    May a user of this realm mean a user or a group by this: a name, or, in a
    realm of its own, any text behind the realm that has no NUL?
    """
    if not realm:
        return isName(text)
    return text.startswith(realm) and len(text) <= len(realm) + LONGEST_ID and "\0" not in text
