"""
C{imtw doctor}: looks for what is amiss.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator
from itertools import islice

from imtw.admin import client, door
from imtw.cli.database import Database
from imtw.cli.findings import NOTE, OK, WRONG, Finding, judge, sizeOf
from imtw.cli.machine import machine
from imtw.cli.options import Command
from imtw.cli.progress import progress
from imtw.errors import ImtwError
from imtw.persistence.schema import Unfit

MOST = 10  # places of damage that are listed
LITTLE_SPACE = 1024**3  # bytes
NO_SPACE = 100 * 1024**2
DAMAGED = (
    "stop the server, keep a copy of the file and of the one that ends in -wal, and restore a backup; "
    "imtw export still writes what comes before the damage"
)


class Doctor(Command):
    """
    C{imtw doctor}.
    """

    longdesc = (
        "Look at Python, the libraries, the limit on open files, the ports, the speed of passwords, the database and "
        "its disk, and say of each what was found, what is wanted and what to do. The exit status is 1 if something "
        "is WRONG. A server may run meanwhile. The database is read from end to end, which takes a while if it is "
        "large."
    )
    example = "imtw doctor --store sqlite:/var/lib/imtw/imtw.db"
    optFlags = [["quick", None, "Do not read through the database."]]

    def run(self) -> int:
        """
        Look at everything, and tell as it goes.
        """
        database = Database(self.storeSpec())
        count = {OK: 0, NOTE: 0, WRONG: 0}
        for finding in self._findings(database):
            count[finding.level] += 1
            print(f"{finding.level:<6}{finding.what:<20}{finding.found}")
            if finding.advice:
                print(f"{'':<26}-> {finding.advice}")
            sys.stdout.flush()
        print(f"{count[OK]} ok, {count[NOTE]} to note, {count[WRONG]} wrong")
        return 1 if count[WRONG] else 0

    def _findings(self, database: Database) -> Iterator[Finding]:
        """
        Everything.
        """
        ours, server = serverOf(database)
        yield from machine(ours)
        yield server
        yield from place(database)
        if database.exists():
            yield from condition(database, self["quick"])


def serverOf(database: Database) -> tuple[set[int] | None, Finding]:
    """
    Who holds a database, and on which ports it listens: none where nobody
    does, L{None} where that cannot be known.
    """
    what = "server"
    try:
        holder = database.holder()
        if not holder:
            return set(), Finding(OK, what, f"none has {database} open")
        answer = client.ask(database.door(), "GET", "/server", patience=5.0)
        ports = {int(port) for port in answer["ports"]}
    except ImtwError as error:
        return None, Finding(NOTE, what, str(error))
    told = ", ".join(str(port) for port in sorted(ports))
    return ports, Finding(OK, what, f"process {holder} has {database} open and listens on ports {told}")


def place(database: Database) -> Iterator[Finding]:
    """
    The database's file and where it lies.
    """
    folder = os.path.dirname(database.path)
    if not os.path.isdir(folder):
        yield Finding(WRONG, "database", f"the folder {folder} is not there", "make it, or give another --store")
        return
    if not database.exists():
        yield judge(
            "database",
            f"{database} is not there; the server makes it at its first start",
            os.access(folder, os.W_OK),
            f"{folder} cannot be written: give the server's user that right, or give another --store",
        )
    else:
        yield from privacy("database", database.path)
        yield from privacy("admin file", database.path + door.SUFFIX)
    free = shutil.disk_usage(folder).free
    yield judge(
        "disk",
        f"{sizeOf(free)} free in {folder}; wanted {sizeOf(LITTLE_SPACE)} or more",
        free >= LITTLE_SPACE,
        "make room: what cannot be written is refused, and nobody's message is taken",
        WRONG if free < NO_SPACE else NOTE,
    )


def privacy(what: str, path: str) -> Iterator[Finding]:
    """
    A file that is for its owner alone.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    mode = stat.S_IMODE(found.st_mode)
    yield judge(
        what,
        f"{path}: {sizeOf(found.st_size)}, mode {mode:o}; wanted 600",
        not mode & 0o077,
        f"others on this machine may open it: chmod 600 {path}",
        NOTE,
    )


def condition(database: Database, quick: bool) -> Iterator[Finding]:
    """
    What is in the database.
    """
    try:
        with database.read() as opened:
            rows = opened.rows()
            if quick:
                yield Finding(NOTE, "integrity", f"not looked at (--quick); about {rows} rows")
                return
            with progress(f"checking {database}", rows + opened.places(), "rows") as bar:
                opened.progress = bar.update
                damage = list(islice(opened.damage(), MOST + 1))
                rows = opened.looked
    except Unfit as error:
        yield Finding(WRONG, "database", str(error))
        return
    except (ImtwError, sqlite3.Error) as error:
        yield Finding(WRONG, "integrity", f"{error}; wanted a database that can be read", DAMAGED)
        return
    for finding in damage[:MOST]:
        yield Finding(WRONG, "integrity", finding)
    if len(damage) > MOST:
        yield Finding(WRONG, "integrity", f"more than {MOST} places are damaged")
    if damage:
        yield Finding(NOTE, "integrity", "what to do about damage", DAMAGED)
    else:
        yield Finding(OK, "integrity", f"the file is sound, and so is every row ({rows})")
