"""
An easyim server's database, brought over: C{imtw import easyim --from
sqlite3.db}.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from imtw.accounts.hashing import TWICE_SHA256
from imtw.errors import CommandRefused, ImtwError
from imtw.gather import together
from imtw.interfaces import IImporter, IStore
from imtw.limits import Limits
from imtw.model import Account, Group, Mode, User, isName
from imtw.numbers import LARGEST
from imtw.protocols.easyim.salts import Salts

#: What is read of each table, in the order in which it is brought over.
QUERIES = {
    "users": "SELECT id, account, nickname, avatar, password_hash, salt, name, mobile, email FROM users",
    "friends": "SELECT user_id, friend_id, remark, created_at FROM friends ORDER BY user_id",
    "friend_add_logs": "SELECT id, user_id, friend_id, msg, status FROM friend_add_logs",
    "chat_groups": "SELECT id, user_id, name, status FROM chat_groups",
    "chat_group_users": "SELECT group_id, user_id, status FROM chat_group_users",
    "chat_group_user_add_logs": "SELECT group_id, user_id FROM chat_group_user_add_logs",
}
AT_ONCE = 200  # rows under way together, so that one commit has many
ZONE = timezone(timedelta(hours=8))  # of the times in the database
PENDING, AGREED = 0, 1  # status of a request
MUTED = 1
FOREVER = (1 << 63) - 1  # ms

_HASH = re.compile("[0-9a-fA-F]{64}").fullmatch
_SALT = re.compile("[!-~]{1,64}").fullmatch

class Skipped(Exception):
    """
    A row is not brought over; says why.
    """


class There(Exception):
    """
    A row has been brought over before.
    """


@implementer(IImporter)
class EasyimImporter:
    """
    Users with their passwords and tokens, friends, requests, groups and
    their members.  Again brings over what is new and changes nothing else.
    """

    def __init__(self, file: str) -> None:
        """
        @raise ImtwError: that is no such database.
        """
        try:
            self._database = sqlite3.connect(f"{Path(file).resolve().as_uri()}?mode=ro", uri=True)
            self._database.text_factory = lambda data: data.decode("utf-8", "replace")
            self._tables = [
                name for (name,) in self._database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            ]
            if "users" not in self._tables:
                raise ImtwError(f"{file} is no database of easyim's: it has no table users")
            self.total = sum(
                int(self._database.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608 - names above
                for name in QUERIES
                if name in self._tables
            )
        except sqlite3.Error as error:
            raise ImtwError(f"{file} cannot be read: {error}") from error
        self._people: dict[int, str] = {}
        self._groups: dict[int, str] = {}
        self._friends: dict[str, set[str]] = {}  # those that some users had before

    async def run(self, store: IStore, limits: Limits, report: Callable[[str, str, str], None]) -> None:
        """
        Bring it all over.
        """
        self._store = store
        self._limits = limits
        self._salts = Salts(store)
        works: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
            "users": self._user,
            "friends": self._friend,
            "friend_add_logs": self._request,
            "chat_groups": self._group,
            "chat_group_users": self._member,
            "chat_group_user_add_logs": self._joining,
        }
        for table, query in QUERIES.items():
            if table not in self._tables:
                continue
            try:
                rows = iter(self._database.execute(query))
                while batch := list(islice(rows, AT_ONCE)):
                    await together(
                        Deferred.fromCoroutine(self._one(table, works[table], row, report)) for row in batch
                    )
            except sqlite3.Error as error:
                raise ImtwError(f"the table {table} cannot be read as one of easyim's: {error}") from error

    async def _one(
        self, table: str, work: Callable[..., Any], row: Sequence[Any], report: Callable[[str, str, str], None]
    ) -> None:
        """
        Bring one row over, and say what became of it.
        """
        outcome, why = "brought over", ""
        try:
            await work(*row)
        except There:
            outcome = "there already"
        except Skipped as skipped:
            outcome, why = "skipped", str(skipped)
        except CommandRefused as refused:
            outcome, why = "skipped", f"{row[:2]}: {refused}"
        report(table, outcome, why)

    async def _user(
        self, number: Any, account: Any, nick: Any, avatar: Any, password: Any, salt: Any, *more: Any
    ) -> None:
        store = self._store
        if not isinstance(account, str) or not isName(account):
            raise Skipped(f"user {number}: {account!r} can be no name here")
        if not isinstance(number, int) or not 0 < number <= LARGEST:
            raise Skipped(f"user {account!r}: the id {number!r} is no positive number")
        other: Account | None = await store.numbered(number)
        if other is not None and other.user.id != account:
            raise Skipped(f"user {account!r}: the id {number} is that of {other.user.id!r} here")
        if other is not None:
            self._people[number] = account
            raise There
        extras = {name: text for name, text in zip(("name", "mobile", "email"), more, strict=True) if text}
        user = User(account, str(nick or ""), str(avatar) if avatar else None, extras={"easyim": extras})
        secret = TWICE_SHA256 + password.lower() if isinstance(password, str) and _HASH(password) else ""
        if not await store.addAccount(user, secret):
            raise Skipped(f"user {account!r}: somebody else has that name here")
        await store.number(account, number)
        if isinstance(salt, str) and _SALT(salt):
            await self._salts.keep(account, salt)
        self._people[number] = account

    async def _friend(self, user: Any, friend: Any, remark: Any, created: Any) -> None:
        one, other = self._both(user, friend)
        if one not in self._friends:
            found = await self._store.friends(one, "", self._limits.friendsPerUser)
            self._friends = {**dict(list(self._friends.items())[-AT_ONCE:]), one: {mate.user.id for mate in found}}
        if other in self._friends[one]:
            raise There
        await self._store.addFriend(one, other, str(remark or ""), timeOf(created))

    async def _request(self, id: Any, user: Any, friend: Any, note: Any, status: Any) -> None:
        one, other = self._both(user, friend)
        if status != PENDING:
            raise Skipped(f"request {id}: it was {'agreed to' if status == AGREED else 'refused'}")
        if not isinstance(id, int) or not 0 < id <= LARGEST:
            raise Skipped(f"request {id!r}: that is no number")
        if await self._store.invitation(id) is not None:
            raise There
        await self._store.invite(one, other, str(note or "")[:200], id)

    def _both(self, user: Any, friend: Any) -> tuple[str, str]:
        """
        Two people who were brought over.
        """
        if user == friend:
            raise Skipped(f"user {user} and itself")
        return self._person(user), self._person(friend)

    def _person(self, number: Any) -> str:
        """
        Somebody who was brought over.
        """
        name = self._people.get(number)
        if name is None:
            raise Skipped(f"user {number!r} was not brought over")
        return name

    async def _group(self, id: Any, owner: Any, name: Any, status: Any) -> None:
        group = str(id)
        creator = self._person(owner)
        found: Group | None = await self._store.group(group)
        if found is not None and (found.mode is not Mode.MANAGED or found.owner != creator):
            raise Skipped(f"group {group}: another one has that id here")
        self._groups[id] = group
        if found is not None:
            raise There
        made = Group(group, str(name or group), mode=Mode.MANAGED, owner=creator)
        await self._store.addGroup(made, [], self._limits.groupsPerUser)
        if status == MUTED:
            raise Skipped(f"group {group}: that nobody may speak in it (the group itself was brought over)")

    async def _member(self, id: Any, user: Any, status: Any) -> None:
        group = self._groups.get(id)
        if group is None:
            raise Skipped(f"group {id!r} was not brought over")
        name = self._person(user)
        isIn = await self._store.membership(name, group) is not None
        if not isIn:
            await self._store.join(name, group, None, self._limits.groupsPerUser)
            if status == MUTED:
                await self._store.mute(name, group, FOREVER)
        else:
            raise There

    async def _joining(self, id: Any, user: Any) -> None:
        raise Skipped(f"group {id}: that user {user} has asked to join; ask again")


def timeOf(text: Any) -> int:
    """
    A time of the database in ms since the epoch; 0 for none.
    """
    try:
        return int(datetime.fromisoformat(str(text)).replace(tzinfo=ZONE).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
