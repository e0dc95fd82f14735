"""
Who shows which token just now.

Whether a token counts is asked of the store, whose answer takes a while; it
may be revoked meanwhile, by somebody who finds nothing yet that it has
opened.  So who shows a token holds it, from before the store is asked.  A
password is looked at in the same way, and all connections of its user may be
ended meanwhile, because there is another one: so who shows a password has a
hold of nothing in particular.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from imtw.accounts.tokens import digestOf, mayBeToken

K = TypeVar("K", str, bytes)


def nothing() -> None:
    """
    Whoever holds a token looks itself whether it still counts.
    """


class Hold:
    """
    A token, or a password, that somebody shows.

    @ivar digest: the token's hash, or nothing.
    @ivar user: whose it has to be, or nothing where anybody's will do.
    @ivar isRevoked: the token counts no more, or nothing of that user's.
    """

    __slots__ = ("_ended", "_holders", "_revoked", "digest", "isRevoked", "user")

    def __init__(self, holders: Holders, digest: bytes, user: str, revoked: Callable[[], None]) -> None:
        self._holders = holders
        self.digest = digest
        self.user = user
        self._revoked = revoked
        self._ended: set[str] = set()
        self.isRevoked = False

    def isEnded(self, user: str) -> bool:
        """
        Does nothing count any more that this user has shown, to whom it was
        found to belong meanwhile?
        """
        return user in self._ended

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.letGo()

    def letGo(self) -> None:
        """
        Nobody need be told any more.
        """
        self._revoked = nothing
        self._holders.forget(self)

    def revoke(self) -> None:
        """
        It counts no more.
        """
        self.isRevoked = True
        self._revoked()

    def end(self, user: str) -> None:
        """
        Nothing counts any more that this user has shown so far.
        """
        if self.user:
            self.revoke()
        else:
            self._ended.add(user)


class Holders:
    """
    What is shown on this node.
    """

    def __init__(self) -> None:
        self._tokens: dict[bytes, dict[Hold, None]] = {}  # by the token's hash
        self._users: dict[str, dict[Hold, None]] = {}  # by whose it has to be

    def __len__(self) -> int:
        """
        How many different tokens.
        """
        return len(self._tokens)

    def hold(self, text: str, revoked: Callable[[], None] = nothing, user: str = "") -> Hold:
        """
        Somebody shows a token, or what may be one; or a password.

        @param text: the token.
        @param revoked: called once it counts no more.
        @param user: whose it has to be, where that is known.
        @return: to be let go of.
        """
        digest = digestOf(text) if mayBeToken(text) else b""
        hold = Hold(self, digest, user, revoked)
        if digest:
            self._tokens.setdefault(digest, {})[hold] = None
        self._users.setdefault(user, {})[hold] = None
        return hold

    def forget(self, hold: Hold) -> None:
        """
        What was shown is let go of.
        """
        _drop(self._tokens, hold.digest, hold)
        _drop(self._users, hold.user, hold)

    def revoke(self, digest: bytes) -> int:
        """
        A token counts no more.

        @return: how many held it.
        """
        holds = list(self._tokens.get(digest, ()))
        for hold in holds:
            hold.revoke()
        return len(holds)

    def end(self, user: str) -> None:
        """
        Nothing counts any more that this user has shown so far.
        """
        for hold in [*self._users.get(user, ()), *self._users.get("", ())]:
            hold.end(user)


def _drop(table: dict[K, dict[Hold, None]], key: K, hold: Hold) -> None:
    """
    Take a hold out of a table.
    """
    holds = table.get(key)
    if holds is not None and hold in holds:
        del holds[hold]
        if not holds:
            del table[key]
