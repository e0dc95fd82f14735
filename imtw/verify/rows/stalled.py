"""
O1, O2: who does not read is cut, and nobody else notices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from imtw.limits import Limits
from imtw.verify import wire
from imtw.verify.bystander import CHAT, Bystander, p99
from imtw.verify.crowd import Address, Crowd, Link
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.server import Server
from imtw.verify.sockets import Books, areKept
from imtw.verify.speakers import Journal, Speaker

MIB = 1024 * 1024
RECEIVE_BUFFER = 4096  # bytes a stalled reader's socket may hold
ROOM = 32 * MIB  # of memory, beside 1 MiB a peer
READERS, SPEAKERS = 3, 4
NOISE = 1.1  # others' p99 may be so much of the control
LOOSE = 3.0  # the same for --quick, whose rounds are short
STEP = 0.1  # seconds between two looks
CLOSED = 2.0  # seconds from the eviction to the end of its socket


@dataclass
class Stalled:
    """
    One who does not read.

    @ivar mark: when the server's own queue for it passed the budget.
    @ivar cut: when it was seen to be cut.
    """

    link: Link
    mark: float = 0.0
    cut: float = 0.0


class Member(Link):
    """
    Somebody in the group who reads, until told otherwise.
    """

    def __init__(self, crowd: Crowd, address: Address, name: str, group: str, receiveBuffer: int = 0) -> None:
        self.isIn = False
        super().__init__(crowd, address, receiveBuffer)
        self.send(wire.login(name) + wire.join(group))

    def heard(self, command: int, body: bytes) -> None:
        self.isIn = self.isIn or command == wire.JOINED


@dataclass
class Scene:
    """
    A group in full conversation.
    """

    stage: Stage
    crowd: Crowd
    address: Address
    server: Server | None
    bystander: Bystander
    group: str
    journal: Journal
    readers: list[Member] = field(default_factory=list)
    speakers: list[Speaker] = field(default_factory=list)
    peers: list[Stalled] = field(default_factory=list)
    most: int = 0

    def begin(self) -> None:
        """
        Let it begin.
        """
        self.readers = [self.member(f"reader{number}") for number in range(READERS)]
        for number in range(SPEAKERS):
            name = self.stage.name(f"speaker{number}")
            places = [wire.group(self.group)]
            speaker = Speaker(name, places, self.stage.chance(name), self.journal, 32, longest=1600)
            speaker.connect(self.crowd, self.address)
            self.speakers.append(speaker)
        self.crowd.run(10.0, lambda: all(reader.isIn for reader in self.readers))

    def member(self, word: str, receiveBuffer: int = 0) -> Member:
        """
        One more in the group.
        """
        return Member(self.crowd, self.address, self.stage.name(word), self.group, receiveBuffer)

    def talk(self, seconds: float) -> tuple[float, float]:
        """
        Go on for a while.

        @return: what innocent users waited, 99 of 100 of them, and messages a
            second.
        """
        began, acked = monotonic(), len(self.journal.acked)
        self.crowd.run(seconds, self.look, step=STEP)
        took = monotonic() - began
        return p99(self.bystander.waits(began, kind=CHAT)), (len(self.journal.acked) - acked) / took

    def stall(self, count: int) -> None:
        """
        Some more join, and read no more.
        """
        members = [self.member(f"stalled{number}", RECEIVE_BUFFER) for number in range(count)]
        self.crowd.run(10.0, lambda: all(member.isIn for member in members))
        self.heardAt = self.readers[0].heardBytes
        for member in members:
            member.deafen()
        self.peers = [Stalled(member) for member in members]

    heardAt: int = 0
    _next: float = 0.0

    def look(self) -> bool:
        """
        Note who is past the mark, and who was cut.
        """
        now = monotonic()
        if now < self._next:
            return False
        self._next = now + STEP
        if self.server is not None:
            self.most = max(self.most, self.server.memory())
        waiting = [peer for peer in self.peers if not peer.cut]
        if waiting:
            books = Books(self.address) if areKept() else None
            told = self.readers[0].heardBytes - self.heardAt
            for peer in waiting:
                if peer.link.isCut:
                    peer.cut = now
                    peer.mark = peer.mark or now
                elif not peer.mark and (books is None or told - books.inKernel(peer.link.port) > Limits().sendBudget):
                    peer.mark = now
        return False

    def isOver(self) -> bool:
        """
        Is nobody open any more who was stalled?
        """
        self.look()
        return not self.open()

    def open(self) -> int:
        """
        How many of the stalled ones the server still has open.
        """
        if not areKept():
            return sum(not peer.link.isCut for peer in self.peers)
        owned = Books(self.address).server
        return sum(peer.link.port in owned and owned[peer.link.port].isOwned for peer in self.peers)


def areCut(stage: Stage) -> Sequence[Result]:
    """
    The rows.
    """
    with stage.tested() as (address, server):
        return play(stage, address, server)


def play(stage: Stage, address: Address, server: Server | None) -> Sequence[Result]:
    """
    Talk without them and with them, in turns.
    """
    count = stage.size(10, 50)
    rounds = stage.size(1, 3)
    seconds = stage.seconds(1.5, 20.0)
    noise = stage.seconds(LOOSE, NOISE)
    patience = stage.seconds(3.0, 10.0)
    ratios, controls, faults, growths, lates, rates = [], [], [], [], [], []
    open, cut = 0, 0
    journal = Journal(stage.file("journal"))
    with stage.progress("rounds", 2 * rounds, "rounds") as bar:
        for turn in range(rounds):
            file = stage.file(f"waits{turn}")
            name = stage.name(f"bystander{turn}")
            pid = server.pid if server is not None else 0
            with Crowd() as crowd, Bystander(file, address, name, pid=pid) as bystander:
                scene = Scene(stage, crowd, address, server, bystander, stage.name(f"group{turn}"), journal)
                scene.begin()
                scene.talk(min(1.0, seconds / 4))  # warm up
                control, rate = scene.talk(seconds)
                bar.update(1)
                base = server.memory() if server is not None else 0
                scene.most = base
                scene.stall(count)
                fault, _ = scene.talk(seconds)
                crowd.run(patience + CLOSED, scene.isOver, step=STEP)
                now = monotonic()
                open += scene.open()
                cut += sum(bool(peer.cut) for peer in scene.peers)
                lates += [(peer.cut or now) - (peer.mark or now) for peer in scene.peers]
                growths.append(scene.most - base)
                controls.append(control)
                faults.append(fault)
                rates.append(rate)
                ratios.append(fault / control if control else 0.0)
                bar.update(1)
    journal.close()
    growth, ratio = max(growths), sorted(ratios)[len(ratios) // 2]
    allowed = count * MIB + ROOM
    known = server is not None
    holds = ratio <= noise and growth <= allowed and max(lates) <= patience and cut == rounds * count
    return [
        judged(
            "O1",
            "who does not read costs nobody else",
            f"{rounds} x {count} stalled, {seconds:g} s",
            (f"+{growth / MIB:.0f} MiB, " if known else "")
            + f"cut after {max(lates):.1f} s, others' p99 {ratio:.2f} x control",
            (f"at most {allowed // MIB} MiB, " if known else "") + f"{patience:g} s, {noise:g} x",
            holds,
            f"p99 of others {ms(controls)} without, {ms(faults)} with (each round); "
            f"{sum(rates) / len(rates):.0f} messages/s to {READERS + SPEAKERS} members; cut {cut} of {rounds * count}",
        ),
        judged(
            "O2",
            "and its connection really closes",
            f"{rounds} x {count} stalled",
            f"still open {open}",
            f"0 within {CLOSED:g} s",
            not open,
        ),
    ]


def ms(values: Sequence[float]) -> str:
    """
    Seconds, as people read them.
    """
    return ", ".join(f"{value * 1000:.1f}" for value in values) + " ms"
