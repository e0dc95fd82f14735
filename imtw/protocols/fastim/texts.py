"""
What FastIM's clients get, as JSON texts (docs/wire/fastim.rst).

Blanks, the order of keys and the escapes are the original's: two serialisers
wrote there, one what goes over WebSockets, another the envelopes of HTTP.
No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

SUCCESS, FAILURE, NOT_LOGGED_IN = 200, 100, 440

_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_ON_SOCKETS = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029]')
_OVER_HTTP = re.compile('["\\\\\x00-\x1f]')

REASONS = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}

#: The text frame, and with its words the body, of who is not logged in.
DENIED = b"440"
DENIED_BODY = '{"code":440,"msg":"请登录后访问"}'.encode()


def _escape(found: re.Match[str]) -> str:
    """
    One character, escaped.
    """
    character = found[0]
    return _SHORT.get(character) or f"\\u{ord(character):04X}"


def quoted(text: str) -> str:
    """
    A text in what goes over WebSockets, where controls of all kinds are
    escaped.
    """
    return f'"{_ON_SOCKETS.sub(_escape, text)}"'


def quotedInAnswer(text: str) -> str:
    """
    A text in an HTTP answer.
    """
    return f'"{_OVER_HTTP.sub(_escape, text)}"'


def chat(group: str, user: str, info: str, ts: int) -> str:
    """
    A message.
    """
    return f'{{"groupId":{quoted(group)},"userId":{quoted(user)},"info":{quoted(info)},"ts":{ts}}}'


def history(total: int, messages: Iterable[str]) -> str:
    """
    What is pushed when a room is entered: how many messages it has, and the
    last of them.
    """
    return f'{{"total":{total},"list":[{",".join(messages)}]}}'


def entry(message: str | None, total: int) -> str:
    """
    A room in a list of rooms.
    """
    return f'{{"newMessage":{message or "null"},"total":{total}}}'


def entryUnquoted(message: str | None, total: int) -> str:
    """
    The same as the original wrote it, which is no JSON.
    """
    return f'{{newMessage:{message or "null"}, total:{total}}}'


def roomList(entries: Sequence[str], unquoted: bool = False) -> str:
    """
    A list of rooms.
    """
    return f"[{(', ' if unquoted else ',').join(entries)}]"


def envelope(code: int, msg: str, data: str = "null") -> bytes:
    """
    An HTTP answer.

    @param data: JSON.
    """
    return f'{{"code":{code},"msg":{quotedInAnswer(msg)},"data":{data}}}'.encode("utf-8", "replace")


def textList(texts: Iterable[str], room: int, newest: bool = False) -> str:
    """
    A list of texts, as data of an answer.

    @param room: bytes that it has, for the first of them or the newest.
    """
    return f"[{','.join(fitting([quotedInAnswer(text) for text in texts], room, newest))}]"


def failure(status: int, path: str, now: int) -> bytes:
    """
    The body of an answer with an HTTP error.

    @param path: as it was asked for.
    @param now: ms since the epoch.
    """
    date = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds")
    reason = REASONS.get(status, "")
    return (
        f'{{"timestamp":"{date}","status":{status},"error":"{reason}","message":"","path":{quotedInAnswer(path)}}}'
    ).encode("utf-8", "replace")


def sizeOf(text: str) -> int:
    """
    How many bytes a text has on the wire.
    """
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def fitting(texts: Sequence[str], room: int, newest: bool) -> Sequence[str]:
    """
    As many texts as an answer of so many bytes takes: the first, or the
    newest, which are the last.
    """
    count = 0
    for text in reversed(texts) if newest else texts:
        room -= sizeOf(text)
        if room < 0:
            break
        count += 1
    return texts[len(texts) - count :] if newest else texts[:count]
