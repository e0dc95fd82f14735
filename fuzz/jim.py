"""
What reads the bytes of J-IM's peers, and of those who give commands over HTTP.
"""

from __future__ import annotations

import json

import msgspec

from imtw import commands
from imtw.commands import AUTH, Chat, Command, Reply, Status, Token
from imtw.errors import CommandRefused, RemoteProtocolError
from imtw.model import Message, groupPair, privatePair
from imtw.protocols.commandroutes import JSONReader
from imtw.protocols.jim import bodies as jimBodies
from imtw.protocols.jim.answers import encodeChatPush
from imtw.protocols.jim.bodies import BadBody, commandOf, decode
from imtw.protocols.jim.coerce import convert
from imtw.protocols.jim.frames import Frame, FrameDecoder
from imtw.protocols.jim.lenient import MAX_DEPTH, MAX_NODES, NotJSON, parse
from imtw.protocols.jim.replies import answer, chatOut
from imtw.protocols.jim.requests import read
from imtw.protocols.jim.values import Mismatch, decimal, flag, integer, text, tidy

from . import seeds
from .choices import choose, chosen

COMMANDS = sorted(
    (one for one in vars(commands).values() if isinstance(one, Command)), key=lambda command: command.code
)
BODIES = [
    *(one for one in vars(jimBodies).values() if isinstance(one, type) and issubclass(one, jimBodies.Body)),
    *(command.request for command in COMMANDS),
]
STATUSES = list(Status)
ENCODE = msgspec.json.Encoder(enc_hook=float).encode  # of numbers that say how they were written


def frames(data: bytes) -> None:
    """
    L{FrameDecoder}: what comes of a stream does not depend on where it is
    cut, nothing longer than allowed is kept, and what is spent stays so.
    """
    size, stream = choose(data, 32)

    def framesOf(pieces: list[bytes]) -> tuple[list[Frame], bool]:
        decoder = FrameDecoder(1000, range(21))
        found: list[Frame] = []
        try:
            for piece in pieces:
                decoder.feed(piece)
                while (frame := decoder.next()) is not None:
                    found.append(frame)
                assert decoder.buffered < 1011
        except RemoteProtocolError:
            decoder.feed(stream)
            assert decoder.buffered <= 11
            return found, True
        return found, False

    pieces = [stream[at : at + size + 1] for at in range(0, len(stream), size + 1)]
    whole = framesOf([stream])
    assert whole == framesOf(pieces)
    assert all(1 <= len(body) + 1 <= 1001 and sequence >= 0 for _, sequence, body in whole[0])


def lenient(data: bytes) -> None:
    """
    L{parse}: JSON or L{NotJSON}; what it gives can be written and read
    again, and is no larger than it may be.
    """
    for repair in (False, True):
        try:
            value = parse(data, repair)
        except NotJSON:
            continue
        assert same(parse(ENCODE(value)), value)
        level, depth, nodes = [value], 0, 0
        while level:
            depth, nodes = depth + 1, nodes + len(level)
            level = [
                inner
                for one in level
                for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
            ]
        assert depth <= MAX_DEPTH + 1 and nodes <= MAX_NODES


def same(one: object, other: object) -> bool:
    """
    Equal, of the same types, in the same order.
    """
    return json.dumps(one) == json.dumps(other)


def bodies(data: bytes) -> None:
    """
    L{decode} of every type there is: that type or L{BadBody}; what it gives
    can be written, and is read as the same.
    """
    index, body = choose(data, len(BODIES))
    try:
        made = decode(BODIES[index], body)
    except BadBody:
        return
    assert type(made) is BODIES[index]
    assert decode(BODIES[index], ENCODE(made)) == made, made


def values(data: bytes) -> None:
    """
    What is made of a single value, and of any value for a body: that or
    L{Mismatch}.
    """
    index, body = choose(data, len(BODIES))
    try:
        value = parse(body)
    except NotJSON:
        return
    for function, kinds in ((integer, int), (decimal, float), (flag, bool), (text, str), (tidy, object)):
        try:
            made: object = function(value)
        except Mismatch:
            continue
        assert made is None or isinstance(made, kinds), (function, value, made)
    try:
        assert type(convert(value, BODIES[index])) is BODIES[index]
    except ValueError:
        pass


def command(data: bytes) -> None:
    """
    L{commandOf}: a number that is in the body, or nothing.
    """
    code = commandOf(data)
    if code is not None:
        assert type(code) is int
        value = parse(data, repair=True)
        assert isinstance(value, dict) and any("cmd" in key.lower().replace("_", "").replace("-", "") for key in value)


def requests(data: bytes) -> None:
    """
    L{read} of every command: its request, or a refusal.  A chat that is taken
    can be told to J-IM's clients.
    """
    index, body = choose(data, len(COMMANDS))
    try:
        request = read(COMMANDS[index], body)
    except (CommandRefused, RemoteProtocolError):
        return
    assert isinstance(request, COMMANDS[index].request)
    if isinstance(request, Chat):
        tell(request)
    elif isinstance(request, Token):
        json.loads(answer(AUTH, Reply(Status.AUTHENTICATED, request), False, "x"))


def callers(data: bytes) -> None:
    """
    The same over HTTP (L{JSONReader}).
    """
    index, body = choose(data, len(COMMANDS))
    try:
        request = JSONReader().read(COMMANDS[index], body)
    except CommandRefused:
        return
    assert isinstance(request, COMMANDS[index].request)
    if isinstance(request, Chat):
        tell(request)


def tell(chat: Chat) -> None:
    """
    A chat as it goes out: from who said it, whatever else it holds.
    """
    pair = groupPair(chat.group) if chat.group else privatePair("ann", chat.to or "bob")
    message = Message(
        1, 1, 1, 1, pair, chat.id or "1", "ann", chat.content, chat.created, chat.kind, "", chat.extras
    )
    for modern in (False, True):
        told = json.loads(encodeChatPush(chatOut(message, modern)))["data"]
        assert told["from"] == "ann", told


def statuses(data: bytes) -> None:
    """
    L{answer}: every command has one for every status, with a text.
    """
    index, rest = choose(data, len(COMMANDS))
    status, rest = choose(rest, len(STATUSES))
    told = json.loads(answer(COMMANDS[index], Reply(STATUSES[status]), bool(rest), rest.decode("latin-1")))
    assert told["command"] == COMMANDS[index].replyCode and ("code" not in told or told["msg"])


def bodySeeds() -> list[bytes]:
    """
    Every body as every type that J-IM has for its command, and as a few
    others.
    """
    return [chosen(index, body) for at, body in enumerate(seeds.texts()) for index in (at % len(BODIES), 4)]


def requestSeeds() -> list[bytes]:
    """
    Every body as the request of its command.
    """
    indices = {command.code: index for index, command in enumerate(COMMANDS)}
    return [chosen(indices[code], body) for code, body in seeds.bodies() if code in indices]


def callerSeeds() -> list[bytes]:
    """
    A request for every command, as HTTP callers write it.
    """
    chat = b'{"to":"bob","content":"x","kind":"text","id":"1","created":1,"extras":{"a":[1,{}]},"transient":true}'
    bodies = [b"{}", b'{"group":"g","name":"n","user":"u","token":"t","id":"i","to":"b"}', chat]
    return [chosen(index, body) for index in range(len(COMMANDS)) for body in bodies]
