"""
Tests for L{imtw.persistence.schema}, and for how the queries use it.
"""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from functools import partial
from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from imtw.errors import StoreError
from imtw.model import Message
from imtw.persistence import (
    amend,
    appender,
    changes,
    conversations,
    devices,
    friends,
    headcache,
    ledger,
    pages,
    places,
    readonly,
    reads,
    recent,
    rows,
    spans,
    standings,
    tail,
    voices,
)
from imtw.persistence.rows import INSERT, rowOf
from imtw.persistence.schema import prepareReader, prepareWriter, steps, upgrade, versionOf
from imtw.test.persistence.harness import CHAT, ENVIRONMENT, stepsOf

#: A second version for the tests: it takes long enough to be killed in the middle.
SECOND = """
    CREATE TABLE more (a INTEGER PRIMARY KEY, b TEXT);
    ALTER TABLE messages ADD COLUMN more INTEGER;
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
    INSERT INTO more SELECT n, 'x' FROM numbers;
    CREATE INDEX more_by_b ON more (b);
"""

#: Upgrades a database and kills itself after so many instructions of SQLite.
KILLED = """
import os, signal, sqlite3, sys
from imtw.persistence.schema import prepareWriter, steps, upgrade
from imtw.test.persistence.test_schema import SECOND

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
prepareWriter(connection)
connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), int(sys.argv[2]))
upgrade(connection, [*steps(), (9998, SECOND)])
"""


def tables(connection: sqlite3.Connection) -> set[str]:
    """
    The tables and indexes there are.
    """
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}


class UpgradeTests(SynchronousTestCase):
    """
    A database has one version or the next, and nothing between.
    """

    def setUp(self) -> None:
        """
        A new file.
        """
        self.path = self.mktemp()

    def open(self) -> sqlite3.Connection:
        """
        Open it as the store does.
        """
        connection = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(connection.close)
        prepareWriter(connection)
        return connection

    def test_fresh(self) -> None:
        """
        A new file gets all versions, and a second time nothing happens.
        """
        connection = self.open()
        self.assertEqual(versionOf(connection), 0)
        upgrade(connection)
        self.assertEqual(versionOf(connection), steps()[-1][0])
        made = tables(connection)
        self.assertIn("messages", made)
        upgrade(connection)
        self.assertEqual(tables(connection), made)

    def test_durable(self) -> None:
        """
        The connection that writes syncs every commit; one that reads cannot
        write.
        """
        connection = self.open()
        self.assertEqual(connection.execute("PRAGMA journal_mode").fetchone(), ("wal",))
        self.assertEqual(connection.execute("PRAGMA synchronous").fetchone(), (2,))
        upgrade(connection)
        prepareReader(connection)
        with self.assertRaises(sqlite3.OperationalError):
            connection.execute("DELETE FROM users")

    def test_failedStep(self) -> None:
        """
        A step that fails leaves the version before it, whole.
        """
        connection = self.open()
        upgrade(connection)
        made = tables(connection)
        with self.assertRaises(sqlite3.Error):
            upgrade(connection, [*steps(), (9998, SECOND + "CREATE TABLE messages (a);")])
        connection.close()
        again = self.open()
        self.assertEqual(tables(again), made)
        self.assertEqual(versionOf(again), steps()[-1][0])
        upgrade(again, [*steps(), (9998, SECOND)])
        self.assertEqual(versionOf(again), 9998)

    def test_newer(self) -> None:
        """
        A newer version is refused and not touched.
        """
        connection = self.open()
        upgrade(connection, [*steps(), (9998, SECOND)])
        with self.assertRaises(StoreError) as caught:
            upgrade(connection)
        self.assertIn("9998", str(caught.exception))
        self.assertEqual(versionOf(connection), 9998)

    def test_killed(self) -> None:
        """
        A process that is killed at any point of a step leaves the version
        before or the one after; the next start goes on from there.
        """
        connection = self.open()
        upgrade(connection)
        rows = [rowOf(Message(1, seq, seq, seq, CHAT, f"{seq}", "alice", "x" * 100, seq))[0] for seq in range(1, 200)]
        connection.executemany(INSERT, rows)
        connection.close()
        versions = set()
        for instructions in (20, 500, 5000, 100_000, 250_000):
            arguments = [sys.executable, "-c", KILLED, self.path, f"{instructions}"]
            done = subprocess.run(arguments, env=ENVIRONMENT, check=False)
            self.assertIn(done.returncode, (0, -signal.SIGKILL))
            survivor = self.open()
            versions.add(versionOf(survivor))
            self.assertEqual("more" in tables(survivor), versionOf(survivor) == 9998)
            self.assertEqual(survivor.execute("SELECT count(*) FROM messages").fetchone(), (199,))
            self.assertEqual(survivor.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            survivor.close()
        self.assertIn(steps()[-1][0], versions)
        last = self.open()
        upgrade(last, [*steps(), (9998, SECOND)])
        self.assertEqual(last.execute("SELECT count(*) FROM more").fetchone(), (20000,))


class PlanTests(SynchronousTestCase):
    """
    What queries cost does not grow with what is stored.
    """

    def setUp(self) -> None:
        """
        An empty database.
        """
        self.connection = sqlite3.connect(self.mktemp(), isolation_level=None)
        self.addCleanup(self.connection.close)
        upgrade(self.connection)

    def test_nothingIsWalked(self) -> None:
        """
        No query goes through all rows of a table.
        """
        modules: list[ModuleType] = [
            *(amend, appender, changes, conversations, devices, friends, headcache, ledger, pages, places, readonly),
            *(reads, recent, rows, spans, standings, tail, voices),
        ]
        found = 0
        for module in modules:
            for name, sql in vars(module).items():
                if not isinstance(sql, str) or not re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT)", sql):
                    continue
                if name in ("INVITATION", "PLACE", "SOMETHING_WAITS"):
                    continue  # parts of others
                found += 1
                values = dict.fromkeys(re.findall(r":(\w+)", sql), 1) or (1,) * self.parameters(sql)
                for *_, step in self.connection.execute("EXPLAIN QUERY PLAN " + sql, values):
                    self.assertNotRegex(step, r"SCAN (?!\w+ VIRTUAL TABLE|journal|\(subquery|(2 )?CONSTANT ROW)", name)
        self.assertGreater(found, 30)

    def parameters(self, sql: str) -> int:
        """
        How many values a query takes.
        """
        numbered = [int(number) for number in re.findall(r"\?(\d)", sql)]
        return max(numbered) if numbered else sql.count("?")

    def test_pageCostsTheSame(self) -> None:
        """
        A page of a long log takes hardly more of SQLite's instructions than
        one of a short log, wherever it lies.
        """
        def claimed(seq: int) -> int:
            return seq * 1000 - (0 if seq & (seq - 1) else 60_000)  # a few clocks are wrong

        costs = {}
        cursor = self.connection.cursor()
        cursor.execute("INSERT INTO conversations (scope, a, b, created) VALUES (1, 'alice', 'bob', 0)")
        written = 0
        for length in (1000, 30000):
            self.connection.execute("BEGIN")
            self.connection.executemany(
                INSERT,
                (
                    rowOf(Message(1, seq, seq, seq * 1000, CHAT, f"{seq}", "alice", "hello", claimed(seq)))[0]
                    for seq in range(written + 1, length + 1)
                ),
            )
            self.connection.execute("COMMIT")
            written = length
            middle = length * 500
            asked: dict[str, tuple[Any, Any, Any, Any]] = {
                "newest": (None, None, None, None),
                "oldest": (None, None, 0, 50),
                "middle": (None, None, length // 2, 50),
                "last": (None, None, length - 50, 50),
                "all times": (0, length * 1000, None, 50),
                "newest of times": (middle - 100_000, middle, None, 50),
                "first of all times": (0, length * 1000, 0, 50),
                "middle of all times": (0, length * 1000, length // 2, 50),
                "last of all times": (0, length * 1000, length - 50, 50),
                "later times, from the middle": (middle, None, length // 4, 50),
            }
            for what, page in asked.items():
                costs[what, length] = stepsOf(self.connection, partial(spans.history, cursor, CHAT, *page, 50, 1 << 20))
            costs["find", length] = stepsOf(self.connection, partial(pages.find, cursor, CHAT, "77"))
            costs["walk", length] = stepsOf(self.connection, partial(pages.walk, cursor, CHAT, 300, 50, 1 << 20))
        for (what, length), cost in costs.items():
            self.assertLess(cost, 1.5 * costs[what, 1000] + 100, f"{what} of {length}")
