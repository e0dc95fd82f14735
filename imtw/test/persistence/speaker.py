"""
A process of its own that uses a store, for tests that do to it what no test
could survive itself::

    python -m imtw.test.persistence.speaker speak FILE SEED ROWS
    python -m imtw.test.persistence.speaker starve FILE
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Coroutine
from random import Random
from typing import Any

from twisted.internet import reactor as realReactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater, react
from twisted.python.failure import Failure
from zope.interface import implementer

from imtw.interfaces import IAppended
from imtw.limits import Limits
from imtw.model import Draft, Message, User, groupPair, privatePair
from imtw.persistence import tail
from imtw.persistence.sqlite import SQLiteStore
from imtw.test.persistence.harness import Waiter

OUTSTANDING = 50
CONVERSATIONS = [groupPair("g"), *(privatePair("alice", f"user{n}") for n in range(5))]


@implementer(IAppended)
class Speaker:
    """
    Says something new whenever the last thing it said is stored, and writes
    down what is.
    """

    def __init__(self, store: SQLiteStore, random: Random, name: str) -> None:
        self.store = store
        self.random = random
        self.name = name
        self.count = 0

    def speak(self) -> None:
        """
        Say the next thing.
        """
        self.count += 1
        id = f"{self.name}-{self.count}"
        pair = self.random.choice(CONVERSATIONS)
        content = id * self.random.randrange(1, 60)
        device = self.random.choice(["", "phone"])
        self.store.append(Draft(pair, id, "alice", content, self.count, given=True, device=device), self)

    def appended(self, message: Message | None) -> None:
        """
        It is stored: from here on it must never be lost.
        """
        assert message is not None
        os.write(1, f"{message.conversation} {message.seq} {message.id}\n".encode())
        self.speak()

    def refused(self, error: Exception) -> None:
        """
        It is not.
        """
        raise error


async def speak(path: str, seed: str, rows: str) -> None:
    """
    Speak until the end.

    @param rows: how many rows wait for their places.
    """
    tail.ROWS = int(rows)
    store = SQLiteStore(path, realReactor, Limits())
    await store.start()
    await store.enter(User("alice", "Alice"), "tcp", [("g", "Group")], False)
    random = Random(seed)
    for number in range(OUTSTANDING):
        Speaker(store, random, f"{seed}-{number}").speak()
    await Deferred()


async def starve(path: str) -> None:
    """
    Let files grow no further for a while, and write down what the store made
    of that.
    """
    told: dict[str, Any] = {"stored": [], "refused": 0, "atOnce": 0}
    store = SQLiteStore(path, realReactor, Limits())
    await store.start()

    def say(content: str) -> Deferred[Message | None]:
        waiter = Waiter()
        store.append(Draft(CONVERSATIONS[1], content, "alice", content + "x" * 2000, 0), waiter)
        return waiter.result

    async def round(name: str) -> None:
        results: Any = await DeferredList([say(f"{name}-{n}") for n in range(200)], consumeErrors=True)
        told["stored"] += [row.id for stored, row in results if stored]
        told["refused"] += sum(not stored for stored, _ in results)

    await round("before")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path + "-wal") + 100_000, hard))
    await round("full")
    told["healthy while full"] = store.healthy
    refused: Any = say("at once").addErrback(_nameOf).result
    told["at once"] = refused
    read: Any = await store.walk(CONVERSATIONS[1], 0, 1)
    told["read while full"] = len(read)
    await deferLater(realReactor, 0.5)
    told["healthy later"] = store.healthy
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    while not store.healthy:
        await deferLater(realReactor, 0.05)
    await round("after")
    await store.stop()
    json.dump(told, sys.stdout)


def _nameOf(failure: Failure) -> Any:
    """
    What kind of failure this is.
    """
    return type(failure.value).__name__


def main(_: object, what: str, *arguments: str) -> Deferred[None]:
    """
    Do one of these.
    """
    known: dict[str, Any] = {"speak": speak, "starve": starve}
    run: Coroutine[Any, Any, None] = known[what](*arguments)
    return Deferred.fromCoroutine(run)


if __name__ == "__main__":
    react(main, sys.argv[1:])
