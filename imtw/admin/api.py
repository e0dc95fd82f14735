"""
What the operator may ask a running server, and what C{imtw} asks it: see
L{operatorRoutes}.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from msgspec import Meta, Struct
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.web.resource import IResource

from imtw.accounts.hashing import ARGON2ID
from imtw.accounts.login import Accounts
from imtw.accounts.tokens import digestOf
from imtw.admin.gate import Gate, GuardedResource, Refused
from imtw.admin.rules import complaintAboutName, complaintAboutPassword, taken, unknown
from imtw.model import Account, Group, User
from imtw.server import Core

PAGE = 1000  # users or groups in one answer


class Page(Struct, forbid_unknown_fields=True):
    """
    Some of a list: what comes after an id, in order.
    """

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=PAGE)] = PAGE


class NewUser(Struct, forbid_unknown_fields=True):
    """
    A user and its password.
    """

    name: str
    password: str


class Operator(Struct, forbid_unknown_fields=True):
    """
    Is this user an operator?
    """

    name: str
    operator: bool


class TokenText(Struct, forbid_unknown_fields=True):
    """
    A token.
    """

    token: str


class OperatorResource(GuardedResource):
    """
    Does one thing for the operator.
    """

    log = Logger()

    def __init__(self, gate: Gate, core: Core) -> None:
        super().__init__(gate)
        self._core = core
        self._store = core.store


class UsersResource(OperatorResource):
    """
    C{GET /users}: who there is.
    """

    methods = (b"GET",)
    asked = Page

    async def ask(self, asked: Page) -> Any:
        """
        A page of them; C{next} is what to ask for after it.
        """
        found = await self._store.users(asked.after, asked.limit)
        return {"users": [userView(account) for account in found], "next": nextOf(found, asked.limit)}


class GroupsResource(OperatorResource):
    """
    C{GET /groups}: which groups there are.
    """

    methods = (b"GET",)
    asked = Page

    async def ask(self, asked: Page) -> Any:
        """
        A page of them; C{next} is what to ask for after it.
        """
        found = await self._store.groups(asked.after, asked.limit)
        return {"groups": [groupView(group) for group in found], "next": nextOf(found, asked.limit)}


class AddUserResource(OperatorResource):
    """
    C{POST /users/add}: make an account.
    """

    methods = (b"POST",)
    asked = NewUser

    async def ask(self, asked: NewUser) -> Any:
        """
        Make it at once with its password: there never is one without.
        """
        check(complaintAboutName(asked.name))
        check(complaintAboutPassword(asked.password))
        reactor: Any = self._core.clock
        secret = await deferToThreadPool(reactor, reactor.getThreadPool(), ARGON2ID.hash, asked.password.encode())
        if not await self._store.addAccount(User(id=asked.name, nick=asked.name), secret):
            raise Refused(409, taken(asked.name))
        self.log.info("operator: made user {user}", user=asked.name)
        return {"user": asked.name}


class PasswordResource(OperatorResource):
    """
    C{POST /users/password}: change a password.  The user's tokens are
    worthless from then on, and its connections end.
    """

    methods = (b"POST",)
    asked = NewUser

    async def ask(self, asked: NewUser) -> Any:
        """
        Change it.
        """
        check(complaintAboutPassword(asked.password))
        accounts = cast(Accounts, self._core.accounts)
        if not await accounts.setPassword(asked.name, asked.password):
            raise Refused(404, unknown(asked.name))
        closed = self._core.attendance.cutAll(asked.name)
        self.log.info("operator: new password for {user}", user=asked.name)
        return {"user": asked.name, "closed": closed}


class OperatorFlagResource(OperatorResource):
    """
    C{POST /users/operator}: make a user an operator, or not, where it is
    online, too.
    """

    methods = (b"POST",)
    asked = Operator

    async def ask(self, asked: Operator) -> Any:
        """
        Set the flag.
        """
        if not await self._store.setOperator(asked.name, asked.operator):
            raise Refused(404, unknown(asked.name))
        for session in self._core.sessions.of(asked.name):
            if session.user is not None:
                session.user.operator = asked.operator
        self.log.info("operator: {user} is an operator: {flag}", user=asked.name, flag=asked.operator)
        return {"user": asked.name, "operator": asked.operator}


class RevokeResource(OperatorResource):
    """
    C{POST /tokens/revoke}: make a token worthless, and end the connections
    that it has opened, and those of the device that it was for.
    """

    methods = (b"POST",)
    asked = TokenText

    async def ask(self, asked: TokenText) -> Any:
        """
        Drop it.
        """
        token = await self._core.accounts.revokeToken(asked.token)
        if token is None:
            raise Refused(404, "there is no such token")
        closed = self._core.attendance.revoke(token.user, token.device, digestOf(asked.token))
        self.log.info("operator: revoked a token of {user}", user=token.user)
        return {"user": token.user, "device": token.device, "closed": closed}


def check(complaint: str | None) -> None:
    """
    Go on only where there is nothing to complain of.

    @raise Refused: there is.
    """
    if complaint is not None:
        raise Refused(400, complaint)


def userView(account: Account) -> dict[str, Any]:
    """
    A user as the operator sees it.
    """
    user = account.user
    return {"id": user.id, "nick": user.nick, "operator": user.operator, "disabled": account.disabled}


def groupView(group: Group) -> dict[str, Any]:
    """
    A group as the operator sees it.
    """
    return {"id": group.id, "name": group.name}


def nextOf(found: list[Any], limit: int) -> str | None:
    """
    After which id a list goes on.
    """
    if len(found) < limit:
        return None
    last = found[-1]
    return str(last.user.id if isinstance(last, Account) else last.id)


def operatorRoutes(gate: Gate, core: Core) -> dict[str, IResource]:
    """
    The operator's API.
    """
    return {
        "users": UsersResource(gate, core),
        "users/add": AddUserResource(gate, core),
        "users/password": PasswordResource(gate, core),
        "users/operator": OperatorFlagResource(gate, core),
        "groups": GroupsResource(gate, core),
        "tokens/revoke": RevokeResource(gate, core),
    }
