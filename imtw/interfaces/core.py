"""
What a plugin gets: the running server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from imtw.events import Event
    from imtw.interfaces.store import IStore
    from imtw.limits import Limits
    from imtw.model import Admission, Draft, Liberty, Token, TokenTerms, User


class ICore(Interface):
    """
    The running server, as a plugin's class gets it.
    """

    clock = Attribute("The reactor: C{IReactorTime} and C{IReactorFromThreads}.")
    limits: Limits = Attribute("L{imtw.limits.Limits}: every bound.")
    store: IStore = Attribute("The L{IStore}.")
    sessions: ISessions = Attribute("The L{ISessions}: who is connected.")
    delivery: IDelivery = Attribute("The L{IDelivery}: how messages and events go out.")
    accounts: IAccounts = Attribute("The L{IAccounts}: who may log in.")

    def now() -> int:
        """
        The time, in ms since the epoch.
        """

    def newId() -> str:
        """
        A new message id: 32 hex digits, never the same twice.
        """


class IForm(Interface):
    """
    What bytes an event has for a session: a dialect's spelling on one
    carrier.  Forms are hashable and few.
    """

    tellsOwn: bool = Attribute("Is a user told what it says itself to somebody, on this device or another?")

    def encode(event: Event) -> bytes:
        """
        The event, framed for the carrier; empty where this form does not
        tell it.
        """

    def withDevice(named: bool) -> IForm:
        """
        The form of the same session once it names a device, or names none.
        """


class ISession(Interface):
    """
    One connection of one user on one device.
    """

    user: User | None = Attribute("The L{imtw.model.User} that is logged in, or L{None}.")
    device: str = Attribute("The client's name for its device, or an empty text.")
    terminal: str = Attribute("The carrier: C{tcp}, C{ws}, C{http}.")
    address: str = Attribute("The peer's address without its port.")
    liberties: Liberty = Attribute("What this session may do for others.")
    id: str = Attribute("Unique for this connection.")
    form: IForm = Attribute("The L{IForm} of what it is told.")

    def isIn(group: str) -> bool:
        """
        Does this session take part in a group?  One HTTP request takes part
        in none.
        """

    def tell(event: Event) -> None:
        """
        Send an event, if this session's form has words for it.  It never
        blocks and never fails; a peer that does not read is cut.
        """

    def close() -> None:
        """
        End the connection once what was sent is written.
        """


class ISessions(Interface):
    """
    Who is connected to this node.
    """

    def of(user: str) -> Sequence[ISession]:
        """
        All sessions of a user.
        """

    def echoed(user: str, speaking: Any = None) -> Sequence[ISession]:
        """
        Those that are told what their user says itself to somebody, on one of
        them or elsewhere.
        """

    def online(user: str) -> bool:
        """
        Has this user a session that takes private messages?
        """


class IDelivery(Interface):
    """
    How messages and events go out.
    """

    def accept(session: Any, draft: Draft) -> Any:
        """
        Take a message on: store it, then tell its people, then answer.

        @param session: the L{ISession} that speaks.
        @return: what a handler returns in place of a reply.
        """

    def tellUser(user: str, event: Event) -> None:
        """
        Tell all sessions of a user something that is not stored, on this node
        and on others.
        """

    def tellGroup(group: str, event: Event) -> None:
        """
        Tell all sessions in a group something that is not stored, on this node
        and on others, in order with its messages.
        """


class IAccounts(Interface):
    """
    Who may log in.
    """

    waiting: int = Attribute("Logins that wait for their turn.")

    def start() -> Deferred[None]:
        """
        Make ready, once the store is open.
        """

    def stop() -> Deferred[None]:
        """
        Check nothing any more.
        """

    def login(name: str, password: str, token: str, address: str, device: str = "") -> Deferred[Admission]:
        """
        Check who somebody is, by name and password or by a token.

        @return: fails with L{imtw.errors.CommandRefused} if that is not
            proven.
        """

    def checkToken(text: str, terms: TokenTerms | None = None) -> Deferred[Token | None]:
        """
        What a token stands for; L{None} where it is worth nothing.

        @param terms: of the dialect whose own token this has to be; then it
            was used.
        """

    def revokeToken(text: str) -> Deferred[Token | None]:
        """
        Make a token worthless.

        @return: fires with what it stood for.
        """

    def addTokenReader(reader: Callable[[str], Deferred[str | None]]) -> None:
        """
        Let tokens of a dialect's own making in, too, wherever a token lets
        in: C{reader} is asked for the user's id, and answers L{None} where
        it is none of its tokens, or worth nothing.
        """

    def signUp(user: User, password: str, address: str) -> Deferred[bool]:
        """
        Make an account with a password; L{False} where the id is taken.
        Fails with C{FORBIDDEN} where accounts are not made so
        (C{--signup closed}, another login check), C{BAD_REQUEST} for what
        can be no name or password, C{TOO_MANY}.
        """

    def issueToken(user: str, device: str) -> Deferred[tuple[str, Token]]:
        """
        Make a token for a user who is logged in.

        @return: fires with the token's text, which is kept nowhere, and
            with what is kept of it.
        """

    def replaceToken(user: str, terms: TokenTerms) -> Deferred[tuple[str, list[bytes]]]:
        """
        Make the one token that a user has for a dialect which alone takes it.

        @return: fires with the token's text, and with the hashes of those
            that it takes the place of: what they have opened is to end.
        """
