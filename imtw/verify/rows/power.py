"""
D2, D3: what is acknowledged is on the disk, not on its way there.

A real server's calls are recorded.  D3 reads the recording: was the sync of
what a message was written with over before its acknowledgement was sent?  D2
cuts the power at many places of it, makes the files that would be left, and
starts a server on them.
"""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing

from imtw.verify import wire
from imtw.verify.audit import Audit
from imtw.verify.crowd import Crowd
from imtw.verify.plan import Stage
from imtw.verify.powerloss import Disk
from imtw.verify.report import Result, judged
from imtw.verify.rows.kill import synced
from imtw.verify.server import CannotStart, Server
from imtw.verify.speakers import Journal, Said, Speaker
from imtw.verify.tape import Event, Kind, readTape, recorder
from imtw.verify.wire import FrameReader

SPEAKERS = 4
PATIENCE = 300.0  # seconds: everything is slow that is recorded


class Recording:
    """
    What a server did, and what it was told.

    @ivar said: all messages, by id.
    @ivar acks: (place, id) of each acknowledgement that left the server.
    """

    def __init__(self, stage: Stage) -> None:
        self.said: dict[str, Said] = {}
        self.names = [stage.name(f"user{number}") for number in range(SPEAKERS)]
        # Nobody is there to be told: what is sent are answers alone.
        self.places = [wire.pair(name, stage.name(f"absent{number}")) for number, name in enumerate(self.names)]
        file = stage.file("tape")
        server = stage.server(wrapper=recorder(file))
        self.folder = server.folder
        self._record(stage, server)
        self.events = readTape(file)
        os.remove(file)
        self.acks = list(acknowledged(self.events))

    def _record(self, stage: Stage, server: Server) -> None:
        """
        Have a server work under the eyes of C{strace}.
        """
        journal = Journal(stage.file("journal"))
        wanted = stage.size(1000, 10_000)
        try:
            server.start()
            with Crowd() as crowd, stage.progress("messages", wanted, "acks") as bar:
                for name, where in zip(self.names, self.places, strict=True):
                    speaker = Recorded(name, [where], stage.chance(name), journal, 16, "phone", 1500)
                    speaker.all = self.said
                    speaker.connect(crowd, server.address)

                def isEnough() -> bool:
                    before = journal.synced
                    bar.update(synced(journal) - before)
                    return journal.synced >= wanted or not server.isAlive

                crowd.run(PATIENCE, isEnough)
        finally:
            server.kill()
            journal.close()


class Recorded(Speaker):
    """
    Says each id several times over, so that one of them is in one piece
    wherever pages end.
    """

    all: dict[str, Said]

    def _next(self) -> Said:
        said = super()._next()
        number, _, filler = said.content.partition(" ")
        said = said._replace(content=f"{number} {said.id} {said.id} {said.id} {filler}")
        self.all[said.id] = said
        return said


def acknowledged(events: Sequence[Event]) -> list[tuple[int, str]]:
    """
    The acknowledgements among what was sent: where each began to leave, and
    the id in it.
    """
    readers: dict[str, FrameReader] = {}
    found = []
    for event in events:
        if event.kind is Kind.SEND:
            for command, body in readers.setdefault(event.path, FrameReader()).feed(event.data):
                if command == wire.CHAT_ANSWER:
                    answer = wire.read(body)
                    if answer.get("code") in wire.TAKEN:
                        found.append((event.began, str(answer.get("data", {}).get("id"))))
    return found


def isOnDisk(stage: Stage) -> Sequence[Result]:
    """
    The rows.
    """
    recording = Recording(stage)
    return [cuts(stage, recording), order(recording)]


def order(recording: Recording) -> Result:
    """
    D3: was each acknowledgement sent after its sync?
    """
    pattern = re.compile(rb"((?:%s)\.\d+)[\" ]" % b"|".join(name.encode() for name in recording.names))
    moments: list[tuple[int, int, Event | str]] = [(place, 1, id) for place, id in recording.acks]
    for event in recording.events:
        if event.kind is Kind.WRITE:
            moments.append((event.ended, 0, event))
        elif event.kind is Kind.SYNC:
            moments += [(event.began, 2, event), (event.ended, 3, event)]
    written: dict[str, set[str]] = {}
    leaving: dict[str, set[str]] = {}
    safe: set[str] = set()
    early, never = 0, 0
    for _, what, item in sorted(moments, key=lambda moment: moment[:2]):
        if isinstance(item, str):
            isWritten = any(item in ids for ids in written.values())
            early += item not in safe and isWritten
            never += item not in safe and not isWritten
        elif what == 0:
            ids = {id.decode() for id in pattern.findall(item.data)}
            written.setdefault(item.path, set()).update(ids)
        elif what == 2:
            leaving[item.path] = set(written.get(item.path, ()))
        else:
            safe |= leaving.pop(item.path, set())
            written.get(item.path, set()).difference_update(safe)
    count = len(recording.acks)
    syncs = sum(event.kind is Kind.SYNC for event in recording.events)
    return judged(
        "D3",
        "no acknowledgement before the sync",
        f"{count} acks, {syncs} syncs",
        f"violations {early + never}",
        "0",
        count > 0 and not early and not never,
        f"sent between write and sync {early}, before the write {never}",
    )


def cuts(stage: Stage, recording: Recording) -> Result:
    """
    D2: is everything there after the power went?
    """
    runs = stage.size(4, 120)
    places = [place for place, _ in recording.acks]
    lost, altered, broken, refused, acked = 0, 0, [], [], 0
    with stage.progress("power cuts", runs, "cuts") as bar:
        for run in range(runs):
            # Right behind an acknowledgement, or anywhere.
            cut = stage.random.choice(places) + 1 if run % 2 else stage.random.randrange(places[0], places[-1]) + 1
            known = [recording.said[id] for place, id in recording.acks if place < cut and id in recording.said]
            acked += len(known)
            folder, copy = (tempfile.mkdtemp(dir=stage.folder) for _ in range(2))
            disk = Disk(recording.folder)
            disk.play(recording.events, cut, stage.random)
            disk.write(folder)
            disk.write(copy)  # looking at a database changes it
            broken += integrity(os.path.join(copy, "imtw.db"))
            try:
                with Server(folder) as server:
                    audit = Audit(recording.places, recording.names[0])
                    audit.readAll(server.address)
            except CannotStart as error:
                refused.append(str(error))
                lost += len(known)
            else:
                findings = audit.compare(known)
                lost += len(findings.lost)
                altered += len(findings.altered) + findings.repeated + findings.inversions
            bar.update(1)
    return judged(
        "D2",
        "acknowledged messages survive a power cut",
        f"{runs} cuts, {acked} acked",
        f"lost {lost}, altered {altered}, broken databases {len(broken) + len(refused)}",
        "0, 0, 0",
        not (lost or altered or broken or refused),
        "; ".join([*broken[:2], *refused[:1]]),
    )


def integrity(file: str) -> list[str]:
    """
    What SQLite finds wrong with a database.
    """
    try:
        with closing(sqlite3.connect(file)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        return [str(error)]
    return [] if found == ["ok"] else found[:3]
