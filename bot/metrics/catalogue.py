"""Every metric of ours: its name, what it means, and its labels. The names are an interface: dashboards and
alert rules are written with them.

No label holds anything that a user wrote or is. Names of templates, tiers and servers are the operator's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

PREFIX = "fairbrush_"


@dataclass(frozen=True, slots=True)
class Metric:
    """``name``: as it is exposed, but for what the format adds to histograms. Some are there with no series
    as long as there is nothing to tell."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()


_ALL = (
    Metric("build_info", "gauge", "Always 1; what runs here.", ("version", "python")),
    # What comes in, and what becomes of it
    Metric("requests_accepted_total", "counter", "Requests that were accepted.", ("platform",)),
    Metric("requests_refused_total", "counter", "Requests that were not, by error code.", ("code",)),
    Metric("jobs_accepted_total", "counter", "Jobs of accepted requests.", ("platform",)),
    Metric("jobs", "gauge", "Open jobs by state: queued, staged or running.", ("state",)),
    Metric(
        "jobs_ended_total",
        "counter",
        "Jobs by outcome: done, failed or cancelled; code: the error of those that failed.",
        ("outcome", "code"),
    ),
    Metric(
        "attempts_lost_total", "counter", "Attempts whose jobs went back in line, by error code.", ("code",)
    ),
    # The queue
    Metric("queue_jobs", "gauge", "Jobs that wait, by the tier of who asked.", ("tier",)),
    Metric("queue_users", "gauge", "Users with jobs that wait."),
    Metric("queue_oldest_seconds", "gauge", "For how long the first of the waiting jobs has waited."),
    Metric("queue_closed", "gauge", "1 while the queue is closed: paused, draining or stopping.", ("how",)),
    Metric("queue_wait_seconds", "histogram", "From being accepted to being begun, by tier.", ("tier",)),
    Metric(
        "fairness_index",
        "gauge",
        "Jain's index over the last hour, of GPU seconds received relative to those due by weight; "
        "1 is even. No series while nobody has to share.",
    ),
    # The servers
    Metric("gpu_seconds_total", "counter", "GPU seconds that were charged, by template.", ("template",)),
    Metric("swap_seconds_total", "counter", "GPU seconds for loading models, by template.", ("template",)),
    Metric(
        "estimate_ratio",
        "histogram",
        "GPU seconds that jobs took, relative to those that they were expected to take.",
    ),
    Metric("server_up", "gauge", "1 while a server is up and answers.", ("server",)),
    Metric(
        "server_state",
        "gauge",
        "1 for the state it is in: starting, up, down or wedged.",
        ("server", "state"),
    ),
    Metric("server_busy_seconds_total", "counter", "Seconds in which our jobs ran there.", ("server",)),
    Metric(
        "server_duty_cycle",
        "gauge",
        "Share of the last five minutes in which our jobs ran there.",
        ("server",),
    ),
    Metric("server_foreign_jobs", "gauge", "Prompts of others that run or wait there.", ("server",)),
    Metric(
        "server_websocket_reconnects_total", "counter", "Websocket connections after the first.", ("server",)
    ),
    # The chat platforms
    Metric("platform_up", "gauge", "1 while a chat platform is connected.", ("platform",)),
    Metric(
        "platform_reconnects_total", "counter", "Connections to a platform after the first.", ("platform",)
    ),
    Metric(
        "platform_calls_total",
        "counter",
        "Calls to a platform: ok, rate_limited (429), refused (other 4xx), broken (5xx) or no_answer.",
        ("platform", "result"),
    ),
    Metric("platform_rate_limited_total", "counter", "Calls that were answered with 429.", ("platform",)),
    Metric(
        "deliveries_total",
        "counter",
        "Results: sent, unknown (the answer was lost) or kept (nowhere to send it).",
        ("platform", "result"),
    ),
    Metric("delivery_retries_total", "counter", "Deliveries that have to be tried again.", ("platform",)),
    # The process
    Metric("store_errors_total", "counter", "Reads and writes that the database did not do."),
    Metric("event_loop_lag_seconds", "histogram", "By how much the event loop was late, twice a second."),
    Metric("event_loop_lag_max_seconds", "gauge", "The most of it within the last minute."),
    Metric("check_ok", "gauge", "1 for each check of /readyz that is passed.", ("check",)),
)

METRICS = {PREFIX + each.name: replace(each, name=PREFIX + each.name) for each in _ALL}
"""By their full names."""
