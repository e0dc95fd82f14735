"""
What is left of files when the power goes.

Whatever a sync had begun after is on the disk once that sync has ended.  Of
the rest nothing is sure: each write may be there, or not, or in part (in
sectors of 512 bytes), in any order; a file that was made or removed may be as
before until its folder was synced.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random

from imtw.verify.tape import Event, Kind

SECTOR = 512
#: How much of what was not synced is there: nothing, some, most, all.
SHARES = (0.0, 0.3, 0.7, 1.0)
TORN = 0.2  # of the writes that are there, so many only in part


class Disk:
    """
    The files of one folder, as they would be after a cut.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: dict[str, bytearray] = {}

    def play(self, events: Sequence[Event], cut: int, random: Random) -> None:
        """
        Do what is on the disk when the power goes at the place C{cut}.

        @param events: in the order in which they ended.
        """
        past = [event for event in events if event.began < cut and os.path.dirname(event.path) == self._folder]
        past += [event for event in events if event.kind is Kind.SYNC and event.path == self._folder]
        share = random.choice(SHARES)
        # Where the last sync began that had ended: by file, and of the folder.
        synced: dict[str, int] = {}
        for event in past:
            if event.kind is Kind.SYNC and event.ended < cut:
                synced[event.path] = max(event.began, synced.get(event.path, 0))
        for event in past:
            if event.kind is Kind.SYNC:
                continue
            isName = event.kind in (Kind.CREATE, Kind.REMOVE)
            isSafe = event.ended < synced.get(self._folder if isName else event.path, 0)
            if isSafe:
                self._do(event)
            elif random.random() < share:
                self._do(event, 0 if isName else random.random() < TORN and random.randrange(1, 1 << 30))

    def write(self, folder: str) -> None:
        """
        Put the files into a folder, and bring nothing else along.
        """
        for path, content in self._files.items():
            with open(os.path.join(folder, os.path.basename(path)), "wb") as stream:
                stream.write(content)

    def _do(self, event: Event, tear: int = 0) -> None:
        """
        Do one thing.

        @param tear: not 0 for a write of which only a part is there.
        """
        if event.kind is Kind.REMOVE:
            self._files.pop(event.path, None)
            return
        content = self._files.setdefault(event.path, bytearray())
        if event.kind is Kind.TRUNCATE:
            del content[event.offset :]
            content.extend(bytes(event.offset - len(content)))
        elif event.kind is Kind.WRITE:
            data, offset = event.data, event.offset
            if tear:
                data = data[: tear % (len(data) // SECTOR + 1) * SECTOR]
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : offset + len(data)] = data
