"""
The database's file: who owns it, how it is opened, which version it has.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from importlib.resources import files
from operator import methodcaller

from imtw.errors import StoreError
from imtw.persistence.tail import recover

APPLICATION = 0x696D7477  # "imtw": PRAGMA application_id of its databases
WHO = "the user that imtw runs as"
BUSY = 5000  # ms to wait for somebody else's lock, such as an operator's sqlite3 shell

# Checkpoints rewrite every page that changed once, however often it did: a larger log costs less in all.
CHECKPOINT = 4000  # pages of 4 KiB
LOG_SIZE = 64 * 1024 * 1024  # bytes that the log keeps of its file after a checkpoint


class Unfit(StoreError):
    """
    A file that nothing is wrong with, but that it is for another release, or
    another program.
    """


class Lock:
    """
    Shows that one process owns a database: a locked file beside it, with
    the process's number.  It ends with the process, however that ends.
    """

    def __init__(self, path: str) -> None:
        self._path = path + ".lock"
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be opened: {error.strerror}; wanted a folder, and files in it, "
                f"that {WHO} can write"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(self._file, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StoreError(
                f"{path} is in use by process {owner}: stop that one, or give this one another file "
                "(--store sqlite:FILE)"
            ) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, b"%d\n" % os.getpid())

    def release(self) -> None:
        """
        Let others have the database.  The file stays: removing it would take
        away the lock of somebody who has just opened it.
        """
        os.ftruncate(self._file, 0)
        os.close(self._file)


def makeFile(path: str) -> None:
    """
    Make a database's file, if it is not there, for nobody else to read.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"{error.strerror}; wanted a file that {WHO} can write") from error


def prepareWriter(connection: sqlite3.Connection) -> None:
    """
    Set up the connection that writes.
    """
    _prepare(connection)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT:d}").fetchone()
    connection.execute(f"PRAGMA journal_size_limit = {LOG_SIZE:d}").fetchone()


def prepareReader(connection: sqlite3.Connection) -> None:
    """
    Set up a connection that reads.
    """
    _prepare(connection)
    connection.execute("PRAGMA query_only = ON")


def _prepare(connection: sqlite3.Connection) -> None:
    """
    Set up any connection.
    """
    connection.execute(f"PRAGMA busy_timeout = {BUSY:d}").fetchone()
    # Text that damage has made undecodable must not fail a whole query: the row's checksum finds it.
    connection.text_factory = methodcaller("decode", "utf-8", "replace")


def steps() -> list[tuple[int, str]]:
    """
    The schema's versions, in order, and the SQL that leads to each.
    """
    found = []
    for file in files("imtw.persistence").joinpath("schemas").iterdir():
        match = re.fullmatch(r"sqlite-(\d{4})\.sql", file.name)
        if match:
            found.append((int(match[1]), file.read_text("utf-8")))
    return sorted(found)


def versionOf(connection: sqlite3.Connection) -> int:
    """
    The version a database has: 0 for an empty one.

    @raise Unfit: it is not imtw's.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != APPLICATION:
        raise Unfit("this is a database of another program: give the name of a new file")
    return int(version)


def refuseNewer(version: int, newest: int) -> None:
    """
    Leave a database of a later release alone.

    @raise Unfit: it is one.
    """
    if version > newest:
        raise Unfit(
            f"the database has version {version} and this imtw knows versions up to {newest}: "
            "use the imtw that made it, or a newer one"
        )


def upgrade(connection: sqlite3.Connection, to: list[tuple[int, str]] | None = None) -> None:
    """
    Bring a database to the newest version.  Each step is one transaction: a
    process that is killed leaves the version before or the one after it.

    @param to: the steps, if not those of this release.
    @raise Unfit: the database is newer than this release.
    """
    known = steps() if to is None else to
    version = versionOf(connection)
    newest = known[-1][0]
    refuseNewer(version, newest)
    if version:
        recover(connection.cursor())  # a step may change the shape of what is in the journal
    for step, sql in known:
        if step > version:
            # executescript knows no parameters; the numbers are imtw's own.
            marks = f"PRAGMA application_id = {APPLICATION:d}; PRAGMA user_version = {step:d}"
            connection.executescript(f"BEGIN IMMEDIATE; {sql}; {marks}; COMMIT")
