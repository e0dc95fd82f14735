"""
What the commands have in common: options at every level, help that shows an
example, complaints of one line.
"""

from __future__ import annotations

import getopt
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from twisted.python import usage

from imtw.errors import ImtwError

DEFAULT_STORE = "sqlite:imtw.db"


class Failed(ImtwError):
    """
    A command could not be done: what was met, what was wanted, what to do,
    in one line.
    """


class Command(usage.Options):
    """
    A command, or a group of them.

    @cvar arguments: what stands behind its name.
    @cvar example: how it is used.
    """

    optParameters = [
        ["store", None, None, f"The server's database: sqlite:FILE. [default: {DEFAULT_STORE}]"],
    ]
    parent: Any
    subCommands: list[list[Any]]
    arguments = ""
    example = ""

    @property
    def isGroup(self) -> bool:
        """
        Does another command stand behind this one?
        """
        return hasattr(self, "subCommands")

    def run(self) -> int:
        """
        Do it.

        @return: the exit status.
        @raise ImtwError: it cannot be done.
        """
        raise usage.UsageError("a command is missing")

    def chosen(self) -> Command:
        """
        The innermost command that was given, as far as it was understood.
        """
        inner: Command | None = getattr(self, "subOptions", None)
        return self if inner is None else inner.chosen()

    def path(self) -> list[str]:
        """
        The words that lead here.
        """
        return ["imtw"] if self.parent is None else [*self.parent.path(), self.parent.subCommand]

    def option(self, name: str) -> Any:
        """
        The value of an option that may stand at any level.
        """
        if self[name] is not None or self.parent is None:
            return self[name]
        return self.parent.option(name)

    def storeSpec(self) -> str:
        """
        What C{--store} says.
        """
        return str(self.option("store") or DEFAULT_STORE)

    def complain(self, error: object) -> str:
        """
        A line that says what is wrong with what was typed, and what was
        wanted.
        """
        text = str(error).rstrip(".")
        if self.isGroup:
            wanted = f"one of {', '.join(one[0] for one in self.subCommands)}"
        else:
            wanted = f"{' '.join(self.path())} {self.arguments or '[options]'}"
        return f"{text[:1].lower()}{text[1:]}; wanted {wanted} ({' '.join(self.path())} --help explains)"

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Options may stand behind arguments, too.
        """
        words = list(sys.argv[1:] if options is None else options)
        if not self.isGroup and "--_shell-completion" not in words:
            words = self._optionsFirst(words)
        super().parseOptions(words)

    def getSynopsis(self) -> str:
        """
        See L{usage.Options}.
        """
        return f"Usage: {' '.join([*self.path(), '[options]', self.arguments])}".rstrip()

    def getUsage(self, width: int | None = None) -> str:
        """
        See L{usage.Options}.
        """
        shown: str = super().getUsage(width)
        if self.chosen() is not self or not self.example:
            return shown
        return f"{shown}\nExample:\n  {self.example}\n"

    def opt_version(self) -> None:
        """
        Show the version and exit.
        """
        print(f"imtw {versionOf('imtw') or 'from ' + os.path.dirname(os.path.dirname(__file__))}, "
              f"Twisted {versionOf('Twisted')}, Python {platform.python_version()}")  # fmt: skip
        sys.exit(0)

    def _optionsFirst(self, words: list[str]) -> list[str]:
        """
        The same words, arguments last, as L{usage.Options} wants them.
        """
        try:
            options, arguments = getopt.gnu_getopt(words, self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise usage.UsageError(str(error)) from error
        first = [f"{name}={value}" if name[2:] + "=" in self.longOpt else name for name, value in options]
        return [*first, "--", *arguments]


def versionOf(distribution: str) -> str:
    """
    The version of what is installed, or an empty text.
    """
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def shown(text: str) -> str:
    """
    A text as a terminal may have it: what a user chose for a name must not
    be a command to the operator's terminal.
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
