"""
J-IM's TCP frame (docs/wire/jim.rst, Frame).  Integers are big-endian and
signed::

    offset  size  field
    0       1     version   always 0x01
    1       1     mask      only bit 0x20 is looked at
    2       4     synSeq    only with bit 0x20; above 0: execute, do not reply
    2|6     1     cmd       command code
    3|7     4     length    of the body, in bytes
    7|11    n     body      UTF-8 JSON, by and large

What goes out has mask 0x51, or 0xF1 with a synSeq, as J-IM's has, although
nothing is compressed or encrypted: clients may compare (D-33).
"""

from __future__ import annotations

from collections.abc import Container
from struct import Struct as Layout
from typing import NoReturn

from imtw.errors import RemoteProtocolError

# (command, sequence, body).  The sequence is 0 for none, and so for a synSeq
# of 0 or less.  A plain tuple: a class would cost as much again as parsing.
Frame = tuple[int, int, bytes]

VERSION = 1
HAS_SEQUENCE = 0x20
MASK = 0x51
MASK_WITH_SEQUENCE = 0xF1

_SHORT = Layout(">BBbi")  # version, mask, cmd, length
_LONG = Layout(">BBibi")  # version, mask, synSeq, cmd, length
_readShort = _SHORT.unpack_from
_readLong = _LONG.unpack_from
_writeShort = _SHORT.pack
_writeLong = _LONG.pack
_SHORT_SIZE = _SHORT.size
_LONG_SIZE = _LONG.size


class FrameDecoder:
    """
    One connection's incoming stream, cut into frames.

    The caller pulls: L{feed} only stores, L{next} parses one frame.  So a
    connection whose request has to wait stops pulling, and what came behind
    it stays bytes.

    @ivar maxBody: the longest body taken, in bytes.  May be changed at any
        time (it is raised after the login); a frame whose header was read
        already is measured again.
    """

    __slots__ = ("_buffer", "_known", "_late", "_offset", "_refused", "maxBody")

    def __init__(self, maxBody: int, known: Container[int]) -> None:
        """
        @param known: the command codes that there are, with a handler or
            without.
        """
        self.maxBody = maxBody
        self._known = known
        # What is parsed now: from _offset on, never touched, only sliced.
        self._buffer = b""
        self._offset = 0
        # What came since.  Joined to the buffer only when both together can
        # hold the next frame, so that a long body in small pieces is copied
        # once and not once a piece.
        self._late: bytes | bytearray = b""
        self._refused = False

    @property
    def buffered(self) -> int:
        """
        How many bytes are held that no frame has been made of.
        """
        return len(self._buffer) - self._offset + len(self._late)

    def feed(self, data: bytes) -> None:
        """
        Take the next bytes of the stream.

        @param data: any number of bytes, cut anywhere.
        """
        if not self._buffer:
            self._buffer = data
        elif self._late:
            self._late += data
        elif not self._refused:
            self._late = bytearray(data)

    def next(self) -> Frame | None:
        """
        The next complete frame.

        @return: L{None} if there is none yet: feed more, then ask again.
        @raise RemoteProtocolError: a version other than 1, a command code
            that is not known, a negative length, a body above C{maxBody}
            bytes: all as soon as the header is there, before the body.  The
            decoder is then spent: it refuses for ever, and keeps nothing.
        """
        buffer = self._buffer
        start = self._offset
        if not (buffer or self._late):
            return None
        body = start + _SHORT_SIZE
        if len(buffer) < body:
            return self._wait(_SHORT_SIZE)
        version, mask, command, length = _readShort(buffer, start)
        sequence = 0
        if mask & HAS_SEQUENCE:
            body = start + _LONG_SIZE
            if len(buffer) < body:
                return self._wait(_LONG_SIZE)
            version, mask, sequence, command, length = _readLong(buffer, start)
            if sequence < 0:
                sequence = 0
        if version != VERSION or command not in self._known or not 0 <= length <= self.maxBody:
            self._refuse(buffer[start:body], version, command, length)
        end = body + length
        if len(buffer) < end:
            return self._wait(end - start)
        if end == len(buffer) and not self._late:  # most often everything is used up
            self._buffer = b""
            self._offset = 0
        else:
            self._offset = end
        return command, sequence, buffer[body:end]

    def _wait(self, size: int) -> Frame | None:
        """
        The buffer has not the C{size} bytes that are needed from the offset
        on: go on with what came late if that completes them.
        """
        if not self._late:
            self._buffer = self._buffer[self._offset :]  # only the tail
            self._offset = 0
            return None
        if self.buffered < size:
            return None
        self._buffer = self._buffer[self._offset :] + self._late
        self._offset = 0
        self._late = b""
        return self.next()

    def _refuse(self, header: bytes, version: int, command: int, length: int) -> NoReturn:
        """
        Say what is wrong with a header, and forget all but the header.
        """
        self._buffer = header
        self._offset = 0
        self._late = b""
        self._refused = True
        if version != VERSION:
            raise RemoteProtocolError(f"version {version} in a frame, wanted {VERSION}")
        if command not in self._known:
            raise RemoteProtocolError(f"unknown command {command} in a frame")
        raise RemoteProtocolError(f"a body of {length} bytes, wanted 0 to {self.maxBody}")


def encodeFrame(command: int, body: bytes, sequence: int = 0) -> bytes:
    """
    One frame.

    @param command: 0 to 127.
    @param sequence: the synSeq, 1 to 2**31 - 1, or 0 to send none.
    """
    if sequence > 0:
        return _writeLong(VERSION, MASK_WITH_SEQUENCE, sequence, command, len(body)) + body
    return _writeShort(VERSION, MASK, command, len(body)) + body
