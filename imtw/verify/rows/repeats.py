"""
D8: the same message again is the same message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from imtw.verify import wire
from imtw.verify.caller import Caller, NoAnswer
from imtw.verify.crowd import Address
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.server import Server
from imtw.verify.wire import Conversation

COPIES = 5  # of each message on each connection
BATCH = 20  # messages on their way at once
GUARANTEE = "an id sent again is one message"


class Repeater:
    """
    Says the same things again and again.

    @ivar codes: what the answers were.
    @ivar pushes: how often the recipient was told each id.
    """

    def __init__(self, stage: Stage, device: str) -> None:
        """
        @param device: what a modern client names, or empty for an old one.
        """
        self.device = device
        kind = device or "old"
        self.name = stage.name(f"{kind}-sender")
        self.partner = stage.name(f"{kind}-partner")
        self.where: Conversation = wire.pair(self.name, self.partner)
        self.contents = {f"{kind}-{number}": str(stage.random.random()) for number in range(stage.size(40, 1000))}
        self.codes: Counter[int] = Counter()
        self.pushes: Counter[str] = Counter()
        self.conflicts: Counter[int] = Counter()

    def speak(self, address: Address, order: Sequence[str]) -> None:
        """
        Say everything on two connections at once, several times.
        """
        with (
            Caller(address, self.name, self.device) as one,
            Caller(address, self.name, self.device) as other,
            Caller(address, self.partner, self.device) as partner,
        ):
            for at in range(0, len(order), BATCH):
                batch = order[at : at + BATCH]
                said = [wire.chat(self.where, self.name, id, self.contents[id]) for id in batch]
                frames = [frame for frame in said for _ in range(COPIES)]
                one.send(b"".join(frames))
                other.send(b"".join(frames))
                for caller in (one, other):
                    for _ in frames:
                        self.codes[wire.read(caller.hear(wire.CHAT_ANSWER)).get("code", 0)] += 1
                self._listen(partner)

    def contradict(self, address: Address) -> None:
        """
        Use an id once more for something else.
        """
        with Caller(address, self.name, self.device) as caller:
            for id in list(self.contents)[:BATCH]:
                self.conflicts[caller.chat(self.where, id, "something else").get("code", 0)] += 1

    def rows(self, address: Address) -> Counter[str]:
        """
        How often each message stands in the log.
        """
        with Caller(address, self.name) as caller:
            found = caller.history(self.where)
        return Counter(str(row["id"]) for row in found if row.get("content") == self.contents.get(str(row["id"])))

    def _listen(self, partner: Caller) -> None:
        """
        Hear what was pushed, and confirm it: else it comes again.
        """
        partner.send(wire.frame(wire.HEARTBEAT))
        seq = 0
        while True:
            command, body = partner.next()
            if command == wire.HEARTBEAT:
                break
            if command == wire.CHAT:
                pushed = wire.read(body).get("data", {})
                self.pushes[str(pushed.get("id"))] += 1
                seq = max(seq, pushed.get("seq", 0))
        if seq:
            partner.ask(wire.frame(wire.RECEIVED, {"cmd": wire.RECEIVED, "to": self.name, "seq": seq}), wire.RECEIVED)


def isOnce(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    devices = ("",) if stage.plan.target is not None else ("", "phone")
    with stage.tested() as (address, server):
        return [tell(stage, [Repeater(stage, device) for device in devices], address, server)]


def tell(stage: Stage, repeaters: Sequence[Repeater], address: Address, server: Server | None) -> Result:
    """
    Say everything, also after a restart, and count the rows.
    """
    for life in range(2 if server is not None else 1):
        if life and server is not None:
            server.kill()
            server.start()
        for one in repeaters:
            order = list(one.contents)
            stage.random.shuffle(order)
            one.speak(address, order)
    wrong, notes, pushed = 0, [], 0
    copies = 0
    for one in repeaters:
        try:
            rows = one.rows(address)
        except NoAnswer as error:
            notes.append(str(error))
            rows = Counter()
        wrong += sum(rows[id] != 1 for id in one.contents)
        copies += sum(one.codes.values())
        refused = sum(count for code, count in one.codes.items() if code not in wire.TAKEN)
        wrong += refused
        if refused:
            notes.append(f"answers {dict(one.codes)}")
        if one.device:
            pushed = sum(one.pushes[id] != 1 for id in one.contents)
            one.contradict(address)
            taken = sum(one.conflicts[code] for code in wire.TAKEN)
            wrong += taken
            notes.append(f"with a device: pushed not once {pushed}, other content under a used id taken {taken}")
    lives = "2 connections, 2 lives" if server is not None else "2 connections"
    total = sum(len(one.contents) for one in repeaters)
    return judged(
        "D8",
        GUARANTEE,
        f"{total} ids, {copies} sends, {lives}",
        f"ids not stored once {wrong}, not pushed once {pushed}",
        "0, 0",
        not wrong and not pushed,
        "; ".join(notes),
    )
