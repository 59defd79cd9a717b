"""What is counted of a bot at work, and that it comes out as Prometheus reads it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from bot.app.metrics import metrics_server
from bot.domain.errors import Denied, OutOfMemory, StoreUnavailable
from bot.domain.ids import JobId, RequestId, ServerName, TemplateName, TierName, UserId
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.domain.work import Work
from bot.metrics.catalogue import METRICS
from bot.metrics.lag import EVERY, WINDOW, LoopLag
from bot.metrics.links import Link
from bot.service.courier import Later, Outcome, Sent
from bot.service.meters import MOST_NAMES, OTHER, Meters, Spread
from bot.service.records import DeliveryRecord, WaitingJob
from tests.support.service import Bot, bot_at_work

LISTEN = {"metrics": {"listen": "127.0.0.1:0"}}


@asynccontextmanager
async def measured(
    folder: Path, links: tuple[Link, ...] = (), **options: Any
) -> AsyncIterator[tuple[Bot, str, aiohttp.ClientSession]]:
    async with (
        bot_at_work(folder, **{**LISTEN, **options}) as bot,
        metrics_server(bot.settings, bot.service, links, clock=bot.clock.as_clock()) as watch,
        aiohttp.ClientSession() as http,
    ):
        yield bot, watch.url, http


async def scrape(http: aiohttp.ClientSession, url: str) -> dict[str, float]:
    """Samples by name and labels as they stand in the text."""
    async with http.get(f"{url}/metrics") as answer:
        assert answer.status == 200
        text = await answer.text()
    samples: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}".removesuffix("{}")] = sample.value
    return samples


async def test_the_way_of_a_request_is_in_the_numbers(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        receipt = await bot.ask("a fox --count 2", "alice")
        await bot.ask("an owl", "bob")
        await bot.server.until_waiting(1)
        found = await scrape(http, url)
        assert found["fairbrush_jobs{state=queued}"] == 2
        assert found["fairbrush_jobs{state=staged}"] == 1
        assert found["fairbrush_queue_jobs{tier=default}"] >= 2
        assert found["fairbrush_queue_users"] == 2
        assert found["fairbrush_requests_accepted_total{platform=test}"] == 2
        assert found["fairbrush_jobs_accepted_total{platform=test}"] == 3

        bot.clock.advance(40)
        bot.server.start()
        await bot.server.until(lambda _: bot.state().running is not None)
        bot.clock.advance(10)
        found = await scrape(http, url)
        assert found["fairbrush_jobs{state=running}"] == 1
        assert found["fairbrush_queue_wait_seconds_bucket{le=30.0,tier=default}"] == 0
        assert found["fairbrush_queue_wait_seconds_bucket{le=60.0,tier=default}"] == 1
        assert found["fairbrush_queue_wait_seconds_sum{tier=default}"] == pytest.approx(40.0)
        assert found["fairbrush_queue_oldest_seconds"] == pytest.approx(50.0)
        assert found["fairbrush_server_busy_seconds_total{server=fake}"] == pytest.approx(10.0)

        bot.server.finish(seconds=9.0)
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.DONE)
        await bot.server.until_waiting(1)
        bot.server.fail(OutOfMemory(Text("too big"), node_id="3", class_type="KSampler", message="x"))
        await bot.server.until(lambda _: bot.service.meters.attempts_lost)
        found = await scrape(http, url)
        assert found["fairbrush_jobs_ended_total{code=,outcome=done}"] == 1
        assert found["fairbrush_gpu_seconds_total{template=text-to-image}"] == pytest.approx(9.0)
        assert found["fairbrush_swap_seconds_total{template=text-to-image}"] == pytest.approx(0.0)
        assert found["fairbrush_attempts_lost_total{code=out_of_memory}"] == 1
        assert found["fairbrush_estimate_ratio_count"] == 1


async def test_each_end_is_counted_once_by_its_reason(tmp_path: Path) -> None:
    async with measured(tmp_path, tiers={"default": {"max_waiting": 3}}) as (bot, url, http):
        receipt = await bot.ask("a fox --count 3")
        with pytest.raises(Denied):
            await bot.ask("one more")
        await bot.server.until_waiting(1)
        bot.server.start()
        oom = OutOfMemory(Text("too big"), node_id="3", class_type="KSampler", message="x")
        bot.server.fail(oom)
        await bot.server.until_waiting(1)
        for job in receipt.accepted.jobs[1:]:
            await bot.service.dispatcher.cancel(job, "test")
        bot.server.fail(oom)
        await bot.until_over(receipt.accepted.request.id)
        found = await scrape(http, url)
        ended = {name: value for name, value in found.items() if "jobs_ended" in name and value}
        assert sum(ended.values()) == 3
        assert found["fairbrush_jobs_ended_total{code=,outcome=cancelled}"] == 2
        assert found["fairbrush_jobs_ended_total{code=out_of_memory,outcome=failed}"] == 1
        assert found["fairbrush_requests_refused_total{code=too_many_waiting}"] == 1


async def test_a_picture_that_was_there_already_is_done_too(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        first = await bot.ask("a fox --seed 7")
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(first.accepted.request.id)
        await bot.ask("a fox --seed 7")
        found = await scrape(http, url)
        assert found["fairbrush_jobs_accepted_total{platform=test}"] == 2
        assert found["fairbrush_jobs_ended_total{code=,outcome=done}"] == 2


async def test_duty_falls_and_rises_with_the_work(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        duty = "fairbrush_server_duty_cycle{server=fake}"
        assert (await scrape(http, url))[duty] == 0
        await bot.ask("a fox")
        await bot.server.until_waiting(1)
        for _ in range(30):
            bot.clock.advance(5)
            await asyncio.sleep(0.001)
        bot.server.start()
        await bot.server.until(lambda _: bot.state().running is not None)
        for _ in range(30):
            bot.clock.advance(5)
            await asyncio.sleep(0.001)
        assert (await scrape(http, url))[duty] == pytest.approx(0.5, abs=0.05)
        bot.server.finish()
        await bot.server.until(lambda _: not bot.state().active)
        for _ in range(70):
            bot.clock.advance(5)
            await asyncio.sleep(0.001)
        found = await scrape(http, url)
        assert found[duty] == 0
        assert found["fairbrush_server_busy_seconds_total{server=fake}"] == pytest.approx(150, abs=6)


class Fickle:
    """Brings at the second try."""

    tries = 0

    async def deliver(self, delivery: DeliveryRecord) -> Outcome:  # noqa: ARG002
        self.tries += 1
        return Later("not now") if self.tries == 1 else Sent()


async def test_deliveries_and_their_retries(tmp_path: Path) -> None:
    async with measured(tmp_path, (Link("test", lambda: "", lambda: 3),), deliverers={"test": Fickle()}) as (
        bot,
        url,
        http,
    ):
        assert (await scrape(http, url))["fairbrush_delivery_retries_total{platform=test}"] == 0
        await bot.ask("a fox", reply="here")
        await bot.server.until_waiting(1)
        bot.server.finish()
        meters = bot.service.meters
        await bot.server.until(lambda _: meters.deliveries["test", "again"])
        bot.clock.advance(10)
        bot.service.courier.nudge()
        await bot.server.until(lambda _: meters.deliveries["test", "sent"])
        meters.called("test", 200)
        meters.called("test", 429)
        meters.called("test", 429)
        found = await scrape(http, url)
        assert found["fairbrush_delivery_retries_total{platform=test}"] == 1
        assert found["fairbrush_deliveries_total{platform=test,result=sent}"] == 1
        assert found["fairbrush_platform_rate_limited_total{platform=test}"] == 2
        assert found["fairbrush_platform_calls_total{platform=test,result=ok}"] == 1
        assert found["fairbrush_platform_reconnects_total{platform=test}"] == 3
        assert found["fairbrush_platform_up{platform=test}"] == 1


async def test_both_formats_can_be_read_and_hold_what_the_catalogue_says(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        await bot.ask("a fox")
        async with http.get(f"{url}/metrics") as answer:
            plain = await answer.text()
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        async with http.get(f"{url}/metrics", headers=accept) as answer:
            families = list(open_metrics(await answer.text()))
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert {family.name for family in families if family.name.startswith("fairbrush_")} == {
            name.removesuffix("_total") for name in METRICS
        }
        for family in text_string_to_metric_families(plain):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            if name.startswith("fairbrush_"):
                assert family.type == METRICS[name].kind
                assert family.documentation == METRICS[name].meaning
                for sample in family.samples:
                    assert set(sample.labels) - {"le"} == set(METRICS[name].labels)
        assert "process_resident_memory_bytes" in plain or not Path("/proc").exists()
        async with http.get(f"{url}/metrics", headers={"Accept": "text/plain; version=x.y"}) as answer:
            assert answer.status == 200


async def test_no_label_says_who_asked_or_what_for(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        receipt = await bot.ask("a very private otter", "mallory")
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(receipt.accepted.request.id)
        async with http.get(f"{url}/metrics") as answer:
            text = await answer.text()
        request = receipt.accepted.request
        for secret in ("otter", "mallory", request.user, request.id):
            assert secret not in text


async def test_errors_of_the_database_are_counted(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        bot.store.on_trouble = bot.service.meters.store_refused
        bot.store._writes = None
        with pytest.raises(StoreUnavailable):
            await bot.store.put("x", 1)
        bot.service.meters.store_refused()
        assert (await scrape(http, url))["fairbrush_store_errors_total"] >= 1


def job(number: int) -> WaitingJob:
    work = Work(TemplateName(f"template-{number % 7}"), f"model-{number % 5}", 1_000_000, 20, "needs")
    request = RequestId(f"request{number // 4}")
    return WaitingJob(JobId(f"{request}-{number % 4 + 1}"), UserId(f"user-{number % 900}"), number, work, 1.0)


async def test_ten_thousand_waiting_jobs_are_told_at_once(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        bot.service.dispatcher.gates.paused = True
        bot.service.dispatcher.line.adopt(*(job(number) for number in range(10_000)))
        took = []
        for _ in range(5):
            began = time.perf_counter()
            found = await scrape(http, url)
            took.append(time.perf_counter() - began)
        assert found["fairbrush_jobs{state=queued}"] == 10_000
        # The whole way, the client's share and the checks with their write to the disk included.
        assert min(took) < 0.25


class TestSpread:
    def test_what_is_on_a_bound_belongs_below_it(self) -> None:
        spread = Spread((1.0, 2.0))
        for value in (0.5, 1.0, 1.5, 2.0, 3.0):
            spread.add(value)
        assert spread.up_to() == (2, 4, 5)
        assert spread.count == 5
        assert spread.total == pytest.approx(8.0)


def test_names_that_are_too_many_are_counted_together() -> None:
    meters = Meters(lambda: 0.0)
    for number in range(MOST_NAMES + 50):
        meters.began(TierName(f"tier {number}"), 1.0)
        meters.painted(ServerName(f"server {number}"), UserId("a"), 1.0)
        meters.refused(f"code {number}")
    assert len(meters.waits) == len(meters.busy_seconds) == MOST_NAMES + 1
    assert meters.waits[OTHER].count == 50
    assert meters.busy_seconds[OTHER] == 50
    assert meters.requests_refused[(OTHER,)] == 50


class TestLoopLag:
    def test_the_most_of_a_minute(self) -> None:
        now = [0.0]

        async def sleep(_: float) -> None: ...

        lag = LoopLag(lambda: now[0], sleep)
        for late in (0.01, 0.3, 0.02):
            now[0] += EVERY
            lag.note(late)
        assert lag.most() == pytest.approx(0.3)
        for _ in range(round(WINDOW / EVERY) + 1):
            now[0] += EVERY
            lag.note(0.001)
        assert lag.most() == pytest.approx(0.001)
        now[0] += EVERY + 4.0
        assert lag.most() == pytest.approx(4.0)  # the beat that is due has not come yet

    async def test_a_loop_that_is_held_up_is_noticed(self) -> None:
        loop = asyncio.get_running_loop()
        lag = LoopLag(loop.time, asyncio.sleep)
        running = asyncio.create_task(lag.run())
        await asyncio.sleep(0)
        time.sleep(EVERY + 0.2)  # noqa: ASYNC251 - that is what is to be noticed
        async with asyncio.timeout(5):
            while not lag.spread.count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        running.cancel()
        assert lag.most() >= 0.15


async def test_outcomes_are_there_before_the_first_of_them(tmp_path: Path) -> None:
    """A counter whose first value is 1 has not risen, for Prometheus."""
    async with measured(tmp_path) as (_, url, http):
        found = await scrape(http, url)
        for outcome in (JobState.DONE, JobState.FAILED, JobState.CANCELLED):
            assert found[f"fairbrush_jobs_ended_total{{code=,outcome={outcome}}}"] == 0
