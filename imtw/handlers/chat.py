"""
Saying something, taking it back, and being about to.
"""

from __future__ import annotations

from typing import Any

import msgspec
from zope.interface import implementer

from imtw.commands import CHAT, EDIT, RECALL, TYPING, Chat, Edit, Recall, Reply, Status, Typing
from imtw.errors import CommandRefused
from imtw.events import Typed
from imtw.interfaces import ICommandHandler
from imtw.model import Draft, Fact, Liberty, Pair, Scope, User, groupPair, isId, isName, privatePair
from imtw.server import Core
from imtw.sessions import Session

_NONE = Liberty.NONE  # an attribute of an enumeration is dear
LONGEST_MESSAGE_ID = 128  # characters of a client's message id


def asker(session: Session) -> User:
    """
    Who asks.

    @raise CommandRefused: nobody is logged in.
    """
    if session.user is None:
        raise CommandRefused(Status.INVALID)
    return session.user


def speaker(session: Session, claimed: str | None) -> str:
    """
    Whose words these are: the logged-in user's, unless this session may
    speak for others.

    @raise CommandRefused: it may, and what it claims is no name; or nobody
        speaks.
    """
    if claimed and session.liberties is not _NONE:
        if Liberty.SPEAK_FOR_OTHERS in session.liberties:
            if not isName(claimed):
                raise CommandRefused(Status.NOT_SENT)
            return claimed
    user = session.user
    if user is not None:
        return user.id
    if Liberty.ANONYMOUS in session.liberties:
        return session.id
    raise CommandRefused(Status.INVALID)


def addressee(sender: str, to: str | None, group: str | None, realm: str = "") -> Pair | None:
    """
    The conversation that is meant; L{None} for nobody in particular.

    @param realm: the asker's.
    """
    if group:
        return groupPair(group) if isId(group, realm) else None
    return privatePair(sender, to) if to and isId(to, realm) else None


def checkExtras(extras: dict[str, Any]) -> int:
    """
    Refuse what could be read but not be written again, such as a number of a
    hundred digits.

    @return: how many bytes it takes.
    """
    try:
        return len(msgspec.json.encode(extras))
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError, TypeError) as error:
        raise CommandRefused(Status.NOT_SENT) from error


def checkId(id: str) -> None:
    """
    Look for no message whose id nobody could give it, and say it back to
    nobody.

    @raise CommandRefused: this is none.
    """
    if len(id) > LONGEST_MESSAGE_ID:
        raise CommandRefused(Status.NOT_FOUND, f"no message's id has more than {LONGEST_MESSAGE_ID} characters")


@implementer(ICommandHandler)
class ChatHandler:
    """
    Takes a message on.
    """

    command = CHAT

    def __init__(self, core: Core) -> None:
        self._core = core

    def handle(self, request: Chat, session: Session) -> Any:
        core = self._core
        sender = speaker(session, request.sender)
        pair = addressee(sender, request.to, request.group, session.realm)
        if pair is None:  # J-IM: a group that is not there takes it, nobody is offline
            return Reply(Status.OFFLINE if request.group is None else Status.SENT)
        id = request.id
        if id is not None and (len(id) > LONGEST_MESSAGE_ID or "\0" in id):
            raise CommandRefused(Status.NOT_SENT)
        weight = len(request.content or "")
        if request.extras is not None:
            weight += checkExtras(request.extras)
        draft = Draft(
            pair,
            id or core.newId(),
            sender,
            request.content,
            request.created if request.created > 0 else core.now(),
            request.kind,
            bool(id),
            session.device,
            request.extras,
            weight=weight,
        )
        session.lastTyped = 0.0  # what is written next is told of at once
        if request.transient:
            return core.delivery.whisper(session, draft)
        return core.delivery.accept(session, draft)


@implementer(ICommandHandler)
class RecallHandler:
    """
    Takes an own message back: a row in the log says so.
    """

    command = RECALL

    def __init__(self, core: Core) -> None:
        self._core = core

    def handle(self, request: Recall, session: Session) -> Any:
        return amend(self._core, session, request, Fact.RECALL, None, Status.UNKNOWN_COMMAND)


@implementer(ICommandHandler)
class EditHandler:
    """
    Lets an own message say something else: a row in the log says so.
    """

    command = EDIT

    def __init__(self, core: Core) -> None:
        self._core = core

    def handle(self, request: Edit, session: Session) -> Any:
        return amend(self._core, session, request, Fact.EDIT, request.content, Status.BAD_REQUEST)


def amend(
    core: Core, session: Session, request: Recall | Edit, fact: Fact, content: str | None, nowhere: Status
) -> Any:
    """
    Have a row say something of an own message.

    @raise CommandRefused: C{nowhere}: it does not say which one.
    """
    sender = speaker(session, None)
    pair = addressee(sender, request.to, request.group, session.realm)
    if pair is None or not request.id:
        raise CommandRefused(nowhere)
    checkId(request.id)
    draft = Draft(pair, request.id, sender, content, core.now(), given=True, device=session.device, fact=fact,
                  weight=len(content or ""))
    return core.delivery.accept(session, draft)


@implementer(ICommandHandler)
class TypingHandler:
    """
    Tells the others that somebody is writing, now and then; answers nothing.
    Who could not say it to them does not tell them, either: that is one read,
    as often as the limit C{typing} lets it be.
    """

    command = TYPING

    def __init__(self, core: Core) -> None:
        self._core = core

    def handle(self, request: Typing, session: Session) -> Any:
        user = session.user
        now = self._core.clock.seconds()
        if user is None or now - session.lastTyped < self._core.limits.typing:
            return None
        session.lastTyped = now
        pair = addressee(user.id, request.to, request.group, session.realm)
        if pair is None or (pair.scope is Scope.GROUP and pair.a not in session.members):
            return None
        return self._tell(Typed(user.id, request.to, request.group), pair)

    async def _tell(self, event: Typed, pair: Pair) -> None:
        """
        Tell it, if that is allowed.
        """
        delivery = self._core.delivery
        try:
            await self._core.store.maySpeak(event.user, pair)
        except CommandRefused:
            return
        if pair.scope is Scope.GROUP:
            delivery.tellGroup(pair.a, event)
        else:
            delivery.tellUser(pair.partnerOf(event.user), event)
