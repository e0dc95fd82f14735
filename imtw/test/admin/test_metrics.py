"""
Tests of L{imtw.admin.metrics} and L{imtw.admin.lag}.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openMetrics
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from imtw.admin.lag import LAGS, LagProbe
from imtw.admin.metrics import Metrics
from imtw.commands import Status
from imtw.counters import Spread
from imtw.test.admin.harness import AdminTestCase
from imtw.test.live import ANY_PORT, LiveTestCase
from imtw.test.wire import bodyOf, codes, frameOf, private


def valuesOf(families: Iterable[Any]) -> dict[str, float]:
    """
    Samples by name and labels, as Prometheus writes them.
    """
    found = {}
    for family in families:
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


class MetricsTests(AdminTestCase):
    """
    What C{/metrics} shows.
    """

    def values(self) -> dict[str, float]:
        """
        Ask, and read the answer as Prometheus does.
        """
        answer = self.ask("/metrics")
        self.assertEqual((answer.code, answer.headers["cache-control"]), (200, "no-store"))
        self.assertEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        return valuesOf(text_string_to_metric_families(answer.body.decode()))

    def test_nobody(self) -> None:
        """
        Right after the start there are zeros, not gaps.
        """
        values = self.values()
        for name in (
            "imtw_connections",
            "imtw_sessions{terminal=tcp}",
            "imtw_sessions{terminal=ws}",
            "imtw_users_online",
            "imtw_groups_live",
            "imtw_commit_queue",
            "imtw_login_queue",
        ):
            self.assertEqual(values[name], 0, name)
        self.assertEqual(values["imtw_store_healthy"], 1)
        self.assertEqual(values["imtw_connections_most"], self.limits.connections)

    def test_people(self) -> None:
        """
        Who is here is counted when it is asked for.
        """
        self.logIn("ann", "tcp", groups=("100", "200"))
        self.logIn("ann", "ws", groups=("100",))
        bob = self.logIn("bob", "ws", groups=("100",))
        self.core.connections = 5
        values = self.values()
        self.assertEqual(values["imtw_connections"], 5)
        self.assertEqual(values["imtw_sessions{terminal=tcp}"], 1)
        self.assertEqual(values["imtw_sessions{terminal=ws}"], 2)
        self.assertEqual(values["imtw_users_online"], 2)
        self.assertEqual(values["imtw_groups_live"], 2)
        self.core.sessions.remove(bob)
        self.assertEqual(self.values()["imtw_users_online"], 1)

    def test_queues(self) -> None:
        """
        What waits for a commit, and who waits for a login.
        """
        self.hashes.hold()
        self.store.waiting = 17
        self.store.healthy = False
        for number in range(100):
            self.accounts.login(f"user{number}", "p", "", f"203.0.113.{number}").addErrback(lambda failure: None)
        values = self.values()
        self.assertEqual(values["imtw_commit_queue"], 17)
        self.assertEqual(values["imtw_login_queue"], self.accounts.waiting)
        self.assertGreater(values["imtw_login_queue"], 0)
        self.assertEqual(values["imtw_store_healthy"], 0)

    def test_counters(self) -> None:
        """
        What the core counts is shown where it does.
        """
        counters = self.core.counters
        counters.committed, counters.commits, counters.evicted, counters.turnedAway = 1000, 40, 2, 1
        counters.refused.update({Status.LOGIN_FAILED: 7, Status.BUSY: 3})
        values = self.values()
        self.assertEqual(values["imtw_messages_committed_total"], 1000)
        self.assertEqual(values["imtw_commits_total"], 40)
        self.assertEqual(values["imtw_evictions_total"], 2)
        self.assertEqual(values["imtw_connections_refused_total"], 1)
        self.assertEqual(values["imtw_refusals_total{status=login_failed}"], 7)
        self.assertEqual(values["imtw_refusals_total{status=busy}"], 3)

    def test_process(self) -> None:
        """
        The process's memory and descriptors.
        """
        if not os.path.exists("/proc/self/fd"):
            self.skipTest("the process's figures come from /proc")
        values = self.values()
        self.assertGreater(values["process_resident_memory_bytes"], 2**20)
        self.assertGreater(values["process_open_fds"], 2)

    def test_openMetrics(self) -> None:
        """
        Whoever reads OpenMetrics gets that; a version that is none is no
        error.
        """
        host = "Host: localhost"
        answer = self.ask("/metrics", headers=(host, "Accept: application/openmetrics-text; version=1.0.0"))
        self.assertIn("application/openmetrics-text", answer.headers["content-type"])
        self.assertIn("imtw_connections", valuesOf(openMetrics(answer.body.decode())))
        for accept in ("text/plain; version=x", "application/openmetrics-text; version=..", ";,;=", "*/*"):
            self.assertEqual(self.ask("/metrics", headers=(host, f"Accept: {accept}")).code, 200, accept)

    def test_apart(self) -> None:
        """
        Two servers in one process count for themselves.
        """
        self.admin.lags.note(0.02)
        self.assertEqual(self.values()["imtw_reactor_lag_seconds_count"], 1)
        other = valuesOf(text_string_to_metric_families(Metrics(self.core, Spread(LAGS)).show("")[0].decode()))
        self.assertEqual(other["imtw_reactor_lag_seconds_count"], 0)


class SpreadTests(SynchronousTestCase):
    """
    How spreads are kept.
    """

    def test_bounds(self) -> None:
        """
        A value at a bound belongs below it; what is above all is counted,
        too.
        """
        spread = Spread((1, 4))
        for value in (0, 1, 2, 4, 5, 1000):
            spread.note(value)
        self.assertEqual((spread.counts, spread.sum), ([2, 2, 2], 1012))


class LiveMetricsTests(LiveTestCase):
    """
    What a server shows of itself while clients use it.
    """

    async def prepare(self) -> None:
        store = f"sqlite:{self.mktemp()}"
        self.live = await self.serve("--store", store, "--admin", ANY_PORT, "--limit=sendBudget=65536")
        assert self.live.server.admin is not None
        self.admin = self.live.server.admin.port.getHost().port  # type: ignore[union-attr]

    async def values(self) -> dict[str, float]:
        """
        Ask the listener.
        """
        answer = await self.http(self.admin, "GET", "/metrics", headers={"Host": "localhost"})
        self.assertEqual(answer.status, 200)
        return valuesOf(text_string_to_metric_families(answer.body.decode()))

    async def test_everythingMoves(self) -> None:
        """
        Connections by dialect and carrier, messages, commits, refusals by
        reason and the reactor's lag are what was done to the server.
        """
        before = await self.values()
        self.assertEqual(before["imtw_dialect_connections{carrier=,dialect=}"], 0)
        self.assertEqual(before["imtw_messages_committed_total"], 0)
        ann = await self.tcp(self.live.port, "ann")
        bob = await self.ws(self.live.port, "bob")
        await self.upgrade(self.live.port, "/?username=cyd&password=1")
        await self.raw(self.live.port)
        for number in range(20):
            self.assertEqual(codes(await ann.ask(11, private("bob", str(number))), 12), [10000])
        await bob.ask(11, {"chatType": 9, "content": "x"})
        stranger = await self.tcp(self.live.port)
        stranger.say(17, {"userid": "ann", "type": 0})
        await stranger.sync()
        values = await self.values()
        for name, value in {
            "imtw_dialect_connections{carrier=tcp,dialect=jim}": 2,
            "imtw_dialect_connections{carrier=ws,dialect=jim}": 2,
            "imtw_dialect_connections{carrier=,dialect=}": 1,
            "imtw_connections": 5,
            "imtw_sessions{terminal=tcp}": 1,
            "imtw_sessions{terminal=ws}": 2,
            "imtw_users_online": 3,
            "imtw_messages_committed_total": 20,
            "imtw_refusals_total{status=not_sent}": 1,
        }.items():
            self.assertEqual(values[name], value, name)
        refused = sum(value for name, value in values.items() if name.startswith("imtw_refusals_total"))
        self.assertEqual(refused, 2, values)
        commits = values["imtw_commits_total"]
        self.assertGreaterEqual(commits, 20)
        for name in ("imtw_commit_size", "imtw_commit_seconds"):
            self.assertEqual(values[name + "_count"], commits, name)
            self.assertEqual(values[name + "_bucket{le=+Inf}"], commits, name)
            self.assertGreater(values[name + "_sum"], before[name + "_sum"], name)
        self.assertGreaterEqual(values["imtw_commit_size_sum"], 20 + 3)  # and everybody's entry
        self.assertLess(values["imtw_commit_seconds_sum"], 60)
        self.assertGreater(values["imtw_reactor_lag_seconds_count"], before["imtw_reactor_lag_seconds_count"])

    async def test_commitsAreJoined(self) -> None:
        """
        Messages that come together share a commit, and its size says so.
        """
        ann = await self.tcp(self.live.port, "ann")
        before = await self.values()
        ann.write(b"".join(frameOf(11, bodyOf(private("bob", str(number)))) for number in range(200)))
        await ann.until(lambda: len(ann.events) >= 200, "200 answers")
        after = await self.values()
        grown = {name: after[name] - before[name] for name in ("imtw_commit_size_sum", "imtw_commit_size_count")}
        self.assertGreaterEqual(grown["imtw_commit_size_sum"], 200)
        self.assertLess(grown["imtw_commit_size_count"], 100)

    async def test_evictions(self) -> None:
        """
        Who does not read is cut, and counted.
        """
        bob = await self.tcp(self.live.port, "bob")
        bob.transport.pauseProducing()  # type: ignore[union-attr]
        ann = await self.tcp(self.live.port, "ann")
        content = "x" * 30_000
        for _ in range(1000):
            await ann.ask(11, private("bob", content))
            if self.live.core.counters.evicted:
                break
        self.assertEqual((await self.values())["imtw_evictions_total"], 1)
        bob.transport.resumeProducing()  # type: ignore[union-attr]

    async def test_turnedAway(self) -> None:
        """
        A connection past the limit is counted.
        """
        live = await self.serve("--admin", ANY_PORT, "--limit=connections=1")
        assert live.server.admin is not None
        await self.tcp(live.port, "ann")
        second = await self.raw(live.port)
        await second.closed()
        self.admin = live.server.admin.port.getHost().port  # type: ignore[union-attr]
        self.assertEqual((await self.values())["imtw_connections_refused_total"], 1)


class LagTests(SynchronousTestCase):
    """
    How the reactor's lag is measured.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000.123456)
        self.lags: list[float] = []
        self.probe = LagProbe(self.clock, self.lags.append)
        self.probe.start()

    def test_onTime(self) -> None:
        """
        A reactor that has nothing to do is hardly late, a hundred times a
        second.
        """
        for _ in range(1000):
            self.clock.advance(0.001)
        self.assertIn(len(self.lags), (99, 100))
        self.assertLess(max(self.lags), 0.0021)

    def test_stall(self) -> None:
        """
        A turn that took long is noted once, with all of it.
        """
        self.clock.advance(0.01)
        self.clock.advance(0.26)
        self.assertEqual([round(lag, 3) for lag in self.lags], [0.0, 0.25])
        self.clock.advance(0.01)
        self.assertEqual([round(lag, 3) for lag in self.lags[2:]], [0.0])

    def test_clockSetBack(self) -> None:
        """
        A clock that is set back is no lag.
        """
        self.clock.advance(0.01)
        self.clock.rightNow -= 3600
        self.clock.advance(3600.02)
        self.assertEqual(min(self.lags), 0.0)
        self.assertLess(max(self.lags), 0.05)

    def test_stop(self) -> None:
        """
        Stopped, it leaves nothing behind; stopping again is no error.
        """
        self.probe.stop()
        self.probe.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
