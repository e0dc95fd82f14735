"""
What C{/metrics} shows, in the words of Prometheus.

Everything is looked up when it is asked for; nothing is counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from imtw.commands import Status
from imtw.counters import Counters, Spread
from imtw.server import Core


class CoreCollector(Collector):
    """
    Asks the core.
    """

    def __init__(self, core: Core, lags: Spread) -> None:
        self._core = core
        self._lags = lags

    def describe(self) -> list[Metric]:
        """
        Nothing in advance: the registry then does not collect when this is
        registered.
        """
        return []

    def collect(self) -> Iterator[Metric]:
        """
        Everything, as it is now.
        """
        core = self._core
        yield gauge("connections", "Open connections of all kinds.", core.connections)
        yield gauge("connections_most", "How many may be open.", core.limits.connections)
        yield self._spoken()
        yield from self._people()
        yield gauge("commit_queue", "Changes queued or being committed.", core.store.waiting)
        yield gauge("commit_queue_most", "Messages that may be queued.", core.limits.commitQueue)
        yield gauge("login_queue", "Logins waiting for their turn.", core.accounts.waiting)
        yield gauge("login_queue_most", "Logins that may wait.", core.limits.loginQueue)
        yield gauge("store_healthy", "1 while the store can be written.", core.store.healthy)
        yield gauge("delayed_calls", "Calls that the reactor is to make later.", len(core.clock.getDelayedCalls()))
        yield from counted(core.counters)
        yield spread("reactor_lag_seconds", "How late the reactor was, every 10 ms.", self._lags)
        commits = core.store.commits
        if commits is not None:
            yield spread("commit_size", "Changes in one commit.", commits.sizes)
            yield spread("commit_seconds", "From a commit's beginning to when it is on disk.", commits.times)

    def _spoken(self) -> Metric:
        """
        The connections by what is spoken on them; on those that are left
        HTTP is, or nothing yet.
        """
        core = self._core
        spoken = Counter((voice.dialect, voice.lane.session.terminal) for voice in core.voices)
        spoken["", ""] += core.connections - len(core.voices)
        family = GaugeMetricFamily(
            "imtw_dialect_connections",
            "Open connections by dialect and carrier; empty for HTTP, and while nothing is said.",
            labels=["dialect", "carrier"],
        )
        for (dialect, carrier), count in sorted(spoken.items()):
            family.add_metric([dialect, carrier], count)
        return family

    def _people(self) -> Iterator[Metric]:
        """
        Who is here, in one walk over the sessions.
        """
        sessions = self._core.sessions
        users = list(sessions.users())
        terminals = Counter(session.terminal for user in users for session in sessions.of(user))
        family = GaugeMetricFamily("imtw_sessions", "Connections that somebody is logged in on.", labels=["terminal"])
        for terminal in sorted({"tcp", "ws", *terminals}):
            family.add_metric([terminal], terminals[terminal])
        yield family
        yield gauge("users_online", "Users with at least one session.", len(users))
        yield gauge("groups_live", "Groups with at least one session.", len(self._core.groups))


def counted(counters: Counters) -> Iterator[Metric]:
    """
    What only grows.
    """
    yield counter("messages_committed", "Messages stored.", counters.committed)
    yield counter("commits", "Commits, of messages and of anything else.", counters.commits)
    yield counter("evictions", "Connections cut because their peer did not read.", counters.evicted)
    yield counter("connections_refused", "Connections not taken, being too many.", counters.turnedAway)
    family = CounterMetricFamily("imtw_refusals", "Requests not granted.", labels=["status"])
    for status, count in sorted(counters.refused.items()):
        family.add_metric([Status(status).name.lower()], count)
    yield family


def gauge(name: str, help: str, value: float) -> Metric:
    """
    Something that goes up and down.
    """
    return GaugeMetricFamily("imtw_" + name, help, value=value)


def counter(name: str, help: str, value: float) -> Metric:
    """
    Something that only goes up; its sample's name ends in C{_total}.
    """
    return CounterMetricFamily("imtw_" + name, help, value=value)


def spread(name: str, help: str, values: Spread) -> Metric:
    """
    How something is spread.
    """
    ends = [*map(str, values.bounds), "+Inf"]
    buckets = list(zip(ends, accumulate(values.counts), strict=True))
    return HistogramMetricFamily("imtw_" + name, help, buckets=buckets, sum_value=values.sum)


class Metrics:
    """
    All metrics of one server.

    @param lags: the reactor's.
    """

    def __init__(self, core: Core, lags: Spread) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(CoreCollector(core, lags))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def show(self, accept: str) -> tuple[bytes, str]:
        """
        All of them.

        @param accept: what the asker reads, as HTTP says it.
        @return: the text, and its content type.
        """
        try:
            encoder, kind = choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is none
            encoder, kind = choose_encoder("")
        return encoder(self.registry), kind
