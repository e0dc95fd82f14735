"""
D6: damage to the database is found and named, and never served; and what is
acknowledged after it is there.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from random import Random
from typing import Any

from imtw.errors import StoreError
from imtw.model import groupPair, privatePair
from imtw.persistence.readonly import ReadOnlyDatabase
from imtw.verify.caller import Caller, NoAnswer
from imtw.verify.crowd import Address, Crowd
from imtw.verify.plan import Stage
from imtw.verify.report import Result, judged
from imtw.verify.rows.kill import places, speakers, synced
from imtw.verify.server import CannotStart, Server
from imtw.verify.speakers import Journal
from imtw.verify.wire import Conversation

PAGE = 4096  # bytes
TEXT = b"xxxxxxxx"  # is found in what speakers say
SPEAKERS = 3
PATIENCE = 3.0  # seconds for an answer; a server that hangs on damage has not found it
FEW, MORE = 4, 10  # copies for --quick, and for a control
CRASHED = "looking for it failed"
ADDED = 2  # messages said in each conversation of a damaged copy
STOPPING = 30.0  # seconds
NAMED = 5  # findings that are looked at

Told = dict[Conversation, list[Any]]

#: Where something was said, the seq that it was acknowledged with, its id, what it says.
Acknowledged = tuple[Conversation, int, str, str]


class Copies:
    """
    A sound database, and what is in it.

    @ivar told: what a server serves of it.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.names = [stage.name(f"user{number}") for number in range(SPEAKERS)]
        self.places = places(stage, self.names)
        server = stage.server()
        journal = Journal(stage.file("journal"))
        crew = speakers(stage, self.names, journal)
        with server, Crowd() as crowd:
            for speaker in crew:
                speaker.connect(crowd, server.address)
            wanted = stage.size(800, 2500)
            crowd.run(30.0, lambda: synced(journal) >= wanted)
            for speaker in crew:
                speaker.hangUp()
            told = self.serve(server.address)
            assert told is not None
            self.told = told
            server.terminate()
            assert server.process is not None
            server.process.wait(30.0)
        journal.close()
        self._file = server.database
        with closing(sqlite3.connect(self._file)) as connection:
            connection.execute("VACUUM")  # pages that nothing is in could be damaged without harm
        self.pages = os.path.getsize(self._file) // PAGE

    def ends(self) -> set[int]:
        """
        The pages that have the last message of a conversation.
        """
        last = [rows[-1][0].encode() for rows in self.told.values() if rows]
        with open(self._file, "rb") as stream:
            found = [stream.read(PAGE) for _ in range(self.pages)]
        return {page for page, content in enumerate(found) if any(id in content for id in last)}

    def damaged(self, page: int, random: Random) -> tuple[str, str]:
        """
        A folder with a copy in which one page is not what it was.

        @return: the folder, and what was done.
        """
        folder = tempfile.mkdtemp(dir=self._stage.folder)
        file = os.path.join(folder, "imtw.db")
        shutil.copy(self._file, file)
        with open(file, "r+b") as stream:
            stream.seek(page * PAGE)
            content = bytearray(stream.read(PAGE))
            what = random.choice(["bit", "text", "text", "bytes", "zeros", "other page"])
            if what in ("bit", "text"):
                texts = [at for at in range(PAGE) if content[at : at + len(TEXT)] == TEXT] if what == "text" else []
                content[random.choice(texts or range(PAGE))] ^= 1 << random.randrange(8)
            elif what == "bytes":
                at = random.randrange(PAGE - 16)
                content[at : at + 16] = random.randbytes(16)
            elif what == "zeros":
                content[:] = bytes(PAGE)
            else:
                stream.seek(random.randrange(self.pages) * PAGE)
                content[:] = stream.read(PAGE)
            stream.seek(page * PAGE)
            stream.write(content)
        return folder, f"{what} of page {page + 1}"

    def serve(self, address: Address) -> Told | None:
        """
        What a server says is in all conversations: of each the messages, or
        an error.

        @return: L{None} where it lets nobody in.
        """
        told: Told = {}
        for where in self.places:
            try:
                with Caller(address, where.a or self.names[0], patience=PATIENCE) as caller:
                    rows = caller.history(where)
                told[where] = [(row.get("id"), row.get("from"), row.get("content")) for row in rows]
            except (NoAnswer, OSError):
                told[where] = []
        return told

    def add(self, address: Address) -> list[Acknowledged]:
        """
        Say something in all conversations.

        @return: what was acknowledged.
        """
        said: list[Acknowledged] = []
        for at, where in enumerate(self.places):
            for number in range(ADDED):
                id, content = f"after-{at}-{number}", f"said after the damage {number}"
                try:
                    with Caller(address, where.a or self.names[0], "later", PATIENCE) as caller:
                        answer = caller.chat(where, id, content)
                except (NoAnswer, OSError):
                    continue
                if isinstance(answer.get("data"), dict) and "seq" in answer["data"]:
                    said.append((where, answer["data"]["seq"], id, content))
        return said


def lost(file: str, said: Sequence[Acknowledged]) -> list[str]:
    """
    What was acknowledged and is not where it was said to be.
    """
    missing = []
    for where, seq, id, content in said:
        pair = groupPair(where.group) if where.group else privatePair(where.a, where.b)
        try:
            with ReadOnlyDatabase(file) as database:
                row = next(database.messages(pair, seq - 1), None)
        except StoreError:
            row = None
        if row is None or (row.seq, row.id, row.content) != (seq, id, content):
            missing.append(f"{id}, seq {seq}")
    return missing


def isFound(stage: Stage) -> Sequence[Result]:
    """
    The row.
    """
    copies = Copies(stage)
    pages = list(range(copies.pages))
    stage.random.shuffle(pages)
    ends = copies.ends()
    pages.sort(key=lambda page: page not in ends)
    chosen = pages[: len(pages) if not stage.plan.quick else FEW if not stage.plan.sabotage else MORE]
    wrong, short, unnamed, gone, harmless, refused, added = [], [], [], [], 0, 0, 0
    with stage.progress("damaged copies", len(chosen), "copies") as bar:
        for page in chosen:
            folder, what = copies.damaged(page, stage.random)
            named = findings(os.path.join(folder, "imtw.db"))
            if named and named[0].startswith(CRASHED):
                unnamed.append(f"{what}, {named[0]}")
            served, said = serving(Server(folder, stage.plan.options, stage.plan.sabotage), copies)
            added += len(said)
            gone += [f"{what}: {one}" for one in lost(os.path.join(folder, "imtw.db"), said)]
            shutil.rmtree(folder)
            if served is None:
                refused += 1
            verdicts = [compare(copies.told[where], served[where]) for where in copies.places] if served else ["error"]
            if "wrong" in verdicts:
                wrong.append(what)
            if "short" in verdicts and not named:
                short.append(what)
            if not named and set(verdicts) != {"same"}:
                unnamed.append(what)
            harmless += not named and set(verdicts) == {"same"}
            bar.update(1)
    possible = ADDED * len(copies.places) * len(chosen)
    notes = [f"acknowledged afterwards {added} of {possible}"]
    notes += [f"lost: {one}" for one in gone[:3]]
    notes += [f"in unused bytes, nothing changed {harmless}", f"did not start {refused}"]
    notes += [f"served wrong: {one}" for one in wrong[:3]] + [f"not named: {one}" for one in unnamed[:3]]
    return [
        judged(
            "D6",
            "damage is found and named, not served",
            f"{len(chosen)} of {copies.pages} pages",
            f"wrong messages served {len(wrong)}, not named {len(unnamed)}, acknowledged and lost {len(gone)}",
            "0, 0, 0",
            not wrong and not unnamed and not gone,
            "; ".join(notes),
        )
    ]


def serving(server: Server, copies: Copies) -> tuple[Told | None, list[Acknowledged]]:
    """
    What a server makes of a damaged copy, and what it acknowledges
    afterwards; L{None} where it does not start.
    """
    served, said = None, []
    try:
        with server:
            served = copies.serve(server.address)
            said = copies.add(server.address)
            server.terminate()  # so that all finds its place
            assert server.process is not None
            server.process.wait(STOPPING)
    except (TimeoutError, CannotStart, subprocess.TimeoutExpired):
        pass
    return served, said


def findings(file: str) -> list[str]:
    """
    What C{imtw doctor} would say.
    """
    try:
        with ReadOnlyDatabase(file) as database:
            return list(islice(database.damage(), NAMED))
    except (StoreError, sqlite3.Error) as error:
        return [str(error)]
    except Exception as error:  # a doctor who dies has named nothing
        return [f"{CRASHED}: {error!r}"]


def compare(known: list[Any], served: list[Any]) -> str:
    """
    Is what was served the same, the same as far as it goes, nothing, or
    wrong?
    """
    if served == known:
        return "same"
    if not served:
        return "error"
    return "short" if all(row in known for row in served) else "wrong"
