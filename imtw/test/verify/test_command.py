"""
The command: what it takes, what it prints, how it ends.
"""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from unittest import TestCase, mock

from twisted.python import usage

from imtw.cli.options import Failed
from imtw.cli.verify import Verify
from imtw.verify import command
from imtw.verify.catalogue import ROWS, Row
from imtw.verify.controls import CONTROLS
from imtw.verify.plan import Plan, Running, Stage
from imtw.verify.report import Result, Verdict, judged, table, writeJSON
from imtw.verify.sabotage import SABOTAGES


def passing(stage: Stage) -> Sequence[Result]:
    """
    A row that passes.
    """
    return [judged("X1", "all is well", "1", str(stage.random.random()), "anything", True)]


def failing(stage: Stage) -> Sequence[Result]:
    """
    A row that fails.
    """
    return [judged("X1", "all is well", "1", "nothing", "something", False, "a note")]


def breaking(stage: Stage) -> Sequence[Result]:
    """
    A row with a bug.
    """
    raise ValueError("a bug")


def telling(stage: Stage) -> Sequence[Result]:
    """
    A row that says in which process it was tried.
    """
    return [judged("X1", "all is well", "1", str(os.getpid()), "anything", True)]


class Fake(Row):
    """
    A row whose function is here.
    """

    def run(self) -> Running:
        found: Running = globals()[self.function]
        return found


def rows(name: str) -> list[Row]:
    """
    One fake row.
    """
    return [Fake(("X1",), "all is well", name)]


class RunTests(TestCase):
    """
    L{command}.
    """

    def run_(self, name: str) -> tuple[int, str]:
        """
        Run one fake row; the exit status and what was printed.
        """
        out = io.StringIO()
        with mock.patch.object(command, "ROWS", rows(name)), redirect_stdout(out), redirect_stderr(out):
            return command.run(Plan(5, True)), out.getvalue()

    def test_status(self) -> None:
        """
        The exit status is 1 if something failed, also the test itself.
        """
        for name, status in (("passing", 0), ("failing", 1), ("breaking", 1)):
            self.assertEqual(self.run_(name)[0], status)

    def test_output(self) -> None:
        """
        Guarantee, figure, target, verdict, seed and notes are printed.
        """
        text = self.run_("failing")[1]
        for word in ("seed 5", "all is well", "nothing", "something", "FAIL", "X1: a note", "1 failed"):
            self.assertIn(word, text)

    def test_sameSeed(self) -> None:
        """
        The same seed has the same chance, another one another.
        """
        figures = [
            command.results(rows("passing")[0], Plan(seed))[0].figure for seed in (1, 1, 2)
        ]
        self.assertEqual(figures[0], figures[1])
        self.assertNotEqual(figures[0], figures[2])

    def test_sideBySide(self) -> None:
        """
        In a quick run the rows that measure no time are tried first, each in
        a process of its own; what ends one of them is its own.
        """
        timed = Fake(("X1",), "all is well", "telling", isTimed=True)
        both = [timed, *rows("telling"), *rows("breaking")]
        with redirect_stderr(io.StringIO()):
            found = command.verify(both, Plan(5, True))
            alone = command.verify(both, Plan(5))
        here = str(os.getpid())
        self.assertEqual([one.figure for one in alone], [here, here, "the test itself failed"])
        self.assertEqual([one.verdict for one in found], [Verdict.PASS, Verdict.FAIL, Verdict.PASS])
        self.assertEqual([one.figure for one in found[1:]], ["the test itself failed", here])
        self.assertNotEqual(found[0].figure, here)
        self.assertEqual({one.seed for one in found}, {5})

    def test_json(self) -> None:
        """
        Programs get the same.
        """
        stream = io.StringIO()
        writeJSON(stream, passing(Stage(Plan(1), "X1", "/nowhere")), {"seed": 1})
        read = json.loads(stream.getvalue())
        self.assertEqual(read["results"][0]["verdict"], "pass")
        self.assertEqual(read["plan"], {"seed": 1})

    def test_obstacle(self) -> None:
        """
        What cannot be tried is skipped with the reason, unless everything is
        required.
        """
        row = Row(("X1", "X2"), "all is well", "passing", needs=(lambda: "needs wings",))
        with mock.patch.dict("os.environ"):
            os.environ.pop(command.REQUIRE, None)
            found = command.results(row, Plan(1))
        self.assertEqual([one.verdict for one in found], [Verdict.SKIP, Verdict.SKIP])
        self.assertIn("needs wings", table(found))
        with mock.patch.dict("os.environ", {command.REQUIRE: "1"}):
            self.assertIs(command.results(row, Plan(1))[0].verdict, Verdict.FAIL)

    def test_target(self) -> None:
        """
        Rows that kill are not tried on somebody's server.
        """
        plan = Plan(1, target=("127.0.0.1", 1))
        whys = {row.ids[0]: command.obstacle(row, plan) for row in ROWS}
        self.assertIn("--target", whys["D1"])
        self.assertEqual(whys["D8"], "")

    def test_chosen(self) -> None:
        """
        Rows are chosen by any of their ids; others are named.
        """
        self.assertEqual([row.ids[0] for row in command.chosen("o2, d1")], ["D1", "O1"])
        self.assertEqual(command.chosen(""), ROWS)
        with self.assertRaisesRegex(ValueError, "no row Z9"):
            command.chosen("Z9")


class OptionTests(TestCase):
    """
    L{Verify}.
    """

    def verify(self, *words: str) -> Verify:
        """
        The command with these options.
        """
        options = Verify()
        options.parseOptions(words)
        return options

    def test_wrong(self) -> None:
        """
        A wrong value is a complaint that says what was wanted.
        """
        for words in (["--seed", "x"], ["--target", "here"], ["--target", "here:x"], ["--only", "Z9"]):
            with self.assertRaises(usage.UsageError):
                self.verify(*words).run()

    def test_looksFirst(self) -> None:
        """
        A target that nobody answers at, and a file that cannot be written,
        are said to be so before anything is tried.
        """
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            target = "{}:{}".format(*nobody.getsockname())
            for words, complaint in (
                (("--target", target), f"--target: nobody answers at {target}: Connection refused"),
                (("--json", "/nowhere/verify.json"), "--json: /nowhere/verify.json cannot be written: No such file"),
            ):
                with self.assertRaisesRegex(Failed, complaint), mock.patch.object(command, "run") as run:
                    self.verify("--only", "D8", *words).run()
                run.assert_not_called()

    def test_list(self) -> None:
        """
        C{--list} names every row.
        """
        out = io.StringIO()
        with redirect_stdout(out):
            self.assertEqual(self.verify("--list").run(), 0)
        for row in ROWS:
            self.assertIn(", ".join(row.ids), out.getvalue())


class CatalogueTests(TestCase):
    """
    L{ROWS} and L{CONTROLS} fit together.
    """

    def test_rows(self) -> None:
        """
        Every row has something that runs it, and no id is there twice.
        """
        ids = [id for row in ROWS for id in row.ids]
        self.assertEqual(len(ids), len(set(ids)))
        for row in ROWS:
            self.assertTrue(callable(row.run()))

    def test_controls(self) -> None:
        """
        Every row has a broken server that it has to notice, and every way to
        break one is used.
        """
        self.assertEqual({id for row in ROWS for id in row.ids} - {id for one in CONTROLS for id in one.ids}, set())
        used = {name for one in CONTROLS for name in one.sabotage.split(",") if name}
        self.assertEqual(used, set(SABOTAGES))
