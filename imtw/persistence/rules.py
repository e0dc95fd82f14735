"""
What every store decides alike, with no store in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.limits import sizeOf
from imtw.model import RECALLED, Draft, Message

T = TypeVar("T")

#: Messages of one sender with one id that are looked at for a repeat: some clients have but one id for all.
CANDIDATES = 16

NEVER = (1 << 63) - 1  # ms: when somebody may speak who may not

#: Rows after what a user has read that are looked through for its own last one.
OWN_ROWS = 2000

MANY_VALUES = 10000  # values of a plugin's shelf that one answer has


def checkId(id: str) -> None:
    """
    May a message have this id?  Not with a NUL, which some functions of
    databases take for a text's end.

    @raise CommandRefused: C{BAD_REQUEST}.
    """
    if "\0" in id:
        raise CommandRefused(Status.BAD_REQUEST, "an id has a NUL")


def isSame(stored: Message, draft: Draft) -> bool:
    """
    Does a draft say what a stored message says?  When it was written does
    not count: clients set that anew when they send again.
    """
    return stored.content == draft.content and stored.kind == draft.kind and stored.extras == draft.extras


def isRepeat(stored: Message, draft: Draft) -> bool:
    """
    Is C{draft} the message C{stored} once more, where a device sent one with
    the same id before?

    @param stored: the message with this sender and id; it may stand in
        another conversation.
    @raise CommandRefused: C{CONFLICT}: it is another message, and the id
        is taken.
    """
    if stored.pair == draft.pair and (stored.kind == RECALLED or stored.edited or isSame(stored, draft)):
        return True
    raise CommandRefused(Status.CONFLICT, f"the id {draft.id!r} was used for another message")


def checkRecall(found: Message, now: int, window: float) -> None:
    """
    May this message still be taken back, or edited, by its sender?

    @param now: ms since the epoch.
    @param window: seconds.
    @raise CommandRefused: C{TOO_LATE}.
    """
    if now - found.ts > window * 1000:
        raise CommandRefused(Status.TOO_LATE, f"a message can be changed for {window:g} seconds")


def refuseRecall(id: str, known: bool) -> CommandRefused:
    """
    Why a message that the asker did not send cannot be recalled or edited.

    @param known: somebody else sent one with this id.
    """
    if known:
        return CommandRefused(Status.FORBIDDEN, f"the message {id!r} is somebody else's")
    return CommandRefused(Status.NOT_FOUND, f"there is no message {id!r} here")


def refuseStranger(limit: int) -> CommandRefused:
    """
    Why a conversation with a name nobody has cannot be opened.
    """
    return CommandRefused(Status.TOO_MANY, f"at most {limit} conversations with names that nobody has")


def refuseGroup(limit: int) -> CommandRefused:
    """
    Why a user cannot join one more group.
    """
    return CommandRefused(Status.TOO_MANY, f"at most {limit} groups")


def refuseTaken(id: str) -> CommandRefused:
    """
    Why a group cannot be made.
    """
    return CommandRefused(Status.CONFLICT, f"there is a group {id!r} already")


def refuseKicked(group: str) -> CommandRefused:
    """
    Why somebody cannot come back into a group.
    """
    return CommandRefused(Status.FORBIDDEN, f"kicked from the group {group!r}")


def refuseNumber(number: int) -> CommandRefused:
    """
    Why a number cannot be a user's.
    """
    return CommandRefused(Status.CONFLICT, f"the number {number} is somebody else's")


def refuseFriend(limit: int) -> CommandRefused:
    """
    Why somebody cannot have one more friend.
    """
    return CommandRefused(Status.TOO_MANY, f"at most {limit} friends")


def refuseUnwanted() -> CommandRefused:
    """
    Why somebody can be neither invited nor agreed with.
    """
    return CommandRefused(Status.FORBIDDEN, "not wanted")


def refuseInvitation(
    friend: str, isThere: bool, isBlocked: bool, isFriend: bool, isMuch: bool
) -> CommandRefused | None:
    """
    Why somebody cannot be invited; L{None} if it can.

    @param isBlocked: by the one who would be invited.
    @param isMuch: too many invitations wait.
    """
    if not isThere:
        return CommandRefused(Status.NOT_FOUND, f"there is no user {friend!r}")
    if isBlocked:
        return refuseUnwanted()
    if isFriend:
        return CommandRefused(Status.CONFLICT, f"{friend!r} is a friend already")
    return CommandRefused(Status.TOO_MANY, "too many invitations wait for an answer") if isMuch else None


def checkVoice(verdict: int, now: int) -> None:
    """
    May somebody speak in a conversation?

    @param verdict: ms since the epoch from which on that is so; 0 for
        always, L{NEVER} for never.
    @param now: ms since the epoch.
    @raise CommandRefused: C{FORBIDDEN}.
    """
    if verdict > now:
        raise CommandRefused(Status.FORBIDDEN, "not allowed to speak here" + ("" if verdict == NEVER else " for now"))


def pageOf(offset: int | None, count: int | None, page: int, total: int) -> tuple[int, int]:
    """
    Which of C{total} messages, the oldest being 0, a page has.

    @param offset: how many to leave out from the oldest, or L{None} for the
        newest page.  A negative one finds nothing, as in Redis.
    @param count: how many, or L{None} or a negative number for no limit.
    @param page: how many in any case.
    @return: the first and the one after the last.
    """
    wanted = page if count is None or count < 0 else min(count, page)
    if offset is None:
        return max(0, total - wanted), total
    if offset < 0:
        return 0, 0
    return min(offset, total), min(offset + wanted, total)


def fill(rows: Iterable[T], room: int, weigh: Callable[[T], int]) -> list[T]:
    """
    Rows as they come, until they have more than so many bytes.  The last is
    then one too many, by which it is seen that there are more: there are two
    at least, where there are two.
    """
    found: list[T] = []
    for row in rows:
        found.append(row)
        room -= weigh(row)
        if room < 0 and len(found) > 1:
            break
    return found


def weightOf(message: Message) -> int:
    """
    How much room a message takes: what a client gave, which in any dialect
    takes as much and more.
    """
    return len(message.content or "") + (0 if message.extras is None else sizeOf(message.extras))


def isBehind(ts: int, number: int, before: int, behind: int | None) -> bool:
    """
    Does a conversation come behind a place in the list of a user's, newest
    first?

    @param ts: of its last row, ms.
    @param before: of the place, ms.
    @param behind: the number of the conversation there, or L{None} for the
        last of that time.
    """
    return ts < before or (ts == before and behind is not None and number > behind)
