"""
Friends: inviting, agreeing, parting, and who they are.
"""

from __future__ import annotations

from zope.interface import implementer

from imtw.commands import (
    FRIEND_AGREE,
    FRIEND_INVITE,
    FRIEND_REMOVE,
    FRIENDS,
    AgreeFriend,
    Friends,
    Invited,
    InviteFriend,
    ListFriends,
    RemoveFriend,
    Reply,
    Status,
)
from imtw.errors import CommandRefused
from imtw.events import Agreed
from imtw.events import Invited as InvitedEvent
from imtw.handlers.chat import asker
from imtw.interfaces import ICommandHandler
from imtw.model import Invitation
from imtw.server import Core
from imtw.sessions import Session


async def tell(core: Core, event: InvitedEvent) -> None:
    """
    Tell of an invitation, on all nodes.
    """
    core.delivery.relay(event)
    await core.delivery.tellInvitation(event)


@implementer(ICommandHandler)
class InviteFriendHandler:
    """
    Asks a user to be one's friend.
    """

    command = FRIEND_INVITE

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: InviteFriend, session: Session) -> Reply:
        user = asker(session)
        if request.user == user.id:
            raise CommandRefused(Status.BAD_REQUEST, "one cannot be one's own friend")
        invitation = await self._core.store.invite(user.id, request.user, request.note)
        await tell(self._core, InvitedEvent(invitation))
        return Reply(Status.OK, Invited(invitation.id))


@implementer(ICommandHandler)
class AgreeFriendHandler:
    """
    Accepts an invitation.
    """

    command = FRIEND_AGREE

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: AgreeFriend, session: Session) -> Reply:
        user = asker(session).id
        inviter = request.user
        if request.id is not None:
            found: Invitation | None = await self._core.store.invitation(request.id)
            if found is None or found.friend != user or inviter not in (None, found.user):
                raise CommandRefused(Status.NOT_FOUND)
            inviter = found.user
        if not inviter:
            raise CommandRefused(Status.BAD_REQUEST, "whose invitation?")
        agreed = await self._core.store.agree(user, inviter)
        if agreed is None:
            raise CommandRefused(Status.NOT_FOUND)
        await tell(self._core, Agreed(agreed))
        return Reply(Status.OK)


@implementer(ICommandHandler)
class RemoveFriendHandler:
    """
    Ends a friendship, or what waits for an answer.
    """

    command = FRIEND_REMOVE

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: RemoveFriend, session: Session) -> Reply:
        if not await self._core.store.unfriend(asker(session).id, request.user):
            raise CommandRefused(Status.NOT_FOUND)
        return Reply(Status.OK)


@implementer(ICommandHandler)
class FriendsHandler:
    """
    Lists a user's friends.
    """

    command = FRIENDS

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: ListFriends, session: Session) -> Reply:
        found = await self._core.store.friends(asker(session).id, request.after, request.limit)
        return Reply(Status.OK, Friends(found))
