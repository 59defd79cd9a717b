"""A bot that is stopped in the middle of things and started again on the same data directory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.domain.ids import RequestId
from bot.domain.jobs import JobState
from bot.service.courier import Later, MaybeSent, Nowhere, Outcome, Sent
from bot.service.records import DeliveryRecord, EntryKind
from tests.support.fake_server import FakeServer, unreachable
from tests.support.service import FakeClock, bot_at_work


async def test_what_finished_while_we_were_away_is_fetched_and_charged_once(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        receipt = await bot.ask("a fox")
        await bot.server.until_waiting(1)
        bot.server.start()
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.RUNNING)
    server = bot.server
    server.finish(seconds=6.0)
    async with bot_at_work(tmp_path, [server]) as bot:
        assert bot.service.recovered.attached == 1
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert job.state is JobState.DONE
        assert job.measured_seconds == pytest.approx(6.0)
        assert len(server.posted) == 1
        kinds = [entry.kind for entry in reversed(await bot.store.ledger())]
        assert kinds == [EntryKind.RESERVE, EntryKind.SETTLE]


async def test_what_still_runs_is_followed_to_its_end(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        receipt = await bot.ask("a fox")
        await bot.server.until_waiting(1)
        bot.server.start()
    server = bot.server
    async with bot_at_work(tmp_path, [server]) as bot:
        job = receipt.accepted.jobs[0].id
        await bot.until_state(job, JobState.RUNNING)
        server.finish()
        await bot.until_state(job, JobState.DONE)
        assert len(server.posted) == 1


async def test_what_the_server_has_forgotten_is_painted_anew_at_its_old_place(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        first = await bot.ask("a fox")
        second = await bot.ask("a boat")
        await bot.server.until_waiting(1)
    server = bot.server
    server.restart()
    async with bot_at_work(tmp_path, [server]) as bot:
        for receipt in (first, second):
            await server.until_waiting(1)
            server.finish()
            await bot.until_over(receipt.accepted.request.id)
        assert (await bot.job(first.accepted.jobs[0].id)).attempts == 2


async def test_what_was_written_down_and_never_posted_is_posted(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        receipt = await bot.ask("a fox")
        await bot.server.until_waiting(1)
    server = FakeServer()  # as if the process had died between the row and the POST
    async with bot_at_work(tmp_path, [server]) as bot:
        await server.until_waiting(1)
        server.finish()
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert job.state is JobState.DONE


async def test_what_waited_waits_on_in_the_same_order(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        await bot.service.operator.pause("shell:root")
        receipts = [await bot.ask(f"picture {n}") for n in range(5)]
    async with bot_at_work(tmp_path, [bot.server]) as bot:
        assert bot.service.recovered.waiting == 5
        await bot.service.operator.resume("shell:root")
        for receipt in receipts:
            await bot.server.until_waiting(1)
            bot.server.finish()
            (job,) = await bot.until_over(receipt.accepted.request.id)
            assert job.state is JobState.DONE


async def test_a_wish_to_cancel_outlives_the_process(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        receipt = await bot.ask("a fox")
        await bot.server.until_waiting(1)
        bot.server.start()
        job = receipt.accepted.jobs[0].id
        await bot.until_state(job, JobState.RUNNING)
        (attempt,) = await bot.store.open_attempts()
        await bot.store.wish_to_cancel(attempt.prompt_id, "test:alice", bot.clock.now())
    async with bot_at_work(tmp_path, [bot.server]) as bot:
        await bot.until_state(job, JobState.CANCELLED)
        assert bot.server.cancelled == [attempt.prompt_id]


async def test_the_job_of_a_server_that_is_configured_no_more_goes_to_another(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, [FakeServer("old")]) as bot:
        receipt = await bot.ask("a fox")
        await bot.server.until_waiting(1)
    async with bot_at_work(tmp_path, [FakeServer("new")]) as bot:
        assert bot.service.recovered.requeued == 1
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(receipt.accepted.request.id)


async def test_a_server_that_is_away_at_the_start_is_asked_before_anything_is_sent_again(
    tmp_path: Path,
) -> None:
    async with bot_at_work(tmp_path) as bot:
        receipt = await bot.ask("a fox")
        await bot.server.until_waiting(1)
        bot.server.start()
        job = receipt.accepted.jobs[0].id
        await bot.until_state(job, JobState.RUNNING)
    server = bot.server
    server.down = unreachable()
    async with bot_at_work(tmp_path, [server]) as bot:
        await bot.until_state(job, JobState.QUEUED)
        server.down = None
        await bot.until_state(job, JobState.RUNNING, tick=1.0)
        server.finish()
        await bot.until_state(job, JobState.DONE)
        assert len(server.posted) == 1


async def test_virtual_times_outlive_the_process(tmp_path: Path) -> None:
    """Whoever has had much of the GPU does not begin anew because the bot did."""
    clock = FakeClock()
    async with bot_at_work(tmp_path, clock=clock) as bot:
        receipt = await bot.ask("a fox --count 3", "greedy")
        for _ in range(3):
            await bot.server.until_waiting(1)
            bot.server.finish(seconds=40.0)
        await bot.until_over(receipt.accepted.request.id)
        before = bot.service.dispatcher.queue.virtual_time, dict(bot.service.dispatcher.queue.lagging())
        assert before[1]["test:greedy"] > before[0]
    async with bot_at_work(tmp_path, [bot.server], clock=clock) as bot:
        queue = bot.service.dispatcher.queue
        assert (queue.virtual_time, queue.lagging()) == before


async def test_files_without_a_row_are_removed_at_the_start(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        receipt = await bot.ask("a fox")
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(receipt.accepted.request.id)
        pictures = bot.settings.data_dir / "pictures"
        (kept,) = [path for path in pictures.rglob("*") if path.is_file()]
        orphan, part = kept.with_name("orphan.png"), pictures / ".half.part"
        orphan.write_bytes(b"")
        part.write_bytes(b"")
    async with bot_at_work(tmp_path, [bot.server]) as bot:
        assert bot.service.recovered.orphans == 2
        assert kept.exists()
        assert not orphan.exists()
        assert not part.exists()


async def test_a_run_may_end_while_the_bot_winds_down(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, shutdown_seconds=30.0) as bot:
        receipt = await bot.ask("a fox --count 2")
        await bot.server.until_waiting(1)
        bot.server.start()
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.RUNNING)
        server = bot.server

        asyncio.get_running_loop().call_later(0.05, server.finish)
    async with bot_at_work(tmp_path, [server]) as bot:
        first, second = await bot.store.jobs_of(receipt.accepted.request.id)
        assert first.state is JobState.DONE
        assert second.state in (JobState.QUEUED, JobState.STAGED)
        assert len(server.posted) <= 2


class Postman:
    """A front-end that answers as it is told to."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.brought: list[RequestId] = []

    async def deliver(self, delivery: DeliveryRecord) -> Outcome:
        self.brought.append(delivery.request)
        return self.outcomes.pop(0) if self.outcomes else Sent("message-1")


async def test_a_result_that_was_not_shown_is_shown_after_the_restart(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:  # no front-end takes it
        receipt = await bot.ask("a fox", reply="channel-1/message-2")
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(receipt.accepted.request.id)
    postman = Postman()
    async with bot_at_work(tmp_path, [bot.server], deliverers={"test": postman}) as bot:
        await bot.server.until(lambda _: postman.brought)
    async with bot_at_work(tmp_path, [bot.server], deliverers={"test": postman}) as bot:
        for _ in range(20):
            await bot.store.counts()
    assert postman.brought == [receipt.accepted.request.id]


@pytest.mark.parametrize(
    ("outcome", "tries"), [(Later("flood", 1.0), 2), (MaybeSent(), 1), (Nowhere("kicked"), 1)], ids=str
)
async def test_what_becomes_of_a_delivery(tmp_path: Path, outcome: Outcome, tries: int) -> None:
    postman = Postman(outcome)
    async with bot_at_work(tmp_path, deliverers={"test": postman}) as bot:
        receipt = await bot.ask("a fox", reply="channel-1/message-2")
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(receipt.accepted.request.id)
        await bot.server.until(lambda _: postman.brought)
        for _ in range(50):
            bot.clock.advance(1)
            bot.service.courier.nudge()
            await bot.store.counts()
        await bot.server.until(lambda _: len(postman.brought) == tries)
    assert postman.brought == [receipt.accepted.request.id] * tries
