"""
The log as JSON, for programs that read logs: one object a line::

    {"time":"2026-01-31T12:34:56.789Z","level":"info","system":"imtw.admin.api.OperatorResource",
     "message":"operator: made user ann","fields":{"user":"ann"}}

and a C{traceback} where something failed.  An entry has in it what its line of
text would have and no more: C{fields} are those that the message names, apart.
Everything is ASCII and bounded, so that nothing that a peer calls itself can
begin a line, colour a terminal or fill a disk.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import IO, Any

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import FileLogObserver, ILogObserver, LogEvent, LogLevel, extractField, formatEvent
from twisted.python.logfile import LogFile

LONGEST = 8192  # characters of a message
LONGEST_FIELD = 1024
LONGEST_TRACEBACK = 16384
UNNAMED = "twistd.log"  # where a daemon logs that was told nothing

_PLAIN = (bool, int, float, type(None))
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def jsonLogObserver(file: IO[Any]) -> FileLogObserver:
    """
    Writes the log into a file.
    """
    return FileLogObserver(file, lineOf)


def lineOf(event: LogEvent) -> str:
    """
    An event as a line.
    """
    level = event.get("log_level", LogLevel.info)
    entry: dict[str, Any] = {
        "time": timeOf(event),
        "level": level.name,
        "system": cut(wordsOf(event.get("log_namespace", "-")), LONGEST_FIELD),
        "message": cut(formatEvent(event), LONGEST),
    }
    fields = dict(fieldsOf(event))
    if fields:
        entry["fields"] = fields
    failure = event.get("log_failure")
    if failure is not None:
        entry["traceback"] = tracebackOf(failure)
    return _encode(entry) + "\n"


def timeOf(event: LogEvent) -> str:
    """
    When it happened, in UTC.
    """
    when = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fieldsOf(event: LogEvent) -> Iterator[tuple[str, Any]]:
    """
    The fields that an event's message names.
    """
    try:
        names = [name for _, name, _, _ in Formatter().parse(event.get("log_format") or "") if name]
    except (TypeError, ValueError):  # a format that is none: the message says so
        return
    for name in dict.fromkeys(names):
        if name.startswith("log_"):
            continue
        try:
            value = extractField(name, event)
        except Exception:  # it is not there, or fails when it is looked at: the message says so
            continue
        try:
            _encode(value if isinstance(value, _PLAIN) else "")
        except ValueError:  # NaN, or a number without end
            value = "not a number that can be written"
        yield name, value if isinstance(value, _PLAIN) else cut(wordsOf(value), LONGEST_FIELD)


def wordsOf(value: Any) -> str:
    """
    Anything as text, or what it makes.
    """
    try:
        return str(value)
    except Exception as error:  # whatever it is: its event has to be logged all the same
        return f"({type(error).__name__} when it was to be written)"


def tracebackOf(failure: Any) -> str:
    """
    Where something failed; the end, if it is long.
    """
    try:
        return str(failure.getTraceback())[-LONGEST_TRACEBACK:]
    except Exception as error:  # it shows values, which may fail as above
        return f"({type(error).__name__} when it was to be written)"


def cut(text: str, most: int) -> str:
    """
    A text that is not too long.
    """
    return text if len(text) <= most else f"{text[:most]}... and {len(text) - most} characters more"


def observerOf(twistd: Mapping[str, Any], reactor: IReactorFromThreads) -> ILogObserver:
    """
    What C{twistd} is to log with: it writes where C{twistd}'s own would, and
    begins a new file at the same signal.

    @param twistd: its options.
    """
    name, nodaemon = twistd.get("logfile"), twistd.get("nodaemon", True)
    if name == "-" and not nodaemon:
        raise SystemExit("twistd jim: a daemon cannot log to stdout: give twistd --logfile FILE, or --nodaemon")
    if name == "-" or (nodaemon and not name):
        return jsonLogObserver(sys.stdout)
    file = LogFile.fromFullPath(name or UNNAMED)
    if hasattr(signal, "SIGUSR1") and not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(file.rotate))
    return jsonLogObserver(file)
