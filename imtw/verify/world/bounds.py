"""
How much there is room for in a world: in some as much as anywhere, in others
so little that whatever waits for anybody soon waits too long.
"""

from __future__ import annotations

from random import Random

from imtw.limits import Limits

#: From what to what a tight world's bounds are.
TIGHT = {
    "sendBudget": (8000, 24000),
    "slots": (1, 30),
    "unparsed": (1, 3000),
    "groupBacklog": (300, 4000),
    "commitQueue": (6, 40),
    "commitBytes": (4096, 16384),
    "commitBatch": (1, 8),
    "slice": (1, 3),
    "page": (2, 20),
    "handovers": (1, 5),
    "noticed": (1, 4),
}
LARGEST = 8192  # bytes of a frame that anybody here sends
PADDINGS = (0, 0, 0, 0, 0, 300, 300, 1000, 6000)  # characters that go with words


class Bounds:
    """
    The bounds of one world.

    @ivar limits: what the server is told, where it is not the usual.
    @ivar room: bytes that kernels keep for a client.
    @ivar buffer: bytes that a transport reads at once, and keeps before it
        pauses who sends.
    @ivar isTight: something is less than usual.
    """

    def __init__(self, chance: Random) -> None:
        self.isTight = chance.random() < 0.4
        self.limits: dict[str, int] = {}
        self.room, self.buffer = 2**18, 2**16
        if self.isTight:
            self.limits = {name: chance.randint(*ends) for name, ends in TIGHT.items() if chance.random() < 0.7}
            self.room, self.buffer = chance.choice([(500, 200), (2000, 500), (20000, 2000)])
        usual = Limits()
        self.budget = self.limits.get("sendBudget", usual.sendBudget)
        self.unparsed = self.limits.get("unparsed", usual.unparsed)
        self.queue = self.limits.get("commitQueue", usual.commitQueue)
        self.bytes = self.limits.get("commitBytes", usual.commitBytes)

    @property
    def options(self) -> list[str]:
        """
        What the server is started with.
        """
        return [f"--limit={name}={value}" for name, value in self.limits.items()]

    def pace(self, chance: Random) -> float:
        """
        Bytes that a client reads in a second.
        """
        if self.isTight and chance.random() < 0.5:
            return chance.choice([5000.0, 20000.0, 100000.0])
        return float("inf")

    def count(self, chance: Random) -> int:
        """
        How many things somebody says at once.
        """
        return chance.choice([1, 1, 1, 1, 1, 1, 2, 2, 5, 30] if self.isTight else [1, 1, 1, 2, 5])

    def padding(self, chance: Random) -> str:
        """
        What makes something that is said longer; two of them go into a
        budget.
        """
        padding = chance.choice(PADDINGS) if self.isTight else 0
        return "." * min(padding, self.budget // 3)
