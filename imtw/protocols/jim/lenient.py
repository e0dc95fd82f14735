"""
The JSON that J-IM clients really send (docs/wire/jim.rst, JSON rules).

J-IM reads with fastjson, and clients have come to lean on what fastjson lets
pass.  L{parse} takes its spellings, L{imtw.protocols.jim.coerce} its mixed-up
types and keys.  Both are the slow road, for what could not be read at once,
and so the road that an attacker would choose: no input takes more than a few
steps per byte, nor more than L{MAX_NODES} objects.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable

import msgspec

MAX_DEPTH = 64  # containers within one another
MAX_NODES = 5_000  # values and containers in one body; about 8 ms
MAX_DIGITS = 100  # of an integer; and characters of a fraction

LARGEST = sys.float_info.max
END = "\0"  # behind the text: no value, and no blank
_BYTE_ORDER_MARK = "\ufeff"
_BLANK = re.compile(r"[ \t\r\n\f\b]*")
_GAP = re.compile(r"[ \t\r\n\f\b,]*")
_COLON = re.compile(r"[ \t\r\n\f\b]*:[ \t\r\n\f\b]*")
_KEY = re.compile(rf"""(?:"([^"\\]*+)"|'([^'\\]*+)'|([\w$]++)){_COLON.pattern}""")  # without escapes
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)((?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)(?![\w.+$-])")
_WORD = re.compile(r"(?:true|false|null)(?![\w$])")
_WORDS = {"true": True, "false": False, "null": None}
_QUOTED = {
    # With no more escapes than are read.
    quote: re.compile(rf"{quote}([^{quote}\\]*+(?:\\.[^{quote}\\]*+){{0,{MAX_NODES}}}+){quote}", re.DOTALL)
    for quote in ('"', "'")
}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_TOO_LONG = 10**MAX_DIGITS

# Reads one double-quoted text in C; control characters are let in.
_readText: Callable[[str, int, bool], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]


class Written(float):
    """
    A number with a fraction or an exponent.

    @ivar written: how it was written, which counts where a text is wanted.
    """

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> Written:
        """
        @raise ValueError: it is too large for a double, or too long.
        """
        if len(written) > MAX_DIGITS:
            raise ValueError(f"more than {MAX_DIGITS} digits")
        number = float.__new__(cls, written)
        if not -LARGEST <= number <= LARGEST:
            raise ValueError("too large a number")
        number.written = written
        return number


class NotJSON(ValueError):
    """
    A body that not even this parser can read.

    @ivar position: of the first bad character.
    """

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason} at {position}")
        self.position = position


#: Reads in C what is JSON after all.
_readStrictly = msgspec.json.Decoder(float_hook=Written).decode


def isSmall(data: bytes) -> bool:
    """
    Whether the text cannot hold more than L{MAX_NODES} values, as far as a
    look at its commas and brackets can tell.  Only then may it be given to a
    decoder that counts nothing.
    """
    return len(data) <= MAX_NODES or not _hasMore(MAX_NODES - 1, data, b",", b"[", b"{")


def _hasMore(most: int, data: bytes, *marks: bytes) -> bool:
    """
    Are there more than so many of some characters?  Looks no further than it
    has to: C{count} takes 7 ms for 2 MB of them.
    """
    for mark in marks:
        if mark in data:  # or there would be a copy for nothing
            most -= len(data.split(mark, most + 1)) - 1
            if most < 0:
                return True
    return False


def parse(data: bytes, repair: bool = False) -> object:
    """
    Read one JSON value, with fastjson's leniencies: single quotes, keys
    without quotes, commas that repeat, lead or trail, raw control characters
    in texts.  Of a key that occurs twice the last counts.

    @param repair: replace what is not UTF-8 by U+FFFD instead of refusing it.
    @raise NotJSON: it is not JSON, or more than L{MAX_DEPTH}, L{MAX_NODES} or
        L{MAX_DIGITS} allow, or holds NaN, an infinity, a number too large
        for a double, or half a surrogate pair.
    """
    # What is strict JSON after all, with the wrong keys or types, is read in
    # C, in a tenth of the time.
    if not _hasMore(MAX_DEPTH, data, b"[", b"{") and isSmall(data):
        try:
            value: object = _readStrictly(data)
        except (ValueError, RecursionError):
            pass
        else:
            _checkDigits(value)
            return value
    try:
        text = data.decode("utf-8", "replace" if repair else "strict")
    except UnicodeDecodeError as e:
        raise NotJSON("not UTF-8", e.start) from None
    return _Parser(text).parse()


def _checkDigits(value: object) -> None:
    """
    See that no integer is longer than is allowed.

    @raise NotJSON: one is.
    """
    nodes = [value]
    for node in nodes:
        if isinstance(node, dict):
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
        elif isinstance(node, int) and not -_TOO_LONG < node < _TOO_LONG:
            raise NotJSON(f"more than {MAX_DIGITS} digits", 0)


class _Parser:
    """
    One text being read.
    """

    def __init__(self, text: str) -> None:
        self._text = text + END
        self._end = len(text)
        self._nodes = 0
        self._isOdd = False  # there was a text that JSON does not know

    def parse(self) -> object:
        """
        Read the whole text.  No recursion: what is open is on a list.
        """
        text = self._text
        gap, number = _GAP.match, _NUMBER.match
        whole: list[object] = []
        here: list[object] | dict[str, object] = whole
        around: list[list[object] | dict[str, object]] = []
        closing = ""
        key = ""
        position = _endOf(_BLANK, text, 1 if text.startswith(_BYTE_ORDER_MARK) else 0)
        while True:
            # A value is due: the only one, an array's next, or that of a key.
            self._nodes += 1
            if self._nodes > MAX_NODES:
                raise NotJSON(f"more than {MAX_NODES} values", position)
            opening = text[position]
            inner: list[object] | dict[str, object] | None = None
            value: object
            if opening == "{":
                value = inner = {}
            elif opening == "[":
                value = inner = []
            elif opening in _QUOTED:
                value, position = self._string(opening, position)
            elif match := number(text, position):
                value, position = _numberIn(match), match.end()
            elif match := _WORD.match(text, position):
                value, position = _WORDS[match.group()], match.end()
            else:
                raise NotJSON("no value", position)
            if closing == "}":
                here[key] = value  # type: ignore[call-overload]
            else:
                here.append(value)  # type: ignore[union-attr]
            if inner is not None:
                around.append(here)
                if len(around) > MAX_DEPTH:
                    raise NotJSON(f"more than {MAX_DEPTH} levels", position)
                here = inner
                closing = "}" if opening == "{" else "]"
                position += 1
            # Then the ends of any number of containers, and what parts values.
            apart = inner is not None
            while True:
                if here is whole:
                    position = _endOf(_BLANK, text, position)
                    if position < self._end:
                        raise NotJSON("more than one value", position)
                    return whole[0]
                end = gap(text, position).end()  # type: ignore[union-attr]  # it may be empty
                apart = apart or (end > position and "," in text[position:end])
                position = end
                if text[position] != closing:
                    break
                here = around.pop()
                closing = "}" if isinstance(here, dict) else "]"
                position += 1
                apart = False
            if not apart:
                raise NotJSON("no comma", position)
            if closing == "}":
                key, position = self._key(position)

    def _key(self, position: int) -> tuple[str, int]:
        """
        A key and its colon.

        @return: the key, and where its value is.
        """
        if match := _KEY.match(self._text, position):
            return match[match.lastindex or 0], match.end()
        quote = self._text[position]
        if quote not in _QUOTED:
            raise NotJSON("no key, or no colon", position)
        key, end = self._string(quote, position)
        if (colon := _COLON.match(self._text, end)) is None:
            raise NotJSON("no colon", end)
        return key, colon.end()

    def _string(self, quote: str, position: int) -> tuple[str, int]:
        """
        A text in quotes of either kind.

        @return: the text, and where what follows it is.
        """
        if quote == '"' and not self._isOdd:
            try:
                text, end = _readText(self._text, position + 1, False)
            except json.JSONDecodeError:
                # Such as \\', which JSON does not know.  Once: their error counts the lines of all it was given.
                self._isOdd = True
            else:
                if not _isText(text):  # whole pairs are no halves any more
                    raise NotJSON("half a surrogate pair", position)
                return text, end
        end = self._text.find(quote, position + 1)
        if end >= 0 and self._text.find("\\", position, end) < 0:
            return self._text[position + 1 : end], end + 1
        if (match := _QUOTED[quote].match(self._text, position)) is None:
            raise NotJSON("no end of a text, or too many escapes", position)
        text = match.group(1)
        self._nodes += text.count("\\")
        if self._nodes > MAX_NODES:
            raise NotJSON(f"more than {MAX_NODES} values and escapes", position)

        def unescape(escape: re.Match[str]) -> str:
            code, char = escape.groups()
            if code is not None:
                return chr(int(code, 16))
            if char not in _ESCAPES:
                raise NotJSON(f"no such escape: {char!a}", position)
            return _ESCAPES[char]

        return _joined(_ESCAPE.sub(unescape, text), position), match.end()


def _endOf(blank: re.Pattern[str], text: str, position: int) -> int:
    """
    The end of what C{blank} matches, which is possibly nothing.
    """
    match = blank.match(text, position)
    return position if match is None else match.end()


def _numberIn(match: re.Match[str]) -> int | Written:
    """
    The number that was matched.
    """
    if match.end(1) == match.start(1):
        if match.end() - match.start() > MAX_DIGITS:
            raise NotJSON(f"more than {MAX_DIGITS} digits", match.start())
        return int(match.group())
    try:
        return Written(match.group())
    except ValueError as error:
        raise NotJSON(str(error), match.start()) from None


def _isText(text: str) -> bool:
    """
    Can it be written as UTF-8?
    """
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _joined(text: str, position: int) -> str:
    """
    A text of which some was escaped.
    """
    if _isText(text):
        return text
    try:
        # Halves that were escaped one after the other make a whole.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise NotJSON("half a surrogate pair", position) from None
