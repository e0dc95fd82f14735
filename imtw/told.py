"""
How far a conversation was told on this node.

Other nodes say which rows they have stored, and what they say may be lost, may
come twice, and may come after a later row that this node has stored itself.
"""

from __future__ import annotations

REMEMBERED = 64  # rows that were passed over in one conversation

NONE: frozenset[int] = frozenset()  # one for all: each takes 0.2 KB


class Told:
    """
    The rows of a conversation that were told here.

    @ivar head: the seq of the last one.
    @ivar missed: what was passed over before it, and is told if it comes;
        the newest of these.
    """

    __slots__ = ("head", "missed")

    def __init__(self, head: int) -> None:
        self.head = head
        self.missed = NONE

    def note(self, seq: int) -> None:
        """
        A row is told.
        """
        if seq > self.head:
            if seq > self.head + 1:
                passed = {*self.missed, *range(max(self.head + 1, seq - REMEMBERED), seq)}
                self.missed = frozenset(sorted(passed)[-REMEMBERED:])
            self.head = seq
        elif seq in self.missed:
            self.missed -= {seq}

    def has(self, seq: int) -> bool:
        """
        Was a row told, or is it not looked for any more?
        """
        return seq <= self.head and seq not in self.missed

    def isNext(self, seq: int) -> bool:
        """
        Is nothing missing in front of a row?
        """
        return seq == (min(self.missed) if self.missed else self.head + 1)

    def giveUp(self, seq: int) -> None:
        """
        What is still missing before a row is not in the log.
        """
        self.missed = frozenset(missed for missed in self.missed if missed >= seq) or NONE
        self.head = max(self.head, seq - 1)
