"""
What a command is, and how one ends.

A L{Command} is one declaration: its code, its name, what a request and a
reply hold, who may ask.  Decoding, validation, authorisation, the HTTP route
C{POST /api/command/<name>} and the table in the docs all come from it.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Annotated

from msgspec import Meta, Struct

from imtw.model import MAX_NAME

APPLICATION_CODES = range(21, 100)  # free for third parties' commands

LONGEST_TITLE = 200  # characters of what a group is called

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]


class Status(IntEnum):
    """
    How a command ended.  Up to 10021 the numbers are J-IM's
    (docs/wire/jim.rst, Statuses), from 10100 on imtw's own.
    """

    __hash__ = int.__hash__  # that of enumerations calls Python, twice for each answer

    SENT = 10000
    OFFLINE = 10001
    NOT_SENT = 10002
    USER_FOUND = 10003
    USER_NOT_FOUND = 10004
    ONLINE_USERS = 10005
    OFFLINE_USERS = 10006
    LOGGED_IN = 10007
    LOGIN_FAILED = 10008
    AUTHENTICATED = 10009
    AUTH_FAILED = 10010
    JOINED = 10011
    NOT_JOINED = 10012
    NO_MESSAGES = 10015
    PENDING = 10016
    UNKNOWN_COMMAND = 10017
    HISTORY = 10018
    ONLINE = 10019
    INVALID = 10020
    CLOSED = 10021

    OK = 10100
    BAD_REQUEST = 10101
    FORBIDDEN = 10102
    NOT_FOUND = 10103
    BUSY = 10104
    NOT_STORED = 10105
    TOO_LATE = 10106
    CONFLICT = 10107
    TOO_MANY = 10108


class Access(Enum):
    """
    Who may give a command.
    """

    ANYBODY = "anybody"
    USER = "a logged-in user"
    OPERATOR = "an operator"


class Command(Struct, frozen=True, gc=False):
    """
    One thing a client can ask for.

    @ivar code: 1 to 126; what a packet carries.
    @ivar name: lower-case words with dashes; the HTTP route's last segment.
    @ivar request: what is asked, with the types that are checked.
    @ivar replyCode: the code of the answer.
    @ivar reply: what an answer's data holds, or L{None} for a bare status.
    @ivar access: who may ask.
    @ivar atOnce: the handler needs nothing that the store is still writing,
        so it is called while earlier chats of the connection wait for their
        commit.  Any other command waits for them first.
    @ivar failure: the status of a request that cannot be understood.
    @ivar help: one line for the docs.
    """

    code: int
    name: str
    request: type[Struct]
    replyCode: int
    reply: type[Struct] | None = None
    access: Access = Access.USER
    atOnce: bool = False
    failure: Status = Status.BAD_REQUEST
    help: str = ""


class Reply(Struct, gc=False):
    """
    The answer to a command.

    @ivar status: how it ended; L{None} for the answers that J-IM sends
        without a code (heartbeat, handshake).
    @ivar data: a Struct of the command's reply type, or L{None}.
    @ivar close: end the connection once this is written.
    @ivar reason: why, in words for a person: told to clients that know it,
        in place of the status's own text.
    @ivar always: the handler does nothing but to give this answer, whoever
        asks and however often; so it need not be asked again.
    """

    status: Status | None = None
    data: Struct | None = None
    close: bool = False
    reason: str = ""
    always: bool = False


class Nothing(Struct, forbid_unknown_fields=True):
    """
    A request without fields.
    """
