"""
Conversations, as a page writes them, and the clients that have them.

Each line names who sends or gets what; over TCP the head of a frame stands in
hex, over WebSocket an upgrade comes first::

    $ twistd -n jim --strict jim
    (alice is logged in over TCP)
    alice> 01 51 0d 00 00 00 00
    alice< 01 51 0d 00 00 00 25 {"command":13,"data":{"hbbyte":-128}}
    bob> GET /
    bob< 101
    bob> hangs up

The first line, with the server's options, may be left out; an indented line
goes on where the one above ends; what happens in parentheses is not shown.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from imtw.test.clients import SocketClient, StreamClient
from imtw.test.live import LiveTestCase, pause
from imtw.test.test_docs.pages import Block
from imtw.test.wire import frameOf

TURN = re.compile(r"(\w+)([<>]) (.*)")
ENTRY = re.compile(r"\((\w+) is logged in over (TCP|WebSocket)(?:, device (\w+))?\)")
#: What differs from run to run, unless the client itself has sent it: key and value.
VOLATILE = re.compile(
    r'"(time|ts|expires|created|createTime)":(\d{13})|"(id)":"([0-9a-f]{32})"|"(token)":"([\w-]{43})"'
)


class Turn(NamedTuple):
    """
    What somebody sends, or gets.

    @ivar kind: C{>}, C{<}, or C{TCP} or C{WebSocket}: logs in over that, on
        the device that C{text} names.
    """

    who: str
    kind: str
    text: str


def turnsOf(block: Block) -> list[Turn]:
    """
    What is said in a block; nothing where it is no conversation.
    """
    turns: list[Turn] = []
    for line in block.lines:
        if line.startswith("    ") and turns:
            turns[-1] = turns[-1]._replace(text=turns[-1].text + line.strip())
        elif found := TURN.fullmatch(line) or ENTRY.fullmatch(line):
            turns.append(Turn(found[1], found[2], found[3] or ""))
        elif line and not line.startswith("$ "):
            return []
    return turns


def asWritten(client: StreamClient | SocketClient) -> list[str]:
    """
    What a client got, as a page writes it.
    """
    if isinstance(client, StreamClient):
        heads = [frameOf(one.command, one.body, one.mask, one.sequence) for one in client.frames]
        return [
            f"{head[: len(head) - len(one.body)].hex(' ')} {one.body.decode()}".strip()
            for head, one in zip(heads, client.frames, strict=True)
        ]
    return ["101", *(
        f"close {int.from_bytes(payload[:2], 'big')}" if first & 15 == 8 else payload.decode()
        for first, payload in client.frames
    )]  # fmt: skip


def steady(text: str, said: str) -> str:
    """
    A text without what differs from run to run.
    """

    def blank(found: re.Match[str]) -> str:
        key, value = found[1] or found[3] or found[5], found[2] or found[4] or found[6]
        return found[0] if value in said else f'"{key}":<{len(value)}>'

    return VOLATILE.sub(blank, text)


class Scene:
    """
    The clients of one conversation.
    """

    def __init__(self, case: LiveTestCase, port: int) -> None:
        self._case = case
        self._port = port
        self.clients: dict[str, StreamClient | SocketClient] = {}
        self._heard: dict[str, int] = {}

    async def enter(self, who: str, carrier: str, device: str) -> None:
        """
        Log somebody in; what is said because of that is passed over.
        """
        client = await self._client(who, carrier == "WebSocket")
        if isinstance(client, SocketClient):
            await client.upgrade("/")
        await client.login(who, **({"device": device} if device else {}))
        await self.rest()

    async def send(self, who: str, text: str) -> None:
        """
        Send what a line shows.
        """
        client = self.clients.get(who) or await self._client(who, text.startswith("GET "))
        if text == "hangs up":
            client.hangUp()
            await client.closed()
        elif isinstance(client, StreamClient):
            head = re.match(r"(?:[0-9a-f]{2}\b ?)*", text)
            assert head is not None
            client.write(bytes.fromhex(head[0]) + text[head.end() :].encode())
        elif text.startswith("GET "):
            await client.upgrade(text[4:])
        else:
            client.send(text.encode())

    async def hear(self, who: str, wanted: str) -> str:
        """
        The next that somebody gets.
        """
        client = self.clients[who]
        if wanted == "closed":
            await client.closed()
            return wanted
        at = self._heard[who]
        await client.until(lambda: len(asWritten(client)) > at, wanted)
        self._heard[who] += 1
        return asWritten(client)[at]

    async def rest(self) -> dict[str, list[str]]:
        """
        What was not heard yet.
        """
        await pause(0.01)
        left = {}
        for who, client in self.clients.items():
            beats = 0
            if not client.isClosed:
                await client.sync()
                beats = 1
            written = asWritten(client)
            left[who] = written[self._heard[who] : len(written) - beats]
            self._heard[who] = len(written)
        return {who: said for who, said in left.items() if said}

    async def _client(self, who: str, isSocket: bool) -> StreamClient | SocketClient:
        client = SocketClient() if isSocket else StreamClient()
        self.clients[who] = client
        self._heard[who] = 0
        await self._case.connect(self._port, client)
        return client
