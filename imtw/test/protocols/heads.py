"""
Heads of requests to say something, as bytes.
"""

from __future__ import annotations

POST = b"POST /api/message/send HTTP/1.1\r\nHost: localhost\r\n"


def head(*lines: bytes, rest: bytes = b"") -> bytes:
    """
    A request to say something, with these headers.
    """
    return POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + rest
