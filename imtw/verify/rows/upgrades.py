"""
D10: a database of imtw's first version is brought up to date, whatever
happens meanwhile, and one of a later imtw is left alone.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from time import monotonic, sleep
from typing import NamedTuple

from imtw.model import Message, Pair, Scope
from imtw.persistence.rows import INSERT, Row, rowOf
from imtw.persistence.schema import prepareWriter, steps, upgrade
from imtw.verify import wire
from imtw.verify.caller import Caller
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.server import CannotStart, Server

PAIRS = 20  # conversations
BEGAN = 1_700_000_000_000  # ms; when the first message was said
MEMBER = "INSERT INTO members (user, conversation, scope, joined, cursor) VALUES (?, ?, ?, ?, 0)"
SHAPE = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
STATE = "SELECT count(*), sum(conversation * seq), sum(checksum), total(length(content)) FROM messages"
PATIENCE = 120.0  # seconds for a start


class Sums(NamedTuple):
    """
    What a database holds, in short.

    @ivar shape: its tables and indices.
    """

    version: int
    sound: str
    messages: tuple[object, ...]
    shape: str


def isRepeatable(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    size = stage.size(5_000, 1_000_000)
    kills, again = stage.size(2, 20), stage.size(1, 2)
    longest = stage.seconds(0.15, 1.5)
    old = stage.file("old.db")
    make(old, size, stage)
    before = sums(old)
    wanted = before.messages
    server = stage.server("--auth=anyone:")
    bad: list[str] = []
    middle = 0
    try:
        shutil.copyfile(old, server.database)
        took = start(server)
        server.kill()
        after = sums(server.database)
        with stage.progress("kills", kills, "kills") as bar:
            for _ in range(kills):
                copy(old, server.database)
                server.launch()
                cut(server, stage.random.uniform(0.0, longest))
                found = sums(server.database)
                middle += found.version < after.version
                bad += [] if found.sound == "ok" and found.messages == wanted else [f"after a kill: {found[:3]}"]
                for _ in range(again):
                    start(server)
                    server.kill()
                if sums(server.database) != after:
                    bad.append(f"after the next start: {sums(server.database)[:3]}, not {after[:3]}")
                bar.update(1)
        start(server)
        rows = readBack(server, stage, size)
        server.kill()
        isLeft = refusesNewer(server)
    except CannotStart as error:
        return [judged("D10", GUARANTEE, f"{size} messages", "it does not start any more", TARGET, False, str(error))]
    finally:
        server.kill()
    missing = size // PAIRS - rows
    return [
        judged(
            "D10",
            GUARANTEE,
            f"{size} messages, {kills} kills",
            f"lost {size - int(str(after.messages[0])) + missing}, broken {len(bad)}, "
            f"a newer database {'refused and untouched' if isLeft else 'OPENED OR CHANGED'}",
            TARGET,
            after.version == steps()[-1][0] and after.messages == wanted and not bad and not missing and isLeft,
            f"version {before.version} to {after.version}, {took:.2f} s until it took connections; "
            f"{middle} of the kills before it was done; {rows} rows read back over the wire"
            + "".join(f"; {one}" for one in bad[:3]),
        )
    ]


GUARANTEE = "an upgrade loses nothing, if killed, too"
TARGET = "0, 0, refused and untouched"


def make(file: str, size: int, stage: Stage) -> None:
    """
    A database as the first version left it.
    """
    connection = sqlite3.connect(file, isolation_level=None)
    prepareWriter(connection)
    upgrade(connection, steps()[:1])
    connection.execute("BEGIN")
    for number in range(1, PAIRS + 1):
        pair = pairOf(stage, number)
        place = number, pair.scope.value
        connection.execute("INSERT INTO conversations VALUES (?, ?, ?, ?, ?)", (*place, pair.a, pair.b, BEGAN))
        for name in (pair.a, pair.b):
            connection.execute("INSERT INTO users (id, nick, created) VALUES (?, ?, ?)", (name, name, BEGAN))
            connection.execute(MEMBER, (name, *place, BEGAN))
    connection.executemany(INSERT, messages(stage, size))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.close()


def messages(stage: Stage, size: int) -> Iterator[Row]:
    """
    The rows of all messages.
    """
    for number in range(1, PAIRS + 1):
        pair = pairOf(stage, number)
        ends = pair.a, pair.b
        for seq in range(1, size // PAIRS + 1):
            when = BEGAN + seq
            content = contentOf(seq)
            yield rowOf(Message(number, seq, seq, when, pair, f"{number}.{seq}", ends[seq % 2], content, when))[0]


def contentOf(seq: int) -> str:
    """
    What the message of a seq says.
    """
    return f"{seq} {'x' * (seq % 100)}"


def pairOf(stage: Stage, number: int) -> Pair:
    """
    The users of a conversation.
    """
    return Pair(Scope.PRIVATE, stage.name(f"a{number:02}"), stage.name(f"b{number:02}"))


def copy(old: str, file: str) -> None:
    """
    Begin again with the old database.
    """
    for suffix in ("-wal", "-shm"):
        if os.path.exists(file + suffix):
            os.unlink(file + suffix)
    shutil.copyfile(old, file)


def start(server: Server) -> float:
    """
    Start a server, which may have a lot to do.

    @return: how long it took.
    """
    began = monotonic()
    server.launch()
    while not server.takesConnections():
        if not server.isAlive or monotonic() > began + PATIENCE:
            raise CannotStart(server.logTail())
        sleep(0.005)
    return monotonic() - began


def cut(server: Server, delay: float) -> None:
    """
    Kill a server a moment after it began to write, or once it is done.
    """
    wal = server.database + "-wal"
    while server.isAlive and not server.takesConnections():
        if os.path.exists(wal):
            sleep(delay)
            break
        sleep(0.001)
    server.kill()


def sums(file: str) -> Sums:
    """
    What is in a database.
    """
    connection = sqlite3.connect(file)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
        shape = "\n".join(map(str, connection.execute(SHAPE)))
        return Sums(version, sound, connection.execute(STATE).fetchone(), shape)
    finally:
        connection.close()


def readBack(server: Server, stage: Stage, size: int) -> int:
    """
    Read one conversation as a client does.

    @return: how many messages were as they were said.
    """
    number = stage.random.randint(1, PAIRS)
    pair = pairOf(stage, number)
    with Caller(server.address, pair.a, patience=60.0) as caller:
        rows = caller.history(wire.pair(pair.a, pair.b))
    return sum(
        row.get("id") == f"{number}.{seq}" and row.get("content") == contentOf(seq) for seq, row in enumerate(rows, 1)
    )


def refusesNewer(server: Server) -> bool:
    """
    Does it leave a database alone that a later imtw made?
    """
    connection = sqlite3.connect(server.database, isolation_level=None)
    connection.execute(f"PRAGMA user_version = {steps()[-1][0] + 1:d}").fetchone()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.close()
    before = sums(server.database)
    try:
        start(server)
    except CannotStart as error:
        return "versions up to" in str(error) and sums(server.database) == before
    return False
