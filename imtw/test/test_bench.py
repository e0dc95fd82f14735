"""
The benchmark (C{bench/}): that it runs, and that its comparison finds what
has changed and nothing else.  No figure is looked at: a test is no place to
measure.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from imtw.test.checkout import checkout
from imtw.verify import wire

PART = "bench/run"  # of a checkout that has a benchmark
LONG = 240  # seconds for what takes a few


def module(name: str) -> Any:
    """
    A module of the benchmark.
    """
    root = str(checkout(PART))
    if root not in sys.path:
        sys.path.append(root)
    return import_module(f"bench.{name}")


def bench(*arguments: str, program: str = "run") -> subprocess.CompletedProcess[str]:
    """
    Run one of the programs.
    """
    words = [sys.executable, "-m", "bench", program, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(checkout(PART))}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=LONG, check=False)


def needTools() -> None:
    """
    Go on only where the C programs can be built.
    """
    missing = [name for name in ("make", os.environ.get("CC", "cc")) if shutil.which(name) is None]
    if not sys.platform.startswith("linux"):
        missing.append("Linux")
    if missing and os.environ.get("IMTW_REQUIRE_ALL"):
        raise AssertionError(f"missing: {', '.join(missing)}")
    if missing:
        raise SkipTest(f"missing: {', '.join(missing)}")


class RunTests(SynchronousTestCase):
    """
    C{bench/run} and the others do what they say.
    """

    def test_run(self) -> None:
        """
        Rows are measured beside the baseline, in as many rounds as wanted,
        and what comes of it is there as JSON and as a table.
        """
        needTools()
        out = self.mktemp()
        chosen = ["--row", "echo-ws", "--row", "private-durable-1"]
        done = bench("--quick", "--rounds", "2", *chosen, "--out", out, "--cache", self.mktemp())
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(Path(out, "bench.json").read_bytes())
        self.assertEqual(Path(out, "bench.md").read_text("utf-8"), done.stdout)
        self.assertEqual([report["format"], report["quick"], report["rounds"]], [1, True, 2])
        self.assertTrue({"processor", "cores", "memory", "Python"} <= set(report["machine"]))
        self.assertRegex(report["date"], r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC$")
        self.assertTrue(report["commit"])
        self.assertEqual([row["name"] for row in report["rows"]], ["echo-ws", "private-durable-1"])
        for row in report["rows"]:
            (figure,) = row["figures"]
            self.assertEqual([len(figure[key]) for key in ("values", "besides", "ratios")], [2, 2, 2], row["unsound"])
            self.assertTrue(all(value > 0 for value in figure["values"] + figure["besides"]))
            self.assertIn(row["title"], done.stdout)
            for side in ("imtw", "C"):
                self.assertTrue(all(numbers["lost"] == 0 < numbers["measured"] for numbers in row["numbers"][side]))
        self.assertEqual(report["rows"][0]["figures"][0]["target"], "0.5 of its speed")
        self.assertIsInstance(report["rows"][0]["figures"][0]["reached"], bool)

    def test_profile(self) -> None:
        """
        C{bench/profile} shows functions of the server's.
        """
        needTools()
        done = bench("echo-tcp", "--quick", "--rounds", "1", "--cache", self.mktemp(), program="profile")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"%  imtw/[\w/]+\.py:\d+ \w")

    def test_unknown(self) -> None:
        """
        A row that is not there is named, beside those that are.
        """
        done = bench("--row", "nonesuch")
        self.assertEqual([done.returncode, done.stdout], [2, ""])
        self.assertIn("'nonesuch'", done.stderr)
        self.assertIn("echo-tcp", done.stderr)

    def test_list(self) -> None:
        """
        Every row is listed, each name once.
        """
        names = [line.split()[0] for line in bench("--list").stdout.splitlines()]
        self.assertEqual(names, [row.name for row in module("rows").ROWS])
        self.assertEqual(len(names), len(set(names)))


class ComparisonTests(SynchronousTestCase):
    """
    What has moved.
    """

    def report(self, values: list[float], besides: list[float], rounds: int = 5) -> Any:
        """
        A report of one figure.
        """
        results = module("results")
        shapes = module("shapes")
        row = shapes.Row("echo", "an echo", {"imtw": None, "C": None}, (shapes.Figure("cpu_us", "us CPU"),))
        pairs = [
            {"imtw": {"cpu_us": ours}, "C": {"cpu_us": theirs}} for ours, theirs in zip(values, besides, strict=True)
        ]
        return results.Report("a day", "a commit", {}, False, rounds, 1.0, [results.rowResult(row, pairs, [])])

    def changes(self, before: Any, after: Any) -> list[Any]:
        """
        What has moved, after both were written and read.
        """
        results, compare = module("results"), module("compare")
        read = [results.load(results.dump(report)) for report in (before, after)]
        return list(compare.changes(*read))

    def test_planted(self) -> None:
        """
        A fifth more is found, and called worse; the other way round, better.
        """
        before = self.report([10.0, 10.3, 9.8, 10.1, 10.2], [5.0, 5.1, 4.9, 5.0, 5.1])
        after = self.report([12.0, 12.3, 12.1, 12.2, 11.9], [5.0, 5.1, 5.0, 4.9, 5.0])
        (change,) = self.changes(before, after)
        self.assertAlmostEqual(change.change, 0.2, 1)
        self.assertIn("worse", str(change))
        (change,) = self.changes(after, before)
        self.assertIn("better", str(change))

    def test_noise(self) -> None:
        """
        Rounds that overlap are noise, however far their middles are apart;
        so is a small change, however clear.
        """
        before = self.report([10.0, 14.0, 9.0, 10.0, 10.0], [5.0] * 5)
        self.assertEqual(self.changes(before, self.report([13.0, 13.5, 13.2, 13.1, 13.0], [5.0] * 5)), [])
        before = self.report([10.0, 10.01, 10.02, 10.0, 10.0], [5.0] * 5)
        self.assertEqual(self.changes(before, self.report([10.3, 10.31, 10.3, 10.3, 10.3], [5.0] * 5)), [])

    def test_slowMachine(self) -> None:
        """
        Where both sides take twice as long nothing has moved.
        """
        before = self.report([10.0, 10.1, 10.2], [5.0, 5.0, 5.1])
        self.assertEqual(self.changes(before, self.report([20.0, 20.3, 20.3], [10.0, 10.1, 10.1])), [])

    def test_fewRounds(self) -> None:
        """
        One round alone says little: only a large change counts.
        """
        self.assertEqual(self.changes(self.report([10.0], [5.0], 1), self.report([12.5], [5.0], 1)), [])
        self.assertEqual(len(self.changes(self.report([10.0], [5.0], 1), self.report([15.0], [5.0], 1))), 1)

    def test_files(self) -> None:
        """
        Two files are compared on the command line.
        """
        dump = module("results").dump
        files = [self.mktemp(), self.mktemp()]
        Path(files[0]).write_bytes(dump(self.report([10.0, 10.1, 10.2], [5.0, 5.0, 5.0])))
        Path(files[1]).write_bytes(dump(self.report([15.0, 15.1, 15.2], [5.0, 5.0, 5.0])))
        self.assertIn("worse", bench("--compare", files[0], "--against", files[1]).stdout)
        self.assertIn("nothing has moved", bench("--compare", files[0], "--against", files[0]).stdout)

    def test_noReport(self) -> None:
        """
        A file that is no report is refused.
        """
        file = self.mktemp()
        Path(file).write_text("{}", "utf-8")
        done = bench("--compare", file, "--against", file)
        self.assertEqual(done.returncode, 2)
        self.assertIn("is no report", done.stderr)


class TargetTests(SynchronousTestCase):
    """
    Targets are judged by what they say.
    """

    def test_judged(self) -> None:
        """
        Each kind is reached at its bound, and missed beyond it.
        """
        shapes = module("shapes")
        self.assertTrue(shapes.AtMost(11).judge(11.0, None))
        self.assertFalse(shapes.AtMost(11).judge(11.1, None))
        self.assertTrue(shapes.Times(2).judge(0.0, 2.0))
        self.assertFalse(shapes.Times(2).judge(0.0, 2.1))
        self.assertFalse(shapes.Times(2).judge(0.0, None))
        self.assertTrue(shapes.Share(0.7).judge(0.0, 1.4))
        self.assertFalse(shapes.Share(0.7).judge(0.0, 1.5))


class Careless(threading.Thread):
    """
    A server for one pair that sends every message on but one, and one twice.
    """

    def __init__(self, lost: int, repeated: int) -> None:
        super().__init__(daemon=True)
        self._lost, self._repeated = lost, repeated
        self._port = socket.create_server(("127.0.0.1", 0))
        self.port = self._port.getsockname()[1]

    def run(self) -> None:
        """
        Serve until the clients go.
        """
        clients = [self._port.accept()[0] for _ in range(2)]
        readers = [wire.FrameReader() for _ in clients]
        for client, reader in zip(clients, readers, strict=True):
            reader.feed(client.recv(65536))
            client.sendall(wire.frame(wire.LOGGED_IN, {"code": wire.LOGIN_OK}))
        try:
            self._pass(clients, readers)
        except OSError:
            pass
        finally:
            for end in (*clients, self._port):
                end.close()

    def _pass(self, clients: list[socket.socket], readers: list[wire.FrameReader]) -> None:
        count = 0
        while True:
            for client in select.select(clients, [], [])[0]:
                data = client.recv(65536)
                if not data:
                    return
                for _, body in readers[clients.index(client)].feed(data):
                    other = clients[1 - clients.index(client)]
                    copies = {self._lost: 0, self._repeated: 2}.get(count, 1)
                    other.sendall(wire.frame(wire.CHAT, body) * copies)
                    client.sendall(wire.frame(wire.CHAT_ANSWER, {"command": 12}))
                    count += 1


class LoadTests(SynchronousTestCase):
    """
    What must not happen is seen.
    """

    def load(self, lost: int, repeated: int) -> Any:
        """
        What a load on a careless server comes to.
        """
        needTools()
        loads, servers, dialects = module("loads"), module("servers"), module("dialects")
        load = loads.Load("pair", (dialects.TCP,), rate=200, options=("--drain", "3"))
        with module("stage").Stage.open(Path(self.mktemp()), True) as stage:
            server = Careless(lost, repeated)
            server.start()
            self.addCleanup(server.join, LONG)
            return load.run(stage, servers.Running(os.getpid(), server.port, self.mktemp(), 0.0))

    def test_negativeControl(self) -> None:
        """
        A message that is lost and one that comes twice are noticed; where
        there are none nothing is.
        """
        unsound = module("shapes").Unsound
        self.assertEqual(self.load(-1, -1)["lost"], 0)
        self.assertIn("lost: 1", str(self.assertRaises(unsound, self.load, 5, -1)))
        self.assertIn("repeats: 1", str(self.assertRaises(unsound, self.load, -1, 5)))

    def test_unsound(self) -> None:
        """
        Lost, repeated or unacknowledged messages make a round worthless.
        """
        loads, shapes, dialects = module("loads"), module("shapes"), module("dialects")
        load = loads.Load("pair", (dialects.TCP,))
        sound = {"lost": 0, "gaps": 0, "repeats": 0, "closed": 0, "errors": 0}
        sound |= {"measured": 9, "sent": 10, "acknowledged": 10}
        loads.check(sound, load)
        for change in ({"lost": 1}, {"gaps": 1}, {"repeats": 1}, {"closed": 1}, {"measured": 0}, {"acknowledged": 9}):
            self.assertRaises(shapes.Unsound, loads.check, sound | change, load)

    def test_size(self) -> None:
        """
        A chat has the size that all are measured with, once its marks are
        filled in, and numbers that have four digits.
        """
        dialects = module("dialects")
        for text in (dialects.TCP.texts["private"], dialects.TCP.texts["group"]):
            body = text.partition(":")[2].replace("$ID", "0" * 24).replace("$U", "100").replace("$P", "101")
            json.loads(body)
            self.assertTrue(abs(len(body) - dialects.SIZE) <= 4, len(body))
