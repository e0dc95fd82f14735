"""
Who shows which token just now.

Whether a token counts is asked of the store, whose answer takes a while; it
may be revoked meanwhile, by somebody who finds nothing yet that it has
opened.  So who shows a token holds it, from before the store is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from imtw.accounts.tokens import digestOf, mayBeToken


def nothing() -> None:
    """
    Whoever holds a token looks itself whether it still counts.
    """


class Hold:
    """
    A token that somebody shows.

    @ivar isRevoked: it counts no more.
    """

    __slots__ = ("_digest", "_holders", "_revoked", "isRevoked")

    def __init__(self, holders: Holders, digest: bytes, revoked: Callable[[], None]) -> None:
        self._holders = holders
        self._digest = digest
        self._revoked = revoked
        self.isRevoked = False

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
        self._holders.forget(self._digest, self)

    def revoke(self) -> None:
        """
        It counts no more.
        """
        self.isRevoked = True
        self._revoked()


class Holders:
    """
    The tokens that are shown on this node.
    """

    def __init__(self) -> None:
        self._holds: dict[bytes, dict[Hold, None]] = {}  # by the token's hash

    def __len__(self) -> int:
        return len(self._holds)

    def hold(self, text: str, revoked: Callable[[], None] = nothing) -> Hold:
        """
        Somebody shows a token, or what may be one.

        @param revoked: called once it counts no more.
        @return: to be let go of.
        """
        if not mayBeToken(text):
            return Hold(self, b"", revoked)
        digest = digestOf(text)
        hold = Hold(self, digest, revoked)
        self._holds.setdefault(digest, {})[hold] = None
        return hold

    def forget(self, digest: bytes, hold: Hold) -> None:
        """
        A token is let go of.
        """
        holds = self._holds.get(digest)
        if holds is not None and hold in holds:
            del holds[hold]
            if not holds:
                del self._holds[digest]

    def revoke(self, digest: bytes) -> int:
        """
        A token counts no more.

        @return: how many held it.
        """
        holds = list(self._holds.get(digest, ()))
        for hold in holds:
            hold.revoke()
        return len(holds)
