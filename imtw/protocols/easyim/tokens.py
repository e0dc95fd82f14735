"""
easyim's tokens: JWTs, signed with a secret of each user's own.

Logging out changes the secret, so that all tokens of before are worth
nothing.  The algorithm is HS256, whatever a token says: it is made again from
its claims, and has to come out the same to the byte, as in the original.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from hmac import compare_digest
from typing import Any

import msgspec
from jwt.api_jws import PyJWS

from imtw.interfaces import IStore
from imtw.model import Account
from imtw.numbers import Numbers
from imtw.protocols.easyim.jsontext import encodeText
from imtw.protocols.easyim.salts import Salts

ALGORITHM = "HS256"
ACCESS, REFRESH = "access_token", "refresh_token"
LIFETIMES = {ACCESS: 7200, REFRESH: 30 * 86400}  # seconds
LONGEST = 4096  # characters of anything that may be a token

_ILLEGAL = re.compile("[^A-Za-z0-9_-]")
_jws = PyJWS(algorithms=[ALGORITHM])


class TokenError(Exception):
    """
    A token is worth nothing; says why, in easyim's words.
    """


NOT_A_JWT = "token is not a JWT"
INCORRECT = "token 不正确"
NO_GRANT = "grant_type not found in token claims"
NO_USER = "user not found"
NO_EXP = "token lost field: exp"
EXPIRED = "token is expired"
NOT_YET = "token is not valid yet"
UNSIGNED = "token sign error"


def mint(account: str, number: int, grant: str, salt: str, now: int) -> str:
    """
    A new token, the same to the byte as easyim makes it.

    @param grant: L{ACCESS} or L{REFRESH}.
    @param now: seconds since the epoch.
    """
    return signed({"account": account, "exp": now + LIFETIMES[grant], "grant_type": grant, "id": number}, salt)


def signed(claims: dict[str, Any], salt: str) -> str:
    """
    The one token with these claims that counts: the claims sorted, the header
    always the same.
    """
    return _jws.encode(encodeText(dict(sorted(claims.items()))), salt.encode(), ALGORITHM, sort_headers=True)


def claimsOf(text: str) -> dict[str, Any]:
    """
    What a token says, whether that is true or not.

    @raise TokenError: it is none.
    """
    parts = text.split(".", 3)
    if len(parts) != 3 or len(text) > LONGEST:
        raise TokenError(NOT_A_JWT)
    body = parts[1]
    illegal = _ILLEGAL.search(body)
    if illegal is not None or len(body) % 4 == 1:
        at = len(body) - 1 if illegal is None else illegal.start()
        raise TokenError(f"Base64UrlDecode error: illegal base64 data at input byte {at}")
    try:
        claims = msgspec.json.decode(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise TokenError(f"JsonDecodeUseNumber error: {error}") from None
    if not isinstance(claims, dict):
        raise TokenError("JsonDecodeUseNumber error: wanted an object")
    return claims


def numberOf(claims: dict[str, Any]) -> int | None:
    """
    The user's number in a token, if it says one.
    """
    number = claims.get("id")
    return number if type(number) is int else None


class Tokens:
    """
    Says whose a token is.
    """

    def __init__(self, clock: Any, store: IStore, numbers: Numbers) -> None:
        self._clock = clock
        self._numbers = numbers
        self.salts = Salts(store)

    @property
    def now(self) -> int:
        """
        Seconds since the epoch.
        """
        return int(self._clock.seconds())

    async def mint(self, user: str, grant: str) -> str:
        """
        A new token for a user.
        """
        number = await self._numbers.of(user)
        if number is None:
            raise TokenError(NO_USER)
        return mint(user, number, grant, await self.salts.need(user), self.now)

    async def check(self, text: str, grant: str = "", nameless: str = NO_GRANT) -> tuple[Account, dict[str, Any]]:
        """
        Whose token this is, and what it says.

        @param grant: what it has to be for, unless anything will do.
        @param nameless: what one is told that does not say what it is for.
        @raise TokenError: it is worth nothing.
        """
        claims = claimsOf(text)
        held, number = claims.get("grant_type"), numberOf(claims)
        if held is None:
            raise TokenError(nameless)
        if not isinstance(held, str):
            raise TokenError(INCORRECT)
        if grant and held != grant:
            raise TokenError(f"the token must be {grant}")
        if number is None:
            raise TokenError(INCORRECT)
        account = await self._numbers.account(number)
        if account is None or account.disabled:
            raise TokenError(NO_USER)
        self._checkTimes(claims)
        salt = await self.salts.of(account.user.id)
        if salt is None or not compare_digest(signed(claims, salt).encode(), text.encode("utf-8", "replace")):
            raise TokenError(UNSIGNED)
        return account, claims

    def _checkTimes(self, claims: dict[str, Any]) -> None:
        """
        @raise TokenError: it is too early or too late.
        """
        end, begin = claims.get("exp"), claims.get("nbf", 0)
        if type(end) is not int:
            raise TokenError(NO_EXP)
        if end < self.now:
            raise TokenError(EXPIRED)
        if type(begin) is not int or begin > self.now:
            raise TokenError(NOT_YET)

    async def reader(self, text: str) -> str | None:
        """
        The user whose access token this is, for logins of any kind
        (L{imtw.interfaces.IAccounts.addTokenReader}).
        """
        try:
            account, _ = await self.check(text, ACCESS)
        except TokenError:
            return None
        return account.user.id
