"""
Targets for what easyim's peers send: texts, protobuf, tokens.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

from imtw.protocols.easyim import protobuf
from imtw.protocols.easyim.decoder import EasyimDecoder
from imtw.protocols.easyim.jsontext import decodeText, encodeText
from imtw.protocols.easyim.message import Malformed, Msg, Packet
from imtw.protocols.easyim.protobuf import Cutter, decodeMessage, encodeMessage
from imtw.protocols.easyim.requests import commandOf, eventKey, extrasOf, groupMeant
from imtw.protocols.easyim.tokens import TokenError, claimsOf, numberOf

MESSAGES = [
    Msg(),
    Msg("1630392697653039104", 7, "11", "22", 1, 1, 1, "hi <b>&\u2028 \U0001f600", "aa.bbb.cc"),
    Msg("h", from_user_id="1630381388895096832", msg_type=4, content='{"key":"KEEP_ALIVE"}'),
    *(Msg(f"m{kind}", kind, "11", "22", kind % 2, kind, kind % 4, "x" * kind) for kind in range(8)),
    Msg(seq=0xFFFFFFFF, chat_type=-1, msg_type=-0x80000000, status=0x7FFFFFFF),
]
CLAIMS = {"account": "a", "exp": 1, "grant_type": "access_token", "id": 1630381388895096832}

STREAMS = [
    b'{"msg_type":0,"from_user_id":"1","to_user_id":"2","content":"\\"}{"} {"msg_type":4}',
    b' \r\nnull{"cmd_type":1,"content":{"a":[1,{}]}}{',
    b"\x0a\x0212\x12\x011\x1a\x012\x22\x05hello\x28\x01\x0a\x0213\x12\x011",
    b"\x08\x96\x01\x12\x07testing\x1d\x00\x00\x80\x3f",
]


def easyimStreams(data: bytes) -> None:
    """
    L{EasyimDecoder}: texts do not depend on where TCP cut them, nothing
    longer than allowed is kept, and what is no message is L{Malformed}.
    """
    size, stream = (data[0] % 32 if data else 0), data[1:]

    def packetsOf(pieces: list[bytes]) -> tuple[list[Packet], bool, bool | None]:
        decoder = EasyimDecoder(protobuf, 1000)
        found: list[Packet] = []
        try:
            for piece in pieces:
                decoder.feed(piece)
                while (packet := decoder.next()) is not None:
                    found.append(packet)
                assert decoder.buffered <= 1000
        except Malformed:
            return found, True, decoder.isText
        return found, False, decoder.isText

    whole = packetsOf([stream])
    cut = packetsOf([stream[at : at + size + 1] for at in range(0, len(stream), size + 1)])
    if whole[2] and stream[:1] != b"\n":  # a line feed is how protobuf may begin, too: more of it tells
        assert whole == cut


def easyimTexts(data: bytes) -> None:
    """
    C{decodeText}: a message or L{Malformed}; what was read is written so that
    it is read as the same, and as JSON by anybody.
    """
    try:
        msg = decodeText(data)
    except Malformed:
        return
    written = encodeText(msg)
    assert decodeText(written) == msg, written
    assert all(json.loads(written).values()), "a zero is written"
    understand(Packet(msg))


def easyimProtobuf(data: bytes) -> None:
    """
    C{decodeMessage}: a message or L{Malformed}; what was read is written so
    that it is read as the same; what is kept for its writer alone has none
    of our fields; and where messages end is found in what we write.
    """
    try:
        packet = decodeMessage(data)
    except Malformed:
        return
    written = encodeMessage(packet.msg, packet.rest)
    assert decodeMessage(written) == packet, written
    assert decodeMessage(packet.rest) == Packet(Msg(), packet.rest), packet.rest
    one = encodeMessage(packet.msg)
    if packet.msg.id:
        cutter = Cutter()
        assert cutter.cut(one + one) == [(0, len(one))] and cutter.isWhole(2 * len(one)), one
    understand(packet)


def understand(packet: Packet) -> None:
    """
    What any message means can be said.
    """
    commandOf(packet.msg), eventKey(packet.msg), groupMeant(packet.msg)
    json.dumps(extrasOf(packet))


def easyimTokens(data: bytes) -> None:
    """
    C{claimsOf}: an object or a L{TokenError}, whatever stands there, and in
    the part that has the claims.
    """
    body = urlsafe_b64encode(data).rstrip(b"=").decode()
    for text in (data.decode("latin-1"), data.decode("utf-8", "surrogateescape"), f"x.{body}.y"):
        try:
            claims = claimsOf(text)
        except TokenError:
            continue
        assert isinstance(claims, dict)
        assert type(numberOf(claims)) in (int, type(None))


def streamSeeds() -> list[bytes]:
    """
    What a connection begins with, in pieces of some sizes.
    """
    return [bytes([size]) + seed for seed in STREAMS for size in (0, 2, 6, 31)]


def textSeeds() -> list[bytes]:
    """
    Messages as we write them.
    """
    return [encodeText(msg) for msg in MESSAGES]


def protobufSeeds() -> list[bytes]:
    """
    The same, one with fields of other numbers.
    """
    return [*map(encodeMessage, MESSAGES), encodeMessage(MESSAGES[2], bytes.fromhex("1201615a036e657778c8015b58015c"))]


def tokenSeeds() -> list[bytes]:
    """
    Claims, and a whole token.
    """
    claims = json.dumps(CLAIMS).encode()
    values: list[object] = [None, True, 1.5, [], ""]
    odd = [{**CLAIMS, name: value} for name in CLAIMS for value in values]
    token = b"e30." + urlsafe_b64encode(claims).rstrip(b"=") + b".e30"
    return [*(json.dumps(one).encode() for one in odd), claims, token, b"a.!!.c", b"[[[["]
