"""
Virtual environments with imtw and the examples' distributions in them, made for
a test, and servers run from there.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from imtw.test.checkout import checkout
from imtw.test.clients import reactor
from imtw.test.live import LiveTestCase, pause
from imtw.test.wire import HOST
from imtw.verify.server import freePort

DISTRIBUTIONS = {"poll": "acme_poll", "lines": "acme_lines"}  # those with a pyproject.toml, and what they install
PART = "examples/poll/pyproject.toml"  # of a checkout that has examples
PATIENCE = 15.0  # seconds for a server to start
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # else that comes first


def run(*command: object) -> None:
    """
    Run a program to its end, which has to be a good one.
    """
    words = [str(part) for part in command]
    done = subprocess.run(words, env=CLEAN, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def wheelOf(source: Path, work: Path) -> Path:
    """
    Build a distribution, from a copy: nothing is left behind in the source.
    """
    copy, out = work / source.name, work / f"{source.name}-wheel"
    packages = ("imtw", "twisted", *DISTRIBUTIONS.values())
    parts = [path for path in source.iterdir() if path.name in packages or path.is_file()]
    copy.mkdir()
    for part in parts:
        if part.is_dir():
            shutil.copytree(part, copy / part.name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
        else:
            shutil.copy(part, copy)
    pip(sys.executable, "wheel", "--no-build-isolation", "--wheel-dir", out, copy)
    (wheel,) = out.iterdir()
    return wheel


def pip(python: object, command: str, *arguments: object) -> None:
    """
    Run our pip for another Python, without a network.
    """
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    run(sys.executable, "-m", "pip", "--python", python, *quiet, command, "--no-deps", "--no-index", *arguments)


def makeEnvironment(work: Path, wheels: list[Path]) -> Path:
    """
    A fresh virtual environment with these installed, and with what they
    depend on as it is here.

    @return: its Python.
    """
    root = work / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", root)
    python = root / "bin" / "python"
    pip(python, "install", *wheels)
    # From now on what is installed here can be imported there, behind its own.
    (site,) = root.glob("lib/python*/site-packages")
    here = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "here.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in here))
    for name in ("imtw", *DISTRIBUTIONS.values()):
        run(python, "-Pc", f"import {name}; assert {name}.__file__.startswith({str(site)!r}), {name}")
    return python


@cache
def environment() -> Path:
    """
    The environment that imtw and the examples' distributions are installed
    in: made once, for making it takes seconds.

    @return: its Python.
    """
    source, work = checkout(PART), Path(mkdtemp(prefix="imtw-examples-"))
    atexit.register(shutil.rmtree, work)
    given = os.environ.get("IMTW_WHEEL")
    wheels = [Path(given) if given else wheelOf(source, work)]
    wheels += [wheelOf(source / "examples" / name, work) for name in DISTRIBUTIONS]
    return makeEnvironment(work, wheels)


class Twistd(ProcessProtocol):
    """
    A C{twistd} that runs.

    @ivar output: all that it wrote.
    @ivar ended: fires when it is gone.
    """

    def __init__(self, python: Path, folder: Path, *arguments: str) -> None:
        self.output = b""
        self.isGone = False
        self.ended: Deferred[None] = Deferred()
        script = "from twisted.scripts.twistd import run; run()"
        command = [str(python), "-c", script, "--nodaemon", "--pidfile=", "jim", *arguments]
        self._process = reactor.spawnProcess(self, command[0], command, CLEAN, str(folder))

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        It wrote something.
        """
        self.output += data

    def processEnded(self, reason: Failure) -> None:
        """
        It is gone.
        """
        self.isGone = True
        self.ended.callback(None)

    async def ready(self) -> None:
        """
        Wait until it listens.
        """
        until = reactor.seconds() + PATIENCE
        while b"ready: " not in self.output:
            if self.isGone or reactor.seconds() > until:
                raise AssertionError(f"the server did not start: {self.output.decode()}")
            await pause(0.02)

    async def stop(self) -> None:
        """
        End it, if it has not ended.
        """
        if not self.isGone:
            self._process.signalProcess("TERM")
            killer = reactor.callLater(PATIENCE, self._process.signalProcess, "KILL")
            await self.ended
            if killer.active():
                killer.cancel()


class InstalledTestCase(LiveTestCase):
    """
    The examples' distributions, built and installed beside imtw in an
    environment of its own.
    """

    timeout = 120

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.python = environment()

    async def start(self, *arguments: str) -> int:
        """
        Serve from that environment.

        @return: the port.
        """
        port = freePort()
        plain = ["--auth=anyone:", "--store=sqlite:imtw.db", "--admin=none"]
        self.server = Twistd(self.python, self.folder, *plain, f"--port=tcp:{port}:interface={HOST}", *arguments)
        self.addCleanup(self.server.stop)
        await self.server.ready()
        return port
