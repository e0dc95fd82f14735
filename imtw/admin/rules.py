"""
What an account may be called and have for a password, wherever it is made:
by the admin listener, or by C{imtw} where no server runs.
"""

from __future__ import annotations

from imtw.accounts.hashing import isPassword
from imtw.model import isName

BAD_NAME = "a name has 1 to 64 printable characters, and no space at either end"
BAD_PASSWORD = "a password has 1 to 1024 bytes of UTF-8"


def complaintAboutName(name: str) -> str | None:
    """
    Why nobody can be called this.
    """
    return None if isName(name) else f"{name!r} is no name: {BAD_NAME}"


def complaintAboutPassword(password: str) -> str | None:
    """
    Why this can be nobody's password, without saying it.  An empty one is
    what a script gives whose variable is not set.
    """
    return None if password and isPassword(password) else f"this is no password: {BAD_PASSWORD}"


def taken(name: str) -> str:
    """
    This name has its user.
    """
    return f"there is a user {name!r} already; imtw user passwd changes a password"


def unknown(name: str) -> str:
    """
    Nobody has this name.
    """
    return f"there is no user {name!r}; imtw user list names those there are"
