"""
Tests of L{imtw.admin.jsonlog}.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from time import monotonic, sleep
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel
from twisted.python import usage
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from imtw.admin.jsonlog import LONGEST, LONGEST_FIELD, LONGEST_TRACEBACK, jsonLogObserver
from imtw.tap import Options
from imtw.verify.server import ROOT

START = 20.0  # seconds
HOSTILE = ["a\r\nb", "\x1b[2J\x1b[31mred\x07", "\u2028\x85\x0b", "\ud800", '"}\n{"level":"critical"', "x" * 1_000_000]


class Unprintable:
    """
    Has no text.
    """

    def __str__(self) -> str:
        raise RuntimeError("not now")

    __repr__ = __str__


class ObserverTests(SynchronousTestCase):
    """
    What a line holds.
    """

    def setUp(self) -> None:
        self.file = io.StringIO()
        self.observer = jsonLogObserver(self.file)

    def observe(self, event: LogEvent) -> None:
        """
        Have an event written.
        """
        self.observer({"log_time": 1_700_000_000.25, "log_namespace": "here", **event})

    def lines(self) -> list[dict[str, Any]]:
        """
        What was written.  Each line is bounded, ASCII, and an object.
        """
        text = self.file.getvalue()
        self.assertTrue(text.isascii() and text.endswith("\n"))
        lines = text.split("\n")[:-1]
        for line in lines:
            self.assertTrue(line.isprintable(), line)
            self.assertLess(len(line), 150_000)
        found: list[dict[str, Any]] = [json.loads(line, parse_constant=self.fail) for line in lines]
        return found

    def test_interface(self) -> None:
        """
        It is an observer.
        """
        verifyObject(ILogObserver, self.observer)

    def test_entry(self) -> None:
        """
        Time, level, system, message, and the fields that the message names.
        """
        self.observe(
            {"log_level": LogLevel.warn, "log_format": "{user} has {count}", "user": "ann", "count": 3, "password": "p"}
        )
        self.assertEqual(
            self.lines(),
            [
                {
                    "time": "2023-11-14T22:13:20.250Z",
                    "level": "warn",
                    "system": "here",
                    "message": "ann has 3",
                    "fields": {"user": "ann", "count": 3},
                }
            ],
        )

    def test_logger(self) -> None:
        """
        What a L{Logger} is told arrives; a failure with its traceback.
        """
        log = Logger("there", observer=self.observer)
        log.info("nothing more")
        try:
            raise RuntimeError("our bug")
        except RuntimeError:
            log.failure("{what} failed", Failure(), what="this")
        plain, failed = self.lines()
        self.assertEqual((plain["system"], plain["message"]), ("there", "nothing more"))
        self.assertEqual((failed["level"], failed["message"]), ("critical", "this failed"))
        self.assertIn("RuntimeError: our bug", failed["traceback"])

    def test_hostile(self) -> None:
        """
        Whatever is in a field, it is one line, and the field is read back as
        it was, or cut.
        """
        for text in HOSTILE:
            self.observe({"log_format": "{one} is {one}", "one": text})
        for text, line in zip(HOSTILE, self.lines(), strict=True):
            self.assertLess(len(line["message"]), LONGEST + 50)
            self.assertEqual(line["fields"]["one"][:LONGEST_FIELD], text[:LONGEST_FIELD])
            self.assertLess(len(line["fields"]["one"]), LONGEST_FIELD + 50)
        self.assertEqual(len(self.lines()), len(HOSTILE))

    def test_odd(self) -> None:
        """
        What has no text, and numbers that JSON has no word for, are entries,
        too.
        """
        for value in (Unprintable(), float("nan"), float("inf"), 10**5000, b"\xff", None, True, [1, {"a": "b"}]):
            self.observe({"log_format": "{value}", "value": value})
        self.observe({"log_format": "{missing}"})
        self.observe({"log_format": "{broken"})
        self.observe({"log_format": None})
        self.observe({})
        self.assertEqual([line["fields"]["value"] for line in self.lines()[5:7]], [None, True])
        self.assertEqual(len(self.lines()), 12)

    def test_longTraceback(self) -> None:
        """
        Of a long traceback the end is kept.
        """
        try:
            raise RuntimeError("x" * 1_000_000 + "the end")
        except RuntimeError:
            self.observe({"log_format": "so", "log_failure": Failure()})
        (line,) = self.lines()
        self.assertEqual(len(line["traceback"]), LONGEST_TRACEBACK)
        self.assertIn("the end", line["traceback"])

    @settings(deadline=None)
    @given(st.dictionaries(st.text(), st.text() | st.binary() | st.floats() | st.integers() | st.none()), st.text())
    def test_anything(self, fields: dict[str, Any], format: str) -> None:
        """
        Anything at all is one line.
        """
        self.setUp()
        self.observe({**fields, "log_format": format})
        self.observe({"log_format": " ".join(f"{{{name}}}" for name in fields), **fields})
        self.assertEqual(len(self.lines()), 2)


class TwistdTests(SynchronousTestCase):
    """
    C{twistd jim --log-format json}, in processes of its own.
    """

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        self.output = os.path.join(self.folder, "output")

    def launch(self, *twistd: str) -> subprocess.Popen[bytes]:
        """
        Start it.

        @param twistd: options of C{twistd} itself.
        """
        script = "from twisted.scripts.twistd import run; run()"
        jim = ["--log-format=json", "--store=memory:", "--auth=anyone:", "--port=tcp:0:interface=127.0.0.1"]
        with open(self.output, "wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-c", script, *twistd, "jim", *jim, "--admin=none"],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def until(self, file: str, word: str) -> list[dict[str, Any]]:
        """
        Wait for a word in a log; all its entries.
        """
        path = os.path.join(self.folder, file)
        end = monotonic() + START
        while monotonic() < end:
            text = self.read(path) if os.path.exists(path) else ""
            if word in text and text.endswith("\n"):
                return [json.loads(line) for line in text.splitlines()]
            sleep(0.02)
        raise AssertionError(f"no {word} in {file}; output: {self.read(self.output)}")

    def read(self, path: str) -> str:
        """
        A file's text.
        """
        with open(path, encoding="utf-8") as stream:
            return stream.read()

    def test_foreground(self) -> None:
        """
        In the foreground the log is on standard output: every line of it is
        JSON, from what was said before the log began on.
        """
        process = self.launch("--nodaemon", "--pidfile=")
        self.until("output", "ready: ")
        process.terminate()
        process.wait(START)
        entries = self.until("output", "Server Shut Down")
        messages = [entry["message"] for entry in entries]
        self.assertTrue(any("--auth anyone" in message for message in messages), messages)
        ready = next(entry for entry in entries if entry["message"].startswith("ready: "))
        self.assertEqual((ready["level"], ready["system"]), ("info", "imtw.service.Server"))
        self.assertRegex(ready["fields"]["ports"], r"^tcp:0:interface=127\.0\.0\.1 \(http://127\.0\.0\.1:[1-9]\d*/\)$")

    def test_file(self) -> None:
        """
        With C{--logfile} it is there, and a new file is begun at C{SIGUSR1}.
        """
        process = self.launch("--nodaemon", "--pidfile=", "--logfile=im.log")
        self.until("im.log", "ready: ")
        process.send_signal(signal.SIGUSR1)
        self.until("im.log.1", "ready: ")
        process.terminate()
        process.wait(START)
        self.until("im.log", "Server Shut Down")
        self.assertEqual(self.read(self.output), "")

    def test_daemon(self) -> None:
        """
        A daemon's log is C{twistd.log}; to standard output it cannot write.
        """
        self.assertNotEqual(self.launch("--logfile=-").wait(START), 0)
        self.assertIn("a daemon cannot log to stdout", self.read(self.output))
        self.assertEqual(self.launch("--pidfile=pid").wait(START), 0, self.read(self.output))
        self.until("twistd.log", "ready: ")
        os.kill(int(self.read(os.path.join(self.folder, "pid"))), signal.SIGTERM)
        self.until("twistd.log", "Server Shut Down")

    def test_refused(self) -> None:
        """
        A format that is none, and one that C{twistd} would not use, is an
        error.
        """
        with self.assertRaisesRegex(usage.UsageError, "'xml' is none of json, text"):
            Options().parseOptions(["--log-format", "xml"])
        with self.assertRaisesRegex(usage.UsageError, "twistd's own log"):
            Options().parseOptions(["--log-format", "json"])
        for option in ("--logger=twisted.logger.jsonFileLogObserver", "--syslog"):
            self.assertNotEqual(self.launch("--nodaemon", "--pidfile=", option).wait(START), 0)
            self.assertIn("without --logger or --syslog", self.read(self.output))
