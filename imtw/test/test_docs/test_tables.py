"""
Tables have all that they list, and nothing else.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import msgspec
from twisted.internet.testing import MemoryReactorClock
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from imtw import interfaces, plugin
from imtw.accounts.login import Accounts
from imtw.admin.lag import LAGS
from imtw.admin.metrics import Metrics
from imtw.cli.command import Imtw
from imtw.commands import Access, Command, Status
from imtw.counters import Spread
from imtw.fast import PATHS
from imtw.interfaces import IDialectMaker, IHandlerMaker
from imtw.limits import Limits
from imtw.options import DEFAULTS
from imtw.persistence.sqlite import SQLiteStore
from imtw.plugin import findMakers
from imtw.protocols.http import CODES
from imtw.protocols.jim.requests import KINDS
from imtw.protocols.jim.statuses import TEXTS
from imtw.server import Core
from imtw.test.test_docs.pages import page, tableOf, tablesOf
from imtw.test.test_rooms import ORDER
from imtw.test.wire import HOST

WHO = {Access.ANYBODY: "anybody", Access.USER: "a user", Access.OPERATOR: "an operator"}


class TableTests(SynchronousTestCase):
    """
    Tables have all that they list, and nothing else.
    """

    def test_options(self) -> None:
        """
        Every option of C{twistd jim} is there, with its default, and marked
        if it can be given again.
        """
        rows = tableOf(page("docs/howto/run.rst"), "option")
        self.assertEqual([name.rstrip(" *") for name, _, _ in rows], [*sorted(DEFAULTS, key=placeIn(rows)), "config"])
        for name, default, _ in rows[:-1]:
            known = DEFAULTS[name.rstrip(" *")]
            self.assertEqual(name.endswith("*"), isinstance(known, list), name)
            value = known[0] if isinstance(known, list) and known else known
            if value and not str(value).startswith("tcp:"):
                self.assertEqual(default, value, name)
            elif value:
                self.assertEqual(f"{default.split(',')[0]}:interface={HOST}", value, name)

    def test_dialectOptions(self) -> None:
        """
        Every option of every dialect that imtw brings is there.
        """
        text = page("docs/howto/run.rst").read_text("utf-8")
        own = [maker for maker in findMakers(IDialectMaker) if maker.dottedName.startswith("imtw.")]
        options = {(name, maker.name) for maker in own for name in maker.options}
        self.assertIn(("heartbeatTimeout", "jim"), options)
        for name, dialect in options:
            self.assertIn(f"``{name}``", text, dialect)

    def test_limits(self) -> None:
        """
        Every bound is there, with its default.
        """
        rows = tableOf(page("docs/howto/run.rst"), "name")
        known = [(field.name, float(field.default)) for field in msgspec.structs.fields(Limits)]
        self.assertEqual([(name, float(value)) for name, value, _ in rows], known)

    def test_fastPaths(self) -> None:
        """
        Every fast path is there.
        """
        self.assertEqual([row[0] for row in tableOf(page("docs/howto/speed.rst"), "path")], list(PATHS))

    def test_statuses(self) -> None:
        """
        Every status is there, byte for byte.
        """
        rows = tableOf(page("docs/wire/jim.rst"), "code")
        self.assertEqual(rows, [[str(int(status)), status.name, TEXTS[status]] for status in Status])

    def test_commands(self) -> None:
        """
        Every command of imtw's own is there, with what it declares.
        """
        rows = tablesOf(page("docs/wire/jim.rst"), "code")[1]
        self.assertEqual(
            rows,
            [
                [str(one.code), str(one.replyCode), one.name, WHO[one.access], str(int(one.failure)), one.help]
                for one in known()
            ],
        )

    def test_fields(self) -> None:
        """
        Every field of a request and a reply is there.
        """
        rows = tableOf(page("docs/wire/jim.rst"), "name")
        self.assertEqual(
            rows,
            [[one.name, fieldsOf(one.request, "*"), fieldsOf(one.reply, "") if one.reply else ""] for one in known()],
        )

    def test_codes(self) -> None:
        """
        The status of an answer over HTTP is as listed.
        """
        rows = tableOf(page("docs/wire/jim.rst"), "status")
        found = {int(one): int(status) for status, codes in rows[:-1] for one in codes.split(", ")}
        self.assertEqual(found, {int(status): code for status, code in CODES.items()})
        self.assertEqual(rows[-1], ["200", "all others"])

    def test_messageTypes(self) -> None:
        """
        The numbers of C{msgType} are there.
        """
        words = ", ".join(f"{number} {kind}" for number, kind in KINDS.items())
        self.assertIn(words, page("docs/wire/jim.rst").read_text("utf-8"))

    def test_rooms(self) -> None:
        """
        The rooms are in the order that the code is held to.
        """
        rows = tableOf(page("docs/architecture.rst"), "room")
        self.assertEqual([room.split() for room, _ in rows], ORDER)

    def test_plugins(self) -> None:
        """
        Every kind of plugin, and what it is declared with, is there, and
        so is every interface.
        """
        rows = tablesOf(page("docs/plugins.rst"), "interface")[0]
        makers = {row[1] for row in rows}
        self.assertEqual(makers, {name for name in plugin.__all__ if re.fullmatch("(?!I[A-Z])[A-Z]\\w+Maker", name)})
        core = " ".join(row[1] for row in tablesOf(page("docs/plugins.rst"), "interface")[1] if row[0] == "ICore")
        for name in interfaces.ICore.names():
            self.assertIn(name, core)
        text = page("docs/plugins.rst").read_text("utf-8")
        written = {name for name in vars(interfaces) if re.fullmatch(r"I[A-Z]\w+", name) and not name.endswith("Maker")}
        foreign = {"IProtocol", "IResource", "ISocketSpeaker"}
        self.assertEqual(written - foreign, set(re.findall(r"``(I[A-Z]\w+)``", text)))

    def test_metrics(self) -> None:
        """
        Every metric of imtw's own is there.
        """
        reactor = MemoryReactorClock()
        core = Core(reactor, SQLiteStore("", reactor, Limits()))
        core.accounts = Accounts(core.store, reactor, core.limits)
        known = {one.name for one in Metrics(core, Spread(LAGS)).registry.collect() if one.name.startswith("imtw_")}
        rows = tableOf(page("docs/howto/operate.rst"), "metric")
        self.assertEqual({name for row in rows for name in re.findall(r"imtw_\w+", " ".join(row))}, known)

    def test_operator(self) -> None:
        """
        What C{imtw} is said to do it does.
        """
        tables = tablesOf(page("docs/howto/operate.rst"), "command")
        lines = [row[0].replace("NAME", "ann").replace("GROUP", "tea") for table in tables for row in table]
        self.assertGreater(len(lines), 5)
        for line in lines:
            Imtw().parseOptions(shlex.split(line))


def placeIn(rows: list[list[str]]) -> Callable[[str], int]:
    """
    Where a name stands in a table.
    """
    names = [row[0].rstrip(" *") for row in rows]
    return lambda name: names.index(name) if name in names else -1


def known() -> list[Command]:
    """
    The commands that imtw itself answers, by their codes.
    """
    names = [maker.dottedName for maker in findMakers(IHandlerMaker) if maker.dottedName.startswith("imtw.")]
    found: list[Command] = [namedAny(name).command for name in names]
    return sorted(found, key=lambda one: one.code)


def fieldsOf(asked: type[msgspec.Struct], mark: str) -> str:
    """
    The fields of a request or a reply; those that have to be there marked.
    """
    fields = msgspec.structs.fields(asked)
    return ", ".join(field.encode_name + (mark if field.required else "") for field in fields)
