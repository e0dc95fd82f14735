"""
Distributions of third parties, made for a test, and what may be run with them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface

import imtw
import twisted.plugins
from imtw.plugin import findMakers
from imtw.tap import Options

ROOT = Path(imtw.__file__).parents[1]  # the checkout, or where it is installed
TWISTD = ("-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=", "jim")
HANDLER = """
from imtw.plugin import HandlerMaker

{variable} = HandlerMaker({name!r}, "acme_things.{made}", "an example")
"""
THINGS = """
from imtw.commands import Command, Nothing, Reply


class Handler:
    command = Command(21, "thing", Nothing, 21)

    def __init__(self, core):
        pass

    def handle(self, request, session):
        return Reply()


class Twin(Handler):
    pass


class Namesake(Handler):
    command = Command(22, "thing", Nothing, 22)


class Picky(Handler):
    def __init__(self, core):
        from imtw.errors import PluginLookupError

        raise PluginLookupError("picky: no, thanks")


class Filter:
    deadline = 1.0

    def __init__(self, core):
        pass

    def filter(self, draft):
        return None
"""


def optionsFor(*arguments: str) -> Options:
    """
    What C{twistd jim} makes of these arguments, in memory.
    """
    options = Options()
    options.parseOptions(["--store=memory:", "--auth=anyone:", "--admin=none", *arguments])
    return options


def environmentWith(path: Iterable[str]) -> dict[str, str]:
    """
    The environment of another Python that can import imtw, and this besides.
    """
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])}


def python(*arguments: str, path: Iterable[str] = ()) -> subprocess.CompletedProcess[str]:
    """
    Run another Python that can import imtw, and this besides.
    """
    return subprocess.run(
        [sys.executable, *arguments], env=environmentWith(path), capture_output=True, text=True, timeout=60, check=False
    )


def twistd(*arguments: str, path: Iterable[str] = ()) -> subprocess.CompletedProcess[str]:
    """
    Run C{twistd -n jim} to its end.
    """
    return python(*TWISTD, *arguments, path=path)


def beginTwistd(*arguments: str, path: Iterable[str] = ()) -> subprocess.Popen[str]:
    """
    The same, but it runs; what it says can be read line by line.
    """
    return subprocess.Popen(
        [sys.executable, *TWISTD, *arguments],
        env=environmentWith(path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


class PluginTestCase(SynchronousTestCase):
    """
    A test that can have distributions of its own.
    """

    def distribute(self, **modules: str) -> str:
        """
        Make a folder with modules, those called C{acme_*_plugin} in
        C{twisted/plugins}.

        @return: the folder.
        """
        folder = Path(self.mktemp()).absolute()
        plugins = folder / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        for name, source in modules.items():
            place = plugins if name.endswith("_plugin") else folder
            (place / f"{name}.py").write_text(dedent(source), encoding="utf-8")
        return str(folder)

    def install(self, **modules: str) -> None:
        """
        Have such a folder found, until the test ends.
        """
        folder = self.distribute(**modules)
        known = set(sys.modules)
        self.patch(sys, "path", [*sys.path, folder])
        self.patch(twisted.plugins, "__path__", [*twisted.plugins.__path__, f"{folder}/twisted/plugins"])
        self.addCleanup(lambda: [sys.modules.pop(name) for name in set(sys.modules) - known if "acme_" in name])

    def names(self, kind: type[Interface], without: Iterable[str] = ()) -> list[str]:
        """
        The plugins of a kind.
        """
        return [maker.name for maker in findMakers(kind, without)]
