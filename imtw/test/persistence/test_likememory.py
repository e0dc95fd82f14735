"""
SQLite against the store in memory, at random.
"""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.model import (
    Draft,
    Fact,
    Group,
    Invitation,
    Message,
    Mode,
    Pair,
    Role,
    Token,
    User,
    groupPair,
    privatePair,
)
from imtw.persistence import headcache, ledger, memoryrecent, recent, tail
from imtw.persistence.memory import MemoryStore
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.test.persistence.harness import SQLiteTestCase, Waiter


class LikeMemoryTests(SQLiteTestCase):
    """
    The two stores that keep logs are told apart by nobody.
    """

    seeds = range(16)
    steps = 60
    names = ("alice", "bob", "carol", "dave")
    pairs: list[Pair]

    async def test_random(self) -> None:
        """
        Whatever is done to both, one at a time or many at once, both have the
        same; also after a restart.
        """
        for seed in self.seeds:
            self.random = Random(seed)
            self.patch(tail, "ROWS", (0, 3, 10, 1000)[seed % 4])
            self.patch(ledger, "CHUNK", (2, 512)[seed % 2])
            for module in (headcache, ledger):
                self.patch(module, "KEPT", (1, 3, 1000)[seed % 3])
            self.patch(recent, "FEW", (0, 1, 100)[seed % 3])
            self.patch(memoryrecent, "MANY", (0, 50)[seed % 2])
            self.memory = MemoryStore("", self.reactor, self.limits)
            self.pairs = [privatePair(self.random.choice(self.names), self.random.choice(self.names)) for _ in range(3)]
            self.pairs += [groupPair("g"), groupPair(f"other{seed}")]
            self.path = self.mktemp()
            await self.restart()
            for step in range(self.steps):
                self.reactor.time += self.random.choice([0, 0.001, 1, 50, -20])
                await self.same(f"seed {seed}, step {step}", [self.change() for _ in range(self.random.randrange(12))])
                for _ in range(3):
                    await self.same(f"seed {seed}, step {step}", [self.question()])
                if self.random.random() < 0.02:
                    await self.restart()
            for _ in range(2):
                for pair in self.pairs:
                    await self.same(f"seed {seed}, at the end", [("walk", (pair, 0, 1000))])
                await self.restart()
            with ReadOnlyDatabase(self.path) as database:
                self.assertEqual(list(database.damage()), [])

    async def same(self, where: str, asked: list[tuple[str, tuple[Any, ...]]]) -> None:
        """
        Do some things to both stores, to the one in the file all at once,
        and compare.
        """
        waiting = [self.outcome(self.store, name, args) for name, args in asked]
        ours: Any = await gatherResults(waiting)
        for (name, args), our in zip(asked, ours, strict=True):
            if name == "append" and "\ud800" in args[0].id:
                self.assertNotIsInstance(our, Message)
                continue  # which memory would take
            theirs = await self.outcome(self.memory, name, args)
            self.assertEqual(our, theirs, f"{where}: {name} {args}")

    def change(self) -> tuple[str, tuple[Any, ...]]:
        """
        Something that is done in the order in which it is asked for.
        """
        random = self.random
        pair, name, id = random.choice(self.pairs), random.choice(self.names), f"{random.randrange(12)}"
        now = int(self.reactor.time * 1000)
        given = random.random() < 0.7
        draft = Draft(
            pair,
            id if given else f"made{random.random()}",
            random.choice([pair.a, pair.b or name]),
            random.choice(["a", "b", None, "c" * 10000]),
            random.choice([now, now - random.randrange(10**6), 0]),
            given=given,
            device=random.choice(["", "", "phone"]) if given else "",
        )
        return random.choice(
            [
                *[("append", (draft,))] * 8,
                *[("append", (replace(draft, fact=Fact.RECALL, device="", given=False, id=id),))] * 3,
                ("append", (replace(draft, id="\ud800"),)),
                ("pending", (name, random.choice([pair, None]), random.randrange(1, 8))),
                ("moveCursors", ([(name, random.randrange(1, 6), random.randrange(20))],)),
                ("enter", (User(name, name), "tcp", [("g", "Lobby")], random.random() < 0.1)),
                ("enter", (User(name, name), "tcp", [], False, random.choice(["phone", "page"]))),
                ("received", (name, random.choice(["", "phone", "page"]), pair, random.randrange(20))),
                ("markRead", (name, pair, random.randrange(20))),
                ("join", (name, pair.a, None, 3)),
                ("leave", (name, "g")),
                self.changeOfPeople(name, pair),
                self.changeOfPeople(name, pair),
            ]
        )

    def changeOfPeople(self, name: str, pair: Pair) -> tuple[str, tuple[Any, ...]]:
        """
        The same, about who may do what, on what, and with whom.
        """
        random = self.random
        now = int(self.reactor.time * 1000)
        other, group = random.choice([one for one in self.names if one != name]), random.choice(["g", "club", "house"])
        device = random.choice(["", "phone", "page", "pad", "car"])
        digest = f"{name}{random.randrange(9)}".encode()
        token = Token(name, device, now, now + random.randrange(1000, 9999), random.choice(["", "x"]))
        return random.choice(
            [
                ("addGroup", (Group(group, group.title(), None, Mode.MANAGED, name), [other, "dave"], 3)),
                ("addMembers", (group, [other, name], 3, name)),
                ("setRole", (other, "house", random.choice(list(Role)))),  # which only managed groups have
                ("kick", (other, group, random.random() < 0.7)),
                ("mute", (other, group, random.choice([0, now - 100_000, now + 10**9]))),
                ("block", (name, other, random.random() < 0.4)),
                ("block", (name, other, False)),
                ("addFriend", (name, other, random.choice(["", "dear"]), now)),
                ("unfriend", (name, other)),
                ("invite", (name, other, "hi", random.choice([None, None, 3]))),
                ("agree", (name, other)),
                ("told", ([Invitation(random.randrange(1, 5), name, other, "", random.random() < 0.5, 0)],)),
                ("number", (name, random.randrange(1, 5))),
                ("addAccount", (User(other, other.title(), extras={"a": 1}, number=4), "secret")),
                ("setSecret", (name, random.choice(["secret", "other"]))),
                ("renewSecret", (name, "secret", "newer")),
                ("setOperator", (name, random.random() < 0.5)),
                ("addToken", (digest, token, random.random() < 0.2)),
                ("renewToken", (digest, now + 5000 + random.randrange(999))),
                ("dropToken", (digest,)),
                ("dropDevice", (name, device)),
                ("put", ("secrets", f"{name}\n{device}", digest)),
                ("enter", (User(name, name), "tcp", [], False, device)),
                ("openGroups", ([("club", "Club")],)),
                ("join", (name, "club", None, 3, random.choice(["", "fastim"]))),
                ("leave", (name, group)),
                ("places", (name,)),
                ("head", (pair,)),
                ("expire", (groupPair(group), "fastim", now - random.randrange(100_000))),
            ]
        )

    def question(self) -> tuple[str, tuple[Any, ...]]:
        """
        Something to be read.
        """
        random = self.random
        pair, name = random.choice(self.pairs), random.choice(self.names)
        end = int(self.reactor.time * 1000) - random.randrange(100_000)
        begin = random.choice([None, 0, end - 1000, end - 10**6])
        return random.choice(
            [
                ("history", (pair, None, None, None, random.choice([None, 3]))),
                ("history", (pair, None, None, random.randrange(30), random.randrange(8))),
                ("history", (pair, begin, end, random.choice([None, 0, 2, 20]), random.choice([None, -1, 3]))),
                ("walk", (pair, random.randrange(20), 5)),
                ("find", (pair, f"{random.randrange(12)}")),
                ("groupsOf", (name,)),
                ("standings", (name, None, random.randrange(1, 8))),
                ("standings", (name, end, random.randrange(1, 8), random.choice([None, 2]))),
                ("members", (pair.a, 3, [random.choice(self.names)], [random.choice(self.names)])),
                self.questionOfPeople(name, pair),
                self.questionOfPeople(name, pair),
            ]
        )

    def questionOfPeople(self, name: str, pair: Pair) -> tuple[str, tuple[Any, ...]]:
        """
        The same, about people, and the less usual about logs.
        """
        random = self.random
        other, group = random.choice(self.names), random.choice(["g", "club", "house"])
        seq = random.choice([None, random.randrange(-2, 30)])
        return random.choice(
            [
                ("page", (pair, seq, random.choice([None, random.randrange(-2, 30)]), random.randrange(1, 9))),
                ("newest", ([pair, *self.pairs], random.randrange(5), seq)),
                ("at", (pair, int(self.reactor.time * 1000) - random.randrange(5))),
                ("passport", (pair, random.randrange(20), other)),
                ("maySpeak", (name, pair)),
                ("maySpeak", (name, groupPair(group))),
                ("madeBy", ("fastim", random.choice(["", "g"]), 9)),
                ("account", (name,)),
                ("users", ("", 3)),
                ("numbered", (random.randrange(1, 5),)),
                ("friends", (name, random.choice(["", "bob"]), 9)),
                ("news", (name, 9)),
                ("invitation", (random.randrange(1, 5),)),
                ("token", (f"{name}{random.randrange(9)}".encode(),)),
                ("devices", (name,)),
                ("membership", (name, group)),
                ("group", (group,)),
                ("groups", ("", 9)),
                ("get", ("secrets", "")),
            ]
        )

    def outcome(self, store: Any, name: str, args: tuple[Any, ...]) -> Deferred[Any]:
        """
        Do something to a store; fires with its result, or with why it was
        refused.
        """
        if name == "append":
            waiter = Waiter()
            store.append(*args, waiter)
            result: Deferred[Any] = waiter.result
        else:
            result = getattr(store, name)(*args)
        if name in ("addToken", "dropDevice"):  # hashes in any order
            result.addCallback(lambda hashes: hashes and sorted(hashes))
        return result.addErrback(statusOf)


def statusOf(failure: Failure) -> Any:
    """
    Why something was refused.
    """
    failure.trap(CommandRefused)
    refused: Any = failure.value
    return Status(refused.status)
