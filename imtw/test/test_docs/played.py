"""
Plays what a page shows against a real server.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

import imtw
import twisted.plugins
from imtw.test.live import LiveTestCase
from imtw.test.test_docs.pages import Block, blocksOf, commandsOf, optionsOf, page, pages
from imtw.test.test_docs.scene import Scene, Turn, steady, turnsOf

FILE = re.compile(r"[\w./-]+\.\w+")


class Played(LiveTestCase):
    """
    Plays what the pages show.
    """

    timeout = 60

    def setUp(self) -> Any:
        """
        Everything happens in a folder of its own.
        """
        self.pages = pages()
        self.folder = Path(self.mktemp()).absolute()
        (self.folder / "bin").mkdir(parents=True)
        for name, code in (("python3", ""), ("imtw", " -c 'from imtw.cli import main; main()'")):
            file = self.folder / "bin" / name
            file.write_text(f'#!/bin/sh\nexec "{sys.executable}"{code} "$@"\n')
            file.chmod(0o755)
        back = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, back)
        return super().setUp()

    async def start(self, options: list[str]) -> int:
        """
        Start a server with options as a page shows them, but on any free port.

        @return: its port.
        """
        shown = {"--auth": "accounts:", "--store": "memory:"}
        arguments: list[str] = []
        for name, value in zip(options[::2], options[1::2], strict=True):
            shown.pop(name, None)
            arguments += [name, re.sub(r"^(tcp|ssl):\d+", r"\1:0", value)]
        live = await self.serve(*arguments, *(one for pair in shown.items() for one in pair))
        return live.port

    async def converse(self, block: Block, turns: list[Turn]) -> None:
        """
        Play a conversation, and see that nothing else was said.
        """
        scene = Scene(self, await self.start(optionsOf(block)))
        said = "".join(turn.text for turn in turns if turn.kind == ">")
        for turn in turns:
            if turn.kind == ">":
                await scene.send(turn.who, turn.text)
            elif turn.kind == "<":
                heard = await scene.hear(turn.who, turn.text)
                self.assertEqual(steady(heard, said), steady(turn.text, said), f"{block.where}: {turn.who}")
            else:
                await scene.enter(turn.who, turn.kind, turn.text)
        self.assertEqual(await scene.rest(), {}, f"{block.where}: this was said besides")

    async def type(self, block: Block) -> None:
        """
        Type the commands of a block.
        """
        port = 0
        token = ""
        for line, printed in commandsOf(block):
            if "twistd" in line:
                port = await self.start(optionsOf(block))
                continue
            port = port or await self.start([])
            if line.startswith("curl"):
                answer = await self.curl(port, shlex.split(line)[1:], token)
            else:
                answer = await self.shell(line)
            self.assertEqual(steady(answer, ""), steady(printed, ""), f"{block.where}: {line}")
            found = re.search(r'"token":"([\w-]+)"', answer)
            token = found[1] if found else token

    async def shell(self, line: str, folders: str = "") -> str:
        """
        Have a command done by a shell.

        @return: what it prints, in one line.
        """
        path = os.pathsep.join([str(self.folder / "bin"), os.environ.get("PATH", "")])
        known = os.pathsep.join(filter(None, [str(Path(imtw.__file__).parent.parent), folders]))
        done = await deferToThread(
            subprocess.run,
            ["/bin/sh", "-c", line],
            capture_output=True,
            text=True,
            timeout=50,
            env={**os.environ, "PATH": path, "PYTHONPATH": known, "PYTHONIOENCODING": "utf-8"},
        )
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}\n{done.stderr}")
        return "".join(one.strip() for one in done.stdout.split("\n"))

    async def curl(self, port: int, words: list[str], token: str = "") -> str:
        """
        Make a request as C{curl} would.

        @return: what that would print.
        """
        method, url, shown, body = "GET", "", "", None
        headers: dict[str, str | None] = {}
        rest = iter(words)
        for word in rest:
            if word not in ("-X", "-d", "-H", "-u", "-w"):
                url = url if word == "-s" else word
                continue
            value = next(rest).replace("$TOKEN", token)
            value = re.sub(r"\$\(cat ([\w.-]+)\)", lambda found: Path(found[1]).read_text().strip(), value)
            if word == "-X":
                method = value
            elif word == "-d":
                method, body = "POST", value.encode()
            elif word == "-H":
                name, _, text = value.partition(": ")
                headers[name] = text
            elif word == "-u":
                headers["Authorization"] = "Basic " + b64encode(value.encode()).decode()
            else:
                shown = value
        answer = await self.http(port, method, re.sub(r"^https?://[^/]+", "", url), body, headers)
        return answer.body.decode() + shown.replace("%{http_code}", str(answer.status))

    def install(self, path: Path) -> None:
        """
        Write the files that a page shows, and put their folder where a
        program finds modules and plugins.
        """
        for block in blocksOf(path):
            if FILE.fullmatch(block.caption) and not block.caption.startswith("/"):
                file = self.folder / block.caption
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, "utf-8")
                if file.suffix == ".sql":
                    with closing(sqlite3.connect(file.with_suffix(".db"))) as database:
                        database.executescript(block.text)
        before = set(sys.modules)
        sys.path.insert(0, str(self.folder))
        twisted.plugins.__path__.append(str(self.folder / "twisted" / "plugins"))
        importlib.invalidate_caches()

        def remove() -> None:
            sys.path.remove(str(self.folder))
            twisted.plugins.__path__.remove(str(self.folder / "twisted" / "plugins"))
            for name in set(sys.modules) - before:
                if str(self.folder) in str(getattr(sys.modules[name], "__file__", "")):
                    del sys.modules[name]

        self.addCleanup(remove)

    async def play(self, name: str, count: int) -> None:
        """
        Play all that a page shows.

        @param count: how many blocks that are, so that none is left out by
            accident.
        """
        path = page(name)
        self.install(path)
        found = [block for block in blocksOf(path) if isPlayed(block)]
        self.assertEqual(len(found), count, f"{name}: blocks that are played")
        for block in found:
            if turns := turnsOf(block):
                await self.converse(block, turns)
            else:
                await self.type(block)


def isPlayed(block: Block) -> bool:
    """
    Is this a conversation, or are there requests in it?
    """
    return bool(turnsOf(block)) or any(line.startswith("curl") for line, _ in commandsOf(block))
