"""
The parameters of FastIM's HTTP calls, from the query and the body, as a
servlet finds them.  No I/O.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

MOST = 1000  # parameters of one request
SMALLEST, LARGEST = -(1 << 63), (1 << 63) - 1

_NUMBER = re.compile(r"[+-]?0*[0-9]{1,19}")
_FIELD = re.compile(rb"^content-disposition\s*:(.*?)\r?$", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(rb';\s*name\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)
_FILE = re.compile(rb";\s*filename\*?\s*=", re.IGNORECASE)
_BOUNDARY = re.compile(rb';\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)

Parameters = dict[str, list[str]]


class BadParameter(Exception):
    """
    One is missing, or is not what it should be.
    """


def parametersOf(query: bytes, kind: bytes, body: bytes) -> Parameters:
    """
    All parameters of a request, with their values in order, those of the
    query in front.

    @param kind: the content type.  Of another than a form's or multipart
        the body is not looked at.
    @raise BadParameter: there are too many.
    """
    media = kind.partition(b";")[0].strip().lower()
    pairs = formOf(query)
    if media == b"application/x-www-form-urlencoded":
        pairs += formOf(body)
    elif media == b"multipart/form-data":
        pairs += multipartOf(kind, body)
    found: Parameters = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def formOf(data: bytes) -> list[tuple[str, str]]:
    """
    The fields of a query or a form.
    """
    try:
        return parse_qsl(data.decode("utf-8", "replace"), True, errors="replace", max_num_fields=MOST)
    except ValueError:
        raise BadParameter(f"more than {MOST} parameters") from None


def multipartOf(kind: bytes, body: bytes) -> list[tuple[str, str]]:
    """
    The fields of a multipart form (RFC 7578); files are none.

    @raise BadParameter: it has no end, or too many parts.
    """
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        raise BadParameter("multipart without a boundary")
    parts = (b"\r\n" + body).split(b"\r\n--" + (boundary[1] or boundary[2]), MOST + 2)
    if len(parts) > MOST + 2:
        raise BadParameter(f"more than {MOST} parts")
    found = []
    for part in parts[1:]:
        if part.startswith(b"--"):
            break
        head, separator, value = part.partition(b"\r\n\r\n")
        field = _FIELD.search(head)
        name = _NAME.search(field[1]) if field is not None else None
        if separator and field is not None and name is not None and not _FILE.search(field[1]):
            text = name[1] if name[1] is not None else name[2]
            found.append((_decoded(re.sub(rb"\\(.)", rb"\1", text)), _decoded(value)))
    else:
        raise BadParameter("multipart that does not end")
    return found


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def text(parameters: Parameters, name: str) -> str:
    """
    A parameter that has to be there; it may be empty.  Of one that is there
    several times all values, with commas between: so Spring reads a text.

    @raise BadParameter: it is not.
    """
    return ",".join(_values(parameters, name))


def number(parameters: Parameters, name: str) -> int:
    """
    A parameter that has to be there and a whole number of 64 bits: decimal,
    with blanks around it.  Of several the first counts: so Spring reads a
    number.

    @raise BadParameter: it is not.
    """
    value = _values(parameters, name)[0].strip()
    if _NUMBER.fullmatch(value) is None or not value.isascii():
        raise BadParameter(f"{name} is {value[:20]!r}, wanted a whole number")
    result = int(value)
    if not SMALLEST <= result <= LARGEST:
        raise BadParameter(f"{name} has more than 64 bits")
    return result


def _values(parameters: Parameters, name: str) -> list[str]:
    values = parameters.get(name)
    if values is None:
        raise BadParameter(f"{name} is missing")
    return values
