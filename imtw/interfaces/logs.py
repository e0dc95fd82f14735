"""
What a store keeps of what was said, and of who has got it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from imtw.model import Membership, Message, Pair, Passport, Standing, Tally


class ILogStore(Interface):
    """
    The part of a store that reads logs, and knows how far everybody has got.

    What a query has of a log stops once that is more than
    L{imtw.limits.Limits.answer} bytes of content and extras: the last row, if
    there are two, is the one for which there was no room
    (L{imtw.persistence.rules.fill}).
    """

    # logs

    def history(
        pair: Pair, begin: float | None, end: float | None, offset: int | None, count: int | None
    ) -> Deferred[list[Message]]:
        """
        Messages of a conversation in the order of the log, without those
        that were recalled.

        @param begin: the client's time in ms, inclusive; with C{end}.
        @param offset: how many to leave out from the oldest, with C{count};
            without them the newest, at most the limit's page.
        """

    def walk(pair: Pair, after: int, limit: int) -> Deferred[list[Message]]:
        """
        Rows of a conversation as they stand in the log, recalls too, those
        after seq C{after}.
        """

    def find(pair: Pair, id: str) -> Deferred[Message | None]:
        """
        The newest message of a conversation with this id.
        """

    def pending(user: str, pair: Pair | None, limit: int) -> Deferred[list[tuple[Membership, list[Message]]]]:
        """
        What the user's devices without a name have not got: the oldest
        C{limit} messages after each conversation's cursor, without the
        user's own, in one conversation or in all, of which there are
        C{limit} at most.

        @return: fires in the order of the commits, with the conversations
            that have anything after their cursor; asked for all, without
            private ones where that is the user's own.  The membership's
            C{head} is as far as reading these has got.
        """

    def moveCursors(moved: list[tuple[str, int, int]]) -> Deferred[None]:
        """
        Set the cursors of (user, conversation) to a seq, never backwards.
        """

    def received(user: str, device: str, pair: Pair, seq: int) -> Deferred[bool]:
        """
        A device has got everything up to a seq: its cursor moves there,
        never backwards and never past the head.  For an empty device that is
        the user's own cursor.

        @return: fires with L{False} where that is no conversation of the
            user's, or no device.
        """

    def head(pair: Pair) -> Deferred[int]:
        """
        The last seq of a conversation, in the order of the commits; 0 for
        none.
        """

    def page(pair: Pair, after: int | None, before: int | None, limit: int) -> Deferred[list[Message]]:
        """
        Rows by seq, recalls and edits left out, in the order of the log: the
        first after C{after}, or the last before C{before}, or the newest.
        """

    def newest(pairs: Sequence[Pair], count: int, until: int | None = None) -> Deferred[list[Tally]]:
        """
        How many messages each of some conversations has, and the last
        C{count} of them, without those that were recalled.  There may be
        fewer, so that all messages together have room in one answer; but
        the first conversation has one.

        @param until: leave out what comes after this seq.
        """

    def at(pair: Pair, ts: int) -> Deferred[Message | None]:
        """
        The message that was stored at a server's time, which no two rows of
        a conversation share; L{None} where there is none, or it was recalled.
        """

    # messages that live for a while

    def madeBy(origin: str, after: str, limit: int) -> Deferred[list[tuple[str, int]]]:
        """
        The groups that a dialect made, in order of their ids, those after
        C{after}: each with the server's time of its last row, or 0 where it
        has none.
        """

    def expire(pair: Pair, origin: str, before: int) -> Deferred[int | None]:
        """
        Forget all messages of a group, if the last row is not newer than
        C{before}, ms.  Its log goes on behind them.

        @param origin: the dialect that made it.
        @return: fires, once nobody can read them any more, with 0; with the
            time of the last row where that is newer, and with L{None} where
            that is no group of this dialect's.
        """

    # what a user has read

    def markRead(user: str, pair: Pair, seq: int) -> Deferred[int | None]:
        """
        The user has read up to a seq, never backwards and never past the
        head; fires with how far, or L{None} where that is no conversation of
        the user's.
        """

    def standings(
        user: str, before: int | None, limit: int, behind: int | None = None
    ) -> Deferred[list[Standing]]:
        """
        The user's conversations, the ones with the newest row first; of the
        same time, in the order of their numbers.

        @param before: only those whose last row is older than this, ms.
        @param behind: and of those whose last row is of just that time, the
            ones with a larger number than this.
        """

    def passport(pair: Pair, seq: int, sender: str) -> Deferred[Passport]:
        """
        How far a row has got among the others of a conversation.
        """
