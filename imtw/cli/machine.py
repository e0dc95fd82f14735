"""
What C{imtw doctor} looks at beside the database: Python, libraries, the
machine.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import socket
import sqlite3
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from time import perf_counter

import imtw
from imtw.accounts.hashing import ARGON2ID, THREADS
from imtw.cli.findings import NOTE, OK, WRONG, Finding, judge
from imtw.cli.options import versionOf
from imtw.interfaces import IDialectMaker
from imtw.limits import Limits
from imtw.plugin import findMakers

PYTHON = (3, 11)
SQLITE = (3, 38)  # the first that has JSON functions for certain
SPARE_FILES = 100  # that a server has open beside its connections
FEW_FILES = 256
SLOW_HASH = 0.25  # seconds
PORTS = {9733: "--port", 9734: "--admin"}


def machine(ours: set[int] | None) -> Iterator[Finding]:
    """
    All of it.

    @param ours: ports that the server of this database listens on, none
        where there is no such server, L{None} where it does not say.
    """
    yield python()
    yield from libraries()
    yield sqlite()
    yield openFiles()
    yield argon2()
    for port, option in PORTS.items():
        yield portFinding(port, option, ours)


def python() -> Finding:
    """
    Python's version.
    """
    return judge(
        "Python",
        f"{platform.python_version()}; wanted {dotted(PYTHON)} or newer",
        sys.version_info >= PYTHON,
        "install a newer Python and imtw with it",
    )


def libraries() -> Iterator[Finding]:
    """
    The libraries that imtw needs, with the versions it wants.
    """
    for requirement in requirements():
        match = re.match(r"[\w.-]+", requirement)
        if match is None:
            continue
        name = match[0]
        wanted = dict(re.findall(r"(>=|<)\s*([\w.]+)", requirement))
        found = versionOf(name)
        isRight = bool(found) and numbers(wanted.get(">=", "0")) <= numbers(found) < numbers(wanted.get("<", "9999"))
        asked = " ".join(f"{sign} {version}" for sign, version in sorted(wanted.items(), reverse=True)) or "any"
        yield judge(name, f"{found or 'not there'}; wanted {asked}", isRight, f"pip install '{requirement}'")
    if not versionOf("tqdm"):
        yield Finding(NOTE, "tqdm", "not there: no progress bars", "pip install 'imtw[cli]'")
    for maker in findMakers(IDialectMaker):
        if missing := maker.missing():
            names = ", ".join(missing)
            yield Finding(NOTE, maker.name, f"is not spoken: {names} not there", f"pip install 'imtw[{maker.name}]'")


def requirements() -> list[str]:
    """
    What imtw needs: as it was installed, or as its checkout says.
    """
    try:
        found = requires("imtw") or []
    except PackageNotFoundError:
        config = ConfigParser()
        config.read(Path(imtw.__file__).parent.parent / "setup.cfg", encoding="utf-8")
        found = config.get("options", "install_requires", fallback="").strip().splitlines()
    return [one for one in found if "extra ==" not in one]


def sqlite() -> Finding:
    """
    SQLite's version.
    """
    return judge(
        "SQLite",
        f"{sqlite3.sqlite_version}; wanted {dotted(SQLITE)} or newer",
        sqlite3.sqlite_version_info >= SQLITE,
        "install a newer SQLite, or a Python that brings one along",
    )


def openFiles() -> Finding:
    """
    How many files and connections a process may have open.
    """
    found = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    connections = Limits().connections
    wanted = connections + SPARE_FILES
    if found == resource.RLIM_INFINITY:
        found = wanted
    room = max(0, found - SPARE_FILES)
    return judge(
        "open files",
        f"{found}; wanted {wanted} for {connections} connections",
        found >= wanted,
        f"ulimit -n {wanted} before the start (LimitNOFILE={wanted} in a systemd unit), or start the server with "
        f"--limit connections={room}",
        WRONG if found < FEW_FILES else NOTE,
    )


def argon2() -> Finding:
    """
    How long a password takes.
    """
    began = perf_counter()
    ARGON2ID.hash(b"how long does this take?")
    took = perf_counter() - began
    rate = min(THREADS, os.cpu_count() or 1) / took
    return judge(
        "argon2",
        f"{took * 1000:.0f} ms a password, about {rate:.0f} logins a second; wanted at most {SLOW_HASH * 1000:.0f} ms",
        took <= SLOW_HASH,
        "the machine is busy or slow: let clients log in with tokens, or give it a faster processor",
        NOTE,
    )


def portFinding(port: int, option: str, ours: set[int] | None) -> Finding:
    """
    Is a port to be had, or had by us?
    """
    what = f"port {port}"
    if isFree(port):
        return Finding(OK, what, "free")
    if ours is None:
        return Finding(NOTE, what, "taken, maybe by this database's server")
    if port in ours:
        return Finding(OK, what, "this database's server listens here")
    if ours:
        return Finding(OK, what, "taken by another program; this database's server listens elsewhere")
    return Finding(
        WRONG,
        what,
        "taken by another program, or by the imtw of another database; wanted free",
        f"stop that one (ss -ltnp shows it), or start the server with {option} tcp:PORT:interface=127.0.0.1",
    )


def isFree(port: int) -> bool:
    """
    Can a port of this machine be listened on?
    """
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def numbers(version: str) -> tuple[int, ...]:
    """
    A version as something that can be compared.
    """
    return tuple(int(one) for one in re.findall(r"\d+", version)[:3])


def dotted(version: tuple[int, ...]) -> str:
    """
    A version, for people.
    """
    return ".".join(map(str, version))
