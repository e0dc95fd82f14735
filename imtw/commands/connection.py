"""
What a client says about its connection.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from imtw.commands.declaration import Access, Command, Nothing, Status


class Greeting(Struct):
    """
    What the peers agree on before anything else.
    """

    handshake: bool = True


class Token(Struct, forbid_unknown_fields=True):
    """
    A token to look at; what else came with it is given back.
    """

    token: str = ""
    id: str | None = None
    created: int | None = None
    extras: dict[str, Any] | None = None


class Close(Struct, forbid_unknown_fields=True):
    """
    End a user's connections; without a user, just this one.
    """

    user: str | None = None


# fmt: off
HANDSHAKE = Command(1, "handshake", Nothing, 2, Greeting, Access.ANYBODY, True, Status.UNKNOWN_COMMAND,
                    "agree on the wire; optional")
AUTH      = Command(3, "auth", Token, 4, Token, Access.ANYBODY, True, Status.AUTH_FAILED,
                    "J-IM's token echo; it proves nothing")
HEARTBEAT = Command(13, "heartbeat", Nothing, 13, None, Access.ANYBODY, True, Status.UNKNOWN_COMMAND,
                    "show that the connection lives")
CLOSE     = Command(14, "close", Close, 14, None, Access.USER, False, Status.INVALID,
                    "end connections of one's own")
# fmt: on
