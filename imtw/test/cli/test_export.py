"""
Tests of C{imtw export}.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from typing import Any

from twisted.internet import reactor

from imtw.limits import Limits
from imtw.model import Draft, Fact, groupPair, privatePair
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.cli.harness import CommandTestCase, Waiter

MANY = 10_000


def linesOf(text: str) -> list[Any]:
    """
    JSON lines, read.
    """
    assert text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


class ExportTests(CommandTestCase):
    """
    Exports.
    """

    def read(self, name: str) -> str:
        """
        A file of the folder.
        """
        with open(os.path.join(self.folder, name), encoding="utf-8", newline="") as stream:
            return stream.read()

    def exists(self, name: str) -> bool:
        """
        Is it there?
        """
        return os.path.exists(os.path.join(self.folder, name))

    async def test_many(self) -> None:
        """
        Ten thousand messages come out as they went in, in the order of the
        log, each on a line of its own whatever is in it.
        """
        texts = [f"第{number}条: 你好,世界 🙂 \u2028 \n\t\"\\ \x00 end" for number in range(MANY)]
        stored = await self.fill(groupPair("大厅"), ["李雷", "韩梅梅"], texts)
        self.assertEqual(self.done("export", "大厅", "--to", "out.jsonl"), f"wrote {MANY} rows to out.jsonl\n")
        rows = linesOf(self.read("out.jsonl"))
        self.assertEqual([row["content"] for row in rows], texts)
        self.assertEqual([row["seq"] for row in rows], list(range(1, MANY + 1)))
        self.assertEqual([row["ts"] for row in rows], [message.ts for message in stored])
        self.assertEqual([row["from"] for row in rows], ["李雷", "韩梅梅"] * (MANY // 2))
        self.assertEqual(
            rows[1],
            {"seq": 2, "ts": stored[1].ts, "created": 1_700_000_000_001, "id": "id1", "from": "韩梅梅",
             "group": "大厅", "kind": "text", "content": texts[1], "fact": "message"},
        )  # fmt: skip
        self.assertIn("你好", self.read("out.jsonl"))
        self.assertFalse(self.exists("out.jsonl.part"))
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.folder, "out.jsonl")).st_mode), 0o600)
        self.assertEqual(self.done("export", "大厅", "--to", "-"), self.read("out.jsonl"))

    async def test_private(self) -> None:
        """
        Two users' conversation, named in any order; what was taken back has
        no content, and everything else of it.
        """
        pair = privatePair("ann", "bob")
        await self.fill(pair, ["ann", "bob"], ["hello", "hi", "oops"])
        await self.recall(Draft(pair, "id2", "ann", None, 0, fact=Fact.RECALL))
        out = self.done("export", "bob", "ann", "--to", "-")
        self.assertEqual(out, self.done("--store", f"sqlite:{self.path}", "export", "ann", "bob", "--to=-"))
        rows = linesOf(out)
        self.assertEqual([(row["from"], row["to"]) for row in rows[:2]], [("ann", "bob"), ("bob", "ann")])
        self.assertEqual([row["fact"] for row in rows], ["message"] * 3 + ["recall"])
        self.assertEqual((rows[2]["id"], rows[2]["kind"], rows[2]["content"]), ("id2", "recalled", None))
        self.assertEqual(rows[3]["id"], "id2")

    async def test_targets(self) -> None:
        """
        Nothing is overwritten unless that is asked for, the database never.
        """
        await self.fill(groupPair("100"), ["ann"], ["hello"])
        for name in ("imtw.db", "./imtw.db", "imtw.db-wal", "imtw.db.lock"):
            line = self.refused("export", "100", "--force", "--to", name)
            self.assertIn("is the database itself", line)
        self.assertIn("is a folder", self.refused("export", "100", "--to", "."))
        self.assertIn("nowhere/x.part: No such file", self.refused("export", "100", "--to", "nowhere/x"))
        with open(os.path.join(self.folder, "there"), "w", encoding="ascii") as stream:
            stream.write("precious")
        self.assertIn("there is there already", self.refused("export", "100", "--to", "there"))
        self.assertEqual(self.read("there"), "precious")
        self.done("export", "100", "--to", "there", "--force")
        self.assertEqual(len(linesOf(self.read("there"))), 1)
        for words in (("200",), ("ann", "bob"), ("", ""), ("x" * 5000,)):
            self.assertIn("is not in imtw.db", self.refused("export", *words, "--to", "new"))
        self.assertFalse(self.exists("new") or self.exists("new.part"))

    async def test_damage(self) -> None:
        """
        At a damaged row it stops and says so; what comes before it is kept,
        under a name that shows that it is not all.
        """
        await self.fill(groupPair("100"), ["ann"], [f"text {number}" for number in range(20)])
        with sqlite3.connect(self.path) as connection:
            connection.execute("UPDATE messages SET content = 'forged' WHERE seq = 8")
        connection.close()
        line = self.refused("export", "100", "--to", "out")
        self.assertIn("message 8 of conversation", line)
        self.assertIn("7 rows before it are in out.part", line)
        self.assertFalse(self.exists("out"))
        self.assertEqual(len(linesOf(self.read("out.part"))), 7)

    async def test_besideServer(self) -> None:
        """
        A server that runs is no hindrance, and what it has just acknowledged
        is exported.
        """
        await self.fill(groupPair("100"), ["ann"], ["before"])
        server = self.serve()
        self.done("user", "passwd", "ann", "--password-file=-", stdin=b"secret\n")
        said = {"group": "100", "content": "刚才"}
        self.assertEqual(server.post("/api/command/chat", said, "ann", "secret"), 200)
        rows = linesOf(self.done("export", "100", "--to", "-"))
        self.assertEqual([row["content"] for row in rows], ["before", "刚才"])

    def test_progress(self) -> None:
        """
        On a terminal there is a bar; it is no part of what is written.
        """
        self.done("user", "add", "ann", "--password-file=-", stdin=b"secret\n")
        with sqlite3.connect(self.path) as connection:
            connection.execute("INSERT INTO conversations (id, scope, a, b, created) VALUES (1, 2, '100', '', 0)")
        connection.close()
        status, shown = self.onTerminal("export", "100", "--to", "out", answers=[])
        self.assertEqual(status, 0, shown)
        self.assertIn("exporting", shown)
        self.assertIn("wrote 0 rows to out", shown)
        self.assertEqual(self.read("out"), "")

    async def recall(self, draft: Draft) -> None:
        """
        Take a message back.
        """
        store = SQLiteStore(self.path, reactor, Limits())
        await store.start()
        try:
            waiter = Waiter(1)
            store.append(draft, waiter)
            await waiter.done
        finally:
            await store.stop()
