"""The numbers of a bot in Prometheus's terms: what is counted elsewhere, translated.

Everything is read from memory while somebody asks: nothing is kept twice, and what is gone is told no more.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

import bot
from bot.metrics.catalogue import METRICS, PREFIX
from bot.metrics.checks import answers
from bot.metrics.health import Report
from bot.metrics.lag import LoopLag
from bot.metrics.links import Link
from bot.metrics.observer import Observer
from bot.service.dispatcher import Dispatcher
from bot.service.meters import Meters, Spread
from bot.service.records import Lineup
from bot.service.servers import ServerState

Name = TypeVar("Name", bound=str)
Labels = Sequence[str]
Samples = Iterable[tuple[Labels, float]]


@dataclass(slots=True)
class Asked:
    """What has to be waited for, and so is asked before numbers are told. None: there was no answer."""

    lineup: Lineup | None = None
    report: Report | None = None


@dataclass(eq=False, slots=True)
class BotCollector(Collector):
    """``now``: UTC milliseconds."""

    meters: Meters
    dispatcher: Dispatcher
    observer: Observer
    lag: LoopLag
    links: Sequence[Link]
    now: Callable[[], int]
    asked: Asked = field(default_factory=Asked)

    def collect(self) -> Iterator[Metric]:
        yield _gauge("build_info", [((bot.__version__, platform.python_version()), 1.0)])
        yield from self._work()
        yield from self._queue()
        yield from self._servers()
        yield from self._platforms()
        yield from self._process()

    def _work(self) -> Iterator[Metric]:
        meters, servers = self.meters, self.dispatcher.servers.values()
        yield _counter("requests_accepted_total", meters.requests.items())
        yield _counter("requests_refused_total", meters.requests_refused.items())
        yield _counter("jobs_accepted_total", meters.jobs_accepted.items())
        open_jobs = {
            "queued": len(self.dispatcher.queue),
            "staged": sum(server.staged is not None for server in servers),
            "running": sum(server.running is not None for server in servers),
        }
        yield _gauge("jobs", _by_one(open_jobs))
        yield _counter("jobs_ended_total", meters.jobs_over.items())
        yield _counter("attempts_lost_total", meters.attempts_lost.items())
        yield _counter("gpu_seconds_total", _by_one(meters.gpu_seconds))
        yield _counter("swap_seconds_total", _by_one(meters.swap_seconds))
        yield _histogram("estimate_ratio", [((), meters.guesses)])

    def _queue(self) -> Iterator[Metric]:
        gates, lineup = self.dispatcher.gates, self.asked.lineup
        yield _gauge("queue_jobs", [] if lineup is None else _by_one(lineup.waiting))
        yield _gauge("queue_oldest_seconds", [] if lineup is None else [((), self._age(lineup.oldest))])
        yield _gauge("queue_users", [((), self.dispatcher.queue.backlogged)])
        closed = {"paused": gates.paused, "draining": gates.draining, "stopping": gates.stopping}
        yield _gauge("queue_closed", _by_one(closed))
        waits = self.meters.waits.items()
        yield _histogram("queue_wait_seconds", [((tier,), spread) for tier, spread in waits])
        index = self.meters.shares.index()
        yield _gauge("fairness_index", [] if index is None else [((), index)])

    def _age(self, since: int | None) -> float:
        return 0.0 if since is None else max(0.0, (self.now() - since) / 1000)

    def _servers(self) -> Iterator[Metric]:
        servers = self.dispatcher.servers
        is_up = {name: answers(server) for name, server in servers.items()}
        yield _gauge("server_up", _by_one(is_up))
        yield _gauge(
            "server_state",
            [
                ((name, state.value), float(server.state is state))
                for name, server in servers.items()
                for state in ServerState
            ],
        )
        yield _counter("server_busy_seconds_total", _by_one(self.observer.busy()))
        yield _gauge("server_duty_cycle", _by_one(self.observer.duty()))
        foreign = {name: server.foreign for name, server in servers.items()}
        yield _gauge("server_foreign_jobs", _by_one(foreign))
        reconnects = {name: max(0, server.backend.connections - 1) for name, server in servers.items()}
        yield _counter("server_websocket_reconnects_total", _by_one(reconnects))

    def _platforms(self) -> Iterator[Metric]:
        meters = self.meters
        yield _gauge("platform_up", [((link.platform,), float(not link.trouble())) for link in self.links])
        yield _counter(
            "platform_reconnects_total", [((link.platform,), link.reconnects()) for link in self.links]
        )
        yield _counter("platform_calls_total", meters.calls.items())
        # From the beginning, so that an alert sees the first one.
        limited = {link.platform: 0 for link in self.links}
        retries = dict(limited)
        for (name, result), calls in meters.calls.items():
            limited[name] = limited.get(name, 0) + calls * (result == "rate_limited")
        for (name, result), tries in meters.deliveries.items():
            retries[name] = retries.get(name, 0) + tries * (result == "again")
        yield _counter("platform_rate_limited_total", _by_one(limited))
        ended = [(key, tries) for key, tries in meters.deliveries.items() if key[1] != "again"]
        yield _counter("deliveries_total", ended)
        yield _counter("delivery_retries_total", _by_one(retries))

    def _process(self) -> Iterator[Metric]:
        yield _counter("store_errors_total", [((), self.meters.store_refusals)])
        yield _histogram("event_loop_lag_seconds", [((), self.lag.spread)])
        yield _gauge("event_loop_lag_max_seconds", [((), self.lag.most())])
        findings = {} if self.asked.report is None else self.asked.report.findings
        yield _gauge("check_ok", _by_one({name: found.ok for name, found in findings.items()}))


def _by_one(values: Mapping[Name, float]) -> list[tuple[Labels, float]]:
    return [((name,), float(value)) for name, value in values.items()]


def _counter(name: str, samples: Samples) -> Metric:
    metric = METRICS[PREFIX + name]
    family = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, float(value))
    return family


def _gauge(name: str, samples: Samples) -> Metric:
    metric = METRICS[PREFIX + name]
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, float(value))
    return family


def _histogram(name: str, samples: Iterable[tuple[Labels, Spread]]) -> Metric:
    metric = METRICS[PREFIX + name]
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, spread in samples:
        bounds = [*(repr(float(bound)) for bound in spread.bounds), "+Inf"]
        family.add_metric(labels, list(zip(bounds, map(float, spread.up_to()), strict=True)), spread.total)
    return family
