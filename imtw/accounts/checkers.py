"""
The login checkers that come with imtw, as C{--auth} names them.
"""

from __future__ import annotations

import os
from typing import Any, cast

from twisted.cred.checkers import FilePasswordDB, ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.strcred import InvalidAuthType, StrcredException, findCheckerFactories, makeChecker
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from imtw.accounts.login import Accounts
from imtw.accounts.stored import IRemembers, StoreChecker
from imtw.errors import PluginLookupError
from imtw.interfaces import ICore, ILoginChecker
from imtw.model import User
from imtw.plugin import takesNothing


def storeChecker(core: ICore, argument: str) -> StoreChecker:
    """
    C{--auth accounts:}, the store's own accounts.  C{--signup} says whether
    they may be made by a first login.
    """
    takesNothing("--auth accounts", argument)
    return cast(Accounts, core.accounts).own


@implementer(ILoginChecker, IRemembers)
class AnyoneChecker:
    """
    C{--auth anyone:}, which lets anybody in under any name, at once: for
    tests and benchmarks.
    """

    _log = Logger()

    def __init__(self, core: ICore, argument: str) -> None:
        takesNothing("--auth anyone", argument)
        self._log.warn("!!! --auth anyone: every password is right, anybody can log in as anybody !!!")

    def recall(self, name: str, password: str, address: str) -> Deferred[User | None]:
        return succeed(User(id=name, nick=name))

    def check(self, name: str, password: str, address: str) -> Deferred[str | None]:
        return succeed(name)


@implementer(ILoginChecker)
class CredChecker:
    """
    Asks a checker of L{twisted.cred}.
    """

    def __init__(self, checker: ICredentialsChecker) -> None:
        if IUsernamePassword not in checker.credentialInterfaces:
            raise PluginLookupError(f"{type(checker).__name__} checks no names and passwords")
        self._checker = checker

    def check(self, name: str, password: str, address: str) -> Deferred[str | None]:
        """
        See L{ILoginChecker.check}.  The user's id is the checker's avatar id.
        """
        credentials = UsernamePassword(name.encode(), password.encode())
        asked: Deferred[Any] = maybeDeferred(self._checker.requestAvatarId, credentials)
        return asked.addCallbacks(_asId, _refused)


def credChecker(core: ICore, argument: str) -> CredChecker:
    """
    C{--auth cred:TYPE:...}, any checker that L{twisted.cred.strcred} knows,
    such as C{cred:file:/path/to/passwd}.

    @raise PluginLookupError: there is no such checker, or it does not want
        this argument.
    """
    kind = argument.partition(":")[0]  # what follows may be a secret
    try:
        checker = makeChecker(argument)
    except InvalidAuthType as error:
        there = ", ".join(sorted({factory.authType for factory in findCheckerFactories()}))
        raise PluginLookupError(f"--auth cred:{kind}: that is none of the checkers there are: {there}") from error
    except (StrcredException, ValueError) as error:
        raise PluginLookupError(f"--auth cred:{kind}: takes something else than what stands behind it") from error
    if isinstance(checker, FilePasswordDB) and not os.path.isfile(checker.filename):  # it would refuse everybody
        raise PluginLookupError(f"--auth cred:{kind}: {checker.filename} is no file; wanted one of NAME:PASSWORD lines")
    return CredChecker(checker)


def _asId(avatar: Any) -> str | None:
    """
    An avatar id as a user's id; cred's anonymous one is nobody's.
    """
    if isinstance(avatar, bytes):
        return avatar.decode(errors="replace")
    return avatar if isinstance(avatar, str) else None


def _refused(why: Failure) -> None:
    why.trap(UnauthorizedLogin)
