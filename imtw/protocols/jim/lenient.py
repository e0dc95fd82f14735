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
from math import isfinite

import msgspec

MAX_DEPTH = 64  # containers within one another
MAX_NODES = 10_000  # values and containers in one body; about 15 ms
MAX_DIGITS = 100  # of an integer

_BYTE_ORDER_MARK = "\ufeff"
_BLANK = re.compile(r"[ \t\r\n\f\b]*")
_GAP = re.compile(r"[ \t\r\n\f\b,]*")
_KEY_END = re.compile(r"[ \t\r\n\f\b]*:[ \t\r\n\f\b]*")
_BARE_KEY = re.compile(r"[\w$]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)((?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)(?![\w.+$-])")
_WORD = re.compile(r"(?:true|false|null)(?![\w$])")
_WORDS = {"true": True, "false": False, "null": None}
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL),
}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_MANY_DIGITS = re.compile(rb"(?<![0-9])[0-9]{%d}" % (MAX_DIGITS + 1))

# Reads one double-quoted text in C; control characters are let in.
_readText = json.JSONDecoder(strict=False).raw_decode


class NotJSON(ValueError):
    """
    A body that not even this parser can read.

    @ivar position: of the first bad character.
    """

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason} at {position}")
        self.position = position


def isSmall(data: bytes) -> bool:
    """
    Whether the text cannot hold more than L{MAX_NODES} values, as far as a
    look at its commas and brackets can tell.  Only then may it be given to a
    decoder that counts nothing.
    """
    return len(data) <= MAX_NODES or data.count(b",") + data.count(b"[") + data.count(b"{") < MAX_NODES


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
    deep = data.count(b"[") + data.count(b"{") > MAX_DEPTH
    if not deep and isSmall(data) and _MANY_DIGITS.search(data) is None:
        try:
            return msgspec.json.decode(data)
        except (ValueError, RecursionError):
            pass
    try:
        text = data.decode("utf-8", "replace" if repair else "strict")
    except UnicodeDecodeError as e:
        raise NotJSON("not UTF-8", e.start) from None
    return _Parser(text).parse()


class _Parser:
    """
    One text being read.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._nodes = 0

    def parse(self) -> object:
        """
        Read the whole text.  No recursion: what is open is on a list.
        """
        text = self._text
        whole: list[object] = []
        here: list[object] | dict[str, object] = whole
        around: list[list[object] | dict[str, object]] = []
        key = ""
        position = self._skip(_BLANK, 1 if text.startswith(_BYTE_ORDER_MARK) else 0)
        while True:
            # A value is due: the only one, an array's next, or that of a key.
            self._count(1, position)
            opening = text[position : position + 1]
            inner: list[object] | dict[str, object] | None = None
            value: object
            if opening == "{":
                value = inner = {}
            elif opening == "[":
                value = inner = []
            else:
                value, position = self._scalar(opening, position)
            if isinstance(here, dict):
                here[key] = value
            else:
                here.append(value)
            if inner is not None:
                around.append(here)
                if len(around) > MAX_DEPTH:
                    raise NotJSON(f"more than {MAX_DEPTH} levels", position)
                here = inner
                position += 1
            # Then the ends of any number of containers, and what parts values.
            apart = inner is not None
            while True:
                if here is whole:
                    position = self._skip(_BLANK, position)
                    if position < len(text):
                        raise NotJSON("more than one value", position)
                    return whole[0]
                end = self._skip(_GAP, position)
                apart = apart or "," in text[position:end]
                position = end
                if text[position : position + 1] != ("}" if isinstance(here, dict) else "]"):
                    break
                here = around.pop()
                position += 1
                apart = False
            if not apart:
                raise NotJSON("no comma", position)
            if isinstance(here, dict):
                key, position = self._key(position)

    def _skip(self, blank: re.Pattern[str], position: int) -> int:
        """
        The end of what C{blank} matches, which is possibly nothing.
        """
        match = blank.match(self._text, position)
        return position if match is None else match.end()

    def _count(self, nodes: int, position: int) -> None:
        """
        Answer for some more work.
        """
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise NotJSON(f"more than {MAX_NODES} values", position)

    def _key(self, position: int) -> tuple[str, int]:
        """
        A key and its colon.

        @return: the key, and where its value is.
        """
        quote = self._text[position : position + 1]
        if quote in _QUOTED:
            key, end = self._string(quote, position)
        elif match := _BARE_KEY.match(self._text, position):
            key, end = match.group(), match.end()
        else:
            raise NotJSON("no key", position)
        if (colon := _KEY_END.match(self._text, end)) is None:
            raise NotJSON("no colon", end)
        return key, colon.end()

    def _scalar(self, opening: str, position: int) -> tuple[object, int]:
        """
        A value that holds no others.

        @return: the value, and where it ends.
        """
        if opening in _QUOTED:
            return self._string(opening, position)
        if match := _NUMBER.match(self._text, position):
            if not match.group(1):
                if match.end() - position > MAX_DIGITS:
                    raise NotJSON(f"more than {MAX_DIGITS} digits", position)
                return int(match.group()), match.end()
            number = float(match.group())
            if not isfinite(number):
                raise NotJSON("too large a number", position)
            return number, match.end()
        if match := _WORD.match(self._text, position):
            return _WORDS[match.group()], match.end()
        raise NotJSON("no value", position)

    def _string(self, quote: str, position: int) -> tuple[str, int]:
        """
        A text in quotes of either kind.

        @return: the text, and where what follows it is.
        """
        if (match := _QUOTED[quote].match(self._text, position)) is None:
            raise NotJSON("no end of a text", position)
        text: str = match.group(1)
        if "\\" not in text:
            return text, match.end()
        if quote == '"':
            try:
                # Given no more than this text: an error of theirs counts the
                # lines of all it was given.
                return self._sound(_readText(match.group())[0], position), match.end()
            except json.JSONDecodeError:
                pass  # such as \\', which JSON does not know
        self._count(text.count("\\"), position)

        def unescape(escape: re.Match[str]) -> str:
            code, char = escape.groups()
            if code is not None:
                return chr(int(code, 16))
            if char not in _ESCAPES:
                raise NotJSON(f"no such escape: {char!a}", position)
            return _ESCAPES[char]

        return self._sound(_ESCAPE.sub(unescape, text), position), match.end()

    def _sound(self, text: str, position: int) -> str:
        """
        The text, if it can be written as UTF-8.
        """
        if _SURROGATE.search(text) is None:
            return text
        try:
            # Halves that were escaped one after the other make a whole.
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise NotJSON("half a surrogate pair", position) from None
