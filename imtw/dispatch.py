"""
From a packet to its handler: who may ask what.
"""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from imtw.commands import Access, Command, Reply, Status
from imtw.counters import Counters
from imtw.errors import CommandRefused, RemoteProtocolError, Unanswered
from imtw.faults import report
from imtw.interfaces import ICommandHandler
from imtw.model import Liberty
from imtw.registry import Registry
from imtw.sessions import Session
from imtw.slots import HANGUP, SILENCE, Slot, awaited, refusalOf

# An attribute of an enumeration costs ten times as much as a name of the module's.
_ANYBODY = Access.ANYBODY
_USER = Access.USER
_BAD_REQUEST = Status.BAD_REQUEST


class Reader(Protocol):
    """
    Knows how a dialect asks.
    """

    def read(self, command: Command, packet: Any) -> Struct | Deferred[Struct]:
        """
        The request in a packet; a Deferred where something has to be looked
        up to understand it.

        @raise CommandRefused: it cannot be understood.
        """


class Dispatcher:
    """
    Hands packets to handlers, for all lanes of a server.
    """

    log = Logger()

    def __init__(self, registry: Registry, maxSlots: int, counters: Counters) -> None:
        self.counters = counters
        self.handlers = registry.byCode
        self.maxSlots = maxSlots

    def call(self, handler: ICommandHandler, session: Session, voice: Reader, packet: Any) -> Any:
        """
        Authorise, read and handle one request.  J-IM's own commands are read
        first: what it answers to a malformed one does not depend on who asks.

        @return: what the handler returned, the L{Reply} of a refusal, or
            L{None} for no answer.
        """
        command = handler.command
        isOpen = command.access is _ANYBODY
        if command.failure is _BAD_REQUEST and not (isOpen or isAllowed(command, session)):
            return Reply(Status.INVALID)
        try:
            request = voice.read(command, packet)
            if not isinstance(request, Struct):  # which is quicker told than a Deferred, a generic
                return self._later(handler, session, request)
            if not (isOpen or isAllowed(command, session)):
                return Reply(Status.INVALID)
            return handler.handle(request, session)
        except CommandRefused as refused:
            return refusalOf(refused)
        except Unanswered:
            return None
        except RemoteProtocolError:
            return HANGUP
        except Exception:  # ours, or a plugin's: logged, and the client is told
            return self.bug(command, Failure())

    async def _later(self, handler: ICommandHandler, session: Session, reading: Deferred[Struct]) -> Reply | Slot:
        """
        Authorise and handle a request once it is understood.
        """
        request = await reading
        if not isAllowed(handler.command, session):
            return Reply(Status.INVALID)
        result = handler.handle(request, session)
        if result is None:
            return SILENCE
        return result if isinstance(result, Reply | Slot) else (await awaited(result) or SILENCE)

    def failed(self, command: Command, failure: Failure) -> Reply:
        """
        The answer to a request whose Deferred failed.
        """
        if isinstance(failure.value, CommandRefused):
            return refusalOf(failure.value)
        if failure.check(RemoteProtocolError):
            return HANGUP
        if failure.check(Unanswered):
            return SILENCE
        return self.bug(command, failure)

    def bug(self, command: Command, failure: Failure) -> Reply:
        """
        Something went wrong on our side: log it, and say so.
        """
        report(self.log, failure, "{command} failed", command=command.name)
        return Reply(command.failure)


def isAllowed(command: Command, session: Session) -> bool:
    """
    May this session give this command?
    """
    access = command.access
    if access is _ANYBODY:
        return True
    if session.user is None:
        return access is _USER and Liberty.ANONYMOUS in session.liberties
    return access is _USER or session.user.operator
