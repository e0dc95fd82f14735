"""
What a process really asked of the system, recorded with C{strace}: every
write to its files, every sync, every byte to a socket, in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

CALLS = "openat,pwrite64,write,ftruncate,fdatasync,fsync,unlink,unlinkat,rename,sendto"
LONGEST = 1_000_000  # bytes of one write that are recorded

_LINE = re.compile(rb"(\d+) +[\d.]+ (.*)", re.DOTALL)
_BEGIN = re.compile(rb"(\w+)\((.*?)(?:\)\s+= (.*)| <unfinished \.\.\.>)", re.DOTALL)
_RESUMED = re.compile(rb"<\.\.\. (\w+) resumed>.*\) += (.*)", re.DOTALL)
_FILE = re.compile(rb"\d+<([^>]*)>")
_TEXT = re.compile(rb'"([^"]*)"')


class Kind(Enum):
    """
    What was done.
    """

    CREATE = "create"
    WRITE = "write"
    TRUNCATE = "truncate"
    REMOVE = "remove"
    SYNC = "sync"
    SEND = "send"


class Event(NamedTuple):
    """
    One call.

    @ivar path: the file, or what names a socket.
    @ivar began: its place in the order in which calls begin and end.
    @ivar ended: the same; only then has it an effect that can be relied on.
    @ivar data: what was written or sent.
    @ivar offset: where; the new size, if it was truncated.
    """

    kind: Kind
    path: str
    began: int
    ended: int
    data: bytes = b""
    offset: int = 0


def recorder(file: str) -> list[str]:
    """
    The command that records what the command behind it does.
    """
    options = ["-f", "-ttt", "-y", "-xx", "--seccomp-bpf", "-s", str(LONGEST), "-e", f"trace={CALLS}"]
    return ["strace", *options, "-o", file]


def readTape(file: str) -> list[Event]:
    """
    The calls of a recording that succeeded, in the order in which they ended.
    """
    return sorted(_events(file), key=lambda event: event.ended)


def _events(file: str) -> Iterator[Event]:
    # A call that another thread came between stands in two lines.
    halves: dict[bytes, tuple[int, bytes, bytes]] = {}
    with open(file, "rb") as lines:
        for place, line in enumerate(lines):
            match = _LINE.match(line.rstrip(b"\n"))
            if match is None:
                continue
            thread, text = match.groups()
            begun = _BEGIN.match(text)
            resumed = _RESUMED.match(text)
            if begun is not None and begun[3] is None:
                halves[thread] = place, begun[1], begun[2]
            elif begun is not None:
                yield from _event(begun[1], begun[2], begun[3], place, place)
            elif resumed is not None and thread in halves:
                began, name, arguments = halves.pop(thread)
                yield from _event(name, arguments, resumed[2], began, place)


def _event(name: bytes, arguments: bytes, result: bytes, began: int, ended: int) -> Iterator[Event]:
    """
    What a call was, if it matters.
    """
    number = re.match(rb"-?\d+", result)
    done = int(number[0]) if number else -1
    if done < 0:
        return
    if name == b"openat":
        if b"O_CREAT" in arguments:
            yield Event(Kind.CREATE, _unhexed(_FILE.search(result)).decode(), began, ended)
        return
    if name in (b"unlink", b"unlinkat"):
        yield Event(Kind.REMOVE, _unhexed(_TEXT.search(arguments)).decode(), began, ended)
        return
    path = _unhexed(_FILE.match(arguments)).decode("utf-8", "replace")
    if name in (b"fsync", b"fdatasync"):
        yield Event(Kind.SYNC, path, began, ended)
    elif name == b"ftruncate":
        yield Event(Kind.TRUNCATE, path, began, ended, offset=int(arguments.rpartition(b", ")[2]))
    elif name == b"pwrite64":
        data = _unhexed(_TEXT.search(arguments))[:done]
        yield Event(Kind.WRITE, path, began, ended, data, int(arguments.rpartition(b", ")[2]))
    elif name in (b"sendto", b"write") and path.startswith("socket:"):
        yield Event(Kind.SEND, path, began, ended, _unhexed(_TEXT.search(arguments))[:done])


def _unhexed(match: re.Match[bytes] | None) -> bytes:
    """
    The bytes of a text in which each is written in hex.
    """
    return b"" if match is None else bytes.fromhex(match[1].replace(b"\\x", b"").decode("ascii"))
