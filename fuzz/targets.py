"""
One function for everything that reads a peer's bytes.  It takes any bytes and
returns; what it raises is a finding.

They know nothing of the fuzzer: C{fuzz/run} gives them to atheris, and
C{imtw.test.test_fuzz_targets} their seeds and what Hypothesis makes up.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import msgspec
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from imtw import commands
from imtw.commands import AUTH, Chat, Command, Reply, Status, Token
from imtw.errors import CommandRefused, RemoteProtocolError
from imtw.model import Message, groupPair, privatePair
from imtw.protocols.caller import isLoopback
from imtw.protocols.commandroutes import JSONReader
from imtw.protocols.fastframes import frameSize, wholeFrame
from imtw.protocols.head import HOST, LINE, Head, mayBeHTTP, quoted
from imtw.protocols.jim import bodies as jimBodies
from imtw.protocols.jim.answers import encodeChatPush
from imtw.protocols.jim.bodies import BadBody, commandOf, decode
from imtw.protocols.jim.coerce import convert
from imtw.protocols.jim.frames import Frame, FrameDecoder
from imtw.protocols.jim.lenient import MAX_DEPTH, MAX_NODES, NotJSON, parse
from imtw.protocols.jim.replies import answer, chatOut
from imtw.protocols.jim.requests import read
from imtw.protocols.jim.values import Mismatch, decimal, flag, integer, text, tidy
from imtw.tap import Options, makeServer
from imtw.test.protocols.sockets import ClockTimer, Wire, cut, isLonger, masked, traceOf

from . import easyim as easyims
from . import fastim, seeds

COMMANDS = sorted(
    (one for one in vars(commands).values() if isinstance(one, Command)), key=lambda command: command.code
)
BODIES = [
    *(one for one in vars(jimBodies).values() if isinstance(one, type) and issubclass(one, jimBodies.Body)),
    *(command.request for command in COMMANDS),
]
STATUSES = list(Status)
ENCODE = msgspec.json.Encoder(enc_hook=float).encode  # of numbers that say how they were written


class Target(NamedTuple):
    """
    What is fuzzed.

    @ivar seeds: makes inputs to start from.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def choose(data: bytes, count: int) -> tuple[int, bytes]:
    """
    A choice, and the bytes behind the one it was made from.
    """
    return (data[0] % count if data else 0), data[1:]


def chosen(index: int, data: bytes) -> bytes:
    """
    The input that makes this choice.
    """
    return bytes([index]) + data


# J-IM's codec


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


# carriers


def fastFrames(data: bytes) -> None:
    """
    L{wholeFrame}: what RFC 6455 says of a masked, unfragmented frame, or
    nothing; L{frameSize}: what it says of any.
    """
    at, stream = choose(data, 8)
    found, size = wholeFrame(stream, at, 500), frameSize(stream, at)
    frame = stream[at:]
    if len(frame) < 2:
        assert found == size == 0
        return
    start, length = 2, frame[1] & 0x7F
    if length > 125:
        start = 4 if length == 126 else 10
        length = int.from_bytes(frame[2:start], "big")
    isMasked = bool(frame[1] & 0x80)
    end = start + 4 * isMasked + length
    assert size == (end if len(frame) >= start else 0)
    if isinstance(found, int):
        assert found == 0 or found == size > len(frame)
        return
    payload = masked(frame[start + 4 : end], frame[start : start + 4])
    assert isMasked and frame[0] in (0x81, 0x82)
    assert found == (frame[0] == 0x82, payload, at + end) and len(payload) == length <= 500
    assert found[0] or payload.decode() is not None


def sockets(data: bytes) -> None:
    """
    A WebSocket with the fast path and without: the same, in any pieces.
    """
    places, stream = list(data[:4]), data[4:]
    wanted = traceOf([stream], False)
    for pieces in ([stream], cut(stream, places)):
        found = traceOf(pieces, True)
        assert isLonger(stream) or found == wanted, (pieces, found, wanted)


def head(data: bytes) -> None:
    """
    L{Head} and what leads to it: any bytes may stand there.
    """
    for anyMethod in (True, False):
        answers = [mayBeHTTP(data[:length], anyMethod) for length in range(12)]
        told = [one for one in answers if one is not None]
        assert len(set(told)) <= 1, answers
    found = Head(data.partition(b"\r\n\r\n")[0])
    assert isinstance(found.path, str) and all(isinstance(part, str) for pair in found.query.items() for part in pair)
    if not found.isBroken:
        assert b"HTTP/1." in data and (b"host" in data.lower()) >= (HOST not in found.lacks)
        whole = Head(found.saying(found.lacks).removesuffix(b"\r\n\r\n"))
        path = quoted(found.path.encode("latin-1")).decode() if LINE in found.lacks else found.path
        assert (whole.isBroken, whole.lacks, whole.path) == (False, set(), path)
    isLoopback(data.decode("latin-1"))


class World:
    """
    A whole server in memory, on a clock that stands still.
    """

    LASTS = 300  # inputs; it remembers everybody

    def __init__(self) -> None:
        options = Options()
        options.parseOptions(["--auth", "anyone:", "--store", "memory:", "--admin", "none"])
        self.reactor = MemoryReactorClock()
        server = makeServer(options, self.reactor)
        server.startService()
        self.core = server.core
        self.factory = cast(Any, self.reactor.tcpServers[0][1])
        self.factory.sockets._batched_timer = ClockTimer(self.reactor)
        self.left = self.LASTS

    def connect(self, pieces: list[bytes]) -> None:
        """
        One connection, from its first byte to its end.
        """
        self.left -= 1
        wire: Any = Wire(peerAddress=IPv4Address("TCP", "127.0.0.1", 12345))
        wire.protocol = self.factory.buildProtocol(wire.getPeer())
        wire.protocol.makeConnection(wire)
        for piece in pieces:
            if wire.disconnecting:
                break
            wire.protocol.dataReceived(piece)
            self.reactor.advance(0)
        wire.protocol.connectionLost(Failure(ConnectionDone()))
        self.reactor.advance(0)
        left = [dict(row) for row in self.core.deadlines._due.values() if row]
        assert (self.core.connections, self.core.sessions.count, left) == (0, 0, []), "something is left of it"


@implementer(ILogObserver)
class Log:
    """
    Failures that were logged.
    """

    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_failure") is not None:
            self.failures.append(event["log_failure"])


_worlds: list[World] = []


def port(data: bytes) -> None:
    """
    A port with everything behind it: nothing is raised, nothing is logged as
    our bug, and nothing is left when the connection is gone.
    """
    places, stream = list(data[:2]), data[2:]
    if not _worlds or not _worlds[0].left:
        _worlds[:] = [World()]
    log = Log()
    globalLogPublisher.addObserver(log)
    try:
        _worlds[0].connect(cut(stream, [256 * place for place in places]))
    except BaseException:
        _worlds.clear()
        raise
    finally:
        globalLogPublisher.removeObserver(log)
    if log.failures:
        _worlds.clear()
        log.failures[0].raiseException()


def withChoice(makeSeeds: Callable[[], list[bytes]], *choices: int) -> Callable[[], list[bytes]]:
    """
    Seeds with each of these choices in front.
    """
    return lambda: [bytes(choices) + seed for seed in makeSeeds()]


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


TARGETS = {
    "frames": Target(frames, withChoice(seeds.streams, 6)),
    "lenient": Target(lenient, seeds.texts),
    "bodies": Target(bodies, bodySeeds),
    "values": Target(values, bodySeeds),
    "command": Target(command, seeds.texts),
    "requests": Target(requests, requestSeeds),
    "callers": Target(callers, callerSeeds),
    "statuses": Target(statuses, lambda: [bytes([at, at, 65]) for at in range(len(COMMANDS))]),
    "fastframes": Target(fastFrames, withChoice(seeds.sockets, 0)),
    "sockets": Target(sockets, withChoice(seeds.sockets, 3, 9, 27, 81)),
    "head": Target(head, seeds.heads),
    "port": Target(port, withChoice(seeds.connections, 0, 1)),
    "easystreams": Target(easyims.easyimStreams, easyims.streamSeeds),
    "easytexts": Target(easyims.easyimTexts, easyims.textSeeds),
    "easyprotobuf": Target(easyims.easyimProtobuf, easyims.protobufSeeds),
    "easytokens": Target(easyims.easyimTokens, easyims.tokenSeeds),
    "fastforms": Target(fastim.parameters, fastim.parameterSeeds),
    "fastpaths": Target(fastim.paths, fastim.pathSeeds),
    "fasttexts": Target(fastim.texts, fastim.textSeeds),
}
