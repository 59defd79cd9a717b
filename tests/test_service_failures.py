"""Servers that crash, forget, stick; memory and disks that are full: a picture, or a refund and a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.errors import (
    BackendError,
    NodeFailed,
    OutOfMemory,
    OutputError,
    Quarantined,
    RunTimedOut,
    ServerUnreachable,
    ServerWedged,
    StoreUnavailable,
    TooBigForGpu,
)
from bot.domain.events import Failed, Interrupted
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.service import gallery
from bot.service.records import EntryKind
from bot.service.servers import ServerState
from tests.support.fake_server import FakeServer, unreachable
from tests.support.service import Bot, bot_at_work


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with bot_at_work(tmp_path) as bot:
        yield bot


def out_of_memory() -> OutOfMemory:
    return OutOfMemory(
        Text("The card ran out of memory."), node_id="3", class_type="KSampler", message="", cause="test"
    )


def node_failed() -> NodeFailed:
    return NodeFailed(Text("A node broke."), node_id="3", class_type="KSampler", message="boom", cause="test")


async def kinds(bot: Bot) -> list[EntryKind]:
    return [entry.kind for entry in reversed(await bot.store.ledger())]


async def come_back(bot: Bot, server: FakeServer) -> None:
    """The server answers again, and is probed."""
    server.down = None
    await probed(bot, server)


async def probed(bot: Bot, server: FakeServer) -> None:
    async def up() -> bool:
        return bot.state(server.name).state is ServerState.UP

    for _ in range(200):
        if await up():
            return
        bot.clock.advance(31)
        for _ in range(10):
            await bot.store.counts()
    raise AssertionError("it was not found to be up again")


async def test_a_crash_in_the_middle_costs_nobody_a_place_or_a_second_charge(bot: Bot) -> None:
    first, second = await bot.ask("a fox", "alice"), await bot.ask("a boat", "alice")
    await bot.server.until_waiting(1)
    bot.server.start()
    job = first.accepted.jobs[0]
    await bot.until_state(job.id, JobState.RUNNING)
    bot.server.crash()
    await bot.until_state(job.id, JobState.QUEUED)
    assert bot.state().state is ServerState.DOWN
    outlook = bot.service.dispatcher.outlook(job.id)
    assert outlook is not None
    assert outlook.place == 1
    assert outlook.seconds is None
    assert "out of service" in str(outlook.why)
    await come_back(bot, bot.server)
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_state(job.id, JobState.DONE)
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_over(second.accepted.request.id)
    assert await kinds(bot) == [EntryKind.RESERVE] * 2 + [EntryKind.SETTLE] * 2
    assert len({submission.prompt_id for submission in bot.server.posted}) == 3


async def test_a_server_that_comes_back_with_the_run_is_not_sent_it_again(bot: Bot) -> None:
    """The network was away, not the server: the run has gone on there."""
    receipt = await bot.ask("a fox")
    job = receipt.accepted.jobs[0]
    await bot.server.until_waiting(1)
    run = bot.server.start()
    await bot.until_state(job.id, JobState.RUNNING)
    bot.server.down = unreachable()
    run.tell(Failed(unreachable()))
    await bot.until_state(job.id, JobState.QUEUED)
    await come_back(bot, bot.server)
    await bot.until_state(job.id, JobState.RUNNING)
    bot.server.finish(seconds=5.0)
    done = await bot.until_state(job.id, JobState.DONE)
    assert len(bot.server.posted) == 1
    assert done.measured_seconds == pytest.approx(5.0)
    assert await kinds(bot) == [EntryKind.RESERVE, EntryKind.SETTLE]


async def test_a_restarted_server_gets_a_fresh_attempt(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    job = receipt.accepted.jobs[0]
    await bot.server.until_waiting(1)
    old = bot.server.posted[0].prompt_id
    bot.server.restart()
    await bot.server.until(lambda server: len(server.posted) == 2)
    assert bot.server.posted[1].prompt_id != old
    bot.server.finish()
    done = await bot.until_state(job.id, JobState.DONE)
    assert done.attempts == 2
    assert await bot.store.open_attempts() == ()


async def test_a_job_that_takes_its_server_down_each_time_ends(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    job = receipt.accepted.jobs[0]
    for count in range(3):
        await bot.server.until(lambda server, n=count: len(server.posted) == n + 1)
        bot.server.start()
        await bot.until_state(job.id, JobState.RUNNING)
        bot.server.restart()
    failed = await bot.until_state(job.id, JobState.FAILED)
    assert failed.error_code == "run_lost"
    assert await kinds(bot) == [EntryKind.RESERVE, EntryKind.RELEASE]


async def test_out_of_memory_frees_it_tries_once_more_then_fails_with_advice(bot: Bot) -> None:
    receipt = await bot.ask("a fox --size 1024x1024")
    job = receipt.accepted.jobs[0]
    for count in range(2):
        await bot.server.until(lambda server, n=count: len(server.posted) == n + 1)
        bot.server.fail(out_of_memory(), 2.0)
    failed = await bot.until_state(job.id, JobState.FAILED)
    assert bot.server.freed == 2
    assert "Ask for a smaller size" in failed.error_text
    assert failed.error_code == "out_of_memory"
    assert await kinds(bot) == [EntryKind.RESERVE, EntryKind.RELEASE]
    with pytest.raises(TooBigForGpu):
        await bot.ask("a fox --size 1024x1024")
    await bot.ask("a fox --size 512x512")


async def test_waiting_jobs_of_a_size_that_cannot_be_done_learn_it_at_once(bot: Bot) -> None:
    big = [await bot.ask("a fox --size 1024x1024", f"user{n}") for n in range(4)]
    small = await bot.ask("a boat --size 512x512", "bob")
    for count in range(2):
        await bot.server.until(lambda server, n=count: len(server.posted) > n)
        bot.server.fail(out_of_memory(), 2.0)
    for receipt in big:
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert job.error_code in ("too_big_for_gpu", "out_of_memory")
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_state(small.accepted.jobs[0].id, JobState.DONE)
    assert (await kinds(bot)).count(EntryKind.RELEASE) == 4


async def test_a_node_that_fails_is_not_tried_again(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    bot.server.fail(node_failed(), 1.0)
    (failed,) = await bot.until_over(receipt.accepted.request.id)
    assert (failed.state, failed.error_text) == (JobState.FAILED, "A node broke.")
    assert await kinds(bot) == [EntryKind.RESERVE, EntryKind.RELEASE]
    assert len(bot.server.posted) == 1


async def test_a_template_that_keeps_failing_rests_and_its_operator_is_told(bot: Bot) -> None:
    receipts = [await bot.ask("a fox", f"user{n}") for n in range(5)]
    for count in range(3):
        await bot.server.until(lambda server, n=count: len(server.posted) > n)
        bot.server.fail(node_failed(), 1.0)
    ends = [(await bot.until_over(receipt.accepted.request.id))[0] for receipt in receipts]
    assert all(job.state is JobState.FAILED for job in ends)
    assert [job.error_code for job in ends].count("quarantined") == 2
    with pytest.raises(Quarantined):
        await bot.ask("a boat", "somebody else")
    notices = [str(notice.text) for notice in (await bot.service.operator.queue()).notices]
    assert any("rests for" in text for text in notices)
    assert (await kinds(bot)).count(EntryKind.RELEASE) == 5
    bot.clock.advance(11 * 60)
    await bot.ask("a boat", "somebody else")


async def test_a_wedged_server_is_not_fed_and_the_operator_is_told(bot: Bot) -> None:
    first = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    stuck = bot.server.start()
    wedged = ServerWedged(Text("It is stuck. Its operator has to restart it."), cause="test")
    stuck.tell(Failed(wedged))
    await bot.until_state(first.accepted.jobs[0].id, JobState.QUEUED)
    assert bot.state().state is ServerState.WEDGED
    for _ in range(5):
        bot.clock.advance(60)
        await bot.store.counts()
    assert bot.state().state is ServerState.WEDGED
    assert len(bot.server.posted) == 1
    notices = [str(notice.text) for notice in (await bot.service.operator.queue()).notices]
    assert any("stuck" in text for text in notices)
    bot.server.restart()
    await come_back(bot, bot.server)
    await bot.server.until(lambda server: len(server.posted) == 2)


async def test_a_run_without_a_sign_of_life_fails_with_a_refund(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    bot.server.fail(RunTimedOut(Text("No sign of life."), cause="test"))
    (failed,) = await bot.until_over(receipt.accepted.request.id)
    assert failed.error_code == "timed_out"
    assert await kinds(bot) == [EntryKind.RESERVE, EntryKind.RELEASE]


async def test_somebody_elses_interrupt_is_tried_again_once(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    job = receipt.accepted.jobs[0]
    for count in range(2):
        await bot.server.until(lambda server, n=count: len(server.posted) == n + 1)
        bot.server.end(Interrupted(0.5))
    failed = await bot.until_state(job.id, JobState.FAILED)
    assert failed.error_code == "interrupted"
    assert "Somebody stopped" in failed.error_text


async def test_a_picture_that_the_disk_refuses_is_refunded(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)

    def full(_part: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gallery, "_make_room", full)
    bot.server.finish()
    (failed,) = await bot.until_over(receipt.accepted.request.id)
    assert failed.error_code == OutputError.code
    assert "disk is full" in failed.error_text
    assert await kinds(bot) == [EntryKind.RESERVE, EntryKind.RELEASE]


async def test_a_fetch_that_fails_leaves_no_file_and_a_refund(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    bot.server.fetch_error = BackendError(Text("It broke off."), cause="test")
    bot.server.finish()
    (failed,) = await bot.until_over(receipt.accepted.request.id)
    assert failed.state is JobState.FAILED
    assert [p for p in (bot.settings.data_dir / "pictures").rglob("*") if p.is_file()] == []


async def test_an_outcome_that_cannot_be_written_is_written_when_there_is_space_again(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = await bot.ask("a fox")
    job = receipt.accepted.jobs[0]
    await bot.server.until_waiting(1)
    complete, refused = bot.store.complete, []

    async def sometimes(*args: object) -> object:
        if len(refused) < 2:
            refused.append(args)
            raise StoreUnavailable(Text("The disk is full."), cause="test")
        return await complete(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(bot.store, "complete", sometimes)
    bot.server.finish()
    done = await bot.until_state(job.id, JobState.DONE, tick=0.5)
    assert len(refused) == 2
    assert done.measured_seconds == pytest.approx(3.0)


async def test_nothing_is_posted_that_could_not_be_written_down(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, refused = bot.store.stage, []

    async def once(attempt: object) -> bool:
        if not refused:
            refused.append(attempt)
            raise StoreUnavailable(Text("The disk is full."), cause="test")
        return await stage(attempt)  # type: ignore[arg-type]

    monkeypatch.setattr(bot.store, "stage", once)
    receipt = await bot.ask("a fox")
    while not refused:
        await bot.store.counts()
    assert bot.server.posted == []
    for _ in range(20):
        await bot.store.counts()
    bot.clock.advance(3)
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_over(receipt.accepted.request.id)


async def test_a_server_that_is_down_at_the_start_is_waited_for(tmp_path: Path) -> None:
    server = FakeServer(down=unreachable())
    async with bot_at_work(tmp_path, [server]) as bot:
        assert bot.state().state is ServerState.DOWN
        receipt = await bot.ask("a fox")
        await come_back(bot, server)
        await server.until_waiting(1)
        server.finish()
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert job.state is JobState.DONE


async def test_an_idle_server_that_goes_away_is_noticed(bot: Bot) -> None:
    bot.server.down = ServerUnreachable(Text("It does not answer."), cause="test")
    for _ in range(5):
        bot.clock.advance(16)
        for _ in range(5):
            await bot.store.counts()
    assert bot.state().state is ServerState.DOWN
    view = await bot.service.operator.queue()
    assert view.servers[0].state == "down"
    assert "does not answer" in str(view.servers[0].reason)


async def test_a_cancel_while_the_server_is_gone_ends_and_leaves_nothing_behind(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    job = receipt.accepted.jobs[0]
    await bot.server.until_waiting(1)
    run = bot.server.start()
    await bot.until_state(job.id, JobState.RUNNING)
    bot.server.down = unreachable()
    prompt_id = run.submission.prompt_id
    state = bot.state()
    state.active[job.id].cancel_by = "test:alice"
    run.tell(Interrupted())
    await bot.until_state(job.id, JobState.CANCELLED)
    await come_back(bot, bot.server)
    assert prompt_id in bot.server.forgotten
