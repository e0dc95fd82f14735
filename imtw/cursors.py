"""
How far the devices without a name have got, for users who are online with one.

Old clients confirm nothing: what was handed to one of a user's connections
counts as seen, if it stood right after what was seen before.  So a user who
is online is either I{behind} in a conversation (something waits there until
the client asks for it) or moves along with every push, and that is kept in
memory.  Moved cursors go to the store at most once a second and at logout: a
crash repeats a little, it never loses.

In a group nothing is kept per message and member: the group knows what its
last sweep had, and a member that is not behind has that.  So members of groups
that were swept are looked through, a number of them each second: a large
group's cursors may be written some seconds late, and nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.groups import LiveGroup, Member
from imtw.interfaces import IStore
from imtw.model import Membership
from imtw.sessions import Session

NOWHERE: Any = frozenset()  # one for all, to which nothing can be added: each takes 0.2 KB
MEMBERS_A_ROUND = 1000  # looked through at once: 1 ms, and the writer is not flooded
MOVED_AT_ONCE = 1000  # cursors written in one commit: 6 ms


class Cursors:
    """
    The cursors of the users who are online.
    """

    log = Logger()

    def __init__(self, store: IStore) -> None:
        self._store = store
        self._behind: dict[str, set[int]] = {}
        self._moved: dict[str, dict[int, int]] = {}
        self._swept: dict[LiveGroup, None] = {}
        self._members: Iterator[Member] = iter(())

    def enter(self, user: str, memberships: Iterable[Membership]) -> None:
        """
        A user has come on a device without a name: it is behind wherever
        something waits.  With a user that is here so already, nothing
        changes.
        """
        if user not in self._behind:
            behind = {found.conversation for found in memberships if found.cursor < found.head}
            self._behind[user] = behind or NOWHERE

    def leave(self, user: str) -> None:
        """
        The last session of the user's devices without a name is gone.
        """
        self._behind.pop(user, None)

    def fallBehind(self, user: str, conversation: int) -> None:
        """
        Something was not told there, and waits.
        """
        behind = self._behind.get(user)
        if behind:
            behind.add(conversation)
        elif behind is not None:
            self._behind[user] = {conversation}

    def pushed(self, user: str, conversation: int, seq: int) -> None:
        """
        A row was handed to the sessions of C{user}: to one without a device,
        if there is any.  It may be an older one, told once more.
        """
        behind = self._behind.get(user)
        if behind is not None and conversation not in behind:
            moved = self._moved.get(user)
            if moved is None:
                self._moved[user] = {conversation: seq}
            elif seq > moved.get(conversation, 0):
                moved[conversation] = seq

    def read(self, user: str, conversation: int, seq: int, whole: bool) -> None:
        """
        The user asked for what was pending and got it up to C{seq}.

        @param whole: nothing is left behind there.
        """
        self._moved.setdefault(user, {})[conversation] = seq
        behind = self._behind.get(user)
        if whole and behind:
            behind.discard(conversation)

    def swept(self, group: LiveGroup) -> None:
        """
        A group's members have got further.
        """
        self._swept[group] = None

    def gather(self) -> None:
        """
        Note how far members of groups that were swept have got: as many as
        one round looks at.
        """
        left = MEMBERS_A_ROUND
        while left:
            for member in islice(self._members, left):
                left -= 1
                if not (member.gone or member.session.device):
                    self._note(member)
            if not left or not self._swept:
                return
            group = next(iter(self._swept))
            del self._swept[group]
            self._members = iter(group.members())

    def settle(self, user: str, sessions: Iterable[Session]) -> None:
        """
        Note how far these sessions of a user have got in their groups, and
        hand that to the store, and all else of the user's that moved:
        somebody is about to read there where they stand.
        """
        for session in sessions:
            if not session.device:
                for member in session.members.values():
                    self._note(member)
        self._write([user]).addErrback(self._lost)

    def flush(self) -> Deferred[None]:
        """
        Hand what moved to the store: a number of them in each commit, for
        others wait meanwhile.
        """
        return Deferred.fromCoroutine(self._flush()).addErrback(self._lost)

    async def _flush(self) -> None:
        users, count = [], 0
        for user, moved in list(self._moved.items()):
            users.append(user)
            count += len(moved)
            if count >= MOVED_AT_ONCE:
                await self._write(users)
                users, count = [], 0
        await self._write(users)

    def _write(self, users: Iterable[str]) -> Deferred[None]:
        """
        Hand what moved of some users to the store.
        """
        moved = [(user, number, seq) for user in users for number, seq in self._moved.pop(user, {}).items()]
        return self._store.moveCursors(moved) if moved else succeed(None)

    def _note(self, member: Member) -> None:
        """
        What a member of a group was handed counts as seen.
        """
        user = member.session.user
        if user is not None:
            self.pushed(user.id, member.group.conversation, member.group.seqAt(member))

    def _lost(self, failure: Failure) -> None:
        """
        Cursors that could not be written: messages will be told again.
        """
        self.log.warn("cursors not written: {error}", error=failure.getErrorMessage())
