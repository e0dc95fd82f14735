"""
easyim's HTTP routes for friends: the common commands, asked over HTTP.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.web.resource import IResource
from twisted.web.server import Request

from imtw.commands import (
    FRIEND_AGREE,
    FRIEND_INVITE,
    FRIEND_REMOVE,
    FRIENDS,
    AgreeFriend,
    Command,
    InviteFriend,
    ListFriends,
    RemoveFriend,
    Status,
)
from imtw.model import Account, User
from imtw.protocols.caller import sessionOf
from imtw.protocols.easyim.envelope import SUCCESS, Refused, Route, bodyAs, queryOf
from imtw.protocols.easyim.people import asNumber, userMeant, wireId
from imtw.protocols.easyim.tokens import ACCESS, TokenError, Tokens
from imtw.protocols.http import give
from imtw.server import Core

PAGE = 500  # friends asked for at once

REASONS = {
    Status.NOT_FOUND: "找不到对应的用户或请求",
    Status.FORBIDDEN: "对方拒绝添加好友",
    Status.CONFLICT: "已经是好友",
    Status.TOO_MANY: "好友或请求太多",
    Status.BAD_REQUEST: "请求参数错误",
    Status.UNKNOWN_COMMAND: "操作不可用",
}
NOT_DONE = "操作失败"
NOBODY = "to_user_id不正确"


class FriendBody(Struct):
    """
    What the routes that change something are asked.
    """

    access_token: str = ""
    to_user_id: str | int = ""
    friend_id: str | int = ""
    id: str | int = ""
    msg: str = ""


class FriendRoute(Route):
    """
    A route for somebody with an access token.
    """

    def __init__(self, core: Core, tokens: Tokens, avatar: str) -> None:
        super().__init__()
        self.core = core
        self._tokens = tokens
        self._avatar = avatar

    async def userOf(self, token: str) -> User:
        """
        Whose token it is.

        @raise Refused: nobody's.
        """
        try:
            account, _ = await self._tokens.check(token, ACCESS)
        except TokenError as error:
            raise Refused(str(error)) from None
        return account.user

    async def ask(self, request: Request, user: User, command: Command, asked: Struct) -> Any:
        """
        Give a command as somebody, for the time of one request.

        @return: the data of its reply.
        """
        session = sessionOf(self.core, request)
        session.user = user
        reply = await give(self.core, session, command, asked)
        if reply.status is not Status.OK:
            raise Refused(REASONS.get(reply.status, NOT_DONE) if reply.status is not None else NOT_DONE)
        return reply.data

    async def shown(self, users: list[User]) -> dict[str, Any]:
        """
        A list of users: the first ones, where one answer has no room for all.
        """
        numbers = self.core.numbers
        await numbers.learn([user.id for user in users])
        items = [
            {
                "account": user.id,
                "avatar": user.avatar or self._avatar,
                "id": wireId(numbers, user.id),
                "nickname": user.nick,
            }
            for user in users
        ]
        return {"items": list(self.core.limits.fitting(items)), "total": len(items)}

    async def meant(self, *ids: str | int) -> str:
        """
        The user that the first id that is given means.
        """
        for id in ids:
            if str(id):
                return await userMeant(self.core.numbers, str(id))
        raise Refused(NOBODY)


class ListOfFriends(FriendRoute):
    """
    C{GET /api/user/friends}.
    """

    method = b"GET"

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        All of them that one answer has room for.
        """
        user = await self.userOf(queryOf(request, "access_token"))
        found: list[User] = []
        while len(found) % PAGE == 0:
            after = found[-1].id if found else ""
            page = await self.ask(request, user, FRIENDS, ListFriends(after, PAGE))
            if not page.friends:
                break
            found += [friend.user for friend in page.friends]
        return SUCCESS, await self.shown(found)


class AddFriend(FriendRoute):
    """
    C{POST /api/user/friend/add}.
    """

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        Invite somebody.
        """
        asked = bodyAs(request, FriendBody)
        user = await self.userOf(asked.access_token)
        to = await self.meant(asked.to_user_id, asked.friend_id)
        invited = await self.ask(request, user, FRIEND_INVITE, InviteFriend(to, asked.msg[:64]))
        return SUCCESS, {"id": str(invited.id)}


class AcceptFriend(FriendRoute):
    """
    C{POST /api/user/friend/accept}.
    """

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        Agree to an invitation.
        """
        asked = bodyAs(request, FriendBody)
        user = await self.userOf(asked.access_token)
        id = asNumber(str(asked.id))
        if id is None or not 0 < id < 1 << 63:
            raise Refused(REASONS[Status.NOT_FOUND])
        await self.ask(request, user, FRIEND_AGREE, AgreeFriend(id=id))
        return SUCCESS, {}


class DropFriend(FriendRoute):
    """
    C{POST /api/user/friend/remove}.
    """

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        End a friendship.
        """
        asked = bodyAs(request, FriendBody)
        user = await self.userOf(asked.access_token)
        friend = await self.meant(asked.friend_id, asked.to_user_id, asked.id)
        await self.ask(request, user, FRIEND_REMOVE, RemoveFriend(friend))
        return SUCCESS, {}


class Search(FriendRoute):
    """
    C{GET /api/user/search}: a user by its account or its id.
    """

    method = b"GET"

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        The one that is meant, if there is one.
        """
        await self.userOf(queryOf(request, "access_token"))
        text = queryOf(request, "account", "keyword")
        found: Account | None = await self.core.store.account(text) if text else None
        number = asNumber(text)
        if found is None and number is not None:
            found = await self.core.numbers.account(number)
        return SUCCESS, await self.shown([found.user] if found is not None and not found.disabled else [])


def friendRoutes(core: Core, tokens: Tokens, avatar: str) -> dict[str, IResource]:
    """
    The routes for friends.

    @param avatar: of who has none.
    """
    routes: dict[str, type[FriendRoute]] = {
        "api/user/friends": ListOfFriends,
        "api/user/friend/add": AddFriend,
        "api/user/friend/accept": AcceptFriend,
        "api/user/friend/remove": DropFriend,
        "api/user/search": Search,
    }
    return {path: route(core, tokens, avatar) for path, route in routes.items()}
