"""
What the pages, and the code, refer to exists.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import sqlite3
import tomllib
from collections.abc import Callable
from configparser import ConfigParser
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

from docutils.core import publish_doctree
from docutils.utils import SystemMessage
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

import imtw
from imtw.cli.command import Imtw
from imtw.tap import Options
from imtw.test.checkout import WHERE
from imtw.test.test_docs.pages import blocksOf, page, pages, serverOptions

PUBLIC = ("interfaces", "model", "commands", "events", "errors", "plugin", "limits")
NAMES = r"``((?:imtw|examples|script|docs(?!/_build)|newsfragments)/[\w./]+)``"
TYPED = r"(?:\$ |ExecStart=)?((?:\S+=\S* |sudo -u imtw )?(?:\S*twistd .*jim|script/server|(?:[^\s=]*/)?imtw(?!\S))\b.*)"
PLAIN = ("", "console", "none", "text")  # what is typed, said and drawn
DATA = ("imtw.db", "imtw.toml")  # files that could be modules


class ReferenceTests(SynchronousTestCase):
    """
    What is referred to exists.
    """

    def test_sections(self) -> None:
        """
        Docstrings that name a page and a section name one that is there.
        """
        root = Path(imtw.__file__).parent
        texts = {file: " ".join(file.read_text("utf-8").split()) for file in root.rglob("*.py")}
        found = {
            (name, section)
            for text in texts.values()
            for name, section in re.findall(r"\((docs/[\w/]+\.rst), ([A-Za-z][\w ]*)\)", text.replace("#: ", ""))
        }
        self.assertGreater(len(found), 4)
        for name, section in found:
            self.assertRegex(page(name).read_text("utf-8"), rf"(?m)^{re.escape(section)}\n[-=~]+$", name)

    def test_marks(self) -> None:
        """
        The decisions that the code refers to, D-1 and so on, are explained.
        """
        root = Path(imtw.__file__).parent
        wanted = {mark for file in root.rglob("*.py") for mark in re.findall(r"\bD-\d+", file.read_text("utf-8"))}
        explained = set(re.findall(r"\bD-\d+", page("docs/wire/quirks.rst").read_text("utf-8")))
        self.assertEqual(wanted - explained, set())

    def test_quirks(self) -> None:
        """
        Each quirk and each hole is shown by a test or a recorded
        conversation that is there.
        """
        for name, wing, least in (("quirks", "jim", 40), ("fastim", "fastim", 25), ("easyim", "easyim", 25)):
            text = page(f"docs/wire/{name}.rst").read_text("utf-8")
            rows = re.findall(r"^   \* - (.*)\n((?:     .*\n)+)", text, re.M)
            self.assertGreater(len(rows), least)
            self.assertShown(rows, wing)

    def assertShown(self, rows: list[tuple[str, str]], wing: str) -> None:
        """
        Rows of a table of quirks name tests and conversations that are there.

        @param wing: below which the tests are.
        """
        cases = Path(imtw.__file__).parent / "test" / "conformance"
        for title, rest in rows:
            if title == "oddity":
                continue
            cells = re.findall(r"     - ((?:.*\n)(?:       .*\n)*)", rest)
            self.assertIn(len(cells), (3, 4), title)  # without a strict mode there are fewer
            names = re.findall(r"``([^`]+)``", cells[-1])
            self.assertTrue(names, f"{title} is shown by nothing")
            for name in names:
                if "/" in name:
                    self.assertTrue((cases / f"{name}.json").is_file(), f"{title}: {name}")
                else:
                    self.assertTrue(isTest(name, wing), f"{title}: {name}")

    def test_commandLines(self) -> None:
        """
        Whatever is typed on any page are options and commands that there
        are.
        """
        count = 0
        for block in (block for path in pages() for block in blocksOf(path)):
            for line in block.text.replace("\\\n", "").split("\n"):
                if (found := re.match(TYPED, line.strip())) is None:
                    continue
                count += 1
                words = shlex.split(found[1].replace("/opt/imtw/bin/", "").rstrip("& "), comments=True)
                try:
                    if "imtw" in words:
                        Imtw().parseOptions(words[len(words) - words[::-1].index("imtw") :])
                    else:
                        OptionsOnly().parseOptions(serverOptions(found[1].partition("  #")[0]))
                except (Exception, SystemExit) as error:
                    if not isinstance(error, SystemExit) or error.code:
                        raise AssertionError(f"{block.where}: {line}: {error!r}") from error
        self.assertGreater(count, 15)

    def test_files(self) -> None:
        """
        Files and modules that are named exist.
        """
        files, modules = set(), set()
        for path in pages():
            text = path.read_text("utf-8")
            files |= {(path, name) for name in re.findall(NAMES, text)}
            modules |= set(re.findall(r"``(imtw\.\w[\w.]+\w)``", text)) - set(DATA)
        self.assertGreater(min(len(files), len(modules)), 15)
        for path, name in files:
            self.assertTrue((WHERE / name).exists() or (WHERE / f"{name}.py").exists(), f"{path}: {name}")
        for name in modules:
            namedAny(name)

    def test_frontPages(self) -> None:
        """
        What package indexes and forges show without Sphinx is sound, tables
        and all.
        """
        pages()
        settings = {"report_level": 2, "halt_level": 2, "file_insertion_enabled": False}
        for name in ("README", "CONTRIBUTING", "NEWS", "newsfragments/README", "examples/README", "fuzz/README"):
            publish_doctree((WHERE / f"{name}.rst").read_text("utf-8"), name, settings_overrides=settings)
        with redirect_stderr(StringIO()):
            self.assertRaises(SystemMessage, publish_doctree, "=======\n=======  ===\n", settings_overrides=settings)

    def test_python(self) -> None:
        """
        All Python that is shown can be read, and what it imports of imtw is
        there and meant for others.
        """
        public = [f"imtw.{name}" for name in PUBLIC]
        blocks = [block for path in pages() for block in blocksOf(path) if block.language == "python"]
        self.assertGreater(len(blocks), 10)
        for block in blocks:
            for node in ast.walk(ast.parse(block.text, block.where)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imtw"):
                    module = importlib.import_module(str(node.module))
                    for alias in node.names:
                        self.assertTrue(hasattr(module, alias.name), f"{block.where}: {alias.name}")
                    if not block.caption.startswith("test_"):
                        self.assertIn(node.module, public, block.where)

    def test_data(self) -> None:
        """
        What is shown of other languages can be read as such, or, of nginx's,
        has its braces and semicolons; nothing is of a language that nobody
        looks at.
        """
        readers: dict[str, Callable[[str], object]] = {
            "ini": lambda text: ConfigParser(strict=False).read_string(text),
            "json": lambda text: json.loads(text.replace("\n", "")),
            "nginx": self.readNginx,
            "python": ast.parse,
            "sql": lambda text: sqlite3.connect(":memory:").executescript(text).connection.close(),
            "toml": tomllib.loads,
        }
        found = [block for path in pages() for block in blocksOf(path) if block.language not in PLAIN]
        self.assertEqual({block.language for block in found}, set(readers))
        for block in found:
            try:
                readers[block.language](block.text)
            except Exception as error:
                raise AssertionError(f"{block.where}: {error}") from error
        self.assertRaises(AssertionError, self.readNginx, "server { listen 80 }")
        self.assertRaises(AssertionError, self.readNginx, "server { listen 80;")

    def readNginx(self, text: str) -> None:
        """
        Look at the outer shape of settings of nginx.
        """
        depth = 0
        for statement, mark in re.findall(r"([^;{}]*)([;{}]|$)", re.sub(r"#.*", "", re.sub(r"'[^']*'", "x", text))):
            depth += {"{": 1, "}": -1}.get(mark, 0)
            self.assertGreaterEqual(depth, 0, statement)
            self.assertEqual(bool(statement.strip()), mark in (";", "{") and bool(mark), statement)
        self.assertEqual(depth, 0)

    def test_picture(self) -> None:
        """
        The picture is well-formed, its text is text, it has a title, and it
        loads and runs nothing.
        """
        pages()
        pictures = list((WHERE / "docs" / "_static").glob("*.svg"))
        self.assertTrue(pictures)
        for file in pictures:
            names = [element.tag.rpartition("}")[2] for element in ElementTree.parse(file).iter()]
            self.assertGreater(names.count("text"), 10)
            self.assertEqual(names.count("title"), 1)
            self.assertFalse({"script", "image", "use", "foreignObject"} & set(names))
            self.assertNotRegex(file.read_text("utf-8"), r"url\(\s*[\"']?http|@import|href")


class OptionsOnly(Options):
    """
    Looks whether options are there, not at what they name.
    """

    def postOptions(self) -> None:
        """
        Nothing more.
        """


def isTest(name: str, wing: str = "jim") -> bool:
    """
    Is there such a test, test case, or module of tests, below the tests of a
    dialect or of all?
    """
    for prefix in (f"imtw.test.protocols.{wing}.", "imtw.test."):
        try:
            namedAny(prefix + name)
        except Exception:
            continue
        return True
    return False
