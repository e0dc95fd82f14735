"""
easyim's protobuf messages, which nothing delimits.

A message on a WebSocket is a frame.  On TCP there is only what was read at
once, and this: all known writers put fields in ascending order.  So a field
whose number is not larger than the last one's begins the next message.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec.structs import astuple

from imtw.protocols.easyim.message import Malformed, Msg, Packet

VARINT, FIXED64, BYTES, BEGIN, END, FIXED32 = range(6)  # wire types
LONGEST_VARINT = 10  # bytes
DEEPEST = 16  # groups within each other
FIELDS = Msg.__struct_fields__

_EMPTY = Msg()
_fieldsOf = attrgetter(*FIELDS)


class Runtime(NamedTuple):
    """
    What is used of Google's.

    @ivar new: makes an empty message.
    @ivar error: what C{parse} raises.
    @ivar unknown: the fields of a message that have other numbers.
    """

    new: Callable[[], Any]
    parse: Callable[[bytes], Any]
    error: type[Exception]
    unknown: Callable[[Any], Any]


@cache
def runtime() -> Runtime:
    """
    Google's runtime, which takes 3 MB and 9 ms: it is loaded when somebody
    comes who speaks protobuf, and most often nobody does.
    """
    from google.protobuf.message import DecodeError
    from google.protobuf.unknown_fields import UnknownFieldSet

    from imtw.protocols.easyim.msg_pb2 import Msg as Wire  # type: ignore[attr-defined]

    return Runtime(Wire, Wire.FromString, DecodeError, UnknownFieldSet)


def isInstalled() -> bool:
    """
    Can the runtime be loaded?
    """
    try:
        return find_spec("google.protobuf") is not None
    except ModuleNotFoundError:  # nothing of Google's is there
        return False


def decodeMessage(data: bytes) -> Packet:
    """
    The message in these bytes.

    @raise Malformed: there is none.
    """
    google = runtime()
    try:
        wire = google.parse(data)
    except google.error as error:
        raise Malformed(f"no protobuf: {error}") from None
    msg = Msg(*_fieldsOf(wire))
    if not len(google.unknown(wire)):
        return Packet(msg)
    if msg != _EMPTY:
        for name in FIELDS:
            wire.ClearField(name)
    return Packet(msg, wire.SerializeToString())


def decodeAlone(data: bytes) -> Packet | None:
    """
    The message in these bytes, if they are just one, as Go writes it, and
    without other fields: written again it is the same.
    """
    google = runtime()
    try:
        wire = google.parse(data)
    except google.error:
        return None
    if wire.SerializeToString() != data or len(google.unknown(wire)):
        return None
    return Packet(Msg(*_fieldsOf(wire)))


def encodeMessage(msg: Msg, rest: bytes = b"") -> bytes:
    """
    A message as Go writes it: fields ascending, empty ones left out, unknown
    ones last.

    @param rest: fields of other numbers; any that are not are left out.
    """
    wire = runtime().new()
    (wire.id, wire.seq, wire.from_user_id, wire.to_user_id, wire.chat_type, wire.msg_type, wire.status, wire.content,
     wire.access_token) = astuple(msg)  # fmt: skip
    data: bytes = wire.SerializeToString()
    if not rest:
        return data
    try:
        return data + decodeMessage(rest).rest
    except Malformed:
        return data


def splitMessages(data: bytes) -> list[bytes]:
    """
    The messages in bytes that hold whole ones.
    """
    cutter = Cutter()
    ends = [end for _, end in cutter.cut(data)]
    return [data[begin:end] for begin, end in pairwise([0, *ends, len(data)])]


class Cutter:
    """
    Finds where messages end, in bytes that come piece by piece.  Each byte
    is looked at once.

    @ivar begin: where the message begins that is not over yet.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """
        What comes next is the beginning of a message.
        """
        self.begin = 0
        self._at = 0  # behind the last whole field
        self._needed = 0  # look again when so much is there
        self._last = 0
        self._depth = 0

    def drop(self, count: int) -> None:
        """
        So many bytes are taken away from the front.
        """
        self.begin -= count
        self._at -= count
        self._needed = max(0, self._needed - count)

    def cut(self, data: bytes | bytearray) -> list[tuple[int, int]]:
        """
        The messages that are followed by another one, as (begin, end).

        @param data: all there is since L{reset}, but for what was L{drop}ped.
        @raise Malformed: this is no protobuf.
        """
        found = []
        end = len(data)
        while self._at < end and end >= self._needed:
            field = None if self._depth else _shortField(data, self._at, end)
            if field is None:
                field = self._field(data, self._at, end)
            if field is None:
                break
            number, behind = field
            if 0 < number <= self._last and self._at > self.begin:
                found.append((self.begin, self._at))
                self.begin = self._at
            if number:
                self._last = number
            self._at = behind
        return found

    def isWhole(self, end: int) -> bool:
        """
        Does a field end where these bytes end?
        """
        return self._at == end and not self._depth

    def _field(self, data: bytes | bytearray, at: int, end: int) -> tuple[int, int] | None:
        """
        The number of a field, and where it ends; L{None} if it is not all
        there.  Within a group numbers do not count: they are 0.
        """
        tag = _varint(data, at, end)
        if tag is None:
            return None
        number, kind = tag[0] >> 3, tag[0] & 7
        at = tag[1]
        if not number or number > 0x1FFFFFFF or kind > FIXED32:
            raise Malformed("no protobuf: a tag that cannot be")
        within = self._depth > 0
        if kind == VARINT:
            value = _varint(data, at, end)
            if value is None:
                return None
            at = value[1]
        elif kind == BYTES:
            length = _varint(data, at, end)
            if length is None:
                return None
            at = length[1] + length[0]
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
        if at > end:
            self._needed = at
            return None
        if kind == BEGIN:
            self._depth += 1
        elif kind == END:
            self._depth -= 1
        if not 0 <= self._depth <= DEEPEST:
            raise Malformed("no protobuf: groups that do not end")
        return (0 if within else number), at


def _shortField(data: bytes | bytearray, at: int, end: int) -> tuple[int, int] | None:
    """
    The number of a field, and where it ends, if that is all there and two
    bytes say it, as nearly always.
    """
    if at + 1 >= end:
        return None
    tag, value = data[at], data[at + 1]
    kind = tag & 7
    behind = at + 2 + value if kind == BYTES else at + 2
    if not 8 <= tag < 0x80 or value >= 0x80 or behind > end or kind not in (VARINT, BYTES):
        return None
    return tag >> 3, behind


def _varint(data: bytes | bytearray, at: int, end: int) -> tuple[int, int] | None:
    """
    A varint, and where it ends; L{None} if it is not all there.
    """
    value = 0
    for shift in range(LONGEST_VARINT):
        if at + shift >= end:
            return None
        byte = data[at + shift]
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, at + shift + 1
    raise Malformed("no protobuf: a number of more than ten bytes")
