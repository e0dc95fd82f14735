"""
C{imtw export}: a conversation as JSON lines.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from msgspec.json import Encoder
from twisted.python import usage

from imtw.cli.database import Database
from imtw.cli.options import Command, Failed
from imtw.cli.progress import progress
from imtw.errors import StoreError
from imtw.model import Message, Pair, Scope, groupPair, privatePair

COMPANIONS = ("", "-wal", "-shm", ".lock", ".admin")  # what belongs to a database, by the ends of its names

_encode = Encoder().encode


class Export(Command):
    """
    C{imtw export}.
    """

    longdesc = (
        "Write a conversation into a file: a group's, by its id, or that of two users, by their names. Every row of "
        "the log is a line of JSON, in the order of the log. A message that was taken back keeps its line, without "
        "content, and so has the recall (fact: recall). The file is there when it is whole: until then it is "
        "FILE.part."
    )
    arguments = "GROUP|USER USER --to FILE"
    example = "imtw export ann bob --to ann-bob.jsonl"
    optParameters = [["to", None, None, "The file to write; - is standard output."]]
    optFlags = [["force", None, "Replace the file if it is there."]]

    def parseArgs(self, one: str, other: str | None = None) -> None:  # type: ignore[override]
        """
        Which conversation.
        """
        if not self["to"]:
            raise usage.UsageError("--to is missing")
        self.pair = groupPair(one) if other is None else privatePair(one, other)

    def run(self) -> int:
        """
        Write it.
        """
        store = Database(self.storeSpec())
        with store.read() as database:
            length = database.lengthOf(self.pair)
            if length is None:
                raise Failed(f"{nameOf(self.pair)} is not in {store}; imtw group list and imtw user list tell what is")
            with self._target(store) as target, progress("exporting", length, "rows") as bar:
                count = 0
                try:
                    for message in database.messages(self.pair):
                        target.write(lineOf(message))
                        bar.update(1)
                        count += 1
                except StoreError as error:
                    raise Failed(f"{error}; {count} rows before it are in {self._partial}") from error
        if self["to"] != "-":
            print(f"wrote {count} rows to {self['to']}")
        return 0

    @property
    def _partial(self) -> str:
        """
        Where it is written first.
        """
        return "the output" if self["to"] == "-" else f"{self['to']}.part"

    @contextmanager
    def _target(self, store: Database) -> Iterator[BinaryIO]:
        """
        Where to write; a file gets its name when all is on disk.
        """
        file = self["to"]
        if file == "-":
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        if any(os.path.realpath(file) == os.path.realpath(store.path + end) for end in COMPANIONS):
            raise Failed(f"--to {file} is the database itself: give another name")
        if os.path.isdir(file):
            raise Failed(f"--to {file} is a folder: give the name of a file")
        if os.path.lexists(file) and not self["force"]:
            raise Failed(f"{file} is there already: give another name, or --force to replace it")
        # What people wrote to each other is for the operator's eyes.
        with open(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as stream:
            try:
                yield stream
            except Failed:  # as far as it goes it is good
                raise
            except BaseException:
                with suppress(OSError):
                    os.unlink(self._partial)
                raise
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(self._partial, file)


def nameOf(pair: Pair) -> str:
    """
    A conversation, for people.
    """
    return f"group {pair.a!r}" if pair.scope is Scope.GROUP else f"a conversation of {pair.a!r} and {pair.b!r}"


def lineOf(message: Message) -> bytes:
    """
    A row as a line of JSON.
    """
    pair = message.pair
    to = {"group": pair.a} if pair.scope is Scope.GROUP else {"to": pair.partnerOf(message.sender)}
    row: dict[str, Any] = {
        "seq": message.seq,
        "ts": message.ts,
        "created": message.created,
        "id": message.id,
        "from": message.sender,
        **to,
        "kind": message.kind,
        "content": message.content,
        "fact": message.fact.name.lower(),
    }
    if message.device:
        row["device"] = message.device
    if message.extras is not None:
        row["extras"] = message.extras
    return _encode(row) + b"\n"
