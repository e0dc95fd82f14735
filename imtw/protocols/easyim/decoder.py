"""
easyim over TCP: texts or protobuf, told apart by the first bytes.

Nothing marks where a message ends.  A JSON object ends with its last brace.
A protobuf message ends with what was read at once, or where the next one
begins (L{imtw.protocols.easyim.protobuf}); what ends in the middle of a field
is kept for a moment, in case the rest follows.

Nearly all that is read is whole messages of the fields we know.  That is
guessed and tried at once; whatever it turns out not to be is cut by looking
at every byte, or field, with the same result.  Measured together with what
L{EasyimForm.split<imtw.protocols.easyim.forms.EasyimForm.split>} and
L{writeText<imtw.protocols.easyim.jsontext.writeText>} save on the way out: a
private chat within the process takes 13 us in place of 22, in protobuf 16 in
place of 36.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from imtw.protocols.easyim.jsontext import UNKNOWN, decodeKnown, decodeText
from imtw.protocols.easyim.message import Malformed, Packet
from imtw.protocols.easyim.splitter import BLANKS, JSONSplitter

_BRACE = ord("{")
SHORTEST = 10  # bytes: fewer are no protobuf message, as in the original


class TextReader:
    """
    Makes messages of texts.

    @param longest: bytes that a message may have.
    @cvar isCut: a text is never taken for whole that is not.
    """

    isCut = False

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._data = b""  # whole messages, we hope
        self._at = 0  # so far they were
        self._splitter = JSONSplitter(longest)  # has all else
        self._isSlow = False  # it has something
        self._isHopeful = False

    @property
    def buffered(self) -> int:
        """
        Bytes kept.
        """
        kept = len(self._data) - self._at
        return kept + self._splitter.buffered if self._isSlow else kept

    def feed(self, data: bytes) -> None:
        """
        Something was read.
        """
        if not self._data and not self._isSlow:
            self._data = data
            return
        if self._data:
            self._giveUp()
        self._splitter.feed(data)
        self._isHopeful = True

    def next(self) -> Packet | None:
        """
        The next message that is all there.

        @raise Malformed: it is none.
        """
        data = self._data
        if data:
            at, size = self._at, len(data)
            end = data.find(b"}", at) + 1
            if 0 < end < size and data[end] != _BRACE:  # this one is within a text, or a blank follows
                end = data.find(b"}{", end) + 1
            if not end:
                end = size
            try:
                msg = decodeKnown(data[at:end])
            except UNKNOWN:
                pass
            else:
                if end - at <= self._longest:
                    self._data, self._at = (data, end) if end < size else (b"", 0)
                    return Packet(msg)
            self._isHopeful = False
            self._giveUp()
        return self._slowly() if self._isSlow else None

    def _giveUp(self) -> None:
        """
        Have the rest cut byte by byte.
        """
        self._splitter.feed(self._data[self._at :])
        self._data, self._at = b"", 0
        self._isSlow = True

    def _slowly(self) -> Packet | None:
        """
        The next message of those that are cut byte by byte.  If that was one
        whose beginning had come before, there is hope for what is behind it.
        """
        splitter = self._splitter
        text = splitter.next()
        if text is not None and self._isHopeful:
            self._data = splitter.drain()
        self._isSlow = splitter.buffered > 0
        return None if text is None else Packet(decodeText(text))


class ChunkReader:
    """
    Makes messages of what is read at once.

    @param protobuf: L{imtw.protocols.easyim.protobuf}.
    @param longest: bytes that a message may have.
    """

    def __init__(self, protobuf: Any, longest: int) -> None:
        self._decode = protobuf.decodeMessage
        self._decodeAlone = protobuf.decodeAlone
        self._cutter = protobuf.Cutter()
        self._longest = longest
        self._data = bytearray()
        self._fed = 0  # bytes since nothing was kept
        self._ready: deque[bytes] = deque()
        self._first: Packet | None = None  # of those that are ready, if it is decoded already
        self._kept = 0
        self._broken: Malformed | None = None

    @property
    def buffered(self) -> int:
        """
        Bytes kept.
        """
        return self._kept + len(self._data)

    @property
    def isCut(self) -> bool:
        """
        Is there the beginning of a message?
        """
        return bool(self._data)

    def feed(self, data: bytes) -> None:
        """
        Something was read.
        """
        if self._broken is not None:
            return
        if not self._data and not self._ready and SHORTEST <= len(data) <= self._longest:
            self._first = self._decodeAlone(data)
            if self._first is not None:
                self._put(data)
                return
        try:
            self._cut(data)
        except Malformed as error:
            self._broken = error

    def _cut(self, data: bytes) -> None:
        """
        Look for the messages in what was read and what is kept.

        @raise Malformed: it is no protobuf, or too long.
        """
        whole, cutter = self._data, self._cutter
        whole += data
        self._fed += len(data)
        end = 0
        for begin, end in cutter.cut(whole):
            self._put(bytes(whole[begin:end]))
        if end:
            del whole[:end]
            cutter.drop(end)
        if len(whole) > self._longest:
            raise Malformed(f"a message of more than {self._longest} bytes")
        if cutter.isWhole(len(whole)) and self._fed >= SHORTEST:
            self._put(bytes(whole))
            whole.clear()
            cutter.reset()
            self._fed = 0

    def _put(self, data: bytes) -> None:
        self._ready.append(data)
        self._kept += len(data)

    def next(self) -> Packet | None:
        """
        The next message that is all there.

        @raise Malformed: it is none, or what comes behind all that were.
        """
        if not self._ready:
            if self._broken is not None:
                raise self._broken
            return None
        data = self._ready.popleft()
        self._kept -= len(data)
        packet, self._first = self._first, None
        return packet or self._decode(data)


Reader = TextReader | ChunkReader


class EasyimDecoder:
    """
    Cuts an easyim connection into packets.

    @param protobuf: L{imtw.protocols.easyim.protobuf}, or L{None} where that
        cannot be had.
    @ivar isText: whether the peer writes JSON; L{None} until that is known.
    @ivar recognised: called with that once it is, and with what could as well
        be fed from then on.
    """

    recognised: Callable[[bool, Reader], None] | None = None

    def __init__(self, protobuf: Any, longest: int) -> None:
        self._protobuf = protobuf
        self._longest = longest
        self._head = b""
        self._broken: Malformed | None = None
        self._reader: Reader | None = None
        self.isText: bool | None = None

    @property
    def buffered(self) -> int:
        """
        Bytes kept.
        """
        return len(self._head) if self._reader is None else self._reader.buffered

    @property
    def isCut(self) -> bool:
        """
        Does something wait for its rest that could as well be whole?
        """
        return self._reader is not None and self._reader.isCut

    def feed(self, data: bytes) -> None:
        """
        Take the next bytes.
        """
        reader = self._reader
        if reader is None:
            self._head += data
            data = self._head
            reader = self._recognise(data)
            if reader is None:
                self._head = data if len(data) < SHORTEST else b" "  # nothing but blanks
                return
            self._head = b""
        reader.feed(data)

    def next(self) -> Packet | None:
        """
        The next packet, or L{None} if it is not all there.

        @raise Malformed: there will never be one.
        """
        if self._broken is not None:
            raise self._broken
        return None if self._reader is None else self._reader.next()

    def _recognise(self, data: bytes) -> Reader | None:
        """
        Which of the two is it?
        """
        begin = data.lstrip(BLANKS)[:1]
        if not begin:
            return None
        # A line feed is also how a protobuf message begins that has an id: of 123 bytes, if a brace follows.
        isText = begin in b"{n" and not (data[:1] == b"\n" and self._isMessage(data))
        if not isText and self._protobuf is None:
            self._broken = Malformed("protobuf is not installed: pip install imtw[easyim]")
            return None
        self.isText = isText
        reader = self._reader = TextReader(self._longest) if isText else ChunkReader(self._protobuf, self._longest)
        if self.recognised is not None:
            self.recognised(isText, reader)
        return reader

    def _isMessage(self, data: bytes) -> bool:
        if self._protobuf is None:
            return False
        try:
            self._protobuf.decodeMessage(data)
        except Malformed:
            return False
        return True
