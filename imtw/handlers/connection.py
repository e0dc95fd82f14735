"""
What a client says about its connection: handshake, heartbeat, token echo,
close.
"""

from __future__ import annotations

from zope.interface import implementer

from imtw.commands import AUTH, CLOSE, HANDSHAKE, HEARTBEAT, Close, Greeting, Nothing, Reply, Status, Token
from imtw.errors import CommandRefused
from imtw.interfaces import ICommandHandler, ICore
from imtw.model import Liberty
from imtw.server import Core
from imtw.sessions import Session


@implementer(ICommandHandler)
class HandshakeHandler:
    """
    Answers a handshake; nothing depends on it.
    """

    command = HANDSHAKE

    def __init__(self, core: ICore) -> None:
        self._reply = Reply(None, Greeting())

    def handle(self, request: Nothing, session: Session) -> Reply:
        return self._reply


@implementer(ICommandHandler)
class HeartbeatHandler:
    """
    Answers a heartbeat.
    """

    command = HEARTBEAT

    def __init__(self, core: ICore) -> None:
        self._reply = Reply(always=True)

    def handle(self, request: Nothing, session: Session) -> Reply:
        return self._reply


@implementer(ICommandHandler)
class AuthHandler:
    """
    Gives a token back, as J-IM does: it proves nothing and changes nothing.
    """

    command = AUTH

    def __init__(self, core: ICore) -> None:
        pass

    def handle(self, request: Token, session: Session) -> Reply:
        return Reply(Status.AUTHENTICATED, request)


@implementer(ICommandHandler)
class CloseHandler:
    """
    Ends connections: this one, all of one's own, or, where the session has
    that liberty, those of somebody else; whatever they are for.
    """

    command = CLOSE

    def __init__(self, core: Core) -> None:
        self._attendance = core.attendance

    def handle(self, request: Close, session: Session) -> Reply | None:
        if not request.user:
            session.close()
            return None
        own = session.user is not None and request.user == session.user.id
        operator = session.user is not None and session.user.operator
        if not (own or operator or Liberty.CLOSE_OTHERS in session.liberties):
            raise CommandRefused(Status.INVALID)
        self._attendance.cutAll(request.user)
        return None if own and session.terminal != "http" else Reply(Status.CLOSED)
