"""
What C{twistd jim} does with plugins, and what it says where it cannot start.
"""

from __future__ import annotations

import signal
import socket
from threading import Timer
from typing import Any

from twisted.internet.task import Clock
from twisted.python.usage import UsageError

from imtw.plugin import KINDS, findMakers
from imtw.tap import makeCore, makeServer
from imtw.test.distributions import HANDLER, THINGS, PluginTestCase, beginTwistd, optionsFor, twistd
from imtw.test.wire import HOST


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


SLOW = """
from imtw.commands import Access, Command, Nothing
from twisted.internet.defer import Deferred


class Slow:
    command = Command(21, "slow", Nothing, 21, access=Access.ANYBODY)

    def __init__(self, core):
        pass

    def handle(self, request, session):
        print("asked", flush=True)
        return Deferred()
"""


class StopTests(PluginTestCase):
    """
    How C{twistd jim} ends.
    """

    def test_secondSignal(self) -> None:
        """
        A first signal waits for who is being answered, a second one does not;
        it is no error, and neither is a third.
        """
        made = HANDLER.format(variable="a", name="slow", made="Slow")
        folder = self.distribute(acme_things=SLOW, acme_one_plugin=made)
        port = self.mktemp()
        options = (f"--port=unix:{port}", "--limit=drain=1000", "--store=memory:", "--admin=none")
        process = beginTwistd(*options, path=[folder])
        said: Any = process.stdout
        watch = Timer(60, process.kill)
        watch.start()
        for cleanup in (said.close, process.wait, process.kill, watch.cancel):
            self.addCleanup(cleanup)

        def until(words: str) -> None:
            for line in said:
                self.assertNotIn("Traceback", line)
                if words in line:
                    return
            self.fail(f"it ended without {words!r}")

        until("ready: ")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(port)
            client.sendall(b"POST /api/command/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            until("asked")
            for _ in range(3):
                process.send_signal(signal.SIGINT)
                until("Received SIGINT")
            until("Server Shut Down")
        self.assertEqual(process.wait(), -signal.SIGINT)


class RefusalTests(PluginTestCase):
    """
    What C{twistd jim} says where it cannot start.
    """

    def refused(self, *arguments: str) -> str:
        """
        Run it to its end, which is status 1, whatever it was that failed:
        a service manager takes the end by a signal for one that was wanted.

        @return: the one line that says why.
        """
        done = twistd("--admin=none", *arguments)
        self.assertEqual(done.returncode, 1, done)
        said = (done.stdout + done.stderr).splitlines()
        self.assertNotIn("Traceback", done.stdout + done.stderr)
        (line,) = [line for line in said if "#info]" not in line and " [-] " not in line]
        return line

    def test_wrongOptions(self) -> None:
        """
        An option that is wrong is one line, without all of C{--help}.
        """
        for arguments, words in (
            (("--sotre=memory:",), ("--sotre",)),
            (("memory:",), ("'memory:'", "no option")),
            (("--limit=connections=0",), ("--limit", "connections", "'0'", ">= 1")),
            (("--store=im.db",), ("--store", "'im.db'", "sqlite", "NAME:ARGUMENT")),
        ):
            line = self.refused(*arguments)
            for word in ("twistd jim: ", *words):
                self.assertIn(word, line)

    def test_portTaken(self) -> None:
        """
        A port that somebody has is named, with what to do; also where a
        database is open by then.
        """
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            taken.listen()
            port = f"tcp:{taken.getsockname()[1]}:interface={HOST}"
            for store in ("memory:", f"sqlite:{self.mktemp()}"):
                line = self.refused(f"--port={port}", f"--store={store}")
                for word in (f"cannot listen on {port}", "already in use", "choose another port"):
                    self.assertIn(word, line)

    def test_noFolder(self) -> None:
        """
        So is a database whose folder is not there.
        """
        line = self.refused("--port=tcp:0:interface=127.0.0.1", "--store=sqlite:/nowhere/im.db")
        for word in ("/nowhere/im.db", "No such file", "folder"):
            self.assertIn(word, line)

    def test_origins(self) -> None:
        """
        An origin that no browser would send is a mistake, and is said to be
        one.
        """
        for origin in ("example.org", "https://example.org/", "https://example.org/chat", "*", "https://", ""):
            error = self.assertRaises(UsageError, optionsFor, f"--allow-origin={origin}")
            self.assertIn(repr(origin), str(error))
        for origin in ("https://example.org", "http://[::1]:8000", "capacitor://localhost"):
            optionsFor(f"--allow-origin={origin}")
