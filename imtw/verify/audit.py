"""
Reads everything back, and compares it with what was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from imtw.verify.caller import Caller
from imtw.verify.crowd import Address
from imtw.verify.speakers import Said
from imtw.verify.wire import Conversation


@dataclass
class Findings:
    """
    What is wrong.

    @ivar lost: ids that were acknowledged and are not there.
    @ivar altered: ids whose message is not what was said.
    @ivar repeated: rows beyond the first of an id.
    @ivar inversions: rows that stand before what their sender said earlier.
    @ivar moved: rows that were read elsewhere before.
    @ivar rows: how many were read.
    """

    lost: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    repeated: int = 0
    inversions: int = 0
    moved: int = 0
    rows: int = 0

    @property
    def isSound(self) -> bool:
        """
        Is nothing wrong?
        """
        return not (self.lost or self.altered or self.repeated or self.inversions or self.moved)

    def __str__(self) -> str:
        text = f"lost {len(self.lost)}, repeats {self.repeated}, inversions {self.inversions}"
        if self.altered or self.moved:
            text += f", altered {len(self.altered)}, moved {self.moved}"
        return text


class Audit:
    """
    Follows the logs of some conversations over many restarts.
    """

    def __init__(self, places: Iterable[Conversation], asker: str) -> None:
        """
        @param asker: who reads groups; a pair is read by one of the two.
        """
        self.findings = Findings()
        self._asker = asker
        self._known: dict[Conversation, list[str]] = {where: [] for where in places}
        self._rows: dict[str, dict[str, Any]] = {}
        self._last: dict[tuple[Conversation, str], int] = {}

    def readOn(self, address: Address, overlap: int = 50) -> None:
        """
        Read what is new, and the last of what is known once more.
        """
        for where, ids in self._known.items():
            self._read(where, max(0, len(ids) - overlap), address)

    def readAll(self, address: Address) -> None:
        """
        Read everything once more.
        """
        for where in self._known:
            self._read(where, 0, address)

    def compare(self, acked: Iterable[Said]) -> Findings:
        """
        Compare what was read with what was acknowledged.
        """
        findings = self.findings
        findings.lost = []
        findings.altered = []
        for said in acked:
            row = self._rows.get(said.id)
            if row is None:
                findings.lost.append(said.id)
            elif row.get("content") != said.content or row.get("from") != said.sender:
                findings.altered.append(said.id)
        findings.rows = sum(len(ids) for ids in self._known.values())
        return findings

    def _read(self, where: Conversation, offset: int, address: Address) -> None:
        with Caller(address, where.a or self._asker) as caller:
            self.take(where, offset, caller.history(where, offset))

    def take(self, where: Conversation, offset: int, rows: Sequence[dict[str, Any]]) -> None:
        """
        The end of a conversation was read, from a place on.
        """
        known = self._known[where]
        for place, row in enumerate(rows, offset):
            id = str(row.get("id"))
            if place < len(known):
                self.findings.moved += known[place] != id
                self._rows.setdefault(id, row)
                continue
            known.append(id)
            if id in self._rows:
                self.findings.repeated += 1
                continue
            self._rows[id] = row
            self._order(where, row)
        self.findings.moved += max(0, len(known) - offset - len(rows))

    def _order(self, where: Conversation, row: dict[str, Any]) -> None:
        """
        Does a row stand behind what its sender said before it?
        """
        number = int(str(row.get("content")).partition(" ")[0] or 0)
        key = where, str(row.get("from"))
        self.findings.inversions += number <= self._last.get(key, 0)
        self._last[key] = max(number, self._last.get(key, 0))
