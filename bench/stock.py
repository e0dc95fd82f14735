"""
Databases that have a past: many accounts, groups or messages, written in the
schema of the SQLite store, with the store's own rows and checksums, faster
than by saying it all.  Ten million messages take about two minutes; they are
kept in the cache.

In each of them C{u0}, C{u1}, ... have accounts, and tokens to log in with;
all that is said, is said in the group C{g}; and C{u0} has private
conversations.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any
from zlib import crc32

from bench.stage import Stage, tell
from imtw.model import Message, Pair, groupPair, privatePair
from imtw.persistence.rows import INSERT, rowOf
from imtw.persistence.schema import makeFile, steps, upgrade

BEGAN = 1_700_000_000_000  # ms
STEP = 40  # ms between two messages
FOREVER = 4_000_000_000_000  # ms
BATCH = 50_000
ENOUGH = 100_000_000  # bytes from which on it is said that it takes a while
CONTENT = "abcdefghijklmnopqrstuvwxyz" * 4

USER = "INSERT INTO users (id, nick, created, entered) VALUES (?, ?, ?, ?)"
TOKEN = "INSERT INTO tokens (digest, user, device, created, expires) VALUES (?, ?, '', ?, ?)"
CONVERSATION = "INSERT INTO conversations (id, scope, a, b, created) VALUES (?, ?, ?, ?, ?)"
GROUP = "INSERT INTO groups (id, conversation, name, created) VALUES (?, ?, ?, ?)"
MEMBER = "INSERT INTO members (user, scope, conversation, joined, cursor) VALUES (?, ?, ?, ?, ?)"
PARTNER = """
    INSERT INTO members (user, scope, conversation, joined, cursor, last, heard, settled)
    VALUES (?, 1, ?, ?, 1, ?, ?, 1)
"""


def tokenOf(number: int) -> str:
    """
    The token of a user.
    """
    return f"token-of-u{number}-{number * 2654435761 % 2**32:08x}"


@dataclass(frozen=True)
class Stock:
    """
    How much of everything.

    @ivar messages: in the group C{g}.
    @ivar groups: beside it.
    @ivar conversations: private ones of C{u0}, a message to it in each, which it has.
    """

    accounts: int = 1000
    groups: int = 0
    messages: int = 0
    conversations: int = 0

    @property
    def name(self) -> str:
        """
        For the file: one of another schema is not taken.
        """
        schema = crc32(repr(steps()).encode())
        return f"stock-{schema:08x}-{self.accounts}-{self.groups}-{self.messages}-{self.conversations}.db"

    def file(self, stage: Stage) -> Path:
        """
        The file in the cache; it is made if it is not there.
        """
        path = stage.cache / self.name
        if not path.exists():
            if self.messages * 300 > ENOUGH:
                tell(f"making {self.name}: {self.messages:,} messages")
            unfinished = path.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            makeFile(str(unfinished))
            with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
                self._fill(connection)
            unfinished.rename(path)
        return path

    def copy(self, stage: Stage, path: str) -> None:
        """
        Copy it somewhere, to be changed.
        """
        shutil.copyfile(self.file(stage), path)
        os.chmod(path, 0o600)

    def _fill(self, connection: sqlite3.Connection) -> None:
        upgrade(connection)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        cursor = connection.cursor()
        numbers = range(self.accounts)
        inBatches(cursor, USER, ((f"u{one}", f"u{one}", BEGAN, BEGAN) for one in numbers))
        tokens = ((sha256(tokenOf(one).encode()).digest(), f"u{one}", BEGAN, FOREVER) for one in numbers)
        inBatches(cursor, TOKEN, tokens)
        names = ["g", *(f"g{one}" for one in range(self.groups))]
        inBatches(cursor, CONVERSATION, ((at + 1, 2, name, "", BEGAN) for at, name in enumerate(names)))
        inBatches(cursor, GROUP, ((name, at + 1, name, BEGAN) for at, name in enumerate(names)))
        # Nobody is in more groups than a user may be in; and g has a member, whose history it is.
        members = (
            (f"u{at % self.accounts}", 2, at + 1, BEGAN + at, self.messages * (not at)) for at in range(len(names))
        )
        inBatches(cursor, MEMBER, members)
        inBatches(cursor, INSERT, said(1, groupPair("g"), self.messages))
        first = len(names) + 1
        pairs = [privatePair("u0", f"u{one + 1}") for one in range(self.conversations)]
        inBatches(cursor, CONVERSATION, ((first + at, 1, pair.a, pair.b, BEGAN) for at, pair in enumerate(pairs)))
        both = (
            (name, first + at, BEGAN, BEGAN + (at + 1) * STEP, name == "u0")
            for at, pair in enumerate(pairs) for name in (pair.a, pair.b)
        )
        inBatches(cursor, PARTNER, both)
        rows = (row for at, pair in enumerate(pairs) for row in said(first + at, pair, 1, at, pair.partnerOf("u0")))
        inBatches(cursor, INSERT, rows)


def said(conversation: int, pair: Pair, count: int, from_: int = 0, sender: str = "") -> Iterator[tuple[Any, ...]]:
    """
    The rows of messages in a conversation.

    @param from_: how many were said elsewhere before.
    @param sender: who says all of it; or a hundred users in turns.
    """
    for seq in range(1, count + 1):
        time = BEGAN + (from_ + seq) * STEP
        who = sender or f"u{seq % 100}"
        yield rowOf(Message(conversation, seq, seq, time, pair, f"{time:x}", who, CONTENT, time))[0]


def inBatches(cursor: sqlite3.Cursor, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """
    Write rows, some in each transaction.
    """
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        cursor.execute("BEGIN")
        cursor.executemany(sql, batch)
        cursor.execute("COMMIT")
