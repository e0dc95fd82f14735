"""
Plugins are declared, found, switched off, and named when they are in the way.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from typing import Any

from twisted.internet.task import Clock
from twisted.plugin import IPlugin
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface
from zope.interface.verify import verifyObject

import imtw
import twisted.plugins
from imtw.commands import Command
from imtw.errors import PluginLookupError
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
from imtw.plugin import KINDS, FilterMaker, HandlerMaker, Maker, findMaker, findMakers
from imtw.tap import Options, makeCore, makeServer

ROOT = Path(imtw.__file__).parents[1]  # the checkout, or where it is installed

#: Modules that a declaration must not load.
HEAVY = ("argon2", "autobahn", "cryptography", "msgspec", "OpenSSL", "sqlite3", "twisted.web")

#: What may stand behind the colon of built-in checkers, stores and relays that need it.
ARGUMENTS = {"cred": "memory:alice:secret", "sqlite": "unused.db", "loopback": "here"}

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


def python(*arguments: str, path: Iterable[str] = ()) -> subprocess.CompletedProcess[str]:
    """
    Run another Python that can import imtw, and this besides.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def twistd(*arguments: str, path: Iterable[str] = ()) -> subprocess.CompletedProcess[str]:
    """
    Run C{twistd -n jim} to its end.
    """
    script = "from twisted.scripts.twistd import run; run()"
    return python("-c", script, "-n", "--pidfile=", "jim", *arguments, path=path)


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
        for maker in findMakers(IStoreMaker):
            store = maker.make(ARGUMENTS.get(maker.name, ""), Clock(), Limits())
            verifyObject(IStore, store)

    def test_relays(self) -> None:
        """
        Every relay is one.
        """
        for maker in findMakers(IRelayMaker):
            verifyObject(IRelay, maker.make(ARGUMENTS.get(maker.name, ""), Clock()))

    def test_checkers(self) -> None:
        """
        Every login checker is one.
        """
        for maker in findMakers(ICheckerMaker):
            verifyObject(ILoginChecker, maker.make(self.core, ARGUMENTS.get(maker.name, "")))

    def test_dialects(self) -> None:
        """
        Every dialect is one, strict or not, and is called as its plugin.
        """
        for maker in findMakers(IDialectMaker):
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


class FindingTests(PluginTestCase):
    """
    L{findMakers} and L{findMaker}.
    """

    def test_byName(self) -> None:
        """
        Plugins come in order of their names, whichever module they are in.
        """
        self.install(
            acme_one_plugin=HANDLER.format(variable="a", name="zebra", made="Handler"),
            acme_two_plugin=HANDLER.format(variable="b", name="aardvark", made="Handler"),
        )
        names = self.names(IHandlerMaker)
        self.assertEqual(names, sorted(names))
        self.assertEqual((names[0], names[-1]), ("aardvark", "zebra"))

    def test_without(self) -> None:
        """
        What is switched off is not found, and nothing else goes with it.
        """
        everything = self.names(IHandlerMaker)
        self.assertEqual(self.names(IHandlerMaker, ["recall"]), [name for name in everything if name != "recall"])
        self.assertRaises(PluginLookupError, findMaker, IHandlerMaker, "recall", ["recall"])

    def test_found(self) -> None:
        """
        A plugin is found by its name, among its kind.
        """
        self.assertEqual(findMaker(IStoreMaker, "none").name, "none")
        self.assertNotEqual(findMaker(IStoreMaker, "none"), findMaker(IRelayMaker, "none"))

    def test_notFound(self) -> None:
        """
        A name that is not there is an error that has it, and lists those
        there are.
        """
        error = self.assertRaises(PluginLookupError, findMaker, IStoreMaker, "sqlit")
        self.assertEqual(str(error), f"'sqlit' is none of the stores there are: {', '.join(self.names(IStoreMaker))}")
        error = self.assertRaises(PluginLookupError, findMaker, IFilterMaker, "badwords")
        self.assertEqual(str(error), "'badwords' is none of the chat filters there are: none")

    def test_twoOfAName(self) -> None:
        """
        Two plugins of one name are an error that names both, unless the name
        is switched off.
        """
        self.install(
            acme_one_plugin=HANDLER.format(variable="a", name="thing", made="Handler"),
            acme_two_plugin=HANDLER.format(variable="b", name="thing", made="Twin"),
        )
        error = self.assertRaises(PluginLookupError, findMakers, IHandlerMaker)
        for word in ("'thing'", "acme_things.Handler", "acme_things.Twin"):
            self.assertIn(word, str(error))
        self.assertNotIn("thing", self.names(IHandlerMaker, ["thing"]))

    def test_sameNameOfOtherKinds(self) -> None:
        """
        A command and a filter may have one name.
        """
        self.install(
            acme_one_plugin=HANDLER.format(variable="a", name="thing", made="Handler"),
            acme_two_plugin="from imtw.plugin import FilterMaker\nb = FilterMaker('thing', 'acme_things.Filter')",
        )
        self.assertIn("thing", self.names(IHandlerMaker))
        self.assertEqual(self.names(IFilterMaker), ["thing"])


class MakerTests(PluginTestCase):
    """
    L{Maker}.
    """

    def test_making(self) -> None:
        """
        A declaration hands on what the class is made with, and takes any
        callable.
        """
        self.assertEqual(Maker("a", "fractions.Fraction").make(3, 6), Maker("b", "fractions.Fraction").make(1, 2))

    def test_notThere(self) -> None:
        """
        A class that is not there, or whose module is broken, is an error that
        has the plugin's name, the class's and the reason.
        """
        self.install(acme_broken="import nosuchlibrary", acme_wrong="def oops(:")
        for dottedName, reason in [
            ("acme_nowhere.Handler", "acme_nowhere"),
            ("acme_broken.Handler", "nosuchlibrary"),
            ("acme_wrong.Handler", "invalid syntax"),
            ("os.path.Handler", "Handler"),
        ]:
            error = self.assertRaises(PluginLookupError, HandlerMaker("thing", dottedName).make, None)
            for word in ("'thing'", dottedName, reason):
                self.assertIn(word, str(error))

    def test_shown(self) -> None:
        """
        A declaration shows as it was written.
        """
        self.assertEqual(repr(FilterMaker("a", "b.C", "help")), "FilterMaker('a', 'b.C')")


class StartTests(PluginTestCase):
    """
    What C{twistd jim} does with plugins.
    """

    def declare(self, **made: str) -> None:
        """
        Have plugins with these names, made of these of L{THINGS}.
        """
        lines = [HANDLER.format(variable=name, name=name, made=thing) for name, thing in made.items()]
        self.install(acme_things=THINGS, acme_one_plugin="".join(lines))

    def assertRefused(self, *words: str) -> None:
        """
        A server does not start and says why, in these words.
        """
        error = self.assertRaises(UsageError, makeCore, optionsFor(), Clock())
        for word in words:
            self.assertIn(word, str(error))

    def test_thirdParty(self) -> None:
        """
        Another distribution's command is there, until it is switched off.
        """
        self.declare(acme="Handler")
        self.assertIn(21, makeCore(optionsFor(), Clock()).registry.byCode)
        core = makeCore(optionsFor("--without=acme", "--without=recall"), Clock())
        self.assertNotIn(21, core.registry.byCode)
        self.assertNotIn("recall", core.registry.byName)
        self.assertIn("chat", core.registry.byName)

    def test_twoForACode(self) -> None:
        """
        Two plugins for one code are an error that names both; without one of
        them the server starts.
        """
        self.declare(first="Handler", second="Twin")
        self.assertRefused("acme_things.Handler", "acme_things.Twin", "21", "--without")
        self.assertEqual(type(makeCore(optionsFor("--without=first"), Clock()).registry.byCode[21]).__name__, "Twin")

    def test_twoForAName(self) -> None:
        """
        So are two for one command's name.
        """
        self.declare(first="Handler", second="Namesake")
        self.assertRefused("acme_things.Handler", "acme_things.Namesake", "thing", "--without")
        self.assertIn(22, makeCore(optionsFor("--without=first"), Clock()).registry.byCode)

    def test_replaced(self) -> None:
        """
        A third party's command stands in place of a built-in that is
        switched off.
        """
        self.install(
            acme_things=THINGS.replace("(21,", "(15,"),
            acme_one_plugin=HANDLER.format(variable="a", name="taken", made="Handler"),
        )
        self.assertRefused("RecallHandler", "acme_things.Handler", "15")
        makeCore(optionsFor("--without=recall"), Clock())

    def test_lost(self) -> None:
        """
        A plugin whose class is not there keeps the server from starting.
        """
        self.declare(acme="Lost")
        self.assertRefused("'acme'", "acme_things.Lost")

    def test_picky(self) -> None:
        """
        So does one that does not want to start, with its own words.
        """
        self.declare(acme="Picky")
        self.assertRefused("picky: no, thanks")

    def test_withoutNothing(self) -> None:
        """
        A name to switch off that nothing has is a mistake, and is said to be
        one.
        """
        error = self.assertRaises(UsageError, optionsFor, "--without=recal")
        for word in ("--without", "'recal'", "recall"):
            self.assertIn(word, str(error))


    def test_filtersByName(self) -> None:
        """
        Chat filters are asked in order of their names.
        """
        self.install(
            acme_things=THINGS,
            acme_one_plugin="""
            from imtw.plugin import FilterMaker

            a, b, c = [FilterMaker(name, "acme_things.Filter") for name in ("m", "z", "a")]
            """,
        )
        core = makeCore(optionsFor(), Clock())
        self.assertEqual([seat.name for seat in core.delivery._filters.seats], ["a", "m", "z"])

    def test_wrongNames(self) -> None:
        """
        A store, a relay or a checker that is not there is an error with the
        option and those there are.
        """
        for option, there in (("store", "sqlite"), ("relay", "loopback"), ("auth", "accounts")):
            error = self.assertRaises(UsageError, makeServer, optionsFor(f"--{option}=nosuch:"), Clock())
            for word in (f"--{option}", "'nosuch'", there):
                self.assertIn(word, str(error))

    def test_help(self) -> None:
        """
        C{--help-plugins} lists all there are, by kind, a third party's too,
        with a dialect's options.
        """
        folder = self.distribute(acme_one_plugin=HANDLER.format(variable="a", name="acme", made="Handler"))
        done = twistd("--help-plugins", path=[folder])
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split() for line in done.stdout.splitlines()]
        for word, kind in KINDS.items():
            self.assertIn(f"{word}:", done.stdout)
            for maker in findMakers(kind):
                self.assertIn([maker.name, *maker.help.split()], lines)
        self.assertIn("heartbeatTimeout:", done.stdout)
        self.assertIn(["acme", "an", "example"], lines)

    def test_brokenDeclaration(self) -> None:
        """
        A declaration that cannot be imported is named, and the others are
        there all the same.
        """
        folder = self.distribute(
            acme_broken_plugin="import nosuchlibrary",
            acme_one_plugin=HANDLER.format(variable="a", name="acme", made="Handler"),
        )
        done = twistd("--help-plugins", path=[folder])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("acme_broken_plugin.py", done.stderr)
        self.assertIn("nosuchlibrary", done.stderr)
        self.assertIn("an example", done.stdout)

    def test_brokenPlugin(self) -> None:
        """
        A plugin whose class cannot be loaded keeps C{twistd} from starting,
        with one line that names it.
        """
        folder = self.distribute(acme_one_plugin=HANDLER.format(variable="a", name="acme", made="Handler"))
        done = twistd("--store=memory:", "--admin=none", "--port=tcp:0:interface=127.0.0.1", path=[folder])
        self.assertEqual(done.returncode, 1)
        (line,) = [line for line in done.stderr.splitlines() if "acme" in line]
        for word in ("'acme'", "acme_things.Handler", "cannot be loaded"):
            self.assertIn(word, line)
        self.assertNotIn("Traceback", done.stderr)
