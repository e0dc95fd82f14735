"""
easyim's JSON: read as Go reads it, and a little more; written as Go writes it.

Bodies as every known client writes them are decoded straight into L{Msg}.
All others take the long way: keys in any case, unknown ones, C{null}, numbers
for texts and texts for numbers, bytes that are no UTF-8.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

import msgspec

from imtw.protocols.easyim.message import Malformed, Msg

#: A body as every known client writes it, or an error that is one of L{UNKNOWN}.
decodeKnown = msgspec.json.Decoder(Msg).decode
UNKNOWN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_encode = msgspec.json.Encoder().encode

#: What Go escapes though JSON does not ask for it; none of it stands outside of a string.
_ESCAPES = [
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
]
_SURROGATES = re.compile("[\ud800-\udfff]")
_INTEGER = re.compile("-?(0|[1-9][0-9]{0,19})")
_TEXTS = frozenset(["id", "from_user_id", "to_user_id", "content", "access_token"])
_NUMBERED = frozenset(["id", "from_user_id", "to_user_id"])  # texts that may come as numbers
_FIELDS = frozenset(Msg.__struct_fields__)


def encodeText(value: Any) -> bytes:
    """
    JSON as Go writes it; also of structs other than L{Msg}.
    """
    data: bytes = _encode(value)
    for plain, escaped in _ESCAPES:
        if plain in data:
            data = data.replace(plain, escaped)
    return data


def writeText(msg: Msg, rest: bytes = b"") -> bytes:
    """
    The same of a message, most of which have nothing to be escaped: a text is
    searched four times as quickly as bytes.

    @param rest: protobuf fields of other numbers: there is no place for them.
    """
    text = f"{msg.id}{msg.from_user_id}{msg.to_user_id}{msg.content}{msg.access_token}"
    if "<" in text or ">" in text or "&" in text or not (text.isascii() or _hasNoSeparator(text)):
        return encodeText(msg)
    return _encode(msg)


def _hasNoSeparator(text: str) -> bool:
    return "\u2028" not in text and "\u2029" not in text


def decodeText(data: bytes) -> Msg:
    """
    The message in a JSON text.

    @raise Malformed: there is none.
    """
    try:
        return decodeKnown(data)
    except UNKNOWN:
        return _leniently(data)


class _Object(list[tuple[str, Any]]):
    """
    An object's members, in order: equal keys overwrite each other, whatever
    their case, and C{null} leaves what was there.
    """


class _Fraction(str):
    """
    A number that is no integer as it stands.
    """


def _nothing(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


_lenient = json.JSONDecoder(
    parse_int=_Fraction, parse_float=_Fraction, parse_constant=_nothing, object_pairs_hook=_Object
).decode


def _leniently(data: bytes) -> Msg:
    """
    The same, the long way.
    """
    text = data.decode("utf-8", "imtw-each-byte")
    try:
        read = _lenient(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON: {error}") from None
    if read is None:
        return Msg()
    if not isinstance(read, _Object):
        raise Malformed("JSON, but no object")
    values: dict[str, Any] = {}
    for key, value in read:
        name = key.casefold()
        if name in _FIELDS and value is not None:
            values[name] = _textOf(name, value) if name in _TEXTS else _numberOf(name, value)
    try:
        return msgspec.convert(values, Msg)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from None


def _textOf(name: str, value: Any) -> str:
    """
    A text field's value.
    """
    if type(value) is str:
        return _SURROGATES.sub("\ufffd", value)
    if name in _NUMBERED and isinstance(value, _Fraction) and _INTEGER.fullmatch(value):
        return str(value)
    raise Malformed(f"{name}: wanted a text")


def _numberOf(name: str, value: Any) -> int:
    """
    A number field's value.
    """
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise Malformed(f"{name}: wanted an integer")


def _replaceEach(error: UnicodeError) -> tuple[str, int]:
    """
    One replacement character for each byte that is wrong, as in Go.
    """
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("imtw-each-byte", _replaceEach)
