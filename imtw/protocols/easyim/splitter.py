"""
Where a JSON object ends in a stream, or that it never will.
"""

from __future__ import annotations

import re

from imtw.protocols.easyim.message import Malformed

BLANKS = b" \t\r\n"
NULL = b"null"  # an empty message, too
DEEPEST = 64  # objects and arrays within each other

# What may come next.
FIRST_KEY, KEY, COLON, VALUE, FIRST_ITEM, COMMA, STRING, NUMBER = range(8)

_WORDS = {word[0]: word for word in (b"true", b"false", b"null")}
_OBJECT, _ARRAY = b"{["
_CLOSES = dict(zip(b"}]", b"{[", strict=True))
_QUOTE = ord('"')

#: A string from behind its quote on: up to its end, or as far as there is any.
_string = re.compile(rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+').match
_beginsEscape = re.compile(rb"\\(u[0-9a-fA-F]{0,3})?").fullmatch
_number = re.compile(rb"[-+.0-9eE]*+").match
_isNumber = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?").fullmatch
_beginsNumber = re.compile(rb"-?((0|[1-9][0-9]*)(\.[0-9]*|(\.[0-9]+)?[eE][-+]?[0-9]*)?)?").fullmatch
_longRuns = re.compile(rb"([0-9]{2})[0-9]+")
_blanks = re.compile(rb"[ \t\r\n]*+").match
#: An object without others in it that is all there, as nearly all are.
_flat = re.compile(
    rb'\{B"S"B:B(?:"S"|A)B(?:,B"S"B:B(?:"S"|A)B)*+\}'.replace(b"B", rb"[ \t\r\n]*+")
    .replace(b"S", rb'[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+')
    .replace(b"A", rb"[-+.0-9a-zE]++"),
    re.DOTALL,
).match


class JSONSplitter:
    """
    Cuts a stream of JSON objects, cut anywhere, where they end.  Each byte
    is looked at once, or twice.  What can be the beginning of no object is
    not waited for.

    @param longest: bytes that an object may have.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._data = bytearray()
        self._startOver()

    def _startOver(self) -> None:
        self._at = 0  # how far it was looked at
        self._open = bytearray()  # what is not closed yet
        self._next = self._behind = VALUE
        self._digits = b""  # of the number that is read

    @property
    def buffered(self) -> int:
        """
        Bytes kept.
        """
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """
        Some more of the stream.
        """
        self._data += data

    def next(self) -> bytes | None:
        """
        The next object, or L{None} if it is not all there.

        @raise Malformed: what comes is none, or it is too long.
        """
        data = self._data
        if not self._at:
            self._skipBlanks()
            if not data:
                return None
            if data[0] != _OBJECT:
                return self._null()
        end = self._end()
        if end < 0 and len(data) <= self._longest:
            return None
        if not 0 < end <= self._longest:
            raise Malformed(f"an object of more than {self._longest} bytes")
        return self._take(end)

    def drain(self) -> bytes:
        """
        Hand out what is behind the objects that were told.
        """
        found = bytes(self._data)
        self._data.clear()
        return found

    def _skipBlanks(self) -> None:
        found = _blanks(self._data)
        if found is not None and found.end():
            end = found.end()
            del found  # it holds on to the buffer
            del self._data[:end]

    def _null(self) -> bytes | None:
        """
        C{null} in place of an object.
        """
        if self._data[:4] == NULL:
            return self._take(4)
        if NULL.startswith(self._data):
            return None
        raise Malformed("no JSON object")

    def _end(self) -> int:
        """
        Where the object at the beginning ends, or -1.
        """
        if not self._at and (whole := _flat(self._data)) is not None:
            return whole.end()
        data, at, size = self._data, self._at, len(self._data)
        while at < size:
            behind = self._token(data, at)
            if behind < 0:
                break
            at = behind
            if not self._open:
                return at
        self._at = at
        return -1

    def _token(self, data: bytearray, at: int) -> int:
        """
        Where what is there ends; -1 if it is not all there.
        """
        if self._next == STRING:
            return self._restOfString(data, at)
        if self._next == NUMBER:
            return self._restOfNumber(data, at)
        byte = data[at]
        if byte in BLANKS:
            return _end(_blanks(data, at))
        if self._next == VALUE or (self._next == FIRST_ITEM and byte != 0x5D):
            return self._value(data, at, byte)
        if byte == _QUOTE and self._next in (FIRST_KEY, KEY):
            self._next, self._behind = STRING, COLON
        elif byte == 0x3A and self._next == COLON:
            self._next = VALUE
        elif byte == 0x2C and self._next == COMMA:
            self._next = KEY if self._open[-1] == _OBJECT else VALUE
        elif self._next in (FIRST_KEY, FIRST_ITEM, COMMA) and _CLOSES.get(byte) == self._open[-1]:
            self._open.pop()
            self._next = COMMA
        else:
            raise Malformed("no JSON")
        return at + 1

    def _restOfString(self, data: bytearray, at: int) -> int:
        """
        Up to where a string goes.
        """
        end = _end(_string(data, at))
        if end == len(data):
            return end
        if data[end] == _QUOTE:
            self._next = self._behind
            return end + 1
        if not _beginsEscape(data, end):
            raise Malformed("no JSON: a control character, or a broken escape")
        return end if end > at else -1  # the rest of the escape is still to come

    def _restOfNumber(self, data: bytearray, at: int) -> int:
        """
        Up to where a number goes.  Of a run of digits two say enough of how
        it may go on.
        """
        end = _end(_number(data, at))
        self._digits = _longRuns.sub(rb"\1", self._digits + data[at:end])
        isWhole = end < len(data)
        if not (_isNumber if isWhole else _beginsNumber)(self._digits):
            raise Malformed("no JSON: a number")
        if isWhole:
            self._next = COMMA
        return end

    def _value(self, data: bytearray, at: int, byte: int) -> int:
        """
        A value begins.
        """
        if byte == _QUOTE:
            self._next, self._behind = STRING, COMMA
        elif byte in b"{[":
            self._open.append(byte)
            if len(self._open) > DEEPEST:
                raise Malformed(f"more than {DEEPEST} objects within each other")
            self._next = FIRST_KEY if byte == _OBJECT else FIRST_ITEM
        elif byte in b"-0123456789":
            self._next, self._digits = NUMBER, bytes([byte])
        else:
            word = _WORDS.get(byte, b"")
            there = data[at : at + len(word)]
            if not there or not word.startswith(there):
                raise Malformed("no JSON")
            if len(there) < len(word):
                return -1
            self._next = COMMA
            return at + len(word)
        return at + 1

    def _take(self, end: int) -> bytes:
        """
        Hand out what ends there.
        """
        found = bytes(self._data[:end])
        del self._data[:end]
        self._startOver()
        return found


def _end(found: re.Match[bytes] | None) -> int:
    assert found is not None  # these match nothing, too
    return found.end()


def splitTexts(data: bytes) -> list[bytes]:
    """
    The JSON objects in bytes that hold whole ones.
    """
    if b"}{" not in data:
        return [data]
    splitter = JSONSplitter(len(data))
    splitter.feed(data)
    found = []
    while (text := splitter.next()) is not None:
        found.append(text)
    return found
