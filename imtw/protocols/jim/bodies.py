"""
What J-IM's clients ask, and how it is read (docs/wire/jim.rst, Commands).

Attributes are called as the keys on the wire, which differ in style from one
command to the next; only C{from}, a word of Python's, is C{sender}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct

from imtw.protocols.jim.coerce import checks, convert
from imtw.protocols.jim.lenient import MAX_NODES, NotJSON, isSmall, parse
from imtw.protocols.jim.values import LEAST, MOST

S = TypeVar("S", bound=Struct)

# Bounded, or msgspec takes integers that no store can keep.
Int = Annotated[int, Meta(ge=LEAST, le=MOST)]


class BadBody(ValueError):
    """
    A body that is not what its command asks for.

    @ivar absent: there is nothing in it: no bytes, blanks, C{null}, or bytes
        that are not UTF-8.  J-IM's close (14) then means the asker.
    """

    def __init__(self, reason: str, absent: bool) -> None:
        super().__init__(reason)
        self.absent = absent


class Body(Struct, kw_only=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """
    What every request may carry.

    @ivar createTime: ms since the epoch.
    @ivar extras: relayed as it is, but for members that are null.
    """

    cmd: Int | None = None
    createTime: Int | None = None
    # Without "or None" msgspec can be trusted with it (imtw.protocols.jim.coerce.checks).
    extras: dict[str, Any] = None  # type: ignore[assignment]
    id: str | None = None


class AuthBody(Body, gc=False):
    """
    3: a token to be given back.
    """

    token: str | None = None


class LoginBody(Body, gc=False):
    """
    5: who the client is.

    @ivar userId: C{loginname}, as J-IM 3.0 calls it (D-22).
    @ivar device: makes the client a modern one.
    """

    device: str | None = None
    loginname: str | None = None
    password: str | None = None
    token: str | None = None
    userId: str | None = None


class JoinBody(Body, gc=False):
    """
    7: a group to enter.

    @ivar users: may be anything, and is ignored.
    """

    avatar: str | None = None
    group_id: str | None = None
    name: str | None = None
    online: Int | None = None
    users: Any = None


class ChatBody(Body, rename={"sender": "from"}, gc=False):
    """
    11: something to say.

    @ivar chatType: 1 to a group, 2 to a user.
    @ivar msgType: any number; 0 is text.
    """

    avatar: str | None = None
    chatType: Int | None = None
    content: str | None = None
    group_id: str | None = None
    msgType: Int | None = None
    nick: str | None = None
    sender: str | None = None
    to: str | None = None


class CloseBody(Body, gc=False):
    """
    14: whose connections to end.
    """

    userid: str | None = None


class RecallBody(Body, gc=False):
    """
    15: the message to take back is C{id} (D-38).
    """

    group_id: str | None = None
    to: str | None = None


class GetUserBody(Body, gc=False):
    """
    17: the user to look at.

    @ivar type: 0 who is online, 1 who is offline, 2 all.
    """

    friend_group_id: str | None = None
    group_id: str | None = None
    type: Int | None = None
    userid: str | None = None


class GetMessageBody(Body, gc=False):
    """
    19: messages to read.

    @ivar type: 0 pending, 1 history.
    @ivar beginTime: ms, inclusive; with C{endTime}.
    @ivar offset: from the oldest; with C{count}.
    """

    beginTime: float | None = None
    count: Int | None = None
    endTime: float | None = None
    fromUserId: str | None = None
    groupId: str | None = None
    offset: Int | None = None
    type: Int | None = None
    userId: str | None = None


class _Reader(Generic[S]):
    """
    How one type is read.

    @ivar decode: msgspec's decoder, or L{None} if it will not do.
    @ivar checks: what is left to do after it, by attribute.
    """

    __slots__ = ("checks", "decode")

    def __init__(self, type_: type[S]) -> None:
        left = checks(type_)
        # Not strict: texts may be numbers, as the browser page sends them.
        self.decode: Callable[[bytes], S] | None = None
        if left is not None and not (left and type_.__struct_config__.frozen):
            self.decode = msgspec.json.Decoder(type_, strict=False).decode
        self.checks = tuple((left or {}).items())


_readers: dict[type[Struct], _Reader[Any]] = {}


def decode(type_: type[S], body: bytes) -> S:
    """
    Read a request.

    @param type_: any Struct; this is for the neutral types of
        L{imtw.commands}, too.
    @raise BadBody: it is not JSON, or not what the type asks for, or larger
        in some way than L{imtw.protocols.jim.lenient} allows.
    """
    reader: _Reader[S] | None = _readers.get(type_)
    if reader is None:
        reader = _readers[type_] = _Reader(type_)
    quickly = reader.decode
    if quickly is not None and (len(body) <= MAX_NODES or isSmall(body)):
        try:
            made = quickly(body)
        except (ValueError, RecursionError):
            pass
        else:
            for name, check in reader.checks:
                value = getattr(made, name)
                if value is not None:
                    try:
                        setattr(made, name, check(value))
                    except ValueError as e:
                        raise BadBody(f"{name}: {e}", False) from None
            return made
    return _decodeLeniently(type_, body)


def _decodeLeniently(type_: type[S], body: bytes) -> S:
    """
    The same, for what msgspec could not read.
    """
    value: object = None
    try:
        # Broken UTF-8 spoils a body, but in a chat only its characters.
        value = parse(body, repair=issubclass(type_, ChatBody))
        return convert(value, type_)
    except NotJSON as e:
        raise BadBody(str(e), not body.strip() or not _isText(body)) from None
    except (ValueError, RecursionError) as e:
        raise BadBody(str(e), value is None) from None


def _isText(body: bytes) -> bool:
    """
    Whether it is UTF-8.
    """
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Command(Struct, gc=False):
    """
    Just the key that says what a WebSocket message is.
    """

    cmd: Int | None = None


_readCommand = msgspec.json.Decoder(_Command, strict=False).decode


def commandOf(body: bytes) -> int | None:
    """
    The C{cmd} of a WebSocket message, with the same leniencies.

    @return: L{None} if it is not a JSON object with a C{cmd}.
    """
    try:
        command = _readCommand(body).cmd
    except (ValueError, RecursionError):
        command = None
    if command is None:
        try:
            command = _decodeLeniently(_Command, body).cmd
        except BadBody:
            return None
    return command
