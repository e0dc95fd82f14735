"""
A poll: ask a group something, vote, see the tally.

Each change is pushed to the group as command 21.  On the store's shelf
C{acme_poll} a poll stands under its id, and behind it the votes, one a user::

    0193...a7            {"group": "100", "id": "0193...a7", "question": ...}
    0193...a7 alice      1
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from twisted.internet.defer import Deferred, DeferredLock
from zope.interface import implementer

from imtw.commands import Command, Name, Reply, Status
from imtw.errors import CommandRefused
from imtw.events import Pushed
from imtw.interfaces import ICommandHandler, ICore, ISession

SHELF = "acme_poll"

Text = Annotated[str, Meta(min_length=1, max_length=200)]


class Poll(Struct, forbid_unknown_fields=True):
    """
    C{question} and C{choices} ask, C{id} and C{choice} vote, C{id} alone looks.

    @ivar choice: a place in C{choices}, from 0.
    """

    group: Name
    question: Text = ""
    choices: Annotated[list[Text], Meta(max_length=20)] = []
    id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")] | None = None
    choice: int | None = None


class Tally(Struct):
    """
    A poll as it stands: the reply, the push and what is kept.

    @ivar votes: one count for each of C{choices}.
    """

    group: str
    id: str
    question: str
    choices: list[str]
    votes: list[int]


@implementer(ICommandHandler)
class PollHandler:
    """
    Answers members of the group.
    """

    command = Command(21, "poll", Poll, 21, Tally, help="ask a group something, vote, see the tally")

    def __init__(self, core: ICore) -> None:
        self._core = core
        self._turns = DeferredLock()  # one request at a time, so that no older tally is pushed after a newer one

    def handle(self, request: Poll, session: ISession) -> Deferred[Reply]:
        return self._turns.run(self._handle, request, session)

    async def _handle(self, request: Poll, session: ISession) -> Reply:
        user = session.user
        if user is None or request.group not in [group.id for group in await self._core.store.groupsOf(user.id)]:
            raise CommandRefused(Status.FORBIDDEN)
        if request.id is None:
            tally = await self._ask(request.group, request.question, request.choices)
        elif request.choice is None:
            return Reply(Status.OK, await self._tally(request.group, request.id))
        else:
            tally = await self._vote(request.group, request.id, request.choice, user.id)
        self._core.delivery.tellGroup(request.group, Pushed(self.command.code, tally))
        return Reply(Status.OK, tally)

    async def _ask(self, group: str, question: str, choices: list[str]) -> Tally:
        if not question or len(choices) < 2:
            raise CommandRefused(Status.BAD_REQUEST)
        tally = Tally(group, self._core.newId(), question, choices, [0] * len(choices))
        await self._core.store.put(SHELF, tally.id, msgspec.json.encode(tally))
        return tally

    async def _vote(self, group: str, id: str, choice: int, user: str) -> Tally:
        tally = await self._tally(group, id)
        if not 0 <= choice < len(tally.choices):
            raise CommandRefused(Status.BAD_REQUEST)
        await self._core.store.put(SHELF, f"{id} {user}", b"%d" % choice)
        return await self._tally(group, id)

    async def _tally(self, group: str, id: str) -> Tally:
        rows = await self._core.store.get(SHELF, id)
        tally = msgspec.json.decode(rows[0][1], type=Tally) if rows else None
        if tally is None or tally.group != group:
            raise CommandRefused(Status.NOT_FOUND)
        for _, choice in rows[1:]:
            tally.votes[int(choice)] += 1
        return tally
