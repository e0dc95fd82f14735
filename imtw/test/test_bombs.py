"""
Bodies that cost more than they are long (O7), as large as each carrier takes
them: every one is answered or hung up on in time, and nobody else waits for
it, nor pays with memory.

L{imtw.test.protocols.test_badinput} has what each is answered, and
L{imtw.test.protocols.test_inflating} what is longer than it looks.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from time import thread_time
from typing import Any

from imtw.limits import Limits
from imtw.test.clients import WebClient, reactor
from imtw.test.live import Live, LiveTestCase, pause
from imtw.test.wire import frameOf, socketFrame

LIMITS = Limits()
DEADLINE = 2.0  # seconds until a bomb is answered, or its connection closed
PERIOD = 0.005  # seconds between two looks at how busy the reactor was
STALL = 0.05  # seconds that one thing may take, on any machine; wanted: 0.01
GROWTH = 32 * 1024 * 1024  # bytes of all bombs together, after a first round; wanted: 1 MiB each

CHAT, NOT_SENT = 11, 10002


def bombs(length: int, key: bytes = b"") -> Iterator[tuple[str, bytes]]:
    """
    Bodies of about this length, by name.  None is a chat to anybody, so none
    is kept.

    @param key: what stands in front of the content.
    """
    room = length - 200
    start = b"{" + key

    def content(value: bytes) -> bytes:
        return start + b'"content":' + value + b"}"

    def extras(value: bytes) -> bytes:
        return start + b'"extras":{"a":' + value + b"}}"

    def times(part: bytes, count: int = room) -> bytes:
        return part * min(count, room // len(part))

    def many(one: Callable[[int], bytes], each: int = 9000) -> bytes:
        """
        Values or members, as many as there is room for.
        """
        return b",".join(one(number) for number in range(min(each, room // (len(one(each)) + 1))))

    wide = room // 9900

    yield "brackets", times(b"[")
    yield "brackets, closed", times(b"[", room // 2) + times(b"]", room // 2)
    yield "objects", times(b'{"a":')
    yield "brackets in extras", extras(times(b"[", room // 2) + times(b"]", room // 2))
    yield "keys", start + many(lambda at: b'"%x":1' % at, room) + b"}"
    yield "values", extras(b"[" + times(b"0,") + b"0]")
    yield "long keys", start + many(lambda at: b'"%d%s":1' % (at, b"_" * wide)) + b"}"
    yield "long texts", content(b"[" + many(lambda at: b"'%s'" % (b"x" * wide)) + b"]")
    yield "one key", start + times(b'"a":1,') + b'"a":1}'
    yield "one key, without quotes", start + times(b"a:1,", room // 20 * 4) + b"a:1}"
    yield "digits", content(times(b"9"))
    yield "digits and a point", content(times(b"9") + b".5")
    yield "digits behind a point", content(b"1." + times(b"1"))
    yield "digits of an exponent", content(b"1e" + times(b"0") + b"5")
    yield "exponents", content(b"1" + times(b"e1"))
    yield "digits in a text", start + b'"createTime":"' + times(b"9") + b'"}'
    yield "commas in a number", start + b'"createTime":"' + times(b"1,") + b'"}'
    yield "long numbers", extras(b"[," + many(lambda at: b"1" * 99) + b"]")
    yield "1e999", content(b"[" + times(b"1e999,") + b"1]")
    yield "NaN", content(b"[" + times(b"NaN,") + b"1]")
    yield "escapes", content(b'"' + times(rb"\u0041") + b'"')
    yield "escapes in single quotes", content(b"'" + times(rb"\n") + b"'")
    yield "escapes that JSON has not", content(b'"' + times(rb"\n") + rb"\'" + b'"')
    yield "surrogates", content(b'"' + times(rb"\ud83d\ude00") + b'"')
    yield "half a surrogate pair", content(b'"' + times(rb"\ud83d\ude00") + rb"\ud800" + b'"')
    yield "half surrogates", content(b'"' + times(rb"\ud800") + b'"')
    yield "a text in single quotes", content(b"'" + times(b"x") + b"'")
    yield "a text without an end", content(b"'" + times(b"x"))
    yield "backslashes", content(b'"' + times(b"\\"))
    yield "no UTF-8", content(b'"' + times(b"\xff") + b'"')
    yield "three bytes a character", content(b"'" + times("字".encode()) + b"'")
    yield "a key", b"{" + times(b"a") + b":1}"
    yield "a key of underlines", b'{"' + times(b"_-") + b'cmd":11}'
    yield "blanks", times(b" ") + b"x"
    yield "commas", extras(b"[" + times(b",") + b"x]")
    yield "quotes", times(b'"')
    yield "zero bytes", times(b"\0")


class Watch:
    """
    How long the reactor is busy with one thing, looked at all the time: in
    seconds of this thread's own, as others use this machine, too.

    @ivar worst: by the name of what was done meanwhile, in seconds.  Of
        several rounds the least counts: what is not the bomb's comes once.
    """

    def __init__(self) -> None:
        self._rounds: list[dict[str, float]] = [{}]
        self.name = ""
        self._last = thread_time()
        self._next = reactor.callLater(PERIOD, self._look)

    def _look(self) -> None:
        now = thread_time()
        late = now - self._last
        here = self._rounds[-1]
        here[self.name] = max(late, here.get(self.name, 0.0))
        self._last = now
        self._next = reactor.callLater(PERIOD, self._look)

    def nextRound(self) -> None:
        """
        All of it again.
        """
        self._rounds.append({})

    @property
    def worst(self) -> dict[str, float]:
        """
        The longest stall of each.
        """
        names = set.intersection(*map(set, self._rounds))
        return {name: min(found[name] for found in self._rounds) for name in names}

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._next.active():
            self._next.cancel()

    def told(self) -> str:
        """
        The worst, and what it was.
        """
        worst = self.worst
        name = max(worst, key=lambda name: worst[name])
        return f"longest stall {worst[name] * 1000:.0f} ms ({name})"


def resident() -> int:
    """
    Bytes of memory that this process has.
    """
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class JSONTests(LiveTestCase):
    """
    Bombs on every carrier.
    """

    timeout = 60

    async def explode(
        self, packed: list[tuple[str, bytes]], throw: Callable[[Live, bytes], Any], rounds: int = 2
    ) -> None:
        """
        Throw bombs, all of them twice: what is taken the first time may stay.

        @param throw: a coroutine function; done when the bomb was answered,
            or its connection closed.
        """
        live = await self.serve("--lobby", "none")
        watch = Watch()
        self.addCleanup(watch.stop)
        longest, before = 0.0, 0
        for time in range(rounds):
            for name, data in packed:
                watch.name = name
                began = reactor.seconds()
                await throw(live, data)
                longest = max(longest, reactor.seconds() - began)
                watch.name = "nothing"
                await pause(0)
            if not time:
                watch.name = "ourselves"
                before = resident()
                await pause(4 * PERIOD)
                watch.nextRound()
        watch.stop()
        growth = resident() - before
        print(f"{watch.told()}, longest answer {longest * 1000:.0f} ms, {growth / 2**20:+.1f} MiB", end=" ")
        self.assertLess(max(watch.worst.values()), STALL, watch.told())
        self.assertLess(longest, DEADLINE)
        self.assertLess(growth, GROWTH)
        self.assertNothingLogged()

    async def test_overTCP(self) -> None:
        """
        Over TCP, behind a login.
        """
        client: Any = None

        async def throw(live: Live, data: bytes) -> None:
            nonlocal client
            if client is None or client.isClosed:
                client = await self.tcp(live.port, "ann")
            client.write(data)
            codes = [event["code"] for event in await client.sync()]
            self.assertIn(codes, ([NOT_SENT], []))

        await self.explode([(name, frameOf(CHAT, body)) for name, body in bombs(LIMITS.body)], throw)

    async def test_beforeLogin(self) -> None:
        """
        Over TCP, by somebody nobody knows.
        """
        client: Any = None

        async def throw(live: Live, data: bytes) -> None:
            nonlocal client
            if client is None or client.isClosed:
                client = await self.tcp(live.port)
            client.write(data)
            await client.sync()

        await self.explode([(name, frameOf(CHAT, body)) for name, body in bombs(LIMITS.bodyBeforeLogin)], throw)

    async def test_overWebSocket(self) -> None:
        """
        Over WebSocket, where C{cmd} is looked for first.
        """
        client: Any = None

        async def throw(live: Live, data: bytes) -> None:
            nonlocal client
            if client is None or client.isClosed:
                client = await self.ws(live.port, "ann")
            client.write(data)
            try:
                await client.sync()
            except AssertionError:
                self.assertEqual(client.code, 1009)

        packed = [(name, socketFrame(body)) for name, body in bombs(LIMITS.webSocketBody, b'"cmd":11,')]
        await self.explode(packed, throw)

    async def test_overHTTP(self) -> None:
        """
        Over HTTP, as J-IM's clients write and as imtw has it.
        """

        async def throw(live: Live, data: bytes) -> None:
            client = await self.connect(live.port, WebClient())
            client.write(data)
            self.assertIn((await client.answer()).status, (200, 400, 401))
            await client.closedByUs()

        packed = [
            (f"{path}: {name}", head % len(body) + body)
            for path in ("message/send", "command/chat")
            for head in [b"POST /api/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %%d\r\n\r\n" % path.encode()]
            for name, body in bombs(LIMITS.httpBody)
        ]
        await self.explode(packed, throw)

    async def test_requests(self) -> None:
        """
        Requests of anybody that are no JSON: targets of many segments, forms,
        texts that are no UTF-8.
        """

        async def throw(live: Live, data: bytes) -> None:
            client = await self.connect(live.port, WebClient())
            client.write(data)
            self.assertIn((await client.answer()).status, (200, 400, 404))
            await client.closedByUs()

        most = LIMITS.httpBody
        form, parts = b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x"
        named = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\nv\r\n--x--'
        posts = [
            ("fields", b"/api/user/online", form, b"a=%41&" * (most // 6)),
            ("escapes", b"/api/user/online", form, b"userid=" + b"%41" * (most // 3 - 3)),
            ("escapes", b"/user/login", form, b"userId=" + b"%ff" * (most // 3 - 3)),
            ("escaped names", b"/user/login", parts, named % (b"\\a" * (most // 2 - 100))),
            ("no UTF-8", b"/api/user/login", b"application/json", b"\xff" * most),
        ]
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
        targets = [b"/a" * 30000, b"/" * 60000, b"/group/chat" + b"/a" * 30000, b"/?" + b"a=%41&" * 10000]
        packed = [
            (f"{path.decode()}: {name}", head % (path, kind, len(body), body)) for name, path, kind, body in posts
        ]
        packed += [
            (f"GET {target[:12].decode()}...", b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target) for target in targets
        ]
        await self.explode(packed, throw)
