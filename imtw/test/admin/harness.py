"""
An admin listener in memory: bytes in, bytes out, no socket.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from imtw.accounts.login import Accounts
from imtw.admin.listener import Admin
from imtw.limits import Limits
from imtw.model import User
from imtw.outlet import Outlet as OutletBase
from imtw.persistence.memory import MemoryStore
from imtw.protocols.caller import NO_FORM
from imtw.server import Core
from imtw.sessions import Session
from imtw.test.accounts.fakes import CHEAP, CountedHashes

ENDPOINT = "tcp:9734:interface=127.0.0.1"


class AtOnce:
    """
    A thread pool whose threads are ready before they begin.
    """

    def callInThreadWithCallback(
        self, tell: Callable[[bool, Any], object], work: Callable[..., Any], *args: Any
    ) -> None:
        """
        Do some work.
        """
        try:
            result = work(*args)
        except Exception:
            tell(False, Failure())
        else:
            tell(True, result)


class Reactor(MemoryReactorClock):
    """
    A reactor with threads.
    """

    def getThreadPool(self) -> AtOnce:
        """
        The threads.
        """
        return AtOnce()

    def callFromThread(self, function: Callable[..., Any], *args: Any, **more: Any) -> None:
        """
        Call a function in the reactor's thread: this one.
        """
        function(*args, **more)


class Outlet(OutletBase):
    """
    Where a session's bytes go.
    """

    isClosed = False

    def send(self, data: bytes) -> None:
        """
        Drop them.
        """

    def close(self) -> None:
        """
        Note it.
        """
        self.isClosed = True


class Answer(NamedTuple):
    """
    An HTTP answer.
    """

    code: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """
        The body, read.
        """
        return json.loads(self.body)


class AdminTestCase(SynchronousTestCase):
    """
    A core with a store in memory, and the admin listener in front of it.

    @ivar secret: what opens it.
    """

    apiSecret = ""

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.reactor.advance(1_700_000_000)
        self.limits = Limits()
        self.store = MemoryStore("", self.reactor, self.limits)
        self.core = Core(self.reactor, self.store, self.limits)
        self.core.apiSecret = self.apiSecret
        self.hashes = CountedHashes(self.reactor, self.limits)
        self.accounts = Accounts(self.store, self.reactor, self.limits, hashes=self.hashes)
        self.core.accounts = self.accounts
        self.admin = Admin(self.core, self.reactor, ENDPOINT, list)
        self.secret = self.admin._secret

    def makeUser(self, name: str, operator: bool = False) -> None:
        """
        An account.
        """
        self.successResultOf(self.store.addAccount(User(name, name, operator=operator), CHEAP.hash(b"old")))

    def logIn(self, name: str, terminal: str = "tcp", device: str = "", groups: tuple[str, ...] = ()) -> Session:
        """
        A session of a user, in some groups.
        """
        session = self.core.newSession(Outlet(), NO_FORM, terminal, "203.0.113.1")
        user = self.successResultOf(self.store.user(name)) or User(name, name)
        self.core.sessions.add(session, user)
        session.device = device
        for group in groups:
            self.core.groups.attach(session, self.successResultOf(self.store.join(name, group, None, 10)))
        return session

    def raw(self, request: bytes, peer: str = "127.0.0.1") -> Answer:
        """
        Send a request as it is.
        """
        transport = StringTransport(peerAddress=IPv4Address("TCP", peer, 40000))
        transport.abortConnection = transport.loseConnection  # type: ignore[method-assign]
        channel = self.admin.site.buildProtocol(transport.getPeer())
        channel.makeConnection(transport)
        channel.dataReceived(request)
        head, _, body = transport.value().partition(b"\r\n\r\n")
        channel.connectionLost(Failure(ConnectionAbortedError()))
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        if headers.get("transfer-encoding") == "chunked":
            size, _, rest = body.partition(b"\r\n")
            body = rest[: int(size, 16)]
        return Answer(int(status.split(" ")[1]), headers, body)

    def ask(
        self,
        path: str,
        body: Any = None,
        secret: str | None = None,
        peer: str = "127.0.0.1",
        method: str = "",
        headers: tuple[str, ...] = ("Host: localhost:9734",),
    ) -> Answer:
        """
        One request: a C{POST} if it has a body.

        @param secret: the right one unless another is given; empty for none.
        """
        wanted = self.secret if secret is None else secret
        lines = [f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1", *headers]
        if wanted:
            lines.append(f"Authorization: Bearer {wanted}")
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        lines.append(f"Content-Length: {len(data)}")
        return self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + data, peer)
