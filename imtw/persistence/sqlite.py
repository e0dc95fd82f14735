"""
The store in one SQLite file.

::

    reactor's thread               writer's thread            readers' threads
    append, enter, join, ... ----> batch: write, commit
         one call a batch <------- its results
    history, account, ... -----------------------------------> query
                          <----------------------------------- its result

What changes anything goes to the one L{Writer}; everything else is read by a
few L{Readers}, which see what is committed, and get the newest messages
(L{Tail<imtw.persistence.tail.Tail>}) along with the question.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred
from zope.interface import implementer

from imtw.counters import CommitSpreads
from imtw.errors import StoreError
from imtw.interfaces import IStore
from imtw.limits import Limits
from imtw.model import (
    Account,
    Device,
    Draft,
    Entry,
    Friend,
    Group,
    Invitation,
    Membership,
    Message,
    Pair,
    Passport,
    Role,
    Standing,
    Tally,
    Token,
    User,
    groupPair,
)
from imtw.persistence import changes, devices, expiry, friends, pages, reads, recent, spans, standings, voices
from imtw.persistence.arrival import Arrival, DeviceArrival
from imtw.persistence.commit import Work
from imtw.persistence.expiry import Remover
from imtw.persistence.readers import Readers
from imtw.persistence.schema import Lock, makeFile, prepareReader, prepareWriter
from imtw.persistence.turns import Turns
from imtw.persistence.writer import Writer

READERS = 3  # threads
DAMAGED = "; the file is damaged, or none of imtw's: see what imtw doctor says of it, and restore a backup"


@implementer(IStore)
class SQLiteStore:
    """
    Keeps everything in one file.

    @ivar path: the file.
    """

    keepsLog = True
    durable = True

    def __init__(self, argument: str, reactor: Any, limits: Limits) -> None:
        self.path = os.path.abspath(argument)
        self._named = bool(argument) and argument != ":memory:"
        self._reactor = reactor
        self._limits = limits
        self._lock: Lock | None = None
        self._pools: list[ConnectionPool] = []
        self._writer = Writer(reactor, limits)
        self._tail = self._writer.tail
        self._readers = Readers()
        self._turns = Turns()
        self._remover = Remover(self._writer.change, self._readers.ask)

    @property
    def waiting(self) -> int:
        """
        Changes queued or being committed.
        """
        return self._writer.waiting

    @property
    def healthy(self) -> bool:
        """
        Whether the database can be written, as far as is known.
        """
        return self._writer.healthy

    @property
    def commits(self) -> CommitSpreads:
        """
        How large commits were, and how long they took.
        """
        return self._writer.commits

    def start(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        """
        Take the file, bring it up to date, open it.
        """
        if not self._named:
            raise StoreError("a file is missing: --store sqlite:FILE (memory: keeps everything in memory)")
        self._lock = Lock(self.path)
        try:
            makeFile(self.path)
            await self._writer.start(self._open(1, prepareWriter))
        except (StoreError, sqlite3.Error, UnicodeDecodeError) as error:  # SQLite's messages quote what is in the file
            self._close()
            advice = "" if isinstance(error, (StoreError, sqlite3.OperationalError)) else DAMAGED
            raise StoreError(f"{self.path} cannot be used: {error}{advice}") from error
        self._readers.start(self._open(READERS, prepareReader))
        await self._remover.start()

    def stop(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """
        Let everything end that was begun.
        """
        self._remover.stop()
        if self._lock is not None:
            await self._readers.stop()
            await self._writer.stop()
            self._close()

    def _open(self, threads: int, prepare: Callable[[sqlite3.Connection], None]) -> ConnectionPool:
        """
        Make connections to the file.
        """
        # One thread opens a connection and uses it, another closes it in the end.
        pool = ConnectionPool(
            "sqlite3",
            self.path,
            isolation_level=None,
            check_same_thread=False,
            cp_reactor=self._reactor,
            cp_min=1,  # each takes 0.1 MB: the others come when there is something for them
            cp_max=threads,
            cp_openfun=prepare,
        )
        self._pools.append(pool)
        return pool

    def _close(self) -> None:
        """
        Close the file and let others have it.
        """
        while self._pools:
            self._pools.pop().close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def append(self, draft: Draft, waiter: Any) -> None:
        self._writer.put(draft, waiter)

    def onCommit(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._writer.begin = begin
        self._writer.end = end

    # users

    def account(self, user: str) -> Deferred[Account | None]:
        return self._readers.ask(reads.account, user)

    def addAccount(self, user: User, secret: str) -> Deferred[bool]:
        return self._writer.change(partial(changes.addAccount, user=user, secret=secret))

    def setSecret(self, user: str, secret: str) -> Deferred[bool]:
        return self._writer.change(partial(changes.setSecret, user=user, secret=secret))

    def renewSecret(self, user: str, old: str, secret: str) -> Deferred[bool]:
        return self._writer.change(partial(changes.renewSecret, user=user, old=old, secret=secret))

    def setOperator(self, user: str, operator: bool) -> Deferred[bool]:
        return self._writer.change(partial(changes.setOperator, user=user, operator=operator))

    def user(self, user: str) -> Deferred[User | None]:
        return self._readers.ask(reads.user, user)

    def users(self, after: str, limit: int) -> Deferred[list[Account]]:
        return self._readers.ask(reads.users, after, limit)

    def number(self, user: str, candidate: int) -> Deferred[int | None]:
        return self._writer.change(partial(friends.number, user=user, candidate=candidate))

    def numbered(self, number: int) -> Deferred[Account | None]:
        return self._readers.ask(reads.numbered, number)

    # friends

    def friends(self, user: str, after: str, limit: int) -> Deferred[list[Friend]]:
        return self._readers.ask(friends.friends, user, after, limit)

    def addFriend(self, user: str, friend: str, remark: str, since: int) -> Deferred[None]:
        most = self._limits.friendsPerUser
        return self._writer.change(
            partial(friends.addFriend, user=user, friend=friend, remark=remark, since=since, limit=most)
        )

    def unfriend(self, user: str, friend: str) -> Deferred[bool]:
        return self._writer.change(partial(friends.unfriend, user=user, friend=friend))

    def invite(self, user: str, friend: str, note: str, id: int | None = None) -> Deferred[Invitation]:
        most = self._limits.friendsPerUser
        return self._writer.change(partial(friends.invite, user=user, friend=friend, note=note, limit=most, id=id))

    def invitation(self, id: int) -> Deferred[Invitation | None]:
        return self._readers.ask(friends.invitation, id)

    def agree(self, user: str, inviter: str) -> Deferred[Invitation | None]:
        most = self._limits.friendsPerUser
        return self._writer.change(partial(friends.agree, user=user, inviter=inviter, limit=most))

    def news(self, user: str, limit: int) -> Deferred[list[Invitation]]:
        return self._readers.ask(friends.news, user, limit)

    def told(self, invitations: Sequence[Invitation]) -> Deferred[None]:
        return self._writer.change(partial(friends.told, invitations=invitations))

    async def _settled(self, user: str, work: Work, goOn: Callable[[], None] = lambda: None) -> Any:
        """
        Do something once a user's conversations are settled: at once where
        these are few, else a slice of them in each commit, a larger one every
        time, so that nobody can make new ones as fast.

        @param goOn: called between two commits.
        """
        slices = count(recent.SLICE, recent.MORE)

        def step() -> Deferred[Any]:
            goOn()
            return self._settle(user, work, next(slices))

        found = await self._settle(user, work, recent.FIRST)
        return await self._turns.take(user, step) if found is None else found

    def _settle(self, user: str, work: Work, most: int) -> Deferred[Any]:
        return self._writer.change(partial(changes.settled, user=user, work=work, most=most))

    # coming in

    def enter(
        self, user: User, terminal: str, lobby: Sequence[tuple[str, str]], forget: bool, device: str = ""
    ) -> Deferred[Entry]:
        arrival = DeviceArrival(user.id, device, self._limits.devicesPerUser) if device else Arrival(user.id)
        work = partial(
            changes.enter, user=user, terminal=terminal, lobby=lobby, forget=forget, device=device, arrival=arrival
        )
        return Deferred.fromCoroutine(self._settled(user.id, work, arrival.goOn))

    # tokens

    def addToken(self, digest: bytes, token: Token, alone: bool = False) -> Deferred[list[bytes]]:
        most = self._limits.tokensPerUser
        return self._writer.change(partial(changes.addToken, digest=digest, token=token, alone=alone, most=most))

    def renewToken(self, digest: bytes, expires: int) -> Deferred[bool]:
        return self._writer.change(partial(changes.renewToken, digest=digest, expires=expires))

    def token(self, digest: bytes) -> Deferred[Token | None]:
        return self._readers.ask(reads.token, digest)

    def dropToken(self, digest: bytes) -> Deferred[Token | None]:
        return self._writer.change(partial(changes.dropToken, digest=digest))

    # groups

    def openGroups(self, groups: Sequence[tuple[str, str]]) -> Deferred[None]:
        return self._writer.change(partial(changes.openGroups, groups=groups))

    def places(self, user: str) -> Deferred[list[Membership]]:
        return self._writer.change(partial(changes.placesOf, user=user))

    def join(self, user: str, group: str, name: str | None, limit: int, origin: str = "") -> Deferred[Membership]:
        return self._writer.change(
            partial(changes.join, user=user, group=group, name=name, limit=limit, origin=origin)
        )

    def leave(self, user: str, group: str) -> Deferred[bool]:
        return self._writer.change(partial(changes.leave, user=user, group=group))

    def group(self, group: str) -> Deferred[Group | None]:
        return self._readers.ask(reads.group, group)

    def groups(self, after: str, limit: int) -> Deferred[list[Group]]:
        return self._readers.ask(reads.groups, after, limit)

    def groupsOf(self, user: str) -> Deferred[list[Group]]:
        return self._readers.ask(reads.groupsOf, user)

    def members(self, group: str, limit: int, first: Sequence[str], without: Sequence[str]) -> Deferred[list[User]]:
        return self._readers.ask(reads.members, group, limit, first, without)

    # logs

    def history(
        self, pair: Pair, begin: float | None, end: float | None, offset: int | None, count: int | None
    ) -> Deferred[list[Message]]:
        return self._readers.ask(
            spans.history, pair, begin, end, offset, count, self._limits.page, self._limits.answer, self._tail.of(pair)
        )

    def walk(self, pair: Pair, after: int, limit: int) -> Deferred[list[Message]]:
        return self._readers.ask(pages.walk, pair, after, limit, self._limits.answer, self._tail.of(pair))

    def find(self, pair: Pair, id: str) -> Deferred[Message | None]:
        return self._readers.ask(pages.find, pair, id, self._tail.of(pair))

    def pending(
        self, user: str, pair: Pair | None, limit: int
    ) -> Deferred[list[tuple[Membership, list[Message]]]]:
        room = self._limits.answer
        work = partial(changes.pending, user=user, pair=pair, limit=limit, room=room)
        return Deferred.fromCoroutine(self._settled(user, work)) if pair is None else self._writer.change(work)

    def moveCursors(self, moved: list[tuple[str, int, int]]) -> Deferred[None]:
        return self._writer.change(partial(changes.moveCursors, moved=moved))

    def received(self, user: str, device: str, pair: Pair, seq: int) -> Deferred[bool]:
        return self._writer.change(partial(devices.received, user=user, device=device, pair=pair, seq=seq))

    def head(self, pair: Pair) -> Deferred[int]:
        return self._writer.change(partial(devices.headOf, pair=pair))

    def page(self, pair: Pair, after: int | None, before: int | None, limit: int) -> Deferred[list[Message]]:
        return self._readers.ask(standings.page, pair, after, before, limit, self._limits.answer, self._tail.of(pair))

    def newest(self, pairs: Sequence[Pair], count: int, until: int | None = None) -> Deferred[list[Tally]]:
        tails = [self._tail.of(pair) for pair in pairs]
        return self._readers.ask(pages.newest, pairs, count, until, self._limits.answer, tails)

    def at(self, pair: Pair, ts: int) -> Deferred[Message | None]:
        return self._readers.ask(pages.at, pair, ts, self._tail.of(pair))

    # messages that live for a while

    def madeBy(self, origin: str, after: str, limit: int) -> Deferred[list[tuple[str, int]]]:
        newest = {number: rows[-1][3] for number, rows in list(self._tail.rows.items())}
        return self._readers.ask(expiry.madeBy, origin, after, limit, newest)

    def expire(self, pair: Pair, origin: str, before: int) -> Deferred[int | None]:
        done = self._writer.change(partial(expiry.expire, pair=pair, origin=origin, before=before))
        return done.addCallback(self._expired)

    def _expired(self, outcome: tuple[int | None, int]) -> int | None:
        """
        Messages are gone, or not: what they were is removed.
        """
        result, number = outcome
        if result == 0:
            self._remover.add(number)
        return result

    # what a user has read

    def markRead(self, user: str, pair: Pair, seq: int) -> Deferred[int | None]:
        return self._writer.change(partial(devices.markRead, user=user, pair=pair, seq=seq))

    def standings(
        self, user: str, before: int | None, limit: int, behind: int | None = None
    ) -> Deferred[list[Standing]]:
        return Deferred.fromCoroutine(self._standings(user, before, limit, behind))

    async def _standings(self, user: str, before: int | None, limit: int, behind: int | None) -> list[Standing]:
        """
        The same; where much has come since the last time, it is settled first.
        """
        asked = user, before, limit, behind, self._limits.answer
        found = await self._readers.ask(standings.standings, *asked, dict(self._tail.rows), recent.FEW)
        if found is None:
            await self._settled(user, lambda _: True)
            found = await self._readers.ask(standings.standings, *asked, dict(self._tail.rows))
        return found or []

    # devices

    def devices(self, user: str) -> Deferred[list[Device]]:
        return self._readers.ask(devices.devices, user)

    def dropDevice(self, user: str, device: str) -> Deferred[list[bytes] | None]:
        return self._writer.change(partial(devices.drop, user=user, device=device))

    # who may do what

    def addGroup(
        self, group: Group, members: Sequence[str], limit: int
    ) -> Deferred[list[tuple[str, Membership]]]:
        return self._writer.change(partial(voices.addGroup, group=group, members=members, limit=limit))

    def addMembers(
        self, group: str, users: Sequence[str], limit: int, by: str
    ) -> Deferred[list[tuple[str, Membership]]]:
        return self._writer.change(partial(voices.addMembers, group=group, users=users, limit=limit, by=by))

    def membership(self, user: str, group: str) -> Deferred[Membership | None]:
        return self._readers.ask(standings.membership, user, group, self._tail.of(groupPair(group)))

    def setRole(self, user: str, group: str, role: Role) -> Deferred[bool]:
        return self._writer.change(partial(voices.setRole, user=user, group=group, role=role))

    def kick(self, user: str, group: str, kicked: bool = True) -> Deferred[bool]:
        return self._writer.change(partial(voices.kick, user=user, group=group, kicked=kicked))

    def mute(self, user: str, group: str, until: int) -> Deferred[bool]:
        return self._writer.change(partial(voices.mute, user=user, group=group, until=until))

    def block(self, user: str, other: str, blocked: bool) -> Deferred[None]:
        return self._writer.change(partial(voices.block, user=user, other=other, blocked=blocked))

    def maySpeak(self, user: str, pair: Pair) -> Deferred[None]:
        return self._readers.ask(voices.maySpeak, user, pair, int(self._reactor.seconds() * 1000))

    def passport(self, pair: Pair, seq: int, sender: str) -> Deferred[Passport]:
        return self._readers.ask(standings.passport, pair, seq, sender)

    # plugins' own

    def put(self, shelf: str, key: str, value: bytes) -> Deferred[None]:
        return self._writer.change(partial(changes.put, shelf=shelf, key=key, value=value))

    def get(self, shelf: str, prefix: str) -> Deferred[list[tuple[str, bytes]]]:
        return self._readers.ask(reads.values, shelf, prefix)
