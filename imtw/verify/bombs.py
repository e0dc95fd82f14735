"""
What nobody in their right mind would send: the tables of O6, O7 and O8.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from imtw.verify import websocket, wire

MIB = 1024 * 1024
FILLER = bytes(4 * MIB)  # behind a head that announces too much: a server that believes it keeps it
BODY = 2_000_000  # bytes; J-IM's frames may have a little more
MESSAGE = 500_000  # of a WebSocket

TCP, LOGGED_IN, WEBSOCKET, HTTP = "TCP", "TCP, logged in", "WebSocket", "HTTP"


class Shot(NamedTuple):
    """
    One attempt.

    @ivar carrier: how the connection is before it.
    @ivar data: what is sent then.
    """

    row: str
    name: str
    carrier: str
    data: bytes


def request(fields: bytes, body: bytes = b"", path: bytes = b"/api/command/login") -> bytes:
    """
    An HTTP request.
    """
    line = b"POST " + path + b" HTTP/1.1\r\n"
    return line + b"Host: localhost\r\nContent-Type: application/json\r\n" + fields + b"\r\n" + body


def sized(body: bytes, fields: bytes = b"") -> bytes:
    """
    An HTTP request with a body of a right length.
    """
    return request(fields + b"Content-Length: %d\r\n" % len(body), body)


def oversized() -> Iterator[Shot]:
    """
    O6: lengths that nobody can mean, and ends that never come.
    """
    for name, length in [("2^31-1", 2**31 - 1), ("-1", -1), ("-2^31", -(2**31)), ("64 KiB + 1", 65537)]:
        yield Shot("O6", f"length {name}", TCP, wire.announced(wire.LOGIN, length) + FILLER)
    for name, length in [("2^31-1", 2**31 - 1), ("2.2 MB", 2_202_010)]:
        yield Shot("O6", f"length {name}", LOGGED_IN, wire.announced(wire.CHAT, length) + FILLER)
    yield Shot("O6", "unknown command", TCP, wire.announced(127, 100) + FILLER)
    yield Shot("O6", "version 2 behind a frame", TCP, wire.frame(wire.HEARTBEAT) + b"\x02" + FILLER)
    for name, length in [("2^63-1", 2**63 - 1), ("2^64-1", 2**64 - 1), ("600 kB", 600_000)]:
        yield Shot("O6", f"length {name}", WEBSOCKET, websocket.head(length) + FILLER)
    piece = websocket.head(65536, websocket.CONTINUATION, 0) + bytes(65536)
    begin = websocket.head(65536, websocket.TEXT, 0) + b" " * 65536
    yield Shot("O6", "fragments without end", WEBSOCKET, begin + piece * 63)
    yield Shot("O6", "a ping of 64 KiB", WEBSOCKET, websocket.frame(bytes(65536), websocket.PING))
    yield Shot("O6", "body of 2^40", HTTP, request(b"Content-Length: %d\r\n" % 2**40) + FILLER)
    yield Shot("O6", "body of -1", HTTP, request(b"Content-Length: -1\r\n") + FILLER)
    yield Shot("O6", "chunk of 2^64-1", HTTP, request(b"Transfer-Encoding: chunked\r\n", b"f" * 16 + b"\r\n") + FILLER)
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    yield Shot("O6", "chunks without end", HTTP, request(b"Transfer-Encoding: chunked\r\n") + chunk * 64)
    yield Shot("O6", "a head of 4 MiB", HTTP, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + FILLER.replace(b"\0", b"x"))
    yield Shot("O6", "10,000 headers", HTTP, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10_000 + b"\r\n")


def documents(size: int) -> Iterator[tuple[str, bytes]]:
    """
    JSON that is none, or too much, of so many bytes at most.
    """
    deep = min(100_000, size // 7)
    yield "100,000 arrays deep", b"[" * deep + b"]" * deep
    yield "100,000 objects deep", b'{"a":' * (deep // 2) + b"1" + b"}" * (deep // 2)
    yield "never closed", b"[" * size
    yield "keys without end", b"{" + b",".join(b'"k%d":1' % at for at in range(size // 13)) + b"}"
    yield "the same key again and again", b"{" + b",".join([b'"cmd":11'] * (size // 9)) + b"}"
    yield "keys in many spellings", b"{" + b",".join(b'"c_m_D%d":1' % (at % 9) for at in range(size // 14)) + b"}"
    yield "a number of 2 MB", b'{"createTime":' + b"9" * (size - 20) + b"}"
    yield "a fraction of 2 MB", b'{"createTime":0.' + b"9" * (size - 20) + b"}"
    yield "1e999", b'{"createTime":1e999}'
    yield "1e-999999999", b'{"createTime":1e-999999999}'
    yield "NaN", b'{"createTime":NaN,"x":[Infinity,-Infinity]}'
    yield "half surrogates", b'{"content":"' + b"\\ud800" * (size // 7) + b'"}'
    yield "escapes", b'{"content":"' + b"\\u0000" * (size // 7) + b'"}'
    yield "wrong escapes", b'{"content":"' + b"\\'" * (size // 3) + b'"}'
    yield "backslashes", b'{"content":"' + b"\\" * (size - 20)
    yield "quotes", b'{"content":' + b'"' * (size - 20)
    yield "single quotes", b"{'content':'" + b"x" * (size - 20)
    yield "commas", b"[" + b"," * (size - 2) + b"]"
    yield "blanks", b" " * (size - 2) + b"{}"
    yield "no UTF-8", b'{"content":"' + b"\xff\xfe" * (size // 3) + b'"}'
    yield "bare words", b"{" + b"a:b," * (size // 5) + b"}"
    yield "zeros", bytes(size)
    yield "a string for a number", b'{"cmd":11,"chatType":"' + b" " * (size // 2) + b'2"}'
    yield "an object for a string", b'{"cmd":11,"chatType":2,"to":' + b'{"a":[' * 30 + b"1" + b"]}" * 30 + b"}"


def json() -> Iterator[Shot]:
    """
    O7: every document as a chat, within one, over WebSocket and over HTTP.
    """
    for name, body in documents(BODY):
        yield Shot("O7", name, LOGGED_IN, wire.frame(wire.CHAT, body))
    for name, body in documents(BODY - 100):
        within = b'{"cmd":11,"chatType":2,"to":"x","msgType":0,"content":"x","extras":' + body + b"}"
        yield Shot("O7", f"{name}, in extras", LOGGED_IN, wire.frame(wire.CHAT, within))
    for name, body in documents(60_000):
        yield Shot("O7", f"{name}, as a login", TCP, wire.frame(wire.LOGIN, body))
    for name, body in documents(MESSAGE - 100):
        within = b'{"cmd":11,"chatType":2,"to":"x","msgType":0,"content":"x","extras":' + body + b"}"
        yield Shot("O7", f"{name}, in extras", WEBSOCKET, websocket.frame(within))
    for name, body in documents(BODY):
        yield Shot("O7", name, HTTP, sized(body))


def compressed() -> Iterator[Shot]:
    """
    O8: 55 MB of zeros in 54 KB.
    """
    zeros = bytes(55_000_000)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = (deflate.compress(zeros) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    bomb = websocket.frame(packed, flags=websocket.FIN | websocket.COMPRESSED)
    yield Shot("O8", "a deflated message", WEBSOCKET, bomb)
    yield Shot("O8", "a gzipped body", HTTP, sized(gzip.compress(zeros), b"Content-Encoding: gzip\r\n"))
    yield Shot("O8", "a deflated body", HTTP, sized(zlib.compress(zeros), b"Content-Encoding: deflate\r\n"))
