"""
What a plugin provides that has a say: handlers, checkers, policies, filters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from imtw.commands import Command
    from imtw.model import Draft, User


class ICommandHandler(Interface):
    """
    Answers one command, for every dialect and for HTTP.
    """

    command: Command = Attribute("L{imtw.commands.Command}: code, name, request type, reply type, who may ask.")

    def handle(request: Any, session: Any) -> Any:
        """
        Called once a request, decoded, valid and authorised.

        @param request: an instance of the command's request type.
        @param session: the L{ISession} that asks.
        @return: an L{imtw.commands.Reply}, a Deferred of one where it has to
            wait (so C{handle} may be a coroutine), what L{IDelivery.accept}
            returned, or L{None} for no reply.
            L{imtw.errors.CommandRefused}, raised or failed with, sends its
            status to the client.  Any other error is logged as our bug.
        """


class ILoginChecker(Interface):
    """
    Says who may log in, for example from a company's own user database.
    The core counts failures and slows guessing; a checker just checks.
    """

    def check(name: str, password: str, address: str) -> Deferred[str | None]:
        """
        Check a name and a password.

        @param address: where the request came from.
        @return: fires with the user's id, or L{None} where this is not the
            user's password.
        """


class IJoinPolicy(Interface):
    """
    Says who may join which group.  All policies are asked, in the order of
    their names; the first that refuses decides.  One that fails, or takes
    longer than L{imtw.limits.Limits.joinPolicy}, refuses, and is named in the
    log.
    """

    def mayJoin(user: User, group: str) -> Any:
        """
        May this user join?

        @return: an L{imtw.commands.JoinVerdict}, or a Deferred of one.
        """


class IChatFilter(Interface):
    """
    Sees every message before it is stored.

    A filter that takes longer than its deadline, or fails, is passed over;
    after three times in a row it is parked and named in the log.
    """

    deadline: float = Attribute("Seconds it may take.")

    def filter(draft: Draft) -> Any:
        """
        Look at a message.  The draft is not to be changed in place:
        C{msgspec.structs.replace} makes one that differs.

        @return: the draft, changed or not (L{None} for unchanged), or a
            Deferred of it.
        @raise imtw.errors.CommandRefused: the message must not go out.
        """
