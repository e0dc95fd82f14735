"""
Reads the pages of the documentation.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unicodedata import east_asian_width

from imtw.test.checkout import WHERE, checkout

FILLER = "\0"  # stands for the right half of a wide character


class Block(NamedTuple):
    """
    A literal block of a page.

    @ivar lines: without their common indent.
    """

    where: str
    language: str
    caption: str
    lines: list[str]

    @property
    def text(self) -> str:
        """
        All of it.
        """
        return "\n".join(self.lines) + "\n"


def pages() -> list[Path]:
    """
    All pages, and the front page.

    @raise SkipTest: there is no checkout to find them in.
    """
    checkout("docs/index.rst")
    return [WHERE / "README.rst", *sorted((WHERE / "docs").rglob("*.rst"))]


def page(name: str) -> Path:
    """
    One page, by its path in the checkout.
    """
    pages()
    return WHERE / name


def blocksOf(path: Path) -> list[Block]:
    """
    The literal blocks of a page: those with a language, and those behind two
    colons.
    """
    found: list[Block] = []
    lines = path.read_text("utf-8").split("\n")
    for at, line in enumerate(lines):
        marked = re.match(r"(\s*)\.\. code-block:: (\w+)", line)
        if not marked and not (line.endswith("::") and not line.lstrip().startswith("..")):
            continue
        indent = len(line) - len(line.lstrip())
        body: list[str] = []
        for inner in lines[at + 1 :]:
            if inner.strip() and len(inner) - len(inner.lstrip()) <= indent:
                break
            body.append(inner)
        options = dict(re.findall(r"^\s*:(\w+): (.*)$", "\n".join(body).split("\n\n")[0], re.M)) if marked else {}
        while body and (not body[0].strip() or (marked and re.match(r"\s*:\w+: ", body[0]))):
            del body[0]
        while body and not body[-1].strip():
            del body[-1]
        least = min((len(one) - len(one.lstrip()) for one in body if one.strip()), default=0)
        found.append(
            Block(
                f"{path.relative_to(WHERE)}:{at + 1}",
                marked[2] if marked else "",
                options.get("caption", ""),
                [one[least:] for one in body],
            )
        )
    return found


def commandsOf(block: Block) -> Iterator[tuple[str, str]]:
    """
    The commands that are typed in a block, and what they print.
    """
    lines = "\n".join(block.lines).replace("\\\n", " ").split("\n")
    for at, line in enumerate(lines):
        if line.startswith("$ "):
            printed = []
            for answer in lines[at + 1 :]:
                if answer.startswith("$ "):
                    break
                printed.append(answer)
            yield line[2:], "".join(one.strip() for one in printed)


def tablesOf(path: Path, first: str) -> list[list[list[str]]]:
    """
    The rows of all simple tables whose heading begins with C{first}, without
    the mark-up of literals.
    """
    lines = [inColumns(line) for line in path.read_text("utf-8").split("\n")]
    tables: list[list[list[str]]] = []
    for at, line in enumerate(lines):
        if lines[at - 1] or not re.fullmatch(r"=+( +=+)+", line) or not f"{lines[at + 1]}  ".startswith(f"{first}  "):
            continue
        edges = [found.span() for found in re.finditer("=+", line)]
        rows: list[list[str]] = []
        for row in lines[at + 3 :]:
            if row.startswith("=="):
                break
            # The last column may be longer than its mark; a row without a first cell goes on.
            cells = [row[low : high if high < edges[-1][1] else None] for low, high in edges]
            cells = [cell.strip().replace("``", "").replace(FILLER, "") for cell in cells]
            if cells[0] or not rows:
                rows.append(cells)
            else:
                rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], cells, strict=True)]
        tables.append(rows)
    return tables


def inColumns(line: str) -> str:
    """
    A line with a character for each of its columns on a screen.
    """
    return "".join(one + FILLER if east_asian_width(one) in "WF" else one for one in line)


def tableOf(path: Path, first: str) -> list[list[str]]:
    """
    The rows of the first such table.
    """
    tables = tablesOf(path, first)
    if not tables:
        raise AssertionError(f"{path} has no table that begins with {first}")
    return tables[0]


def optionsOf(block: Block) -> list[str]:
    """
    The options of the server that a block starts.
    """
    for line in block.lines:
        if line.startswith("$ ") and "twistd" in line and " jim" in line:
            return serverOptions(line[2:])
    return []


def serverOptions(line: str) -> list[str]:
    """
    What a command line hands to C{twistd jim}.
    """
    words = shlex.split(line.rstrip("& "))
    return words[words.index("script/server" if "script/server" in words else "jim") + 1 :]
