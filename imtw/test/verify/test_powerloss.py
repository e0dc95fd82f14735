"""
What a power cut leaves, and the recordings it is computed from.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from random import Random
from unittest import TestCase

from twisted.trial.unittest import SkipTest

from imtw.verify.catalogue import strace
from imtw.verify.powerloss import SHARES, Disk
from imtw.verify.tape import Event, Kind, readTape, recorder

A, FOLDER = "/d/a", "/d"

PROGRAM = """
import os, socket, threading
here, there = socket.socketpair()
file = os.open("file", os.O_RDWR | os.O_CREAT, 0o600)
os.pwrite(file, b"first\\0\\xff", 0)
os.fdatasync(file)
here.send(b"ack")
os.ftruncate(file, 3)
try:
    os.pwrite(file, b"wrong", -1)
except OSError:
    pass
threads = [threading.Thread(target=lambda at=at: os.pwrite(file, bytes([65 + at]) * 10, 10 * at)) for at in range(5)]
[one.start() for one in threads]
[one.join() for one in threads]
os.unlink("file")
"""


class Certain(Random):
    """
    Chance that always chooses the same.
    """

    share = 0.0
    value = 0.99  # tears nothing, keeps nothing but where all is kept

    def choice(self, among: object) -> object:  # type: ignore[override]
        assert among is SHARES
        return self.share

    def random(self) -> float:
        return self.value


def left(events: list[Event], cut: int, share: float = 0.0, value: float = 0.99) -> dict[str, bytes]:
    """
    The files after a cut.
    """
    chance = Certain()
    chance.share, chance.value = share, value
    disk = Disk(FOLDER)
    disk.play(events, cut, chance)
    with tempfile.TemporaryDirectory() as folder:
        disk.write(folder)
        found = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as stream:
                found[name] = stream.read()
        return found


class DiskTests(TestCase):
    """
    L{Disk}.
    """

    created = [Event(Kind.CREATE, A, 0, 0), Event(Kind.SYNC, FOLDER, 1, 1)]

    def test_syncedIsThere(self) -> None:
        """
        What a sync covers is there, what came after it is not.
        """
        events = [
            *self.created,
            Event(Kind.WRITE, A, 2, 2, b"one", 0),
            Event(Kind.SYNC, A, 3, 3),
            Event(Kind.WRITE, A, 4, 4, b"two", 3),
        ]
        self.assertEqual(left(events, 3), {"a": b""})
        self.assertEqual(left(events, 5), {"a": b"one"})

    def test_syncUnderWay(self) -> None:
        """
        A sync that has not ended promises nothing, and one that has ended
        nothing of what was written after it began.
        """
        events = [
            *self.created,
            Event(Kind.WRITE, A, 2, 2, b"one", 0),
            Event(Kind.SYNC, A, 3, 6),
            Event(Kind.WRITE, A, 4, 5, b"two", 3),
        ]
        self.assertEqual(left(events, 6), {"a": b""})
        self.assertEqual(left(events, 7), {"a": b"one"})

    def test_restMayBeThere(self) -> None:
        """
        What was not synced may all be there as well.
        """
        events = [*self.created, Event(Kind.WRITE, A, 2, 2, b"one", 2), Event(Kind.TRUNCATE, A, 3, 3, offset=4)]
        self.assertEqual(left(events, 9, share=1.0), {"a": b"\0\0on"})

    def test_torn(self) -> None:
        """
        Or in part: whole sectors of it.
        """
        events = [*self.created, Event(Kind.WRITE, A, 2, 2, b"x" * 2000, 0)]
        sizes: set[int] = set()
        for seed in range(50):
            chance = Random(seed)
            disk = Disk(FOLDER)
            disk.play(events, 9, chance)
            sizes.update(len(content) for content in disk._files.values())
        self.assertLessEqual({0, 2000}, sizes)
        self.assertEqual({size % 512 for size in sizes if size < 2000}, {0})
        self.assertGreater(len(sizes), 2)

    def test_names(self) -> None:
        """
        A file whose folder was not synced may not be there, and one that was
        removed may still be.
        """
        events = [Event(Kind.CREATE, A, 0, 0), Event(Kind.WRITE, A, 1, 1, b"one", 0)]
        self.assertEqual(left(events, 9), {})
        removed = [*self.created, Event(Kind.REMOVE, A, 2, 2)]
        self.assertEqual(left(removed, 9), {"a": b""})
        self.assertEqual(left([*removed, Event(Kind.SYNC, FOLDER, 3, 3)], 9), {})

    def test_otherFolders(self) -> None:
        """
        Files elsewhere do not matter.
        """
        self.assertEqual(left([Event(Kind.WRITE, "/e/a", 0, 0, b"one", 0)], 9, share=1.0), {})


class TapeTests(TestCase):
    """
    L{readTape}.
    """

    def record(self, program: str) -> tuple[str, list[Event]]:
        """
        What a program did, and where.
        """
        if strace():
            raise SkipTest(strace())
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        tape = os.path.join(folder.name, "tape")
        subprocess.run([*recorder(tape), sys.executable, "-c", program], cwd=folder.name, check=True, timeout=30)
        return os.path.realpath(folder.name), readTape(tape)

    def test_whatWasDone(self) -> None:
        """
        Calls are read with their files, data and places, in order; calls
        that failed are left out.
        """
        folder, events = self.record(PROGRAM)
        file = os.path.join(folder, "file")
        mine = [event for event in events if event.path in (file, "file") or event.kind is Kind.SEND]
        self.assertEqual(
            [(event.kind, event.data, event.offset) for event in mine[:5]],
            [
                (Kind.CREATE, b"", 0),
                (Kind.WRITE, b"first\0\xff", 0),
                (Kind.SYNC, b"", 0),
                (Kind.SEND, b"ack", 0),
                (Kind.TRUNCATE, b"", 3),
            ],
        )
        written = sorted((event.offset, event.data) for event in mine[5:-1])
        self.assertEqual(written, [(10 * at, bytes([65 + at]) * 10) for at in range(5)])
        self.assertIs(mine[-1].kind, Kind.REMOVE)
        self.assertTrue(all(event.began <= event.ended for event in events))

    def test_halves(self) -> None:
        """
        A call that another thread came between is one call: it begins with
        its first line and ends with its last.
        """
        with tempfile.NamedTemporaryFile(delete=False) as stream:
            self.addCleanup(os.remove, stream.name)
            stream.write(
                b'7 1.0 pwrite64(3<\\x2f\\x61>, "\\x78\\x79", 2, 5 <unfinished ...>\n'
                b"8 1.1 fdatasync(3<\\x2f\\x61>)     = 0\n"
                b"7 1.2 <... pwrite64 resumed>)     = 2\n"
                b"8 1.3 --- SIGTERM {si_signo=SIGTERM} ---\n"
                b"8 1.4 fdatasync(3<\\x2f\\x61>)     = -1 EIO (Input/output error)\n"
                b"8 1.5 +++ killed by SIGKILL +++\n"
            )
        self.assertEqual(
            readTape(stream.name), [Event(Kind.SYNC, "/a", 1, 1), Event(Kind.WRITE, "/a", 0, 2, b"xy", 5)]
        )
