"""
Who is on a connection: login and tokens.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from imtw.commands.declaration import Access, Command, Nothing, Status
from imtw.model import MAX_NAME


class Login(Struct, forbid_unknown_fields=True):
    """
    Who wants to be on this connection: by name and password, or by token.

    @ivar device: the client's own name for the device it runs on, or empty.
    """

    name: str = ""
    password: str = ""
    token: str = ""
    device: Annotated[str, Meta(max_length=MAX_NAME)] = ""


class LoggedIn(Struct):
    """
    Who is on this connection now.
    """

    user: str


class IssuedToken(Struct):
    """
    A token to log in with; the server keeps only its hash.

    @ivar expires: ms since the epoch.
    """

    token: str
    expires: int


class RevokeToken(Struct, forbid_unknown_fields=True):
    """
    Make a token worthless, or forget a device with its cursors and tokens;
    and end the connections they opened.
    """

    token: str = ""
    device: str = ""


# fmt: off
LOGIN  = Command(5, "login", Login, 6, LoggedIn, Access.ANYBODY, False, Status.LOGIN_FAILED,
                 "say who is on this connection")
REVOKE = Command(118, "revoke", RevokeToken, 118, None, Access.USER, False, Status.BAD_REQUEST,
                 "make a token worthless, or forget a device")
TOKEN  = Command(119, "token", Nothing, 119, IssuedToken, Access.USER, False, Status.BAD_REQUEST,
                 "ask for a token to log in with")
# fmt: on
