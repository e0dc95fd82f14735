"""
What was committed, in the order of the commits, and what follows from it:
who is where, who may speak, what may be shown to whom.

This is a server without a network, a disk or a crash.  It believes nothing
of what the store computes but the order in which changes were committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.model import Draft, Entry, Fact, Invitation, Membership, Message, Pair, Scope
from imtw.persistence.changes import settled
from imtw.persistence.commit import Item
from imtw.verify.wire import Conversation, group, pair
from imtw.verify.world.friendships import Friendships
from imtw.verify.world.keys import Keys
from imtw.verify.world.words import Seen


class Place(NamedTuple):
    """
    A stay in a group: after one seq, up to another one.
    """

    start: int
    end: int | None = None


class Record:
    """
    The committed past.

    @ivar rows: the logs.
    @ivar stays: by group and user, the last one is open if the user is in.
    @ivar behind: by user and device, how long logs were when it first came.
    @ivar numbers: users by the numbers that some know them by.
    @ivar again: rows that were committed once more, and who was there then.
    @ivar hushed: rows of somebody whom the other one has blocked, and who is
        not told of them.
    @ivar friendships: who is whose friend.
    @ivar faults: what cannot be.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.rows: dict[Conversation, list[Draft]] = {}
        self.stays: dict[tuple[Conversation, str], list[Place]] = {}
        self.behind: dict[tuple[str, str], dict[Conversation, int]] = {}
        self.numbers: dict[str, str] = {}
        self.again: dict[tuple[Conversation, int], set[str]] = {}
        self.hushed: set[tuple[Conversation, int]] = set()
        self.faults: list[str] = []
        self._managed: set[Conversation] = set()
        self._muted: dict[tuple[Conversation, str], int] = {}
        self._kicked: set[tuple[Conversation, str]] = set()
        self._blocked: set[tuple[str, str]] = set()
        self.friendships = Friendships(self.faults, self._blocked)
        self._users: set[str] = set()

    def take(self, batch: Sequence[Item], outcomes: Sequence[Any], now: int) -> None:
        """
        A batch was committed.

        @param now: ms, by the server's clock.
        """
        for (draft, change), outcome in zip(batch, outcomes, strict=True):
            if draft is not None:
                self._said(draft, outcome, now)
            elif not isinstance(outcome, Exception):
                work = change.work
                if getattr(work, "func", None) is settled:  # what is to be done once that is so, or is not done yet
                    work = None if outcome is None else work.keywords["work"]
                does = self._CHANGES.get(getattr(getattr(work, "func", None), "__name__", ""))
                if does is not None:
                    does(self, outcome, **work.keywords)

    # what is asked of it

    def holds(self, where: Conversation, sender: str, id: str) -> bool:
        """
        Is this message committed?
        """
        return any(
            (row.sender, row.id, row.fact) == (sender, id, Fact.MESSAGE) for row in self.rows.get(where, ())
        )

    def isRow(self, where: Conversation, seq: int, sender: str, id: str) -> bool:
        """
        Is this the committed row with that place?
        """
        rows = self.rows.get(where, ())
        return 0 < seq <= len(rows) and (rows[seq - 1].sender, rows[seq - 1].id) == (sender, id)

    def seqOf(self, one: Seen) -> int:
        """
        Where a message is that somebody was shown who is told no seq; 0 for
        nowhere.
        """
        rows = enumerate(self.rows.get(one.where, ()), 1)
        wanted = one.sender, one.id, Fact.MESSAGE
        return next((seq for seq, row in rows if (row.sender, row.id, row.fact) == wanted), 0)

    def mayBeShown(self, user: str, where: Conversation, seq: int) -> bool:
        """
        May a row be pushed to a user?  What is sent again goes to whoever is
        there then.
        """
        if not 0 < seq <= len(self.rows.get(where, ())):
            return False
        if not where.group:
            return user in where
        stays = self.stays.get((where, user), ())
        return user in self.again.get((where, seq), ()) or any(
            stay.start < seq <= (seq if stay.end is None else stay.end)
            or (stay.end is None and (where, seq) in self.again)
            for stay in stays
        )

    def isSettled(self, user: str, where: Conversation) -> bool:
        """
        Was a user let into a group, or is there a reason why not?
        """
        return where in self._managed or (where, user) in self._kicked or (where, user) in self.stays

    def due(self, user: str, device: str, where: Conversation) -> range:
        """
        The rows that a device has to be shown, sooner or later.
        """
        end = len(self.rows.get(where, ()))
        known = self.behind.get((user, device))
        if known is None or (not where.group and user not in where):
            return range(0)
        start = known.get(where, 0) if device else 0  # what was said before its first login waits for it, too
        if where.group:
            stays = self.stays.get((where, user), ())
            if not stays or stays[-1].end is not None:
                return range(0)
            start = max(start, stays[-1].start)
        return range(start + 1, end + 1)

    # messages, recalls, edits

    def _said(self, draft: Draft, outcome: Any, now: int) -> None:
        where = _of(draft.pair)
        rows = self.rows.setdefault(where, [])
        name = f"{draft.id} of {draft.sender} in {where}"
        if isinstance(outcome, tuple):  # an amendment comes with what it amends
            outcome = outcome[0]
        if isinstance(outcome, Message) and outcome.repeat:
            there = {user for group, user in self.stays if group == where and self._isIn((group, user))}
            self.again.setdefault((where, outcome.seq), set()).update(there)
            if not 0 < outcome.seq <= len(rows) or rows[outcome.seq - 1].id != draft.id:
                self.faults.append(f"{name} is said to be row {outcome.seq}, which it is not")
        elif isinstance(outcome, Message):
            rows.append(draft)
            if outcome.seq != len(rows):
                self.faults.append(f"{name} is row {outcome.seq}, and should be {len(rows)}")
            maySpeak = self._maySpeak(draft.sender, where, now)
            if draft.fact is Fact.RECALL and not (maySpeak or where.group):
                self.hushed.add((where, outcome.seq))
            elif draft.fact is not Fact.RECALL and not maySpeak:
                self.faults.append(f"{name} was taken from somebody who may not speak there")
        elif isinstance(outcome, CommandRefused) and outcome.status == Status.FORBIDDEN:
            if draft.fact is Fact.MESSAGE and self._maySpeak(draft.sender, where, now):
                self.faults.append(f"{name} was refused to somebody who may speak there")

    def _maySpeak(self, user: str, where: Conversation, now: int) -> bool:
        if not where.group:
            return (where.partnerOf(user), user) not in self._blocked
        key = where, user
        if key in self._kicked or self._muted.get(key, 0) > now:
            return False
        return where not in self._managed or self._isIn(key)

    # everything else

    def _isIn(self, key: tuple[Conversation, str]) -> bool:
        stays = self.stays.get(key)
        return bool(stays) and stays[-1].end is None  # type: ignore[index]

    def _came(self, where: Conversation, user: str) -> None:
        if not self._isIn((where, user)):
            self.stays.setdefault((where, user), []).append(Place(len(self.rows.get(where, ()))))

    def _went(self, where: Conversation, user: str) -> None:
        if self._isIn((where, user)):
            stays = self.stays[where, user]
            stays[-1] = stays[-1]._replace(end=len(self.rows.get(where, ())))

    def _addAccount(self, outcome: bool, user: Any, secret: str) -> None:
        self._users.add(user.id)

    def _setSecret(self, outcome: bool, user: str, secret: str) -> None:
        if outcome:
            self._keys.secretChanged(user)

    def _dropToken(self, outcome: Any, digest: bytes) -> None:
        self._keys.tokensDropped([digest])

    def _dropDevice(self, outcome: list[bytes] | None, user: str, device: str) -> None:
        if outcome is not None:
            self.behind.pop((user, device), None)
            self._keys.tokensDropped(outcome)
            self._keys.deviceDropped(user, device)

    def _number(self, outcome: int | None, user: str, candidate: int) -> None:
        if outcome is not None:
            self.numbers[str(outcome)] = user

    def _enter(self, outcome: Entry, user: Any, device: str, **more: Any) -> None:
        self._users.add(user.id)
        self.behind.setdefault((user.id, device), {where: len(rows) for where, rows in self.rows.items()})

    def _join(self, outcome: Membership, user: str, group: str, **more: Any) -> None:
        if (_groupOf(group), user) in self._kicked:
            self.faults.append(f"{user} was let into {group} again")
        self._came(_groupOf(group), user)

    def _leave(self, outcome: bool, user: str, group: str) -> None:
        self._went(_groupOf(group), user)

    def _addGroup(self, outcome: Membership, group: Any, members: Sequence[str], limit: int) -> None:
        where = _groupOf(group.id)
        self._managed.add(where)
        for user in [group.owner, *members]:
            if user in self._users and (user, group.owner) not in self._blocked:
                self._came(where, user)

    def _kick(self, outcome: bool, user: str, group: str, kicked: bool) -> None:
        where = _groupOf(group)
        if kicked:
            self._went(where, user)
            self._kicked.add((where, user))
        else:
            self._kicked.discard((where, user))

    def _mute(self, outcome: bool, user: str, group: str, until: int) -> None:
        self._muted[_groupOf(group), user] = until

    def _block(self, outcome: None, user: str, other: str, blocked: bool) -> None:
        if blocked:
            self._blocked.add((user, other))
            self.friendships.silenced(user, other)
        else:
            self._blocked.discard((user, other))

    def _invite(self, outcome: Invitation, user: str, friend: str, **more: Any) -> None:
        self.friendships.invited(outcome, user, friend)

    def _agree(self, outcome: Invitation | None, user: str, inviter: str, limit: int) -> None:
        if outcome is not None:
            self.friendships.agreedTo(outcome, user, inviter)

    def _unfriend(self, outcome: bool, user: str, friend: str) -> None:
        self.friendships.ended(user, friend)

    _CHANGES: ClassVar[dict[str, Callable[..., None]]] = {
        "addAccount": _addAccount,
        "drop": _dropDevice,
        "dropToken": _dropToken,
        "enter": _enter,
        "number": _number,
        "setSecret": _setSecret,
        "join": _join,
        "leave": _leave,
        "addGroup": _addGroup,
        "kick": _kick,
        "mute": _mute,
        "agree": _agree,
        "block": _block,
        "invite": _invite,
        "unfriend": _unfriend,
    }


def _of(found: Pair) -> Conversation:
    """
    A conversation as clients call it.
    """
    return group(found.a) if found.scope is Scope.GROUP else pair(found.a, found.b)


_groupOf = group
