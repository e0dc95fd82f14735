"""
Who is behind an HTTP request, and what it may do.
"""

from __future__ import annotations

import binascii
from hmac import compare_digest
from ipaddress import ip_address

from twisted.web.server import Request
from zope.interface import implementer

from imtw.commands import Status
from imtw.errors import CommandRefused
from imtw.events import Event
from imtw.interfaces import IForm
from imtw.model import Liberty
from imtw.outlet import Nowhere
from imtw.server import Core
from imtw.sessions import Session

#: Headers that say that a request came through a page or a proxy; and all X-Forwarded-*.
HANDED_ON = (b"origin", b"forwarded", b"via", b"x-real-ip")
LONGEST_SHOWN = 100  # characters of a header that a refusal says back
API = Liberty.SPEAK_FOR_OTHERS | Liberty.CLOSE_OTHERS


@implementer(IForm)
class NoForm:
    """
    The form of a session that is told nothing.
    """

    tellsOwn = False

    def encode(self, event: Event) -> bytes:
        """
        Nothing.
        """
        return b""

    def withDevice(self, named: bool) -> NoForm:
        """
        It still is told nothing.
        """
        return self


NO_FORM = NoForm()


def sessionOf(core: Core, request: Request, liberties: Liberty = Liberty.NONE) -> Session:
    """
    The session of one request: nobody's yet, and nothing can be pushed to
    it.
    """
    session = core.newSession(Nowhere(), NO_FORM, "http", addressOf(request), liberties)
    session.ended = None
    return session


def addressOf(request: Request) -> str:
    """
    The peer's address; what a proxy says of it is not believed here.
    """
    return getattr(request.getClientAddress(), "host", "")


def isLoopback(host: str) -> bool:
    """
    Is this a name or an address of this machine?
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def hostOf(request: Request) -> str:
    """
    The Host header without its port.
    """
    host = (request.getHeader(b"Host") or b"").decode("latin-1")
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host


def bearerOf(request: Request) -> str:
    """
    The bearer token of a request, or an empty text.
    """
    scheme, _, value = (request.getHeader(b"Authorization") or b"").decode("latin-1").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def libertiesOf(core: Core, request: Request) -> Liberty:
    """
    May this caller speak for others?
    """
    return Liberty.NONE if obstacleOf(core, request) else API


def obstacleOf(core: Core, request: Request) -> str:
    """
    Why this caller may not speak for others, in words for a person, or an
    empty text.  It may with the operator's secret, or, only while there is
    none, from this machine itself and not through a page or a proxy
    (docs/howto/tls.rst).
    """
    if core.apiSecret:
        if compare_digest(bearerOf(request).encode("utf-8", "replace"), core.apiSecret.encode()):
            return ""
        return "only who shows the operator's secret (--api-secret-file) as a bearer token speaks for others"
    handed = handedOn(request)
    if not isLoopback(addressOf(request)):
        met = f"the request comes from {addressOf(request) or 'nowhere'}, which is not this machine"
    elif not isLoopback(hostOf(request)):
        met = f"the Host {shown(request.getHeader(b'Host'))} does not name this machine (localhost, 127.0.0.1, [::1])"
    elif handed:
        met = f"the header {shown(handed)} says that the request comes through a page or a proxy"
    else:
        return ""
    return met + "; without --api-secret-file only programs on this machine speak for others"


def shown(text: bytes | None) -> str:
    """
    A part of what a peer sent, as it can be said back.
    """
    return ascii((text or b"")[:LONGEST_SHOWN].decode("latin-1"))


def handedOn(request: Request) -> bytes:
    """
    The name of a header that says that a request comes through a page or a
    proxy; empty if there is none.
    """
    for name, _ in request.requestHeaders.getAllRawHeaders():
        if name.lower() in HANDED_ON or name.lower().startswith(b"x-forwarded-"):
            return bytes(name)
    return b""


async def identify(core: Core, request: Request, session: Session) -> None:
    """
    Log the session in as the request's bearer token or basic login says;
    without either nothing happens.

    @raise CommandRefused: they are wrong.
    """
    token = bearerOf(request)
    name = request.getUser()
    if token and not (core.apiSecret and libertiesOf(core, request)):
        session.user = (await core.accounts.login("", "", token, session.address)).user
    elif name:
        try:
            login, password = name.decode(), request.getPassword().decode()
        except (UnicodeDecodeError, binascii.Error):
            raise CommandRefused(Status.LOGIN_FAILED) from None
        session.user = (await core.accounts.login(login, password, "", session.address)).user
