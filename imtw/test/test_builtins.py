"""
What imtw brings comes by the same door as everything else.
"""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from twisted.internet.task import Clock
from twisted.plugin import IPlugin
from zope.interface import Interface
from zope.interface.verify import verifyObject

from imtw.commands import Command
from imtw.interfaces import (
    IChatFilter,
    ICheckerMaker,
    ICommandHandler,
    ICore,
    IDialect,
    IDialectMaker,
    IFilterMaker,
    IHandlerMaker,
    IJoinPolicy,
    ILoginChecker,
    IPolicyMaker,
    IRelay,
    IRelayMaker,
    IStore,
    IStoreMaker,
)
from imtw.limits import Limits
from imtw.plugin import KINDS, findMakers
from imtw.tap import makeCore
from imtw.test.distributions import PluginTestCase, optionsFor, python

#: Modules that a declaration must not load.
HEAVY = ("argon2", "autobahn", "cryptography", "msgspec", "OpenSSL", "sqlite3", "twisted.web")
#: What may stand behind the colon of built-in checkers, stores and relays that need it.
ARGUMENTS = {"cred": "memory:alice:secret", "sqlite": "unused.db", "loopback": "here"}


class BuiltInTests(PluginTestCase):
    """
    What imtw brings comes by the same door as everything else.
    """

    def setUp(self) -> None:
        self.core = makeCore(optionsFor(), Clock())

    def makeAll(self, kind: type[Interface], *arguments: Any) -> dict[str, Any]:
        """
        One of each plugin of a kind.
        """
        return {maker.name: maker.make(*arguments) for maker in findMakers(kind)}

    def found(self, kind: type[Interface], *least: str) -> list[Any]:
        """
        The plugins of a kind, these among them.
        """
        makers = findMakers(kind)
        self.assertLessEqual(set(least), {maker.name for maker in makers})
        return makers

    def test_declarations(self) -> None:
        """
        Every declaration provides its kind's interface, and has a name that
        an option can hold and a line of help.
        """
        for kind in KINDS.values():
            for maker in findMakers(kind):
                verifyObject(kind, maker)
                verifyObject(IPlugin, maker)
                self.assertTrue(maker.name and maker.name.replace("-", "").isalnum(), maker)
                self.assertEqual(len(maker.help.splitlines()), 1, maker)

    def test_uniqueNames(self) -> None:
        """
        No name stands for two plugins, so that C{--without} takes one away.
        """
        seen: dict[str, Any] = {}
        for word, kind in KINDS.items():
            for name in self.names(kind):
                if name != "none":  # the store and the relay that are none
                    self.assertNotIn(name, seen, word)
                seen[name] = word

    def test_handlers(self) -> None:
        """
        Every handler answers a command that has its plugin's name.
        """
        handlers = self.makeAll(IHandlerMaker, self.core)
        self.assertLessEqual({"login", "join", "chat", "messages"}, set(handlers))
        for name, handler in handlers.items():
            verifyObject(ICommandHandler, handler)
            self.assertIsInstance(handler.command, Command)
            self.assertEqual(handler.command.name, name)
            self.assertTrue(handler.command.help)

    def test_registered(self) -> None:
        """
        A server has all of them.
        """
        self.assertEqual(sorted(self.core.registry.byName), self.names(IHandlerMaker))
        verifyObject(ICore, self.core)

    def test_stores(self) -> None:
        """
        Every store is one.
        """
        for maker in self.found(IStoreMaker, "memory", "none", "sqlite"):
            store = maker.make(ARGUMENTS.get(maker.name, ""), Clock(), Limits())
            verifyObject(IStore, store)

    def test_relays(self) -> None:
        """
        Every relay is one.
        """
        for maker in self.found(IRelayMaker, "loopback", "none"):
            verifyObject(IRelay, maker.make(ARGUMENTS.get(maker.name, ""), Clock()))

    def test_checkers(self) -> None:
        """
        Every login checker is one.
        """
        for maker in self.found(ICheckerMaker, "accounts", "anyone", "cred"):
            verifyObject(ILoginChecker, maker.make(self.core, ARGUMENTS.get(maker.name, "")))

    def test_dialects(self) -> None:
        """
        Every dialect is one, strict or not, and is called as its plugin.
        """
        for maker in self.found(IDialectMaker, "fastim", "jim"):
            for strict in (False, True):
                dialect = maker.make(self.core, strict, {})
                verifyObject(IDialect, dialect)
                self.assertEqual(dialect.name, maker.name)
            for option, help in maker.options.items():
                self.assertTrue(option.isidentifier() and help, option)

    def test_policiesAndFilters(self) -> None:
        """
        So is every join policy and every chat filter.
        """
        for policy in self.makeAll(IPolicyMaker, self.core).values():
            verifyObject(IJoinPolicy, policy)
        for filter in self.makeAll(IFilterMaker, self.core).values():
            verifyObject(IChatFilter, filter)

    def test_light(self) -> None:
        """
        Importing the declarations, as C{twistd --help} does for all of
        Twisted, loads none of what they declare.
        """
        done = python(
            "-c",
            dedent(
                """
                import pkgutil, sys
                from importlib import import_module
                import twisted.plugins
                for module in pkgutil.iter_modules(twisted.plugins.__path__):
                    if module.name.startswith("imtw_"):
                        print("declares", module.name)
                        import_module(f"twisted.plugins.{module.name}")
                print(*sorted(sys.modules), sep="\\n")
                """
            ),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        loaded = set(done.stdout.split())
        self.assertIn("imtw_handlers", loaded)
        self.assertEqual(loaded & set(HEAVY), set())
        own = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("imtw.")}
        self.assertEqual(own, {"imtw.errors", "imtw.interfaces", "imtw.plugin"})
