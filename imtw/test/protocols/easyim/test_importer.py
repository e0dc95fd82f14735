"""
Tests for L{imtw.protocols.easyim.importer}, with a database that the real
server made.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections import Counter
from typing import Any

from imtw.errors import ImtwError
from imtw.limits import Limits
from imtw.model import User
from imtw.protocols.easyim.importer import EasyimImporter
from imtw.test.cli.harness import CommandTestCase
from imtw.test.live import LiveTestCase
from imtw.test.protocols.easyim.test_vectors import DATA

PEOPLE: list[dict[str, str]] = json.loads(DATA.joinpath("sqlite_users.json").read_text("utf-8"))
IDS = {one["account"]: int(one["id"]) for one in PEOPLE}

#: What people have done with that server later.
LATER = """
    INSERT INTO friends VALUES (1, '2026-11-21 09:00:00', NULL, {alice}, {bob}, 'Bobby', 0);
    INSERT INTO friends VALUES (2, '2026-11-21 09:00:00', NULL, {bob}, {alice}, '', 0);
    INSERT INTO friends VALUES (3, NULL, NULL, {alice}, 99, '', 0);
    INSERT INTO friends VALUES (4, NULL, NULL, {alice}, {alice}, '', 0);
    INSERT INTO friend_add_logs VALUES (2123933411998437399, NULL, NULL, {nonick}, {alice}, 'it is me', 0);
    INSERT INTO friend_add_logs VALUES (6, NULL, NULL, {alice}, {bob}, '', 1);
    INSERT INTO friend_add_logs VALUES (7, NULL, NULL, {nonick}, {bob}, '', 2);
    INSERT INTO chat_groups VALUES (2123933411998437400, NULL, NULL, {alice}, '茶', 1, 0);
    INSERT INTO chat_groups VALUES (8, NULL, NULL, 99, 'nobody''s', 0, 0);
    INSERT INTO chat_group_users VALUES (1, NULL, NULL, 2123933411998437400, {alice}, 0, 0, 0);
    INSERT INTO chat_group_users VALUES (2, NULL, NULL, 2123933411998437400, {bob}, 1, 0, 0);
    INSERT INTO chat_group_users VALUES (3, NULL, NULL, 8, {bob}, 0, 0, 0);
    INSERT INTO chat_group_user_add_logs VALUES (1, NULL, NULL, 2123933411998437400, {nonick}, 0);
    INSERT INTO users VALUES (5, NULL, NULL, 's', 'broken', ' bad name', '', '', 'm1', 'e1', '', '');
    INSERT INTO users VALUES (6, NULL, NULL, 's', 'broken', 'taken', '', '', 'm2', 'e2', '', '');
""".format_map(IDS)


class ImporterTests(LiveTestCase):
    """
    Bringing it over into a running server's store.
    """

    async def prepare(self) -> None:
        """
        The database, and a server that has a user already.
        """
        self.file = self.mktemp()
        shutil.copy(str(DATA.joinpath("easyim.db")), self.file)
        database = sqlite3.connect(self.file)
        database.executescript(LATER)
        database.close()
        self.live = await self.serve("--auth", "accounts:", "--store", f"sqlite:{self.mktemp()}")
        await self.live.core.store.addAccount(User("taken", "somebody else"), "")
        self.reasons: list[str] = []

    async def bring(self) -> Counter[tuple[str, str]]:
        """
        Bring it over; what came of it.
        """
        counts: Counter[tuple[str, str]] = Counter()
        self.reasons.clear()

        def report(kind: str, outcome: str, why: str) -> None:
            counts[kind, outcome] += 1
            if why:
                self.reasons.append(why)

        importer = EasyimImporter(self.file)
        await importer.run(self.live.core.store, Limits(), report)
        self.assertEqual(sum(counts.values()), importer.total)
        return counts

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """
        Ask a route.
        """
        return (await self.http(self.live.port, "POST", f"/api/user/{path}", body)).json

    async def test_logIn(self) -> None:
        """
        Everybody logs in with the old password and has the old id; its hash
        is a better one from then on.
        """
        await self.bring()
        for one in PEOPLE:
            store: Any = self.live.core.store
            self.assertIn("$sha256hex2$", (await store.account(one["account"])).secret)
            wrong = await self.post("login", {"account": one["account"], "password": one["password"] + "x"})
            self.assertEqual(wrong["msg"], "密码不正确")
            answer = await self.post("login", {"account": one["account"], "password": one["password"]})
            self.assertEqual((answer["code"], answer["data"]["id"]), (200, one["id"]), answer)
            self.assertEqual(answer["data"]["nickname"], one["nickname"])
            self.assertIn("$argon2id$", (await store.account(one["account"])).secret)

    async def test_friends(self) -> None:
        """
        They see their friends, and answer requests by their old ids.
        """
        await self.bring()
        alice = (await self.post("login", {"account": "alice", "password": "123456"}))["data"]["access_token"]
        shown = (await self.http(self.live.port, "GET", f"/api/user/friends?access_token={alice}")).json["data"]
        self.assertEqual([item["account"] for item in shown["items"]], ["bob"])
        accepted = await self.post("friend/accept", {"access_token": alice, "id": "2123933411998437399"})
        self.assertEqual(accepted["code"], 200, accepted)
        names = [one.user.id for one in await self.live.core.store.friends("alice", "", 10)]
        self.assertEqual(names, ["bob", "nonick"])
        [bob, _] = await self.live.core.store.friends("alice", "", 10)
        self.assertEqual((bob.remark, bob.since), ("Bobby", 1795222800000))

    async def test_tokens(self) -> None:
        """
        Tokens of the old server are good as long as they last; who had
        logged out has none.
        """
        await self.bring()
        tokens = self.live.server.core.accounts
        self.patch(self.live.core.clock, "seconds", lambda: 1795220200.0)
        for one in PEOPLE:
            user = None if one["account"] == "loggedout" else one["account"]
            try:
                found = (await tokens.login("", "", one["access_token"], "192.0.2.1")).user.id
            except Exception:
                found = None
            self.assertEqual(found, user)

    async def test_groups(self) -> None:
        """
        Groups have their owners, members, and who may not speak.
        """
        await self.bring()
        store: Any = self.live.core.store
        group = "2123933411998437400"
        self.assertEqual((await store.group(group)).owner, "alice")
        self.assertEqual([user.id for user in await store.members(group, 10, [], [])], ["alice", "bob"])
        self.assertIsNone(await store.group("8"))

    async def test_report(self) -> None:
        """
        What is skipped is named, and why; a second time nothing is new.
        """
        counts = await self.bring()
        self.assertEqual(counts["users", "brought over"], 7)
        self.assertEqual(counts["users", "skipped"], 2)
        self.assertEqual(counts["friends", "brought over"], 2)
        for words in (
            "' bad name' can be no name here",
            "somebody else has that name here",
            "99 was not brought over",
            "and itself",
            "it was agreed to",
            "it was refused",
            "has asked to join",
        ):
            self.assertIn(words, "\n".join(self.reasons))
        account: Any = await self.live.core.store.account("taken")
        self.assertEqual((account.user.nick, account.secret), ("somebody else", ""))
        again = await self.bring()
        self.assertEqual({kind for (kind, outcome) in again if outcome == "brought over"}, set())

    async def test_changedSince(self) -> None:
        """
        Bringing it over again gives nobody an old password or an old token
        back.
        """
        await self.bring()
        await self.post("login", {"account": "alice", "password": "123456"})
        await self.live.core.accounts.setPassword("alice", "new")  # type: ignore[attr-defined]
        await self.bring()
        self.assertEqual((await self.post("login", {"account": "alice", "password": "123456"}))["code"], 400)
        self.assertEqual((await self.post("login", {"account": "alice", "password": "new"}))["code"], 200)
        with self.assertRaises(Exception):  # noqa: B017 - whatever refuses it
            await self.live.core.accounts.login("", "", PEOPLE[0]["access_token"], "192.0.2.1")


class ImportTests(CommandTestCase):
    """
    C{imtw import}.
    """

    def test_import(self) -> None:
        """
        It says what it has done, and what is wrong with what it was given.
        """
        file = str(DATA.joinpath("easyim.db"))
        told = self.done("import", "easyim", "--from", file)
        self.assertEqual(told, "users: 7 brought over, 0 there already, 0 skipped\n")
        self.assertIn("bob\tBob", self.done("user", "list"))
        self.assertIn("nowhere.db cannot be read", self.refused("import", "easyim", "--from", "nowhere.db"))
        foreign = os.path.abspath(self.mktemp())
        sqlite3.connect(foreign).execute("CREATE TABLE users (id)").connection.close()
        self.assertIn(
            "users cannot be read as one of easyim's: no such column",
            self.refused("import", "easyim", "--from", foreign),
        )
        self.assertIn("easyim", self.refused("import", "nosuch", "--from", file))
        self.assertIn("--from is missing", self.refused("import", "easyim"))
        other = self.mktemp()
        sqlite3.connect(other).execute("CREATE TABLE t (a)").connection.close()
        self.assertRaises(ImtwError, EasyimImporter, other)
