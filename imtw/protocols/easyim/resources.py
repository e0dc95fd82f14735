"""
easyim's HTTP routes for accounts and tokens, and to stop the server
(docs/wire/easyim.rst, HTTP).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.web.resource import IResource
from twisted.web.server import Request

from imtw.accounts.holders import Hold
from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.model import Account, Liberty, User
from imtw.protocols.caller import addressOf, libertiesOf
from imtw.protocols.easyim.envelope import SUCCESS, Refused, Route, bodyAs, queryOf
from imtw.protocols.easyim.friendroutes import friendRoutes
from imtw.protocols.easyim.tokens import ACCESS, INCORRECT, LIFETIMES, REFRESH, TokenError, Tokens
from imtw.server import Core

AVATAR = "https://gw.alipayobjects.com/zos/antfincdn/XAosXuNZyF/BiazfanxmamNRoxxVxka.png"
LONGEST_NICKNAME = 200  # characters
LAST_WORDS = 0.5  # seconds for an answer to go out before the server stops

TAKEN = "登录账号已存在"
NO_ACCOUNT = "登录账号不能为空"
NO_PASSWORD = "注册失败！用户密码不能为空"
BAD_ACCOUNT = "注册失败！登录账号或密码不合法"
BAD_NICKNAME = "注册失败！昵称过长"
CLOSED = "注册失败！本服务器不开放注册"
UNKNOWN = "找不到登录账号"
WRONG_PASSWORD = "密码不正确"
TOO_MANY = "操作太频繁，请稍后再试"
BUSY = "服务器繁忙，请稍后再试"
LOGGED_OUT = "登出成功"
BAD_GRANT = "grant_type不正确"
NOT_LOCAL = "仅限内网访问"
STOPPING = "操作成功"

REASONS = {
    Status.FORBIDDEN: CLOSED,
    Status.BAD_REQUEST: BAD_ACCOUNT,
    Status.LOGIN_FAILED: WRONG_PASSWORD,
    Status.TOO_MANY: TOO_MANY,
}


class Credentials(Struct):
    """
    Who wants in, or wants to be known here.
    """

    account: str = ""
    password: str = ""
    nickname: str = ""


class TokenBody(Struct):
    """
    A token alone.
    """

    access_token: str = ""


class RefreshBody(Struct):
    """
    A token for a new one.
    """

    refresh_token: str = ""
    grant_type: str = ""
    reset_secret: bool = False


class AccountRoute(Route):
    """
    A route about somebody's account.
    """

    def __init__(self, core: Core, tokens: Tokens) -> None:
        super().__init__()
        self.core = core
        self.tokens = tokens

    async def admitted(self, user: User, hold: Hold) -> tuple[str, dict[str, Any]]:
        """
        What a client is told that has logged in.

        @param hold: since before its password was looked at, or made.
        @raise Refused: that counts no more.
        """
        access, refresh = await self.tokens.mint(user.id, ACCESS), await self.tokens.mint(user.id, REFRESH)
        number = await self.core.numbers.of(user.id)
        if hold.isEnded(user.id):
            raise Refused(WRONG_PASSWORD)
        return SUCCESS, {
            "access_token": access,
            "avatar": user.avatar or AVATAR,
            "expires_in": LIFETIMES[ACCESS],
            "id": str(number),
            "nickname": user.nick,
            "refresh_token": refresh,
        }

    async def account(self, name: str) -> Account | None:
        """
        An account, if there is one.
        """
        found: Account | None = await self.core.store.account(name)
        return found


class Register(AccountRoute):
    """
    C{POST /api/user/register}.
    """

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        Make an account.
        """
        asked = bodyAs(request, Credentials)
        if await self.account(asked.account) is not None:
            raise Refused(TAKEN)
        if not asked.account:
            raise Refused(NO_ACCOUNT)
        if not asked.password:
            raise Refused(NO_PASSWORD)
        if len(asked.nickname) > LONGEST_NICKNAME:
            raise Refused(BAD_NICKNAME)
        user = User(id=asked.account, nick=asked.nickname, avatar=AVATAR)
        with self.core.attendance.holders.hold("") as hold:
            try:
                made = await self.core.accounts.signUp(user, asked.password, addressOf(request))
            except CommandRefused as refused:
                raise Refused(REASONS.get(Status(refused.status), BUSY)) from None
            if not made:
                raise Refused(TAKEN)
            return await self.admitted(user, hold)


class LogIn(AccountRoute):
    """
    C{POST /api/user/login}.
    """

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        Check the password.
        """
        asked = bodyAs(request, Credentials)
        if await self.account(asked.account) is None:
            raise Refused(UNKNOWN)
        with self.core.attendance.holders.hold("") as hold:
            try:
                found = await self.core.accounts.login(asked.account, asked.password, "", addressOf(request))
            except CommandRefused as refused:
                raise Refused(REASONS.get(Status(refused.status), BUSY)) from None
            return await self.admitted(found.user, hold)


class LogOut(AccountRoute):
    """
    C{POST /api/user/logout}: all tokens of the user are worth nothing.
    """

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        Change the secret.
        """
        asked = bodyAs(request, TokenBody)
        try:
            account, _ = await self.tokens.check(asked.access_token, ACCESS)
        except TokenError as error:
            raise Refused(str(error)) from None
        await self.tokens.salts.change(account.user.id)
        return LOGGED_OUT, {}


class CheckToken(AccountRoute):
    """
    C{GET /api/user/check_token}.
    """

    method = b"GET"

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        Say for what a token is, and for how long.
        """
        try:
            _, claims = await self.tokens.check(queryOf(request, "token"), "", INCORRECT)
        except TokenError as error:
            raise Refused(str(error)) from None
        return SUCCESS, {"expires_in": claims["exp"] - self.tokens.now, "grant_type": claims["grant_type"]}


class RefreshToken(AccountRoute):
    """
    C{POST /api/user/refresh_token}.
    """

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        Make a new token, of either kind.
        """
        asked = bodyAs(request, RefreshBody)
        try:
            account, _ = await self.tokens.check(asked.refresh_token, REFRESH)
        except TokenError as error:
            raise Refused(str(error)) from None
        grant = asked.grant_type
        if grant not in LIFETIMES:
            raise Refused(BAD_GRANT)
        user = account.user.id
        if asked.reset_secret:
            await self.tokens.salts.change(user)
        token = await self.tokens.mint(user, grant)
        return SUCCESS, {"expires_in": LIFETIMES[grant], "grant_type": grant, "token": token}


class Stop(Route):
    """
    C{POST /api/local/stop}: for who may close other people's connections,
    too, which is this machine itself or who knows the operator's secret.
    """

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    async def reply(self, request: Request) -> tuple[str, dict[str, Any]]:
        """
        Stop soon.
        """
        if Liberty.CLOSE_OTHERS not in libertiesOf(self._core, request):
            raise Refused(NOT_LOCAL)
        self._core.clock.callLater(LAST_WORDS, self._core.quit)
        return STOPPING, {}


def easyimRoutes(core: Core, tokens: Tokens) -> dict[str, IResource]:
    """
    The routes of this dialect.
    """
    return {
        "api/user/register": Register(core, tokens),
        "api/user/login": LogIn(core, tokens),
        "api/user/logout": LogOut(core, tokens),
        "api/user/check_token": CheckToken(core, tokens),
        "api/user/refresh_token": RefreshToken(core, tokens),
        "api/local/stop": Stop(core),
        **friendRoutes(core, tokens, AVATAR),
    }
