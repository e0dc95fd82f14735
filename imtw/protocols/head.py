"""
The head of an HTTP request, as far as it decides who gets the connection.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from urllib.parse import parse_qsl

METHODS = (b"GET ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"HEAD ", b"PATCH ", b"TRACE ", b"CONNECT ", b"UPDATE ")

#: What a client says who asks for a WebSocket (RFC 6455, 4.1), beside its key: a word in a header.
UPGRADE = {b"upgrade": b"websocket", b"connection": b"Upgrade", b"sec-websocket-version": b"13"}
KEY = b"sec-websocket-key"  # 16 bytes in base64
LINE = b""  # the first line, which has no name: GET, a target in ASCII, HTTP/1.1
HOST = b"host"

_isKey = re.compile(rb"\s*[A-Za-z0-9+/]{22}==\s*").fullmatch
_STAND_IN = b"AAAAAAAAAAAAAAAAAAAAAA=="

#: The name of a header, or the beginning of a line that goes on with the one above (RFC 9112, 5.2).
_beginsField = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:|[ \t]").match
_OTHER = re.compile(rb"[A-Z]{1,20} [/*]")  # a method that nobody knows, with its target
_BEGUN = re.compile(rb"([A-Z]{1,20} ?)?")
_NOT_ASCII = re.compile(rb"[^\x00-\x7f]")
_ORIGIN = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)


def mayBeHTTP(head: bytes, anyMethod: bool = True) -> bool | None:
    """
    Do these bytes begin an HTTP request?  L{None}: not enough to tell.

    @param anyMethod: also of a method that nobody knows.
    """
    if head.startswith(METHODS) or (anyMethod and _OTHER.match(head)):
        return True
    if anyMethod:
        return None if _BEGUN.fullmatch(head) else False
    return None if any(method.startswith(head) for method in METHODS) else False


class Head:
    """
    The head of an HTTP request, as far as it decides who gets it.

    @ivar isBroken: the request line is none of HTTP/1.x, a header has no
        name, the body's length is no number, or there are several hosts.
    @ivar isOld: it is HTTP/1.0.
    @ivar hasKey: it asks for a WebSocket, well or not.
    @ivar key: what it has for one.
    @ivar lacks: what of L{UPGRADE}, of a L{LINE} and of a L{KEY} it does not
        say as it should, and the host, if it names none.
    @ivar path: of its target, as it was sent.
    """

    def __init__(self, head: bytes) -> None:
        """
        @param head: up to the blank line, without it.
        """
        self._line, *self._fields = head.replace(b"\r\n", b"\n").split(b"\n")
        parts = self._line.split(b" ")
        values: dict[bytes, list[bytes]] = {}
        for field in self._fields:
            name, _, value = field.partition(b":")
            values.setdefault(name.strip().lower(), []).append(value)
        hosts = len(values.get(HOST, ()))
        self.isBroken = (
            len(parts) != 3
            or not parts[2].startswith(b"HTTP/1.")
            or not all(map(_beginsField, self._fields))
            or not all(length.strip().isdigit() for length in values.get(b"content-length", ()))
            or hosts > 1
        )
        self.isOld = parts[-1] == b"HTTP/1.0"
        self.isGet = parts[0] == b"GET"
        self.hasKey = KEY in values
        self.key = values.get(KEY, [b""])[0].strip()
        self.lacks = {name for name, word in UPGRADE.items() if not _says(word, values.get(name, ()))}
        if not hosts:
            self.lacks.add(HOST)
        if self.key and not _isKey(self.key):
            self.lacks.add(KEY)
        if not (self.isGet and parts[-1] == b"HTTP/1.1" and self._line.isascii()):
            self.lacks.add(LINE)
        self._target = originForm(parts[1]) if len(parts) > 1 else b"/"
        self.path, self.query = splitTarget(self._target)

    def saying(self, names: Set[bytes]) -> bytes:
        """
        The same head, with some of what it lacks in it, up to and with the
        blank line.
        """
        line = b"GET %s HTTP/1.1" % quoted(self._target) if LINE in names else self._line
        fields = [field for field in self._fields if field.partition(b":")[0].strip().lower() not in names]
        said = {**UPGRADE, KEY: _STAND_IN}
        added = [name + b": " + said.get(name, b"") for name in sorted(names - {LINE})]
        return b"\r\n".join([line, *added, *fields, b"", b""])


def originForm(target: bytes) -> bytes:
    """
    A request's target without scheme and host, which a proxy's client puts
    in front (RFC 9112, 3.2.2).
    """
    found = _ORIGIN.match(target)
    if found is None:
        return target
    rest = target[found.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest


def splitTarget(target: bytes) -> tuple[str, dict[str, str]]:
    """
    The path of a target, as it was sent, and what its query says.
    """
    path, _, query = originForm(target).partition(b"?")
    return path.decode("latin-1"), fieldsOf(query)


def fieldsOf(form: bytes) -> dict[str, str]:
    """
    What a query or a form says, whether what is not ASCII is encoded there or
    not: of a name that comes twice the first counts.
    """
    return dict(reversed(parse_qsl(quoted(form).decode(), keep_blank_values=True)))


def quoted(target: bytes) -> bytes:
    """
    A request's target with percent signs for what is not ASCII, which some
    clients send as it is.
    """
    return _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], target)


def _says(word: bytes, values: Sequence[bytes]) -> bool:
    """
    Is this among the words of a header, in whatever case?
    """
    return word.lower() in (one.strip().lower() for value in values for one in value.split(b","))
