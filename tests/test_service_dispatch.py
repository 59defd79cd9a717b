"""The way of a job: from being asked for to its outcome, on servers that the test plays by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.errors import NotAccepting, NotFound, NotYours
from bot.domain.events import Progressed
from bot.domain.ids import IdentityId, NodeId
from bot.domain.jobs import JobState
from bot.service.gate import Asker
from bot.service.records import EntryKind
from bot.service.streams import JobEvent, JobOver, JobStaged
from tests.support.service import Bot, bot_at_work


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with bot_at_work(tmp_path) as bot:
        yield bot


def alice() -> Asker:
    return Asker(IdentityId("test:alice"), "alice")


async def kinds(bot: Bot) -> list[EntryKind]:
    """Of the ledger, the oldest first."""
    return [entry.kind for entry in reversed(await bot.store.ledger())]


async def test_a_picture_is_asked_for_painted_kept_and_charged(bot: Bot) -> None:
    receipt = await bot.ask("a fox --seed 7")
    (job,) = receipt.accepted.jobs
    assert job.state is JobState.QUEUED
    await bot.server.until_waiting(1)
    assert (await bot.until_state(job.id, JobState.STAGED)).attempts == 1
    bot.server.start()
    await bot.until_state(job.id, JobState.RUNNING)
    bot.server.finish(seconds=4.5)
    done = await bot.until_state(job.id, JobState.DONE)
    assert done.measured_seconds == pytest.approx(4.5)
    ((kept,), texts) = await bot.store.results(job.id)
    assert (bot.settings.data_dir / kept.file.path).read_bytes() == b"not really a picture"
    assert texts == ()
    entries = (await bot.store.ledger())[::-1]
    assert [entry.kind for entry in entries] == [EntryKind.RESERVE, EntryKind.SETTLE]
    assert entries[1].seconds == pytest.approx(4.5)
    assert entries[0].job == entries[1].job == job.id
    states = [state for _, state, _ in await bot.store.history(job.id)]
    assert states == [JobState.QUEUED, JobState.STAGED, JobState.RUNNING, JobState.DONE]


async def test_the_graph_that_is_posted_is_what_was_asked_for(bot: Bot) -> None:
    await bot.ask("a fox in the snow --seed 11 --steps 9")
    await bot.server.until_waiting(1)
    graph = bot.server.posted[0].graph
    inputs = [value for node in graph for value in node.inputs.values()]
    assert "a fox in the snow" in inputs
    assert 11 in inputs
    assert 9 in inputs


async def test_a_request_for_pictures_is_as_many_jobs_each_with_its_seed(bot: Bot) -> None:
    receipt = await bot.ask("a fox --seed 40 --count 3")
    assert [job.seed for job in receipt.accepted.jobs] == [40, 41, 42]
    for _ in range(3):
        await bot.server.until_waiting(1)
        bot.server.finish()
    jobs = await bot.until_over(receipt.accepted.request.id)
    assert [job.state for job in jobs] == [JobState.DONE] * 3


async def test_a_server_has_one_job_to_run_and_one_more_only_when_that_is_about_to_end(bot: Bot) -> None:
    await bot.ask("a fox --count 4")
    await bot.server.until_waiting(1)
    run = bot.server.start()
    state = bot.state()
    await bot.server.until(lambda _: state.running is not None)
    assert len(bot.server.waiting) == 1  # the sidecar's guess is far more than two seconds
    assert run.on_event is not None
    bot.clock.advance(10)
    run.on_event(Progressed(0.9, NodeId("3"), "KSampler", 18, 20))
    bot.service.dispatcher.wake()
    await bot.server.until_waiting(2)
    bot.clock.advance(1)
    bot.service.dispatcher.wake()
    await bot.store.job(next(iter(state.active)))
    assert len(bot.server.waiting) == 2


async def test_a_newcomer_waits_for_one_job_and_not_for_a_batch(bot: Bot) -> None:
    many = await bot.ask("a fox --count 4", "alice")
    await bot.server.until_waiting(1)
    bot.server.start()
    one = await bot.ask("a boat", "bob")
    bot.server.finish()
    await bot.until_state(many.accepted.jobs[0].id, JobState.DONE)
    await bot.server.until_waiting(1)
    await bot.until_state(one.accepted.jobs[0].id, JobState.STAGED)


async def test_jobs_of_one_user_go_in_their_order(bot: Bot) -> None:
    first, second = await bot.ask("a fox --count 2 --seed 1"), await bot.ask("a boat --seed 9")
    seeds = []
    for _ in range(3):
        await bot.server.until_waiting(1)
        run = bot.server.finish()
        seeds += [
            v for node in run.submission.graph for n, v in node.inputs.items() if n in ("seed", "noise_seed")
        ]
    await bot.until_over(first.accepted.request.id)
    await bot.until_over(second.accepted.request.id)
    assert seeds == [1, 2, 9]


async def test_the_stream_of_a_request_ends_each_job_once(bot: Bot) -> None:
    receipt = await bot.ask("a fox --count 2")
    events: list[JobEvent] = []
    with bot.service.operator.streams.subscribe(receipt.accepted.request.id) as heard:
        for _ in range(2):
            await bot.server.until_waiting(1)
            bot.server.finish()
        # The rows are over a moment before anybody is told.
        async with asyncio.timeout(10):
            while sum(isinstance(event, JobOver) for event in events) < 2:
                await heard.changed()
                events += heard.take()
        for _ in range(20):
            await bot.store.counts()
        events += heard.take()
    assert any(isinstance(event, JobStaged) for event in events)
    ends = [event.job for event in events if isinstance(event, JobOver)]
    assert sorted(ends) == sorted(job.id for job in receipt.accepted.jobs)


async def test_the_same_event_makes_one_request(bot: Bot) -> None:
    first = await bot.ask("a fox", event="interaction-1")
    again = await bot.ask("a fox", event="interaction-1")
    assert again.accepted.request.id == first.accepted.request.id
    assert not again.accepted.fresh
    assert len(bot.service.dispatcher.known_jobs()) == 1


async def test_a_waiting_job_is_cancelled_at_once_and_costs_nothing(bot: Bot) -> None:
    receipt = await bot.ask("a fox --count 2")
    await bot.server.until_waiting(1)
    waiting = receipt.accepted.jobs[1]
    result = await bot.service.usecases.cancel(waiting.id, alice())
    assert result.cancelled == (waiting.id,)
    assert (await bot.job(waiting.id)).state is JobState.CANCELLED
    assert (await kinds(bot)).count(EntryKind.RELEASE) == 1
    assert bot.server.cancelled == []


async def test_a_running_job_is_stopped_and_pays_for_what_it_used(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    job = receipt.accepted.jobs[0]
    await bot.server.until_waiting(1)
    bot.server.start()
    await bot.until_state(job.id, JobState.RUNNING)
    result = await bot.service.usecases.cancel(receipt.accepted.request.id, alice())
    assert result.stopping == (job.id,)
    cancelled = await bot.until_state(job.id, JobState.CANCELLED)
    assert cancelled.measured_seconds == pytest.approx(1.0)
    entries = (await bot.store.ledger())[::-1]
    assert [entry.kind for entry in entries] == [EntryKind.RESERVE, EntryKind.SETTLE]


async def test_a_staged_job_that_is_cancelled_pays_nothing(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    job = receipt.accepted.jobs[0]
    await bot.server.until_waiting(1)
    await bot.service.usecases.cancel(job.id, alice())
    await bot.until_state(job.id, JobState.CANCELLED)
    assert await kinds(bot) == [EntryKind.RESERVE, EntryKind.RELEASE]


async def test_a_cancel_right_after_asking_ends_the_job_whatever_it_is_at(bot: Bot) -> None:
    for _ in range(20):
        receipt = await bot.ask("a fox")
        await bot.service.usecases.cancel(receipt.accepted.request.id, alice())
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert job.state is JobState.CANCELLED
    await bot.server.until(lambda _: not bot.state().active)


async def test_nobody_cancels_the_jobs_of_others_but_an_operator_does(bot: Bot) -> None:
    receipt = await bot.ask("a fox", "alice")
    mallory = Asker(IdentityId("test:mallory"), "mallory")
    with pytest.raises(NotYours):
        await bot.service.usecases.cancel(receipt.accepted.request.id, mallory)
    with pytest.raises(NotFound):
        await bot.service.usecases.cancel("nosuchjob-1", mallory)
    await bot.service.operator.cancel(receipt.accepted.request.id, "shell:root")
    (job,) = await bot.until_over(receipt.accepted.request.id)
    assert job.state is JobState.CANCELLED
    assert [entry.action for entry in await bot.store.audit_log()] == ["cancel"]


async def test_a_cancelled_job_that_had_ended_is_over(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_over(receipt.accepted.request.id)
    result = await bot.service.usecases.cancel(receipt.accepted.request.id, alice())
    assert result.over == (receipt.accepted.jobs[0].id,)


async def test_pause_holds_the_queue_and_survives_a_restart(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        assert await bot.service.operator.pause("shell:root")
        assert not await bot.service.operator.pause("shell:root")
        receipt = await bot.ask("a fox")
        outlook = bot.service.dispatcher.outlook(receipt.accepted.jobs[0].id)
        assert outlook is not None
        assert outlook.seconds is None
        assert "paused" in str(outlook.why)
    async with bot_at_work(tmp_path, [bot.server]) as bot:
        assert (await bot.service.operator.queue()).paused
        assert bot.server.posted == []
        assert await bot.service.operator.resume("shell:root")
        await bot.server.until_waiting(1)


async def test_drain_takes_nothing_new_and_finishes_what_is_there(bot: Bot) -> None:
    receipt = await bot.ask("a fox --count 2")
    await bot.service.operator.drain("shell:root")
    with pytest.raises(NotAccepting):
        await bot.ask("a boat")
    for _ in range(2):
        await bot.server.until_waiting(1)
        bot.server.finish()
    assert all(j.state is JobState.DONE for j in await bot.until_over(receipt.accepted.request.id))
    await bot.service.operator.resume("shell:root")
    await bot.ask("a boat")


async def test_a_template_may_be_removed_while_its_jobs_wait(bot: Bot, tmp_path: Path) -> None:
    await bot.service.operator.pause("shell:root")
    receipt = await bot.ask("a fox --seed 3")
    library = bot.service.usecases.shelf.library
    library._entries.clear()
    await bot.service.operator.resume("shell:root")
    await bot.server.until_waiting(1)
    bot.server.finish()
    (job,) = await bot.until_over(receipt.accepted.request.id)
    assert job.state is JobState.DONE
