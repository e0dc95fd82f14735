"""
How C{imtw} explains itself and complains.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

from twisted.trial.unittest import SynchronousTestCase

from imtw.cli.command import Imtw, run
from imtw.cli.options import Command, shown
from imtw.test.cli.harness import Ended


def inside(*arguments: str) -> Ended:
    """
    Run C{imtw} in this process.
    """
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = run(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
    return Ended(status, out.getvalue(), err.getvalue())


def levels(command: type[Command] = Imtw, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """
    All commands there are, by their words.
    """
    found = [path]
    for name, _, parser, _ in getattr(command, "subCommands", ()):
        found += levels(parser, (*path, name))
    return found


class HelpTests(SynchronousTestCase):
    """
    C{--help} and C{--version}.
    """

    def test_levels(self) -> None:
        """
        These commands are there.
        """
        words = {" ".join(path) for path in levels()}
        for path in ("user add", "user passwd", "user operator", "user list", "group list", "export", "doctor"):
            self.assertIn(path, words)

    def test_help(self) -> None:
        """
        Every level explains itself, with an example that can be typed.
        """
        for path in levels():
            ended = inside(*path, "--help")
            self.assertEqual((ended.status, ended.err), (0, ""), path)
            usage = " ".join(["Usage: imtw", *path, "[options]"])
            self.assertTrue(ended.out.startswith(usage), ended.out)
            example = ended.out.partition("\nExample:\n  ")[2].strip()
            self.assertTrue(example.startswith("imtw "), ended.out)
            self.assertEqual([word for word in path if word not in example.split()], [])
            self.assertNotIn("Commands:\n\n", ended.out)
            self.assertLessEqual(max(map(len, ended.out.splitlines())), 120)

    def test_version(self) -> None:
        """
        Every level tells the version, in one line.
        """
        for path in levels():
            ended = inside(*path, "--version")
            self.assertEqual((ended.status, ended.err, ended.out.count("\n")), (0, "", 1))
            self.assertRegex(ended.out, r"^imtw .*, Twisted \d+\.\d+.*, Python 3\.")


class ComplaintTests(SynchronousTestCase):
    """
    What is typed wrongly: one line, status 1.
    """

    def assertComplaint(self, *arguments: str, says: str) -> None:
        """
        It is complained of in one line that says so.
        """
        ended = inside(*arguments)
        self.assertEqual((ended.status, ended.out), (1, ""), arguments)
        self.assertEqual(ended.err.count("\n"), 1, ended.err)
        self.assertTrue(ended.err.startswith("imtw: "))
        self.assertIn(says, ended.err)

    def test_complaints(self) -> None:
        """
        They say what was met, what was wanted, and where more is said.
        """
        for words, says in (
            ("", "a command is missing; wanted one of user, group, export, import, doctor, verify (imtw --help"),
            ("user", "a command is missing; wanted one of add, passwd, operator, list (imtw user --help explains)"),
            ("usr list", "unknown command: usr; wanted one of user, group, export, import, doctor"),
            ("user ad ann", "unknown command: ad; wanted one of add"),
            ("user add", "wrong number of arguments; wanted imtw user add NAME"),
            ("user add ann bob", "wrong number of arguments"),
            ("user add ann --colour", "option --colour not recognized"),
            ("user list ann", "wrong number of arguments; wanted imtw user list"),
            ("user operator ann", "wanted imtw user operator NAME yes|no"),
            ("user operator ann true", "'true' is neither yes nor no"),
            ("export 100", "--to is missing; wanted imtw export GROUP|USER USER --to FILE"),
            ("export --to x", "wrong number of arguments"),
            ("export a b c --to x", "wrong number of arguments"),
            ("--store", "option --store requires argument"),
            ("--store memory: user list", "'memory:' is not sqlite:FILE"),
            ("user list --store sqlite:", "'sqlite:' is not sqlite:FILE"),
            ("--store redis://x doctor", "'redis://x' is not sqlite:FILE"),
            ("--store sqlite:/nowhere/x.db user list", "/nowhere/x.db is not there"),
        ):
            self.assertComplaint(*words.split(), says=says)

    def test_names(self) -> None:
        """
        What can be nobody's name is complained of at once, in a form that
        does nothing to a terminal.
        """
        for name in ("", " ann", "a\nb", "\x1b[2J", "x" * 65):
            self.assertComplaint("user", "operator", name, "yes", says="is no name: a name has 1 to 64 printable")

    def test_innerOptionWins(self) -> None:
        """
        C{--store} may stand at any level; the last one counts.
        """
        self.assertComplaint("--store", "sqlite:a", "user", "--store", "sqlite:b", "list", says="b is not there")
        self.assertComplaint("--store", "sqlite:a", "user", "list", says="a is not there")

    def test_shown(self) -> None:
        """
        What a user chose for a nick cannot command the operator's terminal.
        """
        self.assertEqual(shown("李雷 \x1b[2J\t\n\u202e"), "李雷 \\x1b[2J\\t\\n\\u202e")
