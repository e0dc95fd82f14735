"""
Whose FastIM's users are, and what their rooms are called here.

Where WebSockets have to show a token (C{loginAuth}), its users are imtw's
accounts, and its rooms imtw's groups: a J-IM client in the group C{1} and a
FastIM client in the room C{1} talk to each other.

Where they need not, or any password is right (strict), nobody knows who
anybody is.  Such users live in a realm of their own with their rooms
(L{imtw.model.realmOf}).
"""

from __future__ import annotations

from twisted.logger import Logger

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.model import Account, TokenTerms, User, isId, realmOf
from imtw.protocols.fastim.forms import RoomForm
from imtw.protocols.fastim.options import FastOptions
from imtw.server import Core

NAME = "fastim"
HOUR, DAY = 3600.0, 86400.0
TERMS = TokenTerms(audience=NAME, lifetime=DAY + HOUR)  # on a WebSocket one is in use for an HOUR once it was looked at
USER_INFO = "{user_info}"  # what a login says of its user


class House:
    """
    What all of FastIM's connections share.

    @ivar realm: what its ids begin with here, or an empty text.
    @ivar form: of the sessions in rooms.
    """

    log = Logger()

    def __init__(self, core: Core, options: FastOptions) -> None:
        self.core = core
        self.options = options
        self.realm = "" if options.loginAuth and not options.strict else realmOf(NAME)
        self.form = RoomForm(self.realm)
        if self.realm:
            why = "--strict fastim: any password is right" if options.strict else "loginAuth=0: anybody is who it says"
            self.log.warn("!!! fastim: {why}; its users are among themselves and no accounts !!!", why=why)

    def idOf(self, text: str) -> str | None:
        """
        The id here of a user or a room; L{None} where it can be none.
        """
        id = self.realm + text
        return id if isId(id, self.realm) else None

    def textOf(self, id: str) -> str:
        """
        What FastIM's clients call it.
        """
        return id[len(self.realm) :]

    async def login(self, user: str, password: str, address: str) -> str:
        """
        Log somebody in, whose name becomes an account where it is new.  Its
        earlier token is worthless from now on.

        @return: the new token.
        @raise CommandRefused: the password is wrong.
        """
        attendance = self.core.attendance
        with attendance.holders.hold("") as hold:
            if self.realm:
                guest = self.guest(user)
                if guest is None:
                    raise CommandRefused(Status.LOGIN_FAILED)
                id = guest.id
            else:
                found = await self.core.accounts.login(user, password, "", address)
                id = found.user.id
            text, replaced = await self.core.accounts.replaceToken(id, TERMS)
            for digest in replaced:
                attendance.revoke(id, token=digest)
            if hold.isEnded(id):
                await self.core.accounts.revokeToken(text)
                raise CommandRefused(Status.LOGIN_FAILED)
        return text

    async def who(self, user: str, token: str) -> User | None:
        """
        Who somebody is that shows a token; L{None} where it is not this
        user's, or worth nothing.
        """
        found = await self.core.accounts.checkToken(token, TERMS)
        if found is None or found.user != self.idOf(user):
            return None
        if self.realm:
            return self.guest(user)
        account: Account | None = await self.core.store.account(found.user)
        return None if account is None or account.disabled else account.user

    def guest(self, user: str) -> User | None:
        """
        Somebody who need not prove anything; L{None} where that is no id.
        """
        id = self.idOf(user)
        return None if id is None else User(id, user)
