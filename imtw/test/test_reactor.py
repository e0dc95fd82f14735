"""
Tests for L{imtw.reactor}: Twisted's own tests of a reactor, run on the lean
one, and what is its own.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.python import log
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from imtw.reactor import EVENTS, leanTurn, makeLean, whyNotLean
from imtw.tap import Options, chooseTurn
from imtw.test.distributions import PluginTestCase, optionsFor, python
from imtw.test.suites import AreRun, casesOn

try:
    from twisted.internet.test import test_core, test_fdset, test_tcp, test_threads, test_time, test_tls
except ImportError as error:
    missing: str | None = str(error)
    SUITES: dict[Any, str] = {}
else:
    missing = None
    #: Twisted's tests of connections, timers, threads and signals, with the one in each that does not apply:
    #: no reactor on epoll sees a descriptor that was closed behind its back.
    SUITES = {
        test_core.SystemEventTestsBuilder: "",
        test_fdset.ReactorFDSetTestsBuilder: "test_lostFileDescriptor",
        test_tcp.AbortConnectionTests: "",
        test_tcp.AdoptStreamConnectionTestsBuilder: "",
        test_tcp.TCP4ConnectorTestsBuilder: "",
        test_tcp.TCPConnectionTestsBuilder: "",
        test_tcp.TCPPortTestsBuilder: "",
        test_tcp.TCPTransportTestsBuilder: "",
        test_threads.ThreadTestsBuilder: "",
        test_time.TimeTestsBuilder: "",
        test_tls.TLSPortTestsBuilder: "",
    }

#: A plugin that imports the global reactor with its declaration, reports which turn it takes, and ends it.
EAGER = """
    import os
    from twisted.internet import reactor

    def report():
        print("turn:", getattr(reactor.doIteration, "__module__"), flush=True)
        reactor.stop()

    if "REPORT" in os.environ:
        reactor.callWhenRunning(report)
    """


class LeanReactor(EPollReactor):
    """
    A reactor that is lean from the start.
    """

    def __init__(self) -> None:
        super().__init__()
        makeLean(self)


CASES = casesOn(LeanReactor, SUITES, __name__)
globals().update(CASES)


class TwistedTests(AreRun, SynchronousTestCase):
    """
    They are run on ours.
    """

    cases = CASES
    skip = missing


class Reader(FileDescriptor):
    """
    One end of a pair of sockets, read in turn.

    @ivar reads: how often it was.
    @ivar lost: why it was ended.
    """

    def __init__(self, reactor: Any, fails: BaseException | None = None) -> None:
        super().__init__(reactor)
        self.far, self._near = socket.socketpair()
        self._fails = fails
        self.reads = 0
        self.lost: Any = None
        self.startReading()

    def fileno(self) -> int:
        return self._near.fileno()

    def doRead(self) -> Any:
        self.reads += 1
        if self._fails is not None:
            raise self._fails
        return None if self._near.recv(100) else ConnectionDone()

    def connectionLost(self, reason: Failure) -> None:
        self.lost = reason.value
        super().connectionLost(reason)
        self.close()

    def logPrefix(self) -> str:
        return "Reader"

    def close(self) -> None:
        self.stopReading()
        self.far.close()
        self._near.close()


class TurnTests(ReactorBuilder, SynchronousTestCase):
    """
    What one turn does.
    """

    reactorFactory = LeanReactor

    def reader(self, reactor: Any, fails: BaseException | None = None) -> Reader:
        """
        Something to read.
        """
        made = Reader(reactor, fails)
        self.addCleanup(made.close)
        return made

    def test_readFails(self) -> None:
        """
        A read that fails with anything at all is logged and ends its own
        connection; those behind it in the same turn are read.
        """
        for fails in (RuntimeError("first"), KeyboardInterrupt(), ValueError("last")):
            reactor: Any = self.buildReactor()
            bad, good = self.reader(reactor, fails), self.reader(reactor)
            for one in (bad, good):
                one.far.send(b"x")
            reactor.doIteration(1)
            self.assertEqual(self.flushLoggedErrors(type(fails))[0].value, fails)
            self.assertIs(bad.lost, fails)
            self.assertEqual((good.reads, good.lost), (1, None))
            self.assertNotIn(bad, reactor.getReaders())
            self.assertIn(good, reactor.getReaders())

    def test_errorsAreLoggedWithTheirConnection(self) -> None:
        """
        What a read failed with is logged under its connection's name.
        """
        seen: list[Any] = []
        log.addObserver(seen.append)
        self.addCleanup(log.removeObserver, seen.append)
        reactor: Any = self.buildReactor()
        self.reader(reactor, RuntimeError("named")).far.send(b"x")
        reactor.doIteration(1)
        self.flushLoggedErrors(RuntimeError)
        self.assertEqual([event["system"] for event in seen if event["isError"]], ["Reader"])

    def test_goneInTheSameTurn(self) -> None:
        """
        Who is ended by one that was read before is not read any more.
        """
        reactor: Any = self.buildReactor()
        pair = [self.reader(reactor), self.reader(reactor)]

        def endOther(one: Reader, other: Reader) -> None:
            one.reads += 1
            reactor.removeReader(other)

        for one, other in (pair, pair[::-1]):
            one.doRead = lambda one=one, other=other: endOther(one, other)  # type: ignore[method-assign,misc]
            one.far.send(b"x")
        reactor.doIteration(1)
        self.assertEqual(sorted(one.reads for one in pair), [0, 1])

    def test_manyAtOnce(self) -> None:
        """
        One turn serves a bounded number of descriptors, the next ones the
        rest.
        """
        reactor: Any = self.buildReactor()
        many = [self.reader(reactor) for _ in range(EVENTS + 10)]
        for one in many:
            one.far.close()
        reactor.doIteration(1)
        self.assertEqual(sum(one.reads for one in many), EVENTS)
        reactor.doIteration(1)
        self.assertEqual([type(one.lost) for one in many], [ConnectionDone] * len(many))

    def test_process(self) -> None:
        """
        A child process is written to, read from, and reaped.
        """
        told: list[Any] = []

        class Child(ProcessProtocol):
            def connectionMade(self) -> None:
                self.transport.write(b"to the child")  # type: ignore[union-attr]
                self.transport.closeStdin()  # type: ignore[union-attr]

            def outReceived(self, data: bytes) -> None:
                told.append(data)

            def processEnded(self, reason: Failure) -> None:
                told.append(reason.value.exitCode)  # type: ignore[union-attr]
                reactor.stop()

        reactor: Any = self.buildReactor()
        script = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.exit(3)"
        reactor.callWhenRunning(reactor.spawnProcess, Child(), sys.executable, [sys.executable, "-c", script])
        self.runReactor(reactor)
        self.assertEqual(told, [b"TO THE CHILD", 3])

    def test_interrupted(self) -> None:
        """
        A poll that a signal broke off is no error.
        """
        class Interrupted:
            def poll(self, timeout: float, most: int) -> list[Any]:
                raise InterruptedError(4, "a signal")

        reactor: Any = self.buildReactor()
        self.patch(reactor, "_poller", Interrupted())
        leanTurn(reactor)(0)


class ChoiceTests(PluginTestCase):
    """
    When it is taken.
    """

    def test_taken(self) -> None:
        """
        Twisted's reactor on epoll is made lean, once.
        """
        reactor = EPollReactor()
        self.addCleanup(reactor._poller.close)
        self.assertIsNone(chooseTurn(optionsFor(), reactor))
        self.assertEqual(reactor.doIteration.__module__, "imtw.reactor")
        self.assertEqual(chooseTurn(optionsFor(), reactor), "EPollReactor has a turn of its own")

    def test_others(self) -> None:
        """
        Another reactor stays as it is, and so does one that somebody asked
        for.
        """
        self.assertEqual(whyNotLean(SelectReactor()), "SelectReactor does not use epoll")
        reactor = EPollReactor()
        self.addCleanup(reactor._poller.close)
        wanted = optionsFor()
        wanted.parent = Options()
        wanted.parent["reactor"] = "epoll"
        self.assertEqual(chooseTurn(wanted, reactor), "--reactor=epoll is wanted")
        self.assertEqual(chooseTurn(optionsFor("--slow=reactor"), reactor), "--slow says so")
        self.assertEqual(chooseTurn(optionsFor("--slow=all"), reactor), "--slow says so")
        self.assertEqual(reactor.doIteration, reactor.doPoll)

    def test_noEpoll(self) -> None:
        """
        Where the system has no epoll, that is the reason.
        """
        name = "twisted.internet.epollreactor"
        self.addCleanup(sys.modules.__setitem__, name, sys.modules[name])
        sys.modules[name] = None  # type: ignore[assignment]
        self.assertEqual(whyNotLean(SelectReactor()), "there is no epoll on this system")

    def output(self, *before: str, folder: str = "", address: str = "127.0.0.1") -> str:
        """
        What C{twistd jim} prints until it ends.
        """
        script = "from twisted.scripts.twistd import run; run()"
        jim = ["jim", f"--port=tcp:0:interface={address}", "--admin=none", "--store=memory:"]
        done = python("-c", script, "-n", "--pidfile=", *before, *jim, path=[folder] if folder else [])
        return done.stdout + done.stderr

    def test_eagerPlugin(self) -> None:
        """
        A plugin that imports the global reactor with its declaration does
        not keep it from being lean.
        """
        self.patch(os, "environ", {**os.environ, "REPORT": "1"})
        printed = self.output(folder=self.distribute(acme_eager_plugin=EAGER))
        self.assertIn("turn: imtw.reactor", printed)
        self.assertNotIn("as it is", printed)

    def test_reactorOption(self) -> None:
        """
        C{twistd --reactor} wins, and the log says so.  (There is no such
        address here, so the server ends.)
        """
        for name in ("select", "epoll"):
            printed = self.output(f"--reactor={name}", address="203.0.113.1")
            self.assertIn(f"the reactor is used as it is: --reactor={name} is wanted", printed)
