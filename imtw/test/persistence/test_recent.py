"""
Tests for L{imtw.persistence.recent} and L{imtw.persistence.places}: what a
user is told of its conversations costs no more because there are others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import DeferredList, gatherResults

from imtw.limits import Limits
from imtw.model import User, groupPair, privatePair
from imtw.persistence import places, recent, standings
from imtw.persistence.arrival import Arrival, DeviceArrival
from imtw.persistence.ledger import Ledger
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.persistence.rules import OWN_ROWS
from imtw.persistence.schema import prepareReader
from imtw.test.persistence.harness import CHAT, SQLiteTestCase, stepsOf

BOB = User("bob", "Bob")


class RecentTests(SQLiteTestCase):
    """
    Conversations are settled when their user comes to look at them.
    """

    limits = Limits()

    def open(self) -> sqlite3.Cursor:
        """
        Read the file, past the store.
        """
        connection = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(connection.close)
        prepareReader(connection)
        return connection.cursor()

    async def talk(self, first: int, last: int) -> list[str]:
        """
        Have others write to Bob, one after the other.

        @return: who.
        """
        names = [f"user{number}" for number in range(first, last)]
        for name in names:
            self.reactor.time += 1
            await self.say(privatePair("bob", name), name)
        return names

    async def listed(self, store: Any = None, limit: int = 3) -> list[str]:
        """
        With whom Bob talks, page after page.
        """
        found: list[Any] = []
        before = behind = None
        while page := await (store or self.store).standings("bob", before, limit, behind):
            found += page
            before, behind = page[-1].place
        return [one.pair.partnerOf("bob") for one in found]

    async def behind(self, store: Any = None, device: str = "") -> list[str]:
        """
        Who has something that waits for Bob when he comes.
        """
        entry = await (store or self.store).enter(BOB, "tcp", [], False, device)
        return [place.pair.partnerOf("bob") for place in entry.behind]

    async def test_slices(self) -> None:
        """
        However many there are to be settled, a list and a login have all of
        them; a slice is settled in each commit, larger every time.
        """
        slices: list[int] = []
        settle = Ledger.settle

        def counted(ledger: Ledger, user: str, most: int) -> bool:
            slices.append(most)
            return settle(ledger, user, most)

        self.patch(Ledger, "settle", counted)
        self.patch(recent, "FIRST", 2)
        self.patch(recent, "SLICE", 4)
        self.patch(recent, "MORE", 2)
        self.patch(recent, "FEW", 2)
        names = await self.talk(0, 10)
        self.assertEqual(await self.listed(), names[::-1])
        self.assertEqual(self.open().execute("SELECT count(*) FROM unsettled WHERE user = 'bob'").fetchone(), (0,))
        self.assertEqual(slices, [2, 4, 6])
        names += await self.talk(10, 23)
        self.assertEqual(await self.behind(), names)
        self.assertEqual(slices, [2, 4, 6, 2, 4, 6, 8])
        self.assertEqual(self.open().execute("SELECT count(*) FROM unsettled WHERE user = 'bob'").fetchone(), (0,))
        self.assertEqual(await self.behind(device="phone"), names)
        self.assertEqual([place.pair.partnerOf("bob") for place, _ in await self.store.pending("bob", None, 99)], names)

    async def test_few(self) -> None:
        """
        A list that finds few writes nothing.
        """
        names = await self.talk(0, 10)
        self.assertEqual(await self.listed(), names[::-1])
        self.assertEqual(self.open().execute("SELECT count(*) FROM unsettled WHERE user = 'bob'").fetchone(), (10,))

    async def test_copied(self) -> None:
        """
        A copy of the file that was made at any time has the same list, and
        the same waits.
        """
        names = await self.talk(0, 5)
        await self.behind()
        names += await self.talk(5, 9)
        self.reactor.time += 1
        await self.say(privatePair("bob", "user2"), "bob")
        names.append(names.pop(2))
        for store in (self.store, await self.copied()):
            self.assertEqual(await self.listed(store), names[::-1])
            self.assertEqual(await self.behind(store), sorted(names))
            self.assertEqual(await self.listed(store), names[::-1])

    async def test_failedChange(self) -> None:
        """
        What a change that fails has settled is not settled.
        """
        await self.say(CHAT, "alice")
        asked: list[Any] = [
            self.say(privatePair("bob", "carol"), "carol"),
            self.store.enter(BOB, "tcp", [("\ud800", "bad")], False),
            self.say(privatePair("bob", "dave"), "dave"),
        ]
        results = await DeferredList(asked, consumeErrors=True)
        self.assertEqual([success for success, _ in results], [True, False, True])
        self.assertEqual(await self.behind(), ["alice", "carol", "dave"])
        self.assertEqual(sorted(await self.listed()), ["alice", "carol", "dave"])

    async def test_monologue(self) -> None:
        """
        Own rows do not wait, but of very many it is not looked what is
        before them.
        """
        await self.say(CHAT, "alice")
        await self.say(CHAT, "bob")
        await self.store.moveCursors([("bob", 1, 1)])
        self.assertEqual(await self.behind(), [])
        await gatherResults([self.say(CHAT, "bob") for _ in range(OWN_ROWS - 1)])
        self.assertEqual(await self.behind(), [])
        await self.say(privatePair("bob", "carol"), "carol")
        await gatherResults([self.say(CHAT, "bob") for _ in range(OWN_ROWS + 1)])
        self.assertEqual(await self.behind(), ["alice", "carol"])
        await self.store.moveCursors([("bob", 1, 2 * OWN_ROWS)])
        self.assertEqual(await self.behind(), ["carol"])

    async def test_confirmed(self) -> None:
        """
        What a device has not confirmed is told again and again, whatever it
        confirms of others.
        """
        names = await self.talk(0, 4)
        self.assertEqual(await self.behind(device="phone"), names)
        for name, waits in (("user3", names[:3]), ("user0", names[1:3]), ("user2", names[1:2]), ("user1", [])):
            self.assertTrue(await self.store.received("bob", "phone", privatePair("bob", name), 1))
            self.assertEqual(await self.behind(device="phone"), waits)
            self.assertEqual(await self.behind(device="phone"), waits)
        await self.say(privatePair("bob", "user2"), "bob")
        self.assertEqual(await self.behind(device="phone"), ["user2"])
        self.assertEqual(await self.behind(), names)

    async def test_wrongPlace(self) -> None:
        """
        A place in a list that is not the last message's is named.
        """
        await self.talk(0, 3)
        await self.behind()
        await self.store.stop()
        with ReadOnlyDatabase(self.path) as database:
            self.assertEqual(list(database.damage()), [])
        with sqlite3.connect(self.path) as connection:
            connection.execute("UPDATE members SET last = last - 1 WHERE user = 'bob' AND conversation = 2")
        connection.close()
        with ReadOnlyDatabase(self.path) as database:
            [finding] = database.damage()
        self.assertIn("conversation 2", finding)
        await self.store.start()

    async def test_cost(self) -> None:
        """
        Neither a page of the list nor what waits costs more with many
        conversations than with few, nor does settling some.
        """
        await self.store.join("bob", "g", None, 10)
        await self.say(groupPair("g"), "bob")
        costs: list[dict[str, int]] = []
        for first, last in ((0, 100), (100, 2000)):
            names = [f"user{number:04}" for number in range(first, last)]
            rows = await gatherResults([self.say(privatePair("bob", name), name) for name in names])
            await self.store.enter(BOB, "tcp", [], False, "phone")
            await self.store.moveCursors([("bob", row.conversation, 1) for row in rows])
            for row in rows:
                await self.store.received("bob", "phone", row.pair, 1)
            self.reactor.time += 1
            for number in range(5):
                await self.say(privatePair("bob", f"user{number:04}"), f"user{number:04}")
            await self.store.enter(BOB, "tcp", [], False, "phone")
            costs.append(self.costs(rows[50].ts))
        for name, cost in costs[0].items():
            self.assertLess(costs[1][name], 1.5 * cost + 100, name)

    def costs(self, middle: int) -> dict[str, int]:
        """
        How many of SQLite's instructions what users ask for takes.
        """
        cursor = self.open()
        ledger = Ledger(self.reactor.seconds)
        ledger.begin(cursor)

        def settle() -> bool:
            recent.settle(cursor, "bob", [2, 3, 4])
            return cursor.rowcount == 3

        asked: dict[str, Callable[[], Any]] = {
            "first page": lambda: standings.standings(cursor, "bob", None, 20, None, 1 << 20, {}),
            "from the middle": lambda: standings.standings(cursor, "bob", middle + 1, 20, None, 1 << 20, {}),
            "behind": lambda: Arrival("bob").look(ledger),
            "behind, a device": lambda: DeviceArrival("bob", "phone", 9).look(ledger),
            "waiting": lambda: list(places.waiting(cursor, "bob")),
            "settle": settle,
        }
        cursor.execute("PRAGMA query_only = OFF")
        cursor.execute("BEGIN")
        try:
            return {name: stepsOf(cursor.connection, ask) for name, ask in asked.items()}
        finally:
            cursor.execute("ROLLBACK")
