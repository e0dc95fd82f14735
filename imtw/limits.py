"""
Every bound there is.  Nothing that a peer sends decides how much memory or
time it gets; these numbers do, and each is an option of C{twistd jim}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from msgspec import Meta, Struct
from msgspec.json import Encoder

T = TypeVar("T")

MOST = 1 << 40
Count = Annotated[int, Meta(ge=1, le=MOST)]  # with none nothing would work
Some = Annotated[int, Meta(ge=0, le=MOST)]
Seconds = Annotated[float, Meta(ge=0, le=MOST)]


class Limits(Struct, frozen=True, kw_only=True):
    """
    The bounds of one server.

    Sizes are bytes, times are seconds, everything else is a count.

    @ivar connections: open connections of all kinds.
    @ivar firstByte: from the connection's start to its first byte.
    @ivar head: from the first byte to a whole HTTP head.
    @ivar headSize: an HTTP request's head.
    @ivar login: from the connection's start to a login, where the dialect
        needs one.
    @ivar body: a frame's or message's body, after login (J-IM's own
        constant).
    @ivar bodyBeforeLogin: the same, before; and over HTTP a form, or what
        easyim's clients ask.
    @ivar webSocketBody: a WebSocket message, all fragments together.
    @ivar httpBody: a request's body.
    @ivar httpBodies: those bodies of requests, all together, that are larger
        than C{bodyBeforeLogin}; past it such a request is refused.
    @ivar httpRequest: from a request's first byte to its last.
    @ivar httpIdle: between two requests on one connection.
    @ivar sendBudget: bytes queued for a peer that does not read; once more
        are, whatever is sent next aborts the connection.  So one write is
        kept that goes beyond, however large: all that a turn has for the
        peer, such as what a sweep of a group joins, up to C{groupBacklog}.
        An answer has what fits into half of it.
    @ivar slots: requests of one connection that wait for their answer.
    @ivar unparsed: bytes kept while a request has to wait; past it the
        connection is not read.
    @ivar groupBacklog: bytes of events waiting for a group's sweep; past it
        the group's senders are not read.
    @ivar commitQueue: messages waiting for a commit; past it senders are not
        read.
    @ivar commitBytes: bytes of large messages waiting for a commit; past it
        senders are not read.
    @ivar commitBatch: messages in one commit.
    @ivar loginQueue: logins waiting for their password to be checked.
    @ivar handovers: private messages of which it is remembered when they were
        handed over, for their passports.
    @ivar slice: sessions served between two turns of the reactor.
    @ivar sessionsPerUser: sessions of a user on this node; past it those that
        entered first end.
    @ivar groupsPerUser: groups a user may be in.
    @ivar devicesPerUser: devices of a user that have cursors of their own;
        past it the one that was not seen for longest is forgotten.
    @ivar tokensPerUser: login tokens of a user; past it those that expire
        first are forgotten.
    @ivar strangersPerUser: private conversations a user may open with names
        nobody has yet.
    @ivar friendsPerUser: friends of a user, and invitations of it that wait.
    @ivar usersListed: users of a group that one answer lists.
    @ivar noticed: live members up to which joins and exits are told.
    @ivar notices: sessions, in all its groups together, that are told that
        one session comes, or goes.
    @ivar page: messages in one answer.
    @ivar typing: least time between two "is typing" of one session.
    @ivar recall: how long a message can be taken back.
    @ivar joinPolicy: how long a join policy may think about one user.
    @ivar token: how long a login token lasts.
    @ivar watched: how long changes of presence are told after they were asked
        for.
    @ivar watchers: sessions that watch one user.
    @ivar watching: users that one session watches; past it those that it
        asked about longest ago are watched no more.
    @ivar drain: how long a stop waits for what is under way.
    """

    connections: Count = 20000
    firstByte: Seconds = 10.0
    head: Seconds = 10.0
    headSize: Count = 64 * 1024
    login: Seconds = 60.0
    body: Count = 2202009
    bodyBeforeLogin: Count = 64 * 1024
    webSocketBody: Count = 524288
    httpBody: Count = 2202009
    httpBodies: Count = 64 * 1024 * 1024
    httpRequest: Seconds = 20.0
    httpIdle: Seconds = 60.0
    sendBudget: Count = 1024 * 1024
    slots: Count = 128
    unparsed: Some = 256 * 1024
    groupBacklog: Some = 8 * 1024 * 1024
    commitQueue: Annotated[int, Meta(ge=4, le=MOST)] = 20000  # quarters of it count
    commitBytes: Count = 64 * 1024 * 1024
    commitBatch: Count = 1000
    loginQueue: Count = 20000
    handovers: Some = 10000
    slice: Count = 64
    sessionsPerUser: Count = 20000  # as many as there may be connections: none is turned out
    groupsPerUser: Some = 1000
    devicesPerUser: Count = 50
    tokensPerUser: Count = 100
    strangersPerUser: Some = 1000
    friendsPerUser: Some = 5000
    usersListed: Some = 200
    noticed: Some = 200
    notices: Some = 2000
    page: Count = 1000
    typing: Seconds = 1.0
    recall: Seconds = 120.0
    joinPolicy: Seconds = 30.0
    token: Seconds = 30 * 86400.0
    watched: Seconds = 300.0
    watchers: Count = 1000
    watching: Count = 2000
    drain: Seconds = 10.0

    @property
    def answer(self) -> int:
        """
        Bytes that one answer has room for.
        """
        return self.sendBudget // 2

    def fitting(self, rows: Sequence[T], newest: bool = False) -> Sequence[T]:
        """
        Those of some rows that one answer has room for, but at least one.

        @param newest: leave out the first ones rather than the last.
        """
        return within(self.answer, rows, newest) or (rows[-1:] if newest else rows[:1])


_encode = Encoder().encode


def within(room: int, rows: Sequence[T], newest: bool = False) -> Sequence[T]:
    """
    Those of some rows that have so many bytes together, or none.

    @param rows: Structs.
    @param newest: leave out the first ones rather than the last.
    """
    count = 0
    for row in reversed(rows) if newest else rows:
        room -= sizeOf(row)
        if room < 0:
            break
        count += 1
    return rows[len(rows) - count :] if newest else rows[:count]


def sizeOf(row: object) -> int:
    """
    How many bytes a Struct takes as JSON: about as many as in any dialect.
    """
    try:
        return len(_encode(row))
    except UnicodeEncodeError:  # lone surrogates, which only memory keeps
        return len(repr(row))
