"""
The database that a command works on, and the server that may hold it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from imtw.admin import client, door
from imtw.cli.options import Failed
from imtw.errors import ImtwError, StoreError
from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.model import Pair
from imtw.persistence import conversations, pages
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.persistence.rows import Row

T = TypeVar("T")


class OpenDatabase(ReadOnlyDatabase):
    """
    A database that is only read, and says how far that has got.

    @ivar progress: called with the number of rows that were read, also with
        0 while something takes long.
    """

    STEPS = 1_000_000  # of SQLite's virtual machine between two calls: some tens of ms

    def __init__(self, path: str) -> None:
        self.progress: Callable[[int], object] = lambda rows: None
        super().__init__(path)
        self._connection.set_progress_handler(self._tick, self.STEPS)

    def __enter__(self) -> OpenDatabase:
        return self

    def lengthOf(self, pair: Pair) -> int | None:
        """
        The rows of a conversation's log; L{None} where there is no such
        conversation.
        """
        return self._ask(_lengthOf, pair)

    def rows(self) -> int:
        """
        The rows of all logs, about: a server may be adding some, and removing
        others.
        """
        return self._ask(_rows, self._tails)

    def places(self) -> int:
        """
        The places of all users in conversations.
        """
        return self._ask(_places)

    def _tick(self) -> None:
        self.progress(0)

    def _ask(self, query: Callable[..., T], *arguments: Any, **more: Any) -> T:
        try:
            found = super()._ask(query, *arguments, **more)
        except StoreError:
            if query is not pages.walk or arguments[2] == 1:
                raise
            # One of these rows is damaged.  Those before it are not: read fewer at once.
            pair, after, limit, *rest = arguments
            return self._ask(query, pair, after, limit // 2, *rest, **more)
        if isinstance(found, list):
            self.progress(len(found))
        return found


def _lengthOf(cursor: Any, pair: Pair) -> int | None:
    """
    The last seq of a conversation.
    """
    number = conversations.numberOf(cursor, pair)
    return None if number is None else conversations.headOf(cursor, number)[0]


def _rows(cursor: Any, tails: Mapping[int, Sequence[Row]]) -> int:
    """
    How many rows all logs have: from their floors to their last seqs, each
    found at once.

    @param tails: by conversation, rows that may be in the journal alone.
    """
    lengths = """
        SELECT total((SELECT max(seq) FROM messages WHERE messages.conversation = conversations.id)
            - max(floor - 1, 0))
        FROM conversations
    """
    placed = int(cursor.execute(lengths).fetchone()[0])
    late = (int(rows[-1][1]) - conversations.headOf(cursor, number)[0] for number, rows in tails.items())
    return placed + sum(max(0, count) for count in late)


def _places(cursor: Any) -> int:
    """
    How many places there are.
    """
    return int(cursor.execute("SELECT count(*) FROM members").fetchone()[0])


class Database:
    """
    What C{--store} names.

    @ivar path: the file.
    """

    def __init__(self, spec: str) -> None:
        """
        @raise Failed: it is no file of SQLite's.
        """
        kind, _, file = spec.partition(":")
        if kind != "sqlite" or not file or file == ":memory:":
            raise Failed(f"--store: {spec!r} is not sqlite:FILE, and these commands work on a file")
        self.name = file
        self.path = os.path.abspath(file)

    def __str__(self) -> str:
        return self.name

    def exists(self) -> bool:
        """
        Is the file there?
        """
        return os.path.exists(self.path)

    def read(self) -> OpenDatabase:
        """
        Open it read-only; a server may hold it.
        """
        if not self.exists():
            raise Failed(
                f"{self} is not there: give the server's database (--store sqlite:FILE), or start the server once"
            )
        return OpenDatabase(self.path)

    def holder(self) -> int:
        """
        The process that holds it, or 0.

        A process that is killed leaves its number in the lock's file; whether
        it lives shows in the lock alone.
        """
        try:
            with open(self.path + ".lock", "rb") as stream:
                text = stream.read(20).strip()
                if not text:
                    return 0
                try:
                    fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(text)
        except FileNotFoundError:
            return 0
        except PermissionError as error:
            raise Failed(f"{error.filename} cannot be read: run this as the user that the server runs as") from error
        except ValueError:
            return -1
        return 0

    def door(self) -> door.Door:
        """
        The admin listener of the server that holds the file.

        @raise Failed: it has none.
        """
        holder = self.holder()
        found = door.read(self.path)
        if found is None or found.pid != holder:
            raise Failed(
                f"{self} is in use by process {holder}, which has no admin listener (or is just starting): "
                "start it with --admin tcp:PORT:interface=127.0.0.1, or stop it and run this again"
            )
        return found

    def change(self, route: str, asked: dict[str, Any], alone: Callable[[IStore], Coroutine[Any, Any, T]]) -> Any:
        """
        Have a running server change something, or else do it here.

        @param route: of the server's admin listener.
        @param asked: what it is asked.
        @param alone: called with the store where no server holds it.
        @return: the server's answer, or what C{alone} returned.
        """
        if self.holder():
            return client.ask(self.door(), "POST", route, asked)
        return self.alone(alone)

    def alone(self, work: Callable[[IStore], Coroutine[Any, Any, T]]) -> T:
        """
        Open the store, in a reactor of its own, and do something.
        """
        # Not needed where nothing is changed, and not quick.
        from twisted.internet.defer import Deferred
        from twisted.internet.task import react

        from imtw.persistence.sqlite import SQLiteStore

        results: list[T] = []
        errors: list[Exception] = []

        async def main(reactor: Any) -> None:
            store = SQLiteStore(self.path, reactor, Limits())
            try:
                await store.start()
                try:
                    results.append(await work(store))
                finally:
                    await store.stop()
            except Exception as error:
                errors.append(error)

        try:
            react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
        except SystemExit:
            pass
        if errors:
            raise errors[0]
        if not results:
            raise ImtwError("interrupted")
        return results[0]
