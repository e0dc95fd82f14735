"""
O3: who floods is not read for a while, and others hardly notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from imtw.verify import wire
from imtw.verify.bystander import CHAT, Bystander, p99
from imtw.verify.crowd import Address, Crowd, Link
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.server import Server
from imtw.verify.sockets import Books, areKept
from imtw.verify.wire import Conversation

MIB = 1024 * 1024
FLOODERS = 4
ROOM = 128 * MIB  # of memory
BOUND = 0.050  # seconds that others may wait, 99 of 100 of them
AHEAD = 1 * MIB  # that the server may have read of one flooder and not answered
PIECE = 1000  # messages put into the socket at once
STEP = 0.005
WARM = 0.5


class Flooder(Link):
    """
    Sends the same over and over, as fast as its socket takes it, and counts
    the answers.

    @ivar answered: answers.
    """

    def __init__(self, crowd: Crowd, address: Address, name: str, where: Conversation) -> None:
        self.answered = 0
        self.codes: dict[int, int] = {}
        self.isIn = False
        body = {"cmd": wire.CHAT, **where.addressed(name), "msgType": 0, "content": "x" * 100}
        self._message = wire.frame(wire.CHAT, body)
        self._piece = self._message * PIECE
        super().__init__(crowd, address)
        self.send(wire.login(name))
        self._before = self.sent

    @property
    def said(self) -> int:
        """
        Messages handed to the socket, or about to be.
        """
        return (self.sent + self.unsent - self._before) // len(self._message)

    def held(self, books: Books | None) -> int:
        """
        Bytes that the server has read and not answered.
        """
        if books is None or self.port not in books.client or self.port not in books.server:
            return 0
        onTheirWay = books.client[self.port].sending + books.server[self.port].received
        return self.sent - self._before - onTheirWay - self.answered * len(self._message)

    def heard(self, command: int, body: bytes) -> None:
        if command == wire.LOGGED_IN:
            self.isIn = True
        elif command == wire.CHAT_ANSWER:
            self.answered += 1
            code = int(body[8:13]) if body.startswith(b'{"code":') else 0
            self.codes[code] = self.codes.get(code, 0) + 1

    def speak(self, window: int) -> None:
        """
        Send as much as keeps so many messages without an answer, half a
        window at a time.
        """
        room = window - (self.said - self.answered)
        if self.isIn and room >= window // 2:
            self.send(self._message * room)

    def sayMore(self, count: int, most: int) -> int:
        """
        Say something a few times, unless too much is without an answer.

        @return: how often.
        """
        if count <= 0 or not self.isIn or self.said - self.answered + count > most:
            return 0
        self.send(self._message * count)
        return count

    def flood(self) -> bool:
        """
        Send more, if the socket takes it.

        @return: whether it does.
        """
        if self.unsent or not self.isIn:
            return False
        self.send(self._piece)
        return not self.unsent


def isPaused(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    with stage.tested() as (address, server):
        return [play(stage, address, server)]


def play(stage: Stage, address: Address, server: Server | None) -> Result:
    """
    Be quiet for a while, then flood.
    """
    seconds = stage.seconds(1.5, 30.0)
    pid = server.pid if server is not None else 0
    file, name = stage.file("waits"), stage.name("bystander")
    with Crowd() as crowd, Bystander(file, address, name, chat=0.005, pid=pid) as bystander:
        crowd.run(WARM)
        began = monotonic()
        crowd.run(seconds / 2)
        control = p99(bystander.waits(began, kind=CHAT))
        names = [stage.name(f"flooder{number}") for number in range(FLOODERS)]
        flooders = [Flooder(crowd, address, one, wire.pair(one, stage.name("absent"))) for one in names]
        crowd.run(5.0, lambda: all(one.isIn for one in flooders))
        base = most = server.memory() if server is not None else 0
        began = monotonic()
        held, looked, turns, blocked = 0, 0.0, 0, 0
        while (now := monotonic()) < began + seconds:
            turns += FLOODERS
            blocked += sum(not one.flood() for one in flooders)
            crowd.turn(STEP)
            if now > looked + 0.05:
                looked = now
                books = Books(address) if areKept() else None
                held = max(held, *(one.held(books) for one in flooders))
                most = max(most, server.memory() if server is not None else 0)
        flood = p99(bystander.waits(began, kind=CHAT))
        answered = sum(one.answered for one in flooders)
        said = sum(one.said for one in flooders)
        crowd.run(10.0, lambda: all(one.unsent == 0 and one.answered == one.said for one in flooders))
        unanswered = sum(one.said - one.answered for one in flooders)
    growth = most - base
    known = areKept()
    codes = {code: sum(one.codes.get(code, 0) for one in flooders) for one in flooders for code in one.codes}
    return judged(
        "O3",
        "who floods is paused, others go on",
        f"{FLOODERS} flooders, {seconds:g} s, {answered} answers",
        (f"+{growth / MIB:.0f} MiB, " if server is not None else "")
        + (f"read ahead {held / MIB:.1f} MiB, " if known else "")
        + f"others' p99 {flood * 1000:.1f} ms, never answered {unanswered}",
        (f"{ROOM // MIB} MiB, " if server is not None else "")
        + (f"{AHEAD // MIB} MiB each, " if known else "")
        + f"{BOUND * 1000:g} ms, 0",
        growth <= ROOM and held <= AHEAD and flood <= BOUND and not unanswered,
        f"p99 of others without the flood {control * 1000:.1f} ms; the sockets took no more in "
        f"{100 * blocked // max(1, turns)} % of the looks; "
        f"{said / seconds:.0f} messages/s; answers {codes}",
    )
