"""
C{imtw verify}: holds a server to its promise.
"""

from __future__ import annotations

from random import SystemRandom
from socket import create_connection

from twisted.python import usage

from imtw.cli.options import Command, Failed

PATIENCE = 5  # seconds for the target to take a connection


class Verify(Command):
    """
    C{imtw verify}.
    """

    longdesc = (
        "Start throw-away servers on this machine, kill, starve, flood and stall them, and show whether what they "
        "promised was kept: a table of guarantee, figure, target and verdict. The exit status is 1 if something was "
        "not. Without --quick it takes about a quarter of an hour. With --target it does to a server of yours what "
        "can be done from outside; do that to no server that others are using."
    )
    example = "imtw verify --quick"
    optFlags = [
        ["quick", None, "Less of everything, in under a minute."],
        ["control", None, "Show that each test finds a server that is broken on purpose."],
        ["list", None, "Say which rows there are."],
    ]
    optParameters = [
        ["only", None, None, "Only these rows, with commas between, such as D1,O1. [default: all]"],
        ["seed", None, None, "What chance is made of; the same seed does the same again. [default: a new one]"],
        ["seeds", None, None, "Tell so many stories of row W, and do nothing else."],
        ["story", None, None, "Tell one story of row W by its number, and what is wrong with it."],
        ["json", None, None, "Write the results into this file, too."],
        ["target", None, None, "HOST:PORT of a server that speaks J-IM over TCP."],
    ]

    def run(self) -> int:
        """
        Do it.
        """
        from imtw.verify import command, controls
        from imtw.verify.plan import Plan
        from imtw.verify.world import telling

        if self["list"]:
            return command.listRows()
        if self["story"] is not None:
            return telling.show(self._number("story"))
        seeds = 0 if self["seeds"] is None else self._number("seeds")
        if self["seeds"] is not None and not seeds:
            raise usage.UsageError("--seeds: 0 is no story at all")
        if seeds:
            self["only"] = "W"
        plan = Plan(self._seed(), bool(self["quick"]), self._target(), seeds=seeds)
        only, file = self["only"] or "", self["json"] or ""
        try:
            command.chosen(only)
        except ValueError as error:
            raise usage.UsageError(f"--only: {error}") from error
        self._look(plan.target, file)
        if self["control"]:
            return controls.run(plan, only)
        return command.run(plan, only, file)

    def _look(self, target: tuple[str, int] | None, file: str) -> None:
        """
        See that the target is there, and the file can be written, before a
        quarter of an hour is spent.
        """
        if target is not None:
            try:
                create_connection(target, PATIENCE).close()
            except OSError as error:
                raise Failed(f"--target: nobody answers at {self['target']}: {error.strerror or error}") from error
        if file:
            try:
                open(file, "a", encoding="utf-8").close()
            except OSError as error:
                raise Failed(f"--json: {file} cannot be written: {error.strerror}") from error

    def _seed(self) -> int:
        """
        What C{--seed} says.
        """
        return SystemRandom().randrange(10**6) if self["seed"] is None else self._number("seed")

    def _number(self, option: str) -> int:
        """
        What an option says that is a number.
        """
        text: str = self[option]
        if not text.isdigit():
            raise usage.UsageError(f"--{option}: {text!r} is no number")
        return int(text)

    def _target(self) -> tuple[str, int] | None:
        """
        What C{--target} says.
        """
        text = self["target"]
        if text is None:
            return None
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit():
            raise usage.UsageError(f"--target: {text!r} is not HOST:PORT")
        return host, int(port)
