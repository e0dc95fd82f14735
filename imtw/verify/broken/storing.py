"""
What is stored, and what is acknowledged of it.
"""

from __future__ import annotations

import os
import sqlite3
from time import sleep
from typing import Any


def earlyAck() -> None:
    """
    Acknowledges before the commit.
    """
    from imtw.commands import ChatResult, Reply, Status
    from imtw.delivery import Delivery

    append = Delivery._append

    def appendAndAck(self: Delivery, session: Any, draft: Any) -> Any:
        slot = append(self, session, draft)
        slot.fill(Reply(Status.SENT, ChatResult(draft.id, 1, draft.created)))
        return slot

    Delivery._append = appendAndAck  # type: ignore[method-assign]


def tardy() -> None:
    """
    Takes its time to commit.
    """
    from imtw.persistence.commit import Committer

    commit = Committer.commit

    def commitLater(self: Committer, cursor: sqlite3.Cursor, batch: Any) -> Any:
        sleep(0.02)
        return commit(self, cursor, batch)

    Committer.commit = commitLater  # type: ignore[method-assign]


def unsynced() -> None:
    """
    Leaves it to the system when a commit gets to the disk.
    """
    from imtw.persistence import schema  # before the store, which takes the function from there, is imported

    prepare = schema.prepareWriter

    def prepareLazily(connection: sqlite3.Connection) -> None:
        prepare(connection)
        connection.execute("PRAGMA synchronous = NORMAL")

    schema.prepareWriter = prepareLazily


def dieAtOnce() -> None:
    """
    Finishes nothing when it is asked to stop.
    """
    from imtw.service import Server

    Server.stopService = lambda self: os._exit(0)  # type: ignore[method-assign]


def brazen() -> None:
    """
    Acknowledges what could not be stored.
    """
    from imtw.commands import ChatResult, Reply, Status
    from imtw.delivery import ChatSlot

    ChatSlot.refused = (  # type: ignore[method-assign]
        lambda self, error: self.fill(Reply(Status.SENT, ChatResult("", 1, 1)))
    )


def unchecked() -> None:
    """
    Serves rows whose checksum does not fit.
    """
    from imtw.persistence import rows

    rows.isSound = lambda row: True


def forgetful() -> None:
    """
    Takes no notice of ids, and so of repeats.
    """
    from imtw.handlers.chat import ChatHandler

    handle = ChatHandler.handle

    def handleWithoutId(self: ChatHandler, request: Any, session: Any) -> Any:
        request.id = None
        return handle(self, request, session)

    ChatHandler.handle = handleWithoutId  # type: ignore[method-assign]


def piecemeal() -> None:
    """
    Upgrades a database without transactions.
    """
    from imtw.persistence import schema

    def upgradeSlowly(connection: sqlite3.Connection) -> None:
        for step, sql in schema.steps():
            if step > schema.versionOf(connection):
                for statement in sql.split(";\n"):
                    connection.executescript(statement)
                    sleep(0.02)
                connection.executescript(
                    f"PRAGMA application_id = {schema.APPLICATION:d}; PRAGMA user_version = {step:d}"
                )

    schema.upgrade = upgradeSlowly  # type: ignore[assignment]


def onesided() -> None:
    """
    Makes one of two a friend of the other, and not both.
    """
    from imtw.persistence import friends

    add = friends.addFriend

    def addOne(ledger: Any, user: str, friend: str, remark: str, since: int, limit: int) -> None:
        if user < friend:
            add(ledger, user, friend, remark, since, limit)

    friends.addFriend = addOne
