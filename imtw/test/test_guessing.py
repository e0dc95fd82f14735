"""
Guessing passwords over every way in together (S6), and learning which names
there are from how long a refusal takes (S7), on real servers.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from itertools import count, cycle
from statistics import median
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import Clock, LoopingCall

from imtw.accounts.hashing import ARGON2ID
from imtw.accounts.login import Accounts
from imtw.model import User
from imtw.tap import Options, makeServer
from imtw.test.accounts.fakes import CHEAP, CountedHashes
from imtw.test.clients import Client, SocketClient, StreamClient, WebClient, reactor
from imtw.test.live import ANY_PORT, C, Live, LiveTestCase
from imtw.test.wire import HOST, basic, frameOf, private

HOME = HOST
AWAY = [f"127.0.0.{number}" for number in range(2, 12)]  # Linux has them all
RIGHT = "a secret of Ann's"
PASSED, FAILED = 10007, 10008
MOST = 100  # guesses that are looked at, of one account in an hour
HOUR = 3600.0
SAMPLES = 15
CLOSE_ENOUGH = 0.15
ROUNDS = 4  # of which one has to be close enough: others use this machine, too

Way = Callable[[str, str, str], Coroutine[Any, Any, bool]]


class Guarded(LiveTestCase):
    """
    A server that makes no accounts, and all ways in.
    """

    live: Live
    signup = ("--auth", "accounts:", "--signup", "closed")

    async def dial(self, address: str, client: C) -> C:
        """
        Connect from an address of this machine.
        """
        endpoint = TCP4ClientEndpoint(reactor, HOST, self.live.port, bindAddress=(address, 0))
        await connectProtocol(endpoint, client)
        client.transport.setTcpNoDelay(True)  # type: ignore[union-attr]
        self.addCleanup(client.closedByUs)
        return client

    async def byFrame(self, address: str, name: str, password: str) -> bool:
        """
        Command 5 over TCP.
        """
        client = await self.dial(address, StreamClient())
        return await self.ended(client, await client.login(name, password))

    async def byMessage(self, address: str, name: str, password: str) -> bool:
        """
        Command 5 over WebSocket.
        """
        client = await self.dial(address, SocketClient())
        await client.upgrade("/")
        return await self.ended(client, await client.login(name, password))

    async def byQuery(self, address: str, name: str, password: str) -> bool:
        """
        The query of an upgrade.
        """
        client = await self.dial(address, SocketClient())
        await client.upgrade(f"/?username={quote(name)}&password={quote(password)}")
        return await self.ended(client, await client.upTo(6))

    async def byBasic(self, address: str, name: str, password: str) -> bool:
        """
        A basic login for a command over HTTP.
        """
        return await self.post(address, "/api/command/token", None, name, password)

    async def bySpeaking(self, address: str, name: str, password: str) -> bool:
        """
        A basic login for J-IM's own route.
        """
        return await self.post(address, "/api/message/send", private("ann", "x"), name, password)

    async def byCommand(self, address: str, name: str, password: str) -> bool:
        """
        Command 5 as a command over HTTP.
        """
        return await self.post(address, "/api/command/login", {"name": name, "password": password})

    async def byCall(self, address: str, name: str, password: str) -> bool:
        """
        FastIM's login: a refusal has a code of its own.
        """
        client = await self.dial(address, WebClient())
        client.request("POST", f"/user/login?userId={quote(name)}&password={quote(password)}", b"")
        answer = await client.answer()
        await client.closedByUs()
        self.assertIn(answer.json["code"], (200, 100), answer)
        return bool(answer.json["code"] == 200)

    async def post(self, address: str, path: str, body: Any, name: str = "", password: str = "") -> bool:
        """
        One request.
        """
        client = await self.dial(address, WebClient())
        client.request("POST", path, body, {"Host": "chat.example.org", **basic(name, password)})
        answer = await client.answer()
        await client.closedByUs()
        self.assertIn(answer.status, (200, 401, 429), answer)
        return answer.status == 200

    async def ended(self, client: Client, events: list[Any]) -> bool:
        """
        What the answer to a login is; a refusal ends the connection.
        """
        code = events[-1]["code"]
        self.assertIn(code, (PASSED, FAILED))
        if code == FAILED:
            await client.closed()
        else:
            await client.closedByUs()
        return bool(code == PASSED)

    @property
    def ways(self) -> list[Way]:
        """
        All of them.
        """
        return [
            *(self.byFrame, self.byMessage, self.byQuery, self.byBasic, self.bySpeaking, self.byCommand),
            self.byCall,
        ]


class GuessingTests(Guarded):
    """
    Ann has an account, and has logged in from home.

    Hours are those of a clock that is moved on by the tests, passwords have
    cheap hashes, and every look at a guess is counted.
    """

    async def prepare(self) -> None:
        options = Options()
        options.parseOptions([*self.signup, "--store", "memory:", "--admin", "none", "--port", ANY_PORT])
        server = makeServer(options, reactor)
        core = server.core
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.hashes = CountedHashes(self.clock, core.limits)
        core.accounts = self.accounts = Accounts(
            core.store, self.clock, core.limits, signup="closed", hashes=self.hashes
        )
        await core.store.addAccount(User("ann", "ann"), CHEAP.hash(RIGHT))
        self.marks = 0
        memory = self.accounts.own._memory
        mark = memory._mark

        def counted(password: str, secret: str) -> bytes:
            self.marks += password != RIGHT
            return mark(password, secret)

        memory._mark = counted  # type: ignore[method-assign]
        server.startService()
        await server.started  # type: ignore[misc]
        self.live = Live(server)
        self.addCleanup(self.live.stop)
        self._numbers = count(1)
        self.assertTrue(await self.byFrame(HOME, "ann", RIGHT))

    @property
    def evaluated(self) -> int:
        """
        Guesses that were looked at: by a hash, or by the memory.
        """
        return self.hashes.done + self.marks

    async def attack(self, addresses: list[str], guesses: int) -> int:
        """
        Guess for an hour, over all ways and from all addresses in turn.

        @return: how many guesses were looked at.
        """
        before = self.evaluated
        places = [(way, address) for address in addresses for way in self.ways]
        turns = cycle(places)
        for _ in range(guesses):
            way, address = next(turns)
            self.assertFalse(await way(address, "ann", f"guess {next(self._numbers)}"))
            self.clock.advance(HOUR / guesses)
        return self.evaluated - before

    async def assertTooLate(self, address: str) -> None:
        """
        From there not even the right password is looked at.
        """
        for way in self.ways * 4:
            self.assertFalse(await way(address, "ann", f"guess {next(self._numbers)}"))
        before = self.evaluated
        for way in self.ways:
            self.assertFalse(await way(address, "ann", RIGHT), way)
        self.assertEqual(self.evaluated, before)

    async def assertOwnerGetsIn(self) -> None:
        """
        From home, on every way.
        """
        for way in self.ways:
            self.assertTrue(await way(HOME, "ann", RIGHT), way)

    async def test_oneAddress(self) -> None:
        """
        Somebody elsewhere has few guesses, over all ways together, and the
        right one is not looked at once they are used up; Ann gets in.
        """
        found = [await self.attack(AWAY[:1], 84) for _ in range(2)]
        print(f"{found} guesses an hour looked at", end=" ")
        self.assertEqual(found, [19, 10])
        await self.assertTooLate(AWAY[0])
        await self.assertOwnerGetsIn()

    async def test_manyAddresses(self) -> None:
        """
        Many who guess together have no more than the account's strangers
        have, and somebody who has not guessed yet is as much a stranger.
        """
        found = [await self.attack(AWAY[:-1], 180) for _ in range(2)]
        print(f"{found} guesses an hour looked at", end=" ")
        self.assertLessEqual(found[0], 60)
        self.assertLessEqual(found[1], 40)
        self.assertGreater(min(found), 20)  # they share, and yet have more than one has
        await self.assertTooLate(AWAY[-1])
        await self.assertOwnerGetsIn()

    async def test_fromHome(self) -> None:
        """
        Not even with somebody at Ann's own address among them are there more
        than 100 in an hour.
        """
        found = [await self.attack([HOME, *AWAY[:3]], 168) for _ in range(2)]
        print(f"{found} guesses an hour looked at", end=" ")
        self.assertLessEqual(max(found), MOST)
        self.clock.advance(HOUR)
        await self.assertOwnerGetsIn()

    async def test_atOnce(self) -> None:
        """
        Nor by sending them all together: over many connections, or one behind
        the other over one.
        """
        before = self.evaluated
        self.hashes.hold()
        ticking = LoopingCall(self.clock.advance, 0)
        ticking.start(0.01)
        guesses: list[Deferred[bool]] = [
            Deferred.fromCoroutine(way(address, "ann", f"guess {next(self._numbers)}"))
            for address in AWAY
            for way in self.ways * 2
        ]
        glued = await self.dial(AWAY[0], StreamClient())
        body = b'{"cmd":5,"loginname":"ann","password":"%d"}'
        glued.write(b"".join(frameOf(5, body % number) for number in range(50)))
        reactor.callLater(0.1, self.hashes.release)
        self.assertEqual(set(await gatherResults(guesses)), {False})
        await glued.closed()
        ticking.stop()
        self.assertLessEqual(len(glued.frames), 1)
        self.assertLessEqual(self.evaluated - before, 20)
        await self.assertOwnerGetsIn()

    async def test_negativeControl(self) -> None:
        """
        Without the buckets every guess is looked at, and the tests see it.
        """
        self.accounts._guessing.mayGuess = lambda name, address, isKnown: True  # type: ignore[method-assign]
        self.assertEqual(await self.attack(AWAY[:2], 24), 24)


class TimingTests(Guarded):
    """
    Refusals of names that there are and of names that there are not, with
    hashes that cost what they cost.
    """

    async def prepare(self) -> None:
        self.live = await self.serve(*self.signup)
        secret = ARGON2ID.hash(RIGHT)
        for number in range(SAMPLES * (ROUNDS + 1) * 2):
            self.assertTrue(await self.live.core.store.addAccount(User(f"yes {number:04}", ""), secret))
        self.numbers = count()

    async def refusal(self, way: Way, word: str) -> float:
        """
        How long it takes to refuse a name of its own, in seconds.
        """
        name = f"{word} {next(self.numbers) % (SAMPLES * (ROUNDS + 1) * 2):04}"
        began = reactor.seconds()
        self.assertFalse(await way(HOME, name, "wrong"))
        return float(reactor.seconds() - began)

    async def test_time(self) -> None:
        """
        They take equally long.
        """
        await self.refusal(self.byFrame, "yes")
        ratios = []
        for _ in range(ROUNDS):
            times: dict[str, list[float]] = {"yes": [], "no!": []}
            for word in list(times) * SAMPLES:
                times[word].append(await self.refusal(self.byFrame, word))
            known, unknown = map(median, times.values())
            ratios.append(unknown / known)
            print(f"known {known * 1000:.1f} ms, unknown {unknown * 1000:.1f} ms ({ratios[-1] - 1:+.1%})", end=" ")
            self.assertGreater(known, 0.005, "that was no argon2")
            if abs(ratios[-1] - 1) < CLOSE_ENOUGH:
                return
        self.fail(f"unknown to known: {ratios}")

    async def test_words(self) -> None:
        """
        They read the same, on every carrier, to the byte.
        """
        for way in (self.overTCP, self.overWebSocket, self.overHTTP):
            self.assertEqual(await way("yes 0000"), await way("no! 0000"))

    async def overTCP(self, name: str) -> bytes:
        """
        All that comes over TCP.
        """
        client = await self.dial(HOME, StreamClient())
        await client.login(name, "wrong")
        await client.closed()
        return client.received

    async def overWebSocket(self, name: str) -> bytes:
        """
        All that comes over WebSocket, by query and by message.
        """
        found = b""
        for query in ("", f"?username={quote(name)}&password=wrong"):
            client = await self.dial(HOME, SocketClient())
            await client.upgrade("/" + query)
            if not query:
                client.say(5, {"loginname": name, "password": "wrong"})
            await client.closed()
            found += client.received
        return found

    async def overHTTP(self, name: str) -> bytes:
        """
        All that comes over HTTP, but for the date.
        """
        found = b""
        for path, body in (("/api/command/token", None), ("/api/message/send", private("x", "x"))):
            client = await self.dial(HOME, WebClient())
            client.request("POST", path, body, {"Host": "chat.example.org", **basic(name, "wrong")})
            await client.answer()
            await client.closedByUs()
            found += b"\r\n".join(line for line in client.received.split(b"\r\n") if not line.startswith(b"Date:"))
        return found
