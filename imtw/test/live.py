"""
For live tests: the real service on real sockets of this machine.

Whatever a test opens here is closed, and waited for, when the test ends.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher, textFileLogObserver
from twisted.trial.unittest import SynchronousTestCase, TestCase

from imtw.service import Server
from imtw.tap import Options, chooseTurn, makeServer
from imtw.test.clients import PATIENCE, Answer, Client, SocketClient, StreamClient, WebClient, reactor
from imtw.test.wire import HOST, codes, private, said

ANY_PORT = f"tcp:0:interface={HOST}"
LONGEST_WAIT = 2.0  # seconds between what a bystander says and its answer
PLAIN = {"--auth": "anyone:", "--store": "memory:", "--admin": "none"}  # unless a test says something else

C = TypeVar("C", bound=Client)


async def pause(seconds: float) -> None:
    """
    Let some time pass.
    """
    await deferLater(reactor, seconds)


class Live:
    """
    A server that runs.

    @ivar port: its first port, which is the common one where it has one.
    @ivar ports: all of them, in the order of the arguments, those of one
        dialect last.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.core = server.core
        self.ports: list[int] = [port.getHost().port for port in server.listening]  # type: ignore[attr-defined]
        self.port = self.ports[0]

    def later(self, seconds: float) -> None:
        """
        So much time is over for all deadlines, though nobody has waited, and
        it is time for a sweep.
        """
        deadlines = self.core.deadlines
        now = deadlines._seconds
        deadlines._seconds = lambda: now() + seconds
        deadlines._sweeps.f()

    async def stop(self) -> None:
        """
        End it, once its clients are gone.
        """
        until = reactor.seconds() + PATIENCE
        while self.core.connections and reactor.seconds() < until:
            await pause(0.005)
        left = self.core.connections
        await self.server.stopService()
        for call in reactor.getDelayedCalls():  # Autobahn forgets one where a peer does not answer a close frame
            if getattr(call.func, "__name__", "") == "_notify_bucket":
                call.cancel()
        if left:
            raise AssertionError(f"{left} connections are left open by the server")


async def serve(*arguments: str) -> Live:
    """
    Start a server as C{twistd jim} would, on a free port unless another is
    asked for.
    """
    plain = [f"{name}={value}" for name, value in PLAIN.items() if name not in arguments]
    ports = [] if {"--port", "--port-for"} & set(arguments) else ["--port", ANY_PORT]
    options = Options()
    options.parseOptions([*plain, *ports, *arguments])
    if "--port" not in arguments and not ports:
        options["port"] = []
    chooseTurn(options, reactor)
    server = makeServer(options, reactor)
    server.startService()
    await server.started  # type: ignore[misc]
    return Live(server)


class LiveTestCase(TestCase):
    """
    A test with servers and clients.
    """

    timeout = 30

    def setUp(self) -> Any:
        """
        See L{prepare}.
        """
        return Deferred.fromCoroutine(self.prepare())

    async def prepare(self) -> None:
        """
        What every test of a class needs; a subclass says it.
        """

    async def serve(self, *arguments: str) -> Live:
        """
        A server, until the test ends; see L{serve}.
        """
        live = await serve(*arguments)
        self.addCleanup(live.stop)
        return live

    async def connect(self, port: int, client: C) -> C:
        """
        Connect a client, until the test ends.
        """
        await connectProtocol(TCP4ClientEndpoint(reactor, HOST, port), client)
        self.addCleanup(client.closedByUs)
        return client

    async def raw(self, port: int) -> Client:
        """
        A connection that nobody speaks on.
        """
        return await self.connect(port, Client())

    async def tcp(self, port: int, name: str = "", **more: Any) -> StreamClient:
        """
        A J-IM client over TCP, logged in if it has a name.
        """
        client = await self.connect(port, StreamClient())
        if name:
            self.assertLoggedIn(await client.login(name, **more))
        return client

    async def ws(self, port: int, name: str = "", **more: Any) -> SocketClient:
        """
        A J-IM client over WebSocket, logged in if it has a name.
        """
        client = await self.connect(port, SocketClient())
        self.assertEqual(await client.upgrade("/"), 101)
        if name:
            self.assertLoggedIn(await client.login(name, **more))
        return client

    async def upgrade(
        self, port: int, path: str = "/", headers: Mapping[str, str | None] | None = None
    ) -> SocketClient:
        """
        A WebSocket that was asked for, with whatever came of it.
        """
        client = await self.connect(port, SocketClient())
        await client.upgrade(path, headers)
        return client

    async def http(
        self, port: int, method: str, path: str, body: Any = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """
        One request on a connection of its own.
        """
        client = await self.connect(port, WebClient())
        client.request(method, path, body, {"Connection": "close", **(headers or {})})
        answer = await client.answer()
        client.hangUp()
        return answer

    def assertLoggedIn(self, events: list[Any]) -> None:
        """
        The last event says that the login went well.
        """
        self.assertEqual(events[-1].get("code"), 10007, events)

    def assertNothingLogged(self) -> None:
        """
        Nothing was logged as an error so far.
        """
        self.assertEqual(self.flushLoggedErrors(), [])


class LogBook:
    """
    The log from its making on, as twistd would write it.
    """

    def __init__(
        self, case: SynchronousTestCase, level: Any = LogLevel.info, observe: Any = textFileLogObserver
    ) -> None:
        """
        @param observe: from a file to the observer that writes there.
        """
        self._stream = io.StringIO()
        write = observe(self._stream)

        def observeFrom(event: LogEvent) -> None:
            if event.get("log_level", LogLevel.info) >= level:
                write(event)

        observer = cast(ILogObserver, observeFrom)
        globalLogPublisher.addObserver(observer)
        case.addCleanup(globalLogPublisher.removeObserver, observer)

    @property
    def text(self) -> str:
        """
        All of it.
        """
        return self._stream.getvalue()

    @property
    def lines(self) -> list[str]:
        """
        Its lines, cut as a terminal or a program that reads it would.
        """
        return self.text.split("\n")[:-1]


class BystanderTestCase(LiveTestCase):
    """
    A server on which Ann and Bob chat all the time, whatever is done to it:
    at the end neither has noticed anything, and nothing is in its log.

    @cvar arguments: of the server.
    """

    arguments: tuple[str, ...] = ()

    async def prepare(self) -> None:
        self.log = LogBook(self, LogLevel.error)
        self.live = await self.serve(*self.arguments)
        self.port = self.live.port
        self.ann = await self.tcp(self.port, "ann")
        self.bob = await self.ws(self.port, "bob")
        self.isOver = False
        self.worst = 0.0
        self.chat = Deferred.fromCoroutine(self.chatOn())
        self.addCleanup(self.undisturbed)

    async def chatOn(self) -> None:
        """
        Ann says something, Bob hears it, and both do so again.
        """
        number = 0
        while not self.isOver:
            began = reactor.seconds()
            number += 1
            self.ann.say(11, private("bob", f"bystander {number}"))
            events = await self.ann.upTo(12)
            self.assertEqual(codes(events, 12), [10000])
            self.assertEqual(said(await self.bob.upTo(11)), [("ann", f"bystander {number}")])
            self.worst = max(self.worst, reactor.seconds() - began)
            await pause(0.02)

    async def undisturbed(self) -> None:
        """
        Nobody else has noticed anything.
        """
        self.isOver = True
        await self.chat
        self.assertLess(self.worst, LONGEST_WAIT)
        self.assertNothingLogged()
        self.assertEqual(self.log.text, "")
