"""The one gate: who may ask for what, what is free, and what a refusal says."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.domain.errors import (
    Blocked,
    Denied,
    FairbrushError,
    FlagError,
    NotAccepting,
    NothingPainted,
    OutOfMemory,
    ParameterError,
    Quarantined,
    QueueIsFull,
    QuotaUsedUp,
    TooBigForGpu,
    TooManyWaiting,
    WordsBlocked,
)
from bot.domain.ids import IdentityId
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.flags import SHELL, Ask, parse_line
from bot.service.acceptance import Receipt
from bot.service.gate import Asker, Origin
from bot.service.images import check_image
from bot.service.records import EntryKind
from tests.support.audits import check_books
from tests.support.service import START, Bot, bot_at_work

WRONG_COUNT = (ParameterError, FlagError)
ALICE, BOB, VIP = IdentityId("discord:1"), IdentityId("discord:2"), IdentityId("discord:3")


async def ask(
    bot: Bot,
    line: str | Ask,
    who: IdentityId = ALICE,
    *,
    roles: frozenset[str] = frozenset(),
    event: str | None = None,
    **origin: Any,
) -> Receipt:
    (receipt,) = await bot.service.usecases.imagine(
        parse_line(line, SHELL) if isinstance(line, str) else line,
        Asker(who, who, roles),
        Origin("test", event or str(uuid.uuid4()), **origin),
    )
    return receipt


async def painted(bot: Bot, receipt: Receipt, seconds: float = 3.0) -> None:
    for _ in receipt.accepted.jobs:
        await bot.server.until_waiting(1)
        bot.server.finish(seconds)
    jobs = await bot.until_over(receipt.accepted.request.id)
    assert {job.state for job in jobs} == {JobState.DONE}


@asynccontextmanager
async def shop(folder: Path, **sections: Any) -> AsyncIterator[Bot]:
    async with bot_at_work(folder, **sections) as bot:
        yield bot
        await check_books(bot.service, bot.store)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with shop(tmp_path) as bot:
        yield bot


# Repeats


async def test_the_same_picture_once_more_is_free_and_says_so(bot: Bot) -> None:
    first = await ask(bot, "a fox --seed 7")
    await painted(bot, first)
    again = await ask(bot, "a fox --seed 7")
    (job,) = again.accepted.jobs
    assert again.kept == {job.id}
    assert job.state is JobState.DONE
    assert await bot.store.results(job.id) == await bot.store.results(first.accepted.jobs[0].id)
    assert len(bot.server.posted) == 1
    assert [entry.job for entry in await bot.store.ledger()] == [first.accepted.jobs[0].id] * 2
    assert again.accepted.standing.use.jobs == 1


async def test_of_several_pictures_only_the_new_ones_are_painted(bot: Bot) -> None:
    await painted(bot, await ask(bot, "a fox --seed 7 --count 2"))
    more = await ask(bot, "a fox --seed 6 --count 4")
    assert [job.state for job in more.accepted.jobs] == [
        JobState.QUEUED,
        JobState.DONE,
        JobState.DONE,
        JobState.QUEUED,
    ]
    assert more.kept == {more.accepted.jobs[1].id, more.accepted.jobs[2].id}
    for _ in range(2):
        await bot.server.until_waiting(1)
        bot.server.finish()
    await bot.until_over(more.accepted.request.id)


async def test_without_a_seed_it_is_painted_anew(bot: Bot) -> None:
    await painted(bot, await ask(bot, "a fox"))
    assert (await ask(bot, "a fox")).kept == frozenset()


async def test_another_s_picture_is_free_unless_it_is_private(bot: Bot) -> None:
    await painted(bot, await ask(bot, "a fox --seed 1"))
    await painted(bot, await ask(bot, "a boat --seed 1", private=True))
    assert (await ask(bot, "a fox --seed 1", BOB)).kept
    theirs = await ask(bot, "a boat --seed 1", BOB)
    assert theirs.kept == frozenset()
    await painted(bot, theirs)
    assert (await ask(bot, "a boat --seed 1")).kept, "one's own private one"


async def test_what_retention_has_taken_is_painted_again(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, retention={"pictures_days": 1}) as bot:
        await painted(bot, await ask(bot, "a fox --seed 7"))
        bot.clock.wall += 2 * 86_400_000
        assert await bot.service.housekeeping.round() == 1
        again = await ask(bot, "a fox --seed 7")
        assert again.kept == frozenset()
        await painted(bot, again)


async def test_a_repeat_is_free_also_when_the_quota_is_used_up(tmp_path: Path) -> None:
    async with shop(tmp_path, tiers={"default": {"jobs_per_day": 1}}) as bot:
        await painted(bot, await ask(bot, "a fox --seed 7"))
        with pytest.raises(QuotaUsedUp):
            await ask(bot, "a fox --seed 8")
        assert (await ask(bot, "a fox --seed 7")).kept


async def test_a_repeat_of_a_repeat(bot: Bot) -> None:
    await painted(bot, await ask(bot, "a fox --seed 7"))
    for _ in range(3):
        assert (await ask(bot, "a fox --seed 7")).kept


# Words


@pytest.mark.parametrize(
    "line",
    [
        "a gory picture",
        "a G\N{COMBINING ACUTE ACCENT}ory picture",
        "a g\N{CYRILLIC SMALL LETTER O}ry picture",
        "a fox --no gory",
        'a fox --set "negative=gory things"',
        'a fox --set "prompt=gory things"',
        "a fox --model gory",
    ],
)
async def test_a_blocked_word_anywhere(tmp_path: Path, line: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "aiosqlite")  # it tells whatever is written: the rule, for operators
    async with shop(tmp_path, moderation={"blocked_words": ["gory"]}) as bot:
        with pytest.raises((WordsBlocked, FlagError)) as refused:
            await ask(bot, line)
        assert "gory" not in str(refused.value).casefold()
        assert await bot.store.ledger() == ()
    assert "gory" not in caplog.text


async def test_a_word_within_another_is_no_blocked_word(tmp_path: Path) -> None:
    async with shop(tmp_path, moderation={"blocked_words": ["gory"]}) as bot:
        await ask(bot, "an allegory of spring")


async def test_what_was_allowed_once_is_moderated_again_when_it_is_asked_for_again(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        receipt = await ask(bot, "a gory fox --seed 7")
        await painted(bot, receipt)
        server = bot.server
    async with bot_at_work(tmp_path, [server], moderation={"blocked_words": ["gory"]}) as bot:
        with pytest.raises(WordsBlocked):
            await ask(bot, "a gory fox --seed 7")
        with pytest.raises(WordsBlocked):
            await bot.service.reception.follow_ups.again(
                OnRequest(Verb.AGAIN, receipt.accepted.request.id),
                Asker(ALICE, "alice"),
                Origin("test", "again"),
            )


# Quota and limits


async def test_a_refusal_says_the_limit_what_is_left_and_when_it_resets(tmp_path: Path) -> None:
    tiers = {"default": {"gpu_seconds_per_day": 25.0, "max_waiting": 100}}
    async with shop(tmp_path, tiers=tiers) as bot:
        await painted(bot, await ask(bot, "a fox"), seconds=20.0)
        with pytest.raises(QuotaUsedUp) as refused:
            await ask(bot, "a fox --count 2")
        words = str(refused.value)
        assert all(number in words for number in ("20", "15", "25")), words
        midnight = datetime.fromtimestamp(START / 1000, UTC).replace(hour=0, minute=0) + timedelta(days=1)
        assert "00:00" in words
        bot.clock.wall = round(midnight.timestamp() * 1000) + 1000
        await ask(bot, "a fox")


async def test_a_quota_of_nothing(tmp_path: Path) -> None:
    async with shop(tmp_path, tiers={"default": {"gpu_seconds_per_day": 0}}) as bot:
        with pytest.raises(QuotaUsedUp):
            await ask(bot, "a fox")


async def test_one_s_own_limit_and_that_of_the_whole_bot(tmp_path: Path) -> None:
    tiers = {"default": {"max_waiting": 3}}
    async with shop(tmp_path, tiers=tiers, queue={"max_waiting": 5}) as bot:
        await ask(bot, "a fox --count 3")
        with pytest.raises(TooManyWaiting, match="3"):
            await ask(bot, "a fox")
        await ask(bot, "a fox --count 2", BOB)
        with pytest.raises(QueueIsFull, match="5"):
            await ask(bot, "a fox", VIP)
        await painted_one(bot)
        await ask(bot, "a fox", VIP)


async def painted_one(bot: Bot) -> None:
    await bot.server.until_waiting(1)
    done = (await bot.store.counts()).get(JobState.DONE, 0)
    bot.server.finish()
    async with asyncio.timeout(10):
        while (await bot.store.counts()).get(JobState.DONE, 0) == done:
            pass


@pytest.mark.parametrize(
    ("tier", "most"),
    [
        ({"max_waiting": 7}, 7),
        ({"max_waiting": 1000, "jobs_per_day": 9}, 9),
        ({"max_waiting": 1000, "gpu_seconds_per_day": 112.0}, 11),
    ],
    ids=["waiting", "jobs", "seconds"],
)
async def test_a_hundred_at_once_never_pass_the_limit(
    tmp_path: Path, tier: dict[str, Any], most: int
) -> None:
    async with shop(tmp_path, tiers={"default": tier}, queue={"max_waiting": 10_000}) as bot:
        await bot.service.operator.pause("shell:root")
        ends = await asyncio.gather(*(ask(bot, "a fox") for _ in range(100)), return_exceptions=True)
        accepted = [end for end in ends if isinstance(end, Receipt)]
        refused = [end for end in ends if not isinstance(end, Receipt)]
        assert len(accepted) == most, "the first guess is 10 s"
        assert all(isinstance(each, Denied) for each in refused)
        reserves = [e.seconds for e in await bot.store.ledger(limit=1000) if e.kind is EntryKind.RESERVE]
        assert len(reserves) == most
        assert sum(reserves) <= tier.get("gpu_seconds_per_day", 1e9)
        assert len(bot.service.dispatcher.known_jobs()) == most


async def test_a_hundred_people_at_once_never_pass_the_limit_of_the_bot(tmp_path: Path) -> None:
    async with shop(tmp_path, queue={"max_waiting": 12}) as bot:
        await bot.service.operator.pause("shell:root")
        people = [IdentityId(f"discord:{number}") for number in range(100)]
        ends = await asyncio.gather(*(ask(bot, "a fox", who) for who in people), return_exceptions=True)
        assert sum(isinstance(end, Receipt) for end in ends) == 12
        assert sum(isinstance(end, QueueIsFull) for end in ends) == 88


async def test_the_same_event_twice_at_once_is_one_request(bot: Bot) -> None:
    first, second = await asyncio.gather(
        ask(bot, "a fox --count 2", event="interaction-9"), ask(bot, "a fox --count 2", event="interaction-9")
    )
    assert first.accepted.request.id == second.accepted.request.id
    assert sorted((first.accepted.fresh, second.accepted.fresh)) == [False, True]
    assert len(bot.service.dispatcher.known_jobs()) == 2
    assert len(await bot.store.ledger()) == 2


# Tiers and people


async def test_tiers_by_user_role_and_an_operator_s_word(tmp_path: Path) -> None:
    tiers = {
        "default": {"max_count": 1},
        "patron": {"weight": 3.0, "max_count": 2, "user_ids": ["discord:3"]},
        "crew": {"weight": 5.0, "max_count": 3, "discord_role_ids": [77]},
        "guest": {"weight": 0.5, "max_count": 1},
    }
    async with shop(tmp_path, tiers=tiers) as bot:
        await bot.service.operator.pause("shell:root")
        with pytest.raises(WRONG_COUNT):
            await ask(bot, "a fox --count 2")
        assert (await ask(bot, "a fox --count 2", VIP)).accepted.request.tier == "patron"
        crew = frozenset({"discord:77"})
        assert (await ask(bot, "a fox --count 3", BOB, roles=crew)).accepted.request.weight == 5.0
        with pytest.raises(WRONG_COUNT):
            await ask(bot, "a fox --count 3", BOB)  # elsewhere the role means nothing
        await bot.service.accounts.set_tier("discord:3", "guest", actor="shell:root", reason="")
        with pytest.raises(WRONG_COUNT):
            await ask(bot, "a fox --count 2", VIP)
        assert (await ask(bot, "a fox", VIP)).accepted.jobs[0].weight == 0.5


async def test_a_tier_that_was_taken_out_of_the_config_while_in_use(tmp_path: Path) -> None:
    tiers = {"patron": {"weight": 3.0, "max_count": 2}, "default": {"max_count": 1}}
    async with bot_at_work(tmp_path, tiers=tiers) as bot:
        await bot.service.operator.pause("shell:root")
        await ask(bot, "a fox")  # known by now
        await bot.service.accounts.set_tier("discord:1", "patron", actor="shell:root", reason="")
        receipt = await ask(bot, "a fox --count 2")
        server = bot.server
    async with shop_again(tmp_path, server, tiers={"default": {"max_count": 1}}) as bot:
        with pytest.raises(WRONG_COUNT):
            await ask(bot, "a boat --count 2")
        assert (await ask(bot, "a boat")).accepted.request.tier == "default"
        await bot.service.operator.resume("shell:root")
        for _ in range(4):
            await painted_one(bot)
        jobs = await bot.until_over(receipt.accepted.request.id)
        assert [job.state for job in jobs] == [JobState.DONE] * 2


@asynccontextmanager
async def shop_again(folder: Path, server: Any, **sections: Any) -> AsyncIterator[Bot]:
    async with bot_at_work(folder, [server], **sections) as bot:
        yield bot


async def test_who_is_blocked_is_told_until_when_and_why(bot: Bot) -> None:
    until = START + 3_600_000
    await ask(bot, "a fox")
    await bot.service.accounts.block("discord:1", until=until, actor="shell:root", reason="spam")
    with pytest.raises(Blocked, match="spam") as refused:
        await ask(bot, "a fox")
    assert f"{datetime.fromtimestamp(until / 1000, UTC):%H:%M}" in str(refused.value)
    bot.clock.wall = until + 1
    await ask(bot, "a fox")


async def test_a_blocked_user_gets_no_repeat_either(bot: Bot) -> None:
    await painted(bot, await ask(bot, "a fox --seed 7"))
    await bot.service.accounts.block("discord:1", until=START + 10**9, actor="shell:root", reason="")
    with pytest.raises(Blocked):
        await ask(bot, "a fox --seed 7")


# The state of things


async def test_what_ran_out_of_memory_twice_is_refused_beforehand_with_a_size_that_works(bot: Bot) -> None:
    await painted(bot, await ask(bot, "a fox --size 512x512"))
    receipt = await ask(bot, "a fox --size 1024x1024")
    for _ in range(2):
        await bot.server.until_waiting(1)
        text = Text("Out of memory.")
        bot.server.fail(OutOfMemory(text, node_id="5", class_type="KSampler", message="", cause="test"))
    await bot.until_over(receipt.accepted.request.id)
    with pytest.raises(TooBigForGpu, match="512x512"):
        await ask(bot, "a fox --size 1024x1024")
    await ask(bot, "a fox --size 768x768")


async def test_a_template_that_rests(bot: Bot) -> None:
    for number in range(3):
        await ask(bot, "a fox", IdentityId(f"discord:{number + 10}"))
        await bot.server.until_waiting(1)
        bot.server.fail(NothingPainted(Text("It left nothing."), cause="test"))
    await bot.server.until(lambda _: not bot.service.dispatcher.known_jobs())
    with pytest.raises(Quarantined, match="min"):
        await ask(bot, "a fox")
    assert (await ask(bot, "a fox --template flux")).accepted.fresh


async def test_a_queue_that_runs_empty_and_a_bot_that_stops(bot: Bot) -> None:
    await bot.service.operator.drain("shell:root")
    with pytest.raises(NotAccepting, match="operator"):
        await ask(bot, "a fox")
    await bot.service.operator.resume("shell:root")
    bot.service.dispatcher.gates.stopping = True
    with pytest.raises(NotAccepting, match="restart"):
        await ask(bot, "a fox")


# Hostile input


@pytest.mark.parametrize(
    "line",
    [
        "a fox --count 0",
        "a fox --count -1",
        "a fox --count 99999999999999999999",
        "a fox --steps -5",
        "a fox --steps 1e400",
        "a fox --cfg nan",
        "a fox --cfg inf",
        "a fox --size 100000000x100000000",
        "a fox --size -512x512",
        "a fox --ar 0:0",
        "a fox --ar 1:1000000000",
        "a fox --seed 99999999999999999999999999",
        "a fox --seed 0..99999999999",
        "a fox --template ../../etc/passwd",
        "a fox --set seed=[]",
        "a fox --set width=1.5",
        "a fox --lora ../../../x",
        "   ",
        "x" * 30_000,
        "x" * 10_000_000,
    ],
    ids=lambda line: line[:40],
)
async def test_absurd_values_are_refused_with_a_message(bot: Bot, line: str) -> None:
    with pytest.raises(FairbrushError) as refused:
        await ask(bot, line)
    assert str(refused.value)
    assert await bot.store.ledger() == ()


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b> @everyone [x](javascript:x) ../../etc \\ \" ' ; DROP TABLE jobs",
        "\N{RIGHT-TO-LEFT OVERRIDE}fox\N{ZERO WIDTH SPACE}\N{FOX FACE}",
        "{prompt} {0} %s ${x} {{}}",
        "x" * 5900,
    ],
    ids=["markup", "unicode", "placeholders", "long"],
)
async def test_a_text_is_only_a_text(bot: Bot, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """It reaches the graph as it is, and neither the log nor the name of a file."""
    caplog.set_level(logging.INFO)
    receipt = await ask(bot, Ask(prompt_text=text, seed=1))
    await bot.server.until_waiting(1)
    inputs = [value for node in bot.server.posted[0].graph for value in node.inputs.values()]
    assert text in inputs
    bot.server.finish()
    await bot.until_over(receipt.accepted.request.id)
    (kept,), _ = await bot.store.results(receipt.accepted.jobs[0].id)
    assert kept.file.path.isascii()
    assert all(part not in caplog.text for part in (text, text[:20]))


async def test_half_a_character_is_no_crash(bot: Bot) -> None:
    """Phones send halves of characters; no database and no server takes them."""
    try:
        receipt = await ask(bot, Ask(prompt_text="a fox \ud83e", seed=1))
    except FairbrushError:
        return
    await painted(bot, receipt)


async def test_names_and_ids_of_people_are_only_texts(bot: Bot) -> None:
    name = "\N{FOX FACE}" * 500 + "'; DROP TABLE users; -- \x00\ud83e"
    await bot.service.usecases.imagine(
        parse_line("a fox", SHELL), Asker(IdentityId("discord:9"), name), Origin("test", "x" * 5000)
    )
    assert bot.service.dispatcher.known_jobs()
    await bot.service.operator.queue()


# Input files


async def files_in(bot: Bot, kind: str) -> list[Path]:
    return [path for path in (bot.settings.data_dir / kind).rglob("*") if path.is_file()]


async def test_the_picture_of_a_refused_request_is_not_kept(tmp_path: Path) -> None:
    """Whoever is over the limit could fill the disk otherwise."""
    content = BytesIO()
    Image.new("RGB", (64, 64)).save(content, "PNG")
    image = await check_image(content.getvalue(), "sea.png")
    async with shop(tmp_path, tiers={"default": {"jobs_per_day": 1}}) as bot:
        line = parse_line("a fox --image sea.png", SHELL)
        for number in range(3):
            try:
                await bot.service.usecases.imagine(
                    line, Asker(ALICE, "alice"), Origin("test", f"event{number}"), {"sea.png": image}
                )
            except QuotaUsedUp:
                assert number > 0
        again = Origin("test", "event0")
        await bot.service.usecases.imagine(line, Asker(ALICE, "alice"), again, {"sea.png": image})
        assert len(await files_in(bot, "inputs")) == 1
