"""What a hostile user, a hostile server, a wrong clock and a long life must not do to a bot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.domain.errors import NodeFailed, OutputError, ParameterError, RunLost, RunTimedOut, StoreUnavailable
from bot.domain.events import Failed, Finished
from bot.domain.ids import IdentityId, NodeId
from bot.domain.jobs import JobState
from bot.domain.outputs import MediaKind, OutputFile, OutputText
from bot.domain.text import Text
from bot.presentation.flags import Ask
from bot.service import dispatcher as dispatching
from bot.service.courier import FIRST_RETRY, Later, Outcome, Sent
from bot.service.gate import Asker, Origin
from bot.service.images import InputImage
from bot.service.notices import Notices
from bot.service.records import DeliveryRecord, EntryKind
from bot.service.shelf import Shelf
from tests.support.audits import check_books
from tests.support.fake_server import FakeServer
from tests.support.service import START, Bot, FakeClock, bot_at_work
from tests.support.templates import catalogue

SECRET = "my very private words"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with bot_at_work(tmp_path) as bot:
        yield bot
        await check_books(bot.service, bot.store)


async def paint(bot: Bot, line: str = "a fox") -> Any:
    receipt = await bot.ask(line)
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_over(receipt.accepted.request.id)
    return receipt.accepted.jobs[0].id


# Hostile servers


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/cron.d/x.png",
        "C:\\Windows\\System32\\x.png",
        "\x00\x1b[31m.png",
        "CON.png",
        "x" * 5000 + ".png",
        "a.png/../../b.exe",
        "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
        "",
        ".",
    ],
    ids=repr,
)
async def test_a_file_name_of_a_server_says_nothing_about_where_it_is_kept(bot: Bot, name: str) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    file = OutputFile(NodeId("7"), name, subfolder="../..", kind=MediaKind.IMAGE)
    bot.server.end(Finished((file,), 1.0, cached=False))
    (job,) = await bot.until_over(receipt.accepted.request.id)
    assert job.state is JobState.DONE
    (kept,), _ = await bot.store.results(job.id)
    path = (bot.settings.data_dir / kept.file.path).resolve()
    assert path.is_relative_to(bot.settings.data_dir / "pictures")
    assert path.is_file()


@pytest.mark.parametrize("size", [(12_000, 12_000), (1, 1)], ids=str)
async def test_a_picture_of_any_size_is_kept(bot: Bot, tmp_path: Path, size: tuple[int, int]) -> None:
    """An upscaler makes what Pillow would warn of; its size is read, nothing is decoded."""
    file = tmp_path / "large.png"
    Image.new("1", size).save(file, "PNG")
    bot.server.picture = file.read_bytes
    job = await paint(bot)
    (kept,), _ = await bot.store.results(job)
    assert (kept.width, kept.height) == size


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"\xff" * 64, b"GIF89a" + b"\x00" * 5, b"II*\x00" * 9],
    ids=repr,
)
async def test_a_picture_that_is_none_is_kept_all_the_same(bot: Bot, content: bytes) -> None:
    bot.server.picture = lambda: content
    job = await paint(bot)
    (kept,), _ = await bot.store.results(job)
    assert kept.file.size == len(content)


@pytest.mark.parametrize("seconds", [-5.0, float("nan"), float("inf"), 1e300], ids=str)
async def test_a_time_that_no_run_takes_breaks_nothing(bot: Bot, seconds: float) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    bot.server.finish(seconds)
    (job,) = await bot.until_over(receipt.accepted.request.id)
    assert job.measured_seconds is None or 0 <= job.measured_seconds < 1e12
    await paint(bot)


async def test_texts_of_any_kind_are_kept(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    said = "\x00<script> \N{FOX FACE} " * 1000
    bot.server.end(Finished((OutputText(NodeId("3"), said),), 1.0, cached=False))
    (job,) = await bot.until_over(receipt.accepted.request.id)
    assert (await bot.store.results(job.id))[1] == (said,)


async def test_a_node_s_words_reach_the_person_and_not_the_log(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for number in range(3):
        receipt = await bot.ask(SECRET, f"user{number}")
        await bot.server.until_waiting(1)
        words = f"cannot tokenize “{SECRET}”"
        error = NodeFailed(
            Text("“Prompt” failed: {message}", message=words),
            node_id="2",
            class_type="CLIPTextEncode",
            message=words,
            cause=f"prompt p node 2 CLIPTextEncode: ValueError: {words}",
        )
        bot.server.fail(error, 1.0)
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert SECRET in job.error_text
    await bot.server.until(lambda _: not bot.state().active)
    assert "CLIPTextEncode" in caplog.text
    assert "rests" in caplog.text
    assert SECRET not in caplog.text
    assert any(SECRET in str(notice.text) for notice in bot.service.operator.notices.latest())


async def test_what_people_write_is_never_logged(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    await paint(bot, f"{SECRET} --no {SECRET}")
    receipt = await bot.ask(SECRET)
    await bot.server.until_waiting(1)
    bot.server.fail(RunLost(Text("It is forgotten."), cause="test"))
    await bot.server.until(lambda server: len(server.posted) == 3)
    await bot.service.operator.cancel(receipt.accepted.request.id, "shell:root")
    await bot.until_over(receipt.accepted.request.id)
    assert SECRET not in caplog.text


# Hostile users


async def test_a_giant_text_is_refused_before_anything_is_looked_for_in_it(bot: Bot) -> None:
    with pytest.raises(ParameterError, match="10000000 characters"):
        await bot.service.usecases.imagine(
            Ask(prompt_text="x" * 10_000_000), Asker(IdentityId("test:a"), "a"), Origin("test", "e1")
        )
    with pytest.raises(ParameterError, match="characters"):
        await bot.service.usecases.imagine(
            Ask(prompt_text="x", values={"cfg": "9" * 10_000_000}),
            Asker(IdentityId("test:a"), "a"),
            Origin("test", "e2"),
        )


async def test_kinds_of_jobs_that_nobody_waits_for_are_forgotten(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "MOST_NEEDS", 3)
    lanes = bot.service.dispatcher.lanes
    await bot.service.operator.pause("shell:root")
    for cfg in ("euler", "heun", "dpm_2", "lms", "ddim"):
        receipt = await bot.ask(f"a fox --set sampler={cfg}")
        await bot.service.operator.cancel(receipt.accepted.request.id, "shell:root")
    kept = await bot.ask("a fox")
    assert len(lanes) > 3
    bot.clock.advance(dispatching.FLOWS_EVERY)
    await bot.server.until(lambda _: len(lanes) == 1)
    assert lanes.knows(kept.accepted.jobs[0].work.needs)
    await bot.service.operator.resume("shell:root")
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_over(kept.accepted.request.id)


async def test_a_long_life_leaves_nothing_behind(bot: Bot) -> None:
    """Jobs that end in every way there is; afterwards the memory is as it was."""
    for number in range(6):
        receipt = await bot.ask("a fox --count 2")
        await bot.server.until_waiting(1)
        bot.server.fail(RunLost(Text("It is forgotten."), cause="test"))
        await bot.server.until_waiting(1)
        if number % 2:
            bot.server.finish()
        await bot.service.operator.cancel(receipt.accepted.request.id, "shell:root")
        await bot.until_over(receipt.accepted.request.id)
    dispatcher = bot.service.dispatcher
    await bot.server.until(lambda _: not dispatcher._running)
    assert len(dispatcher.attempts.memory) == 0
    assert not dispatcher.line.jobs
    assert not dispatcher.errands.under_way()
    assert not dispatcher.attempts._under_way
    assert not dispatcher.queue.in_service
    assert not bot.service.operator.streams.watched()
    assert not bot.state().strays


# Wrong clocks


async def test_a_clock_that_is_set_back_silences_no_notice() -> None:
    clock = FakeClock()
    notices = Notices(clock.as_clock())
    notices.tell(Text("The disk is full."))
    clock.wall -= 86_400_000
    clock.ticks += 3601
    notices.tell(Text("The disk is full."))
    notices.tell(Text("The disk is full."))
    assert len(notices.latest()) == 2


@pytest.mark.parametrize("jump", [-86_400_000, 86_400_000, -10 * 365 * 86_400_000], ids=str)
async def test_a_clock_that_jumps_while_a_picture_is_painted(bot: Bot, jump: int) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    bot.server.start()
    await bot.until_state(receipt.accepted.jobs[0].id, JobState.RUNNING)
    bot.clock.wall += jump
    bot.server.finish()
    (job,) = await bot.until_over(receipt.accepted.request.id)
    assert job.state is JobState.DONE
    entries = await bot.store.ledger(since=-(10**15))
    assert sorted(entry.kind for entry in entries) == [EntryKind.RESERVE, EntryKind.SETTLE]
    assert len({entry.quota_day for entry in entries}) == 1, "of the day of its reserve"
    await bot.service.operator.queue()
    await paint(bot, "a boat")


async def test_a_picture_that_is_painted_over_midnight_is_charged_to_the_day_that_it_was_asked_on(
    tmp_path: Path,
) -> None:
    clock = FakeClock(wall=START // 86_400_000 * 86_400_000 + 86_400_000 - 1000)
    async with bot_at_work(tmp_path, clock=clock) as bot:
        receipt = await bot.ask("a fox")
        await bot.server.until_waiting(1)
        bot.server.start()
        clock.advance(2)
        bot.server.finish()
        await bot.until_over(receipt.accepted.request.id)
        days = {entry.quota_day for entry in await bot.store.ledger()}
        assert len(days) == 1
        standing = await bot.service.usecases.standing(Asker(IdentityId("test:alice"), "alice"))
        assert standing.use.settled == 0.0, "today begins with nothing used"


# Full disks


class Postman:
    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.outcomes = list(outcomes)
        self.brought = 0

    async def deliver(self, delivery: DeliveryRecord) -> Outcome:  # noqa: ARG002
        self.brought += 1
        outcome = self.outcomes.pop(0) if self.outcomes else Sent("message-1")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.mark.parametrize("outcome", [Later("busy"), RuntimeError("stumbled")], ids=repr)
async def test_a_delivery_that_cannot_be_postponed_for_want_of_space_is_postponed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome | Exception
) -> None:
    postman = Postman(outcome)
    async with bot_at_work(tmp_path, deliverers={"test": postman}) as bot:
        postpone, refused = bot.store.deliver_later, []

        async def full(*args: Any) -> None:
            if len(refused) < 2:
                refused.append(args)
                raise StoreUnavailable(Text("The disk is full."), cause="test")
            await postpone(*args)

        monkeypatch.setattr(bot.store, "deliver_later", full)
        receipt = await bot.ask("a fox", reply="message")
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(receipt.accepted.request.id)
        async with asyncio.timeout(10):
            while postman.brought < 2:
                bot.clock.advance(FIRST_RETRY)
                bot.service.courier.nudge()
                await bot.store.counts()
        assert len(refused) == 2


async def test_what_was_learned_and_could_not_be_written_is_written_later(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, refused = bot.store.save_learned, []

    async def full(*args: Any) -> None:
        if not refused:
            refused.append(args)
            raise StoreUnavailable(Text("The disk is full."), cause="test")
        await save(*args)

    monkeypatch.setattr(bot.store, "save_learned", full)
    await paint(bot)
    async with asyncio.timeout(10):
        while not await bot.store.learned("estimates"):
            bot.clock.advance(dispatching.FLOWS_EVERY)
            await bot.store.counts()
    assert refused


async def test_an_input_that_cannot_be_kept_makes_no_request(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_image: object) -> object:
        raise OutputError(Text("The disk is full."), cause="test")

    monkeypatch.setattr(type(bot.service.usecases.gallery), "keep_input", lambda _self, image: full(image))
    image = InputImage(b"x", ".png", 64, 64)
    with pytest.raises(OutputError):
        await bot.service.usecases.imagine(
            Ask(prompt_text="a fox", image="x.png"),
            Asker(IdentityId("test:a"), "a"),
            Origin("test", "e"),
            {"x.png": image},
        )
    assert await bot.store.ledger() == ()


async def test_idle_flows_are_not_written_again_and_again(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk of a small computer wears out."""
    await paint(bot)
    save, saved = bot.store.save_flows, []

    async def counted(*args: Any) -> None:
        saved.append(args)
        await save(*args)

    monkeypatch.setattr(bot.store, "save_flows", counted)
    for _ in range(10):
        bot.clock.advance(dispatching.FLOWS_EVERY)
        for _ in range(5):
            await bot.store.counts()
    assert len(saved) <= 1


# Caches


async def test_a_template_is_fitted_anew_to_a_catalogue_that_took_the_place_of_another(bot: Bot) -> None:
    """A new object may be where the old one was: identity must not be told by an address."""
    shelf: Shelf = bot.service.usecases.shelf
    template = shelf.library.get("text-to-image")
    await bot.ask("a fox")  # its snapshot is kept now
    seen = []
    for name in ("one.safetensors", "two.safetensors"):
        offer = catalogue({"ckpt_name": (name,)})
        made = await shelf.restored(template.name, template.content_hash, bot.state().name, offer)
        seen.append(made.parameters["model"].choices)  # type: ignore[attr-defined]
        del offer, made
    assert seen == [("one.safetensors",), ("two.safetensors",)]


async def test_an_offer_that_was_read_anew_and_is_the_same_changes_nothing(tmp_path: Path) -> None:
    server = FakeServer()
    async with bot_at_work(tmp_path, [server]) as bot:
        before = bot.state().catalogue
        asked = []
        server.offers = lambda: asked.append(1) or catalogue()  # type: ignore[func-returns-value]
        server._catalogue = None
        async with asyncio.timeout(10):
            while not asked:
                bot.clock.advance(16)
                await bot.store.counts()
        for _ in range(10):
            await bot.store.counts()
        assert bot.state().catalogue is before


async def test_a_run_that_was_given_up_is_stopped_at_its_server(bot: Bot) -> None:
    receipt = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    run = bot.server.start()
    await bot.until_state(receipt.accepted.jobs[0].id, JobState.RUNNING)
    run.tell(Failed(RunTimedOut(Text("No sign of life."), cause="test")))
    await bot.until_over(receipt.accepted.request.id)
    async with asyncio.timeout(10):
        while run.submission.prompt_id not in bot.server.forgotten:
            bot.clock.advance(16)
            await bot.store.counts()
