"""
What keeps everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

from imtw.interfaces.groups import IGroupStore
from imtw.interfaces.logs import ILogStore
from imtw.interfaces.people import IPeopleStore

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from imtw.counters import CommitSpreads
    from imtw.model import Draft, Message


class IAppended(Interface):
    """
    Waits for one message to be stored.
    """

    def appended(message: Message | None) -> None:
        """
        The message is committed; nothing after this loses it.  L{None}: there
        is no such conversation and nothing was stored.
        """

    def refused(error: Exception) -> None:
        """
        The message is not stored: a L{imtw.errors.StoreError}, or
        L{imtw.errors.CommandRefused} where it must not be.
        """


class IStore(IPeopleStore, IGroupStore, ILogStore):
    """
    Keeps users, groups, logs, cursors and tokens: what it has to do besides
    committing stands in its three parts.

    What changes something goes through one queue, and its results come in
    the order of the commits, with those of L{append}: whoever reads a head
    in that order misses nothing that is told live afterwards.
    """

    keepsLog: bool = Attribute("Whether messages are kept at all.")
    durable: bool = Attribute("Whether they survive the end of the process.")
    waiting: int = Attribute("Changes queued or being committed.")
    healthy: bool = Attribute("Whether what is to be stored has a chance, as far as is known: C{/readyz} shows it.")
    path: str = Attribute("The file that everything is in; empty where there is none, and so no operator's commands.")
    commits: CommitSpreads | None = Attribute("How large its commits were and how long they took, if it counts that.")

    def start() -> Deferred[None]:
        """
        Open the store.  Fails with L{imtw.errors.StoreError} where that is
        not possible, saying what to do.
        """

    def stop() -> Deferred[None]:
        """
        Commit what waits, then close.
        """

    def append(draft: Draft, waiter: Any) -> None:
        """
        Store a message; C{waiter}, an L{IAppended}, is told.  A draft to a
        group that nobody made is not stored.  A draft that came before is
        stored once (docs/architecture.rst, The log and its cursors).  No id
        has a NUL: that is refused with C{BAD_REQUEST}.  Who is
        blocked says nothing, be it by an edit, but takes back what it said:
        the row is then C{unheard}.
        """

    def onCommit(begin: Callable[[], None], end: Callable[[], None]) -> None:
        """
        Call C{begin} before and C{end} after the results of each commit are
        told, so that what is sent because of them can be joined.
        """

    # plugins' own

    def put(shelf: str, key: str, value: bytes) -> Deferred[None]:
        """
        Keep a value on a plugin's own shelf (a table of keys).
        """

    def get(shelf: str, prefix: str) -> Deferred[list[tuple[str, bytes]]]:
        """
        The values whose keys begin so, in order, at most 10,000.
        """
