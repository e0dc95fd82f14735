"""
Streams of easyim's messages, and what is in them.
"""

from __future__ import annotations

from collections.abc import Iterable

from imtw.protocols.easyim import protobuf
from imtw.protocols.easyim.decoder import EasyimDecoder
from imtw.protocols.easyim.message import Malformed, Msg, Packet
from imtw.protocols.easyim.protobuf import encodeMessage

LONGEST = 65536
FIRST, SECOND = bytes.fromhex("0a0131 1a0131 420161"), bytes.fromhex("0a0132 1a0132 420162")
LONG = encodeMessage(Msg("long", 7, "11", "22", 1, 1, 1, "x" * 300))


def decoded(pieces: Iterable[bytes], longest: int = LONGEST) -> list[Packet]:
    """
    The packets in a stream that comes in these pieces.
    """
    decoder = EasyimDecoder(protobuf, longest)
    found = []
    for piece in pieces:
        decoder.feed(piece)
        while (packet := decoder.next()) is not None:
            found.append(packet)
    return found


def keptOf(pieces: Iterable[bytes], longest: int) -> int:
    """
    How many bytes are kept of a stream that comes in these pieces, once it
    is refused.
    """
    decoder = EasyimDecoder(protobuf, longest)
    try:
        for piece in pieces:
            decoder.feed(piece)
            while decoder.next() is not None:
                pass
    except Malformed:
        return decoder.buffered
    raise AssertionError("it is not refused")


def pieces(data: bytes, size: int) -> list[bytes]:
    """
    A stream, cut.
    """
    return [data[at : at + size] for at in range(0, len(data), size)]
