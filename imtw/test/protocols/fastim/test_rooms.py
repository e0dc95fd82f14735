"""
FastIM's rooms, beside what was recorded: under attack, and when something is
wrong.
"""

from __future__ import annotations

import zlib

from twisted.internet.defer import Deferred, gatherResults

from imtw.model import MARK, groupPair
from imtw.protocols.fastim.house import HOUR
from imtw.test.live import ANY_PORT
from imtw.test.protocols.fastim.harness import OPEN, FastTestCase
from imtw.test.wire import socketFrame

DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
COMPRESSED = 0xC1  # FIN, RSV1, text


def deflated(payload: bytes) -> bytes:
    """
    A message as permessage-deflate has it (RFC 7692, 7.2.1).
    """
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


class RoomTests(FastTestCase):
    """
    Rooms themselves.
    """

    async def test_noGap(self) -> None:
        """
        Who comes in while much is said finds all of it, in order, once: in
        the history or behind it.
        """
        live = await self.serve(*OPEN, "--store", f"sqlite:{self.mktemp()}")
        speaker = await self.enter(live.port, "g", "speaker")
        speaker.write(b"".join(socketFrame(b"%d" % number) for number in range(300)))

        async def late(name: str) -> list[int]:
            client = await self.enter(live.port, "g", name)
            await client.until(lambda: self.numbersOf(client)[-1:] == [299], "the last message")
            return self.numbersOf(client)

        for numbers in await gatherResults([Deferred.fromCoroutine(late(f"u{n}")) for n in range(20)]):
            self.assertEqual(numbers, list(range(numbers[0], 300)))
        await speaker.until(lambda: len(speaker.events) == 301, "all messages")
        stamps = [event["ts"] for event in speaker.events[1:]]
        self.assertEqual(stamps, sorted(set(stamps)))

    def numbersOf(self, client: object) -> list[int]:
        """
        What a client was told, from its history on.
        """
        first, *rest = client.events  # type: ignore[attr-defined]
        return [int(said["info"]) for said in [*first["list"], *rest]]

    async def test_length(self) -> None:
        """
        How long a message may be is an option, in UTF-16.
        """
        live = await self.serve("--dialect", "fastim:loginAuth=0:maxLength=4")
        for text in ("1234", "😀😀", "中中中中"):
            client = await self.enter(live.port, "g", "1")
            client.send(text.encode())
            await self.hears(client, text)
        for text in ("12345", "😀😀1", "x" * 13, "中中中中中", "x" * 70000):
            client = await self.enter(live.port, "g", "1")
            client.send(text.encode())
            self.assertEqual(await self.closes(client), 1009, text[:9])
        [tally] = await live.core.store.newest([groupPair(f"{MARK}fastim{MARK}g")], 0)
        self.assertEqual(tally.total, 3)

    async def test_ignored(self) -> None:
        """
        Binary messages are ignored in rooms, and all messages by lists,
        however long and whatever they are.
        """
        live = await self.serve(*OPEN)
        client = await self.enter(live.port, "g", "1")
        client.send(b"x" * 100_000, 0x82)
        client.send(b"after it")
        await self.hears(client, "after it")
        watcher = await self.upgrade(live.port, "/group/list/1/x")
        for payload, first in ((b"x" * 100_000, 0x81), (b"x" * 100_000, 0x82), (b"\xff", 0x81), (b"alive", 0x89)):
            watcher.send(payload, first)
        await watcher.until(lambda: (0x8A, b"alive") in watcher.frames, "the pong")
        self.assertIsNone(watcher.code)

    async def test_deflate(self) -> None:
        """
        Compressed messages are taken on FastIM's paths and nowhere else, and
        do not inflate beyond what a message may have.
        """
        live = await self.serve(*OPEN)
        client = await self.upgrade(live.port, "/group/chat/g/1/x", DEFLATE)
        self.assertIn(b"permessage-deflate", client.head)
        client.send(deflated("压缩 hello".encode() * 50), COMPRESSED)
        client.send(b"plain")
        client.send(deflated("压缩 hello".encode()), COMPRESSED)
        await self.hears(client, "压缩 hello" * 50, "plain", "压缩 hello")
        self.assertNotIn(0xC1, [first for first, _ in client.frames])
        client.send(deflated(b"x" * 50_000_000), COMPRESSED)
        self.assertEqual(await self.closes(client), 1009)
        other = await self.upgrade(live.port, "/?username=ann&password=x", DEFLATE)
        self.assertEqual(other.status, 101)
        self.assertNotIn(b"deflate", other.head)

    async def test_storeIsAway(self) -> None:
        """
        What cannot be stored is not said, and the socket ends; HTTP answers
        at once.
        """
        live = await self.serve(*OPEN, "--store", f"sqlite:{self.mktemp()}")
        client = await self.enter(live.port, "g", "1")
        token = await self.login(live.port, "1")
        live.core.store._writer.healthy = False  # type: ignore[attr-defined]
        client.send(b"lost")
        self.assertEqual(await self.closes(client), 1011)
        self.assertEqual(len(client.events), 1)
        late = await self.upgrade(live.port, "/group/chat/g/1/x")
        self.assertEqual(await self.closes(late), 1011)
        for path, more in (("/user/login", {"password": "x"}), ("/user/joinGroup", {"groupId": "new"})):
            answer = await self.call(live.port, path, "1", token, userId="1", **more)
            self.assertEqual(answer["code"], 100)
        live.core.store._writer.healthy = True  # type: ignore[attr-defined]
        self.flushLoggedErrors()

    async def test_badTargets(self) -> None:
        """
        Targets that are none get an HTTP answer, on both kinds of port.
        """
        live = await self.serve(*OPEN, "--port", ANY_PORT, "--port-for", f"fastim={ANY_PORT}")
        for port in live.ports:
            for path, status in (
                *(("/group/chat/a%2Fb/1/x", 400), ("/group/chat/a%5Cb/1/x", 400), ("/group/list/1%2f/x", 400)),
                *(("/group/chat/1/1", 200), ("/group/chat/../1/x", 200), ("/group/chat/%2e%2e/1/x", 200)),
                *(("/group/chat/%ff/1/x", 200), ("/group/list/1/2/3", 200), ("/group/chat/1/2/3/4/5", 200)),
            ):
                client = await self.upgrade(port, path)
                self.assertEqual(client.status, status, path)
                if status == 200:
                    self.assertIn(b'{"code":440', client.received)
        self.assertNothingLogged()

    async def test_restart(self) -> None:
        """
        Sockets are told when the server goes.
        """
        live = await self.serve(*OPEN)
        client = await self.enter(live.port, "g", "1")
        watcher = await self.upgrade(live.port, "/group/list/1/x")
        await live.core.drain()
        self.assertEqual(await self.closes(client), 1012)
        self.assertEqual(await self.closes(watcher), 1012)

    async def test_idle(self) -> None:
        """
        There is no deadline for who says nothing.
        """
        live = await self.serve(*OPEN)
        client = await self.enter(live.port, "g", "1")
        live.later(168 * HOUR)
        client.send(b"still here")
        await self.hears(client, "still here")
