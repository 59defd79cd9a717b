"""Asking again for what was asked before."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bot.domain.errors import NotAccepting, NotFound, NotYours
from bot.domain.ids import IdentityId, RequestId
from bot.domain.jobs import JobState
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.flags import CHAT, SHELL, Ask, parse_line
from bot.service.acceptance import Receipt
from bot.service.again import ask_of, images_of, line_for, own_ask
from bot.service.gate import Asker, Origin
from bot.service.housekeeping import DAY_MS
from bot.service.images import check_image
from tests.support.service import Bot, bot_at_work


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with bot_at_work(tmp_path, moderation={"blocked_words": ["bad"]}) as bot:
        yield bot


def asker(who: str) -> Asker:
    return Asker(IdentityId(f"test:{who}"), who)


def origin(event: str) -> Origin:
    return Origin("test", event)


async def again_by(bot: Bot, request: RequestId, who: str, event: str) -> tuple[Receipt, ...]:
    """What a button does."""
    action = OnRequest(Verb.AGAIN, request)
    return await bot.service.reception.follow_ups.again(action, asker(who), origin(event))


async def test_the_same_again_has_another_seed_and_the_same_values(bot: Bot) -> None:
    first = await bot.ask("a fox --seed 7 --steps 9 --no people, boats --ar 3:2 --count 2 --style ink")
    (again,) = await again_by(bot, first.accepted.request.id, "alice", "press-1")
    before, after = first.values.values, again.values.values
    assert after["seed"] != before["seed"]
    assert {k: v for k, v in after.items() if k != "seed"} == {k: v for k, v in before.items() if k != "seed"}
    assert again.accepted.request.count == 2
    assert again.values.words["prompt_text"] == "a fox"
    assert again.accepted.jobs[0].state is JobState.QUEUED


async def test_whoever_asks_again_pays_and_waits_as_themselves(bot: Bot) -> None:
    first = await bot.ask("a fox", "alice")
    (again,) = await again_by(bot, first.accepted.request.id, "bob", "press-1")
    assert again.accepted.request.user == "test:bob"
    assert {entry.identity for entry in await bot.store.ledger()} == {"test:alice", "test:bob"}


async def test_a_double_click_makes_one_request(bot: Bot) -> None:
    first = await bot.ask("a fox")
    one = await again_by(bot, first.accepted.request.id, "alice", "press-1")
    two = await again_by(bot, first.accepted.request.id, "alice", "press-1")
    assert one[0].accepted.request.id == two[0].accepted.request.id


async def test_a_private_one_is_nobody_elses(bot: Bot) -> None:
    first = await bot.ask("a fox --private")
    with pytest.raises(NotYours):
        await again_by(bot, first.accepted.request.id, "bob", "press-1")
    (again,) = await again_by(bot, first.accepted.request.id, "alice", "press-2")
    assert again.accepted.request.private


@pytest.mark.parametrize(
    "named", ["--image photo.png", "--set image=photo.png", "--set Input-Image=photo.png"]
)
async def test_input_pictures_come_along(bot: Bot, named: str) -> None:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(content, "PNG")
    image = await check_image(content.getvalue(), "photo.png")
    (first,) = await bot.service.usecases.imagine(
        parse_line(f"in the rain {named} --denoise 0.6 --template image-to-image", SHELL),
        asker("alice"),
        origin("first"),
        {"photo.png": image},
    )
    (again,) = await again_by(bot, first.accepted.request.id, "alice", "press-1")
    assert [file.sha256 for file in again.accepted.request.inputs] == [
        file.sha256 for file in first.accepted.request.inputs
    ]


async def test_a_picture_of_which_nothing_is_known_any_more(bot: Bot) -> None:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(content, "PNG")
    image = await check_image(content.getvalue(), "photo.png")
    (first,) = await bot.service.usecases.imagine(
        parse_line("in the rain --image photo.png", SHELL),
        asker("alice"),
        origin("first"),
        {"photo.png": image},
    )
    record = first.accepted.request
    gallery = bot.service.usecases.gallery
    assert (await images_of(record, ask_of(record), gallery))["photo.png"].content == content.getvalue()
    with pytest.raises(NotFound, match="The picture that this one began with is not kept any more"):
        await images_of(replace(record, inputs=()), ask_of(record), gallery)


async def test_of_a_seed_range_each_picture_goes_by_its_own_seed(bot: Bot) -> None:
    _, second, _ = await bot.service.usecases.imagine(
        parse_line("a fox --seed 1-3 --steps 9", SHELL), asker("alice"), origin("range")
    )
    record = second.accepted.request
    assert own_ask(record) == Ask("a fox", template="text-to-image", seed=2, values={"steps": "9"})
    assert line_for(record) == "a fox --seed 2 --template text-to-image --steps 9"


async def test_the_line_of_a_request_asks_for_the_same_in_a_chat(bot: Bot) -> None:
    first = await bot.ask("a “fox” -- and --no cat --count 2 --style ink --size 512x512 --private")
    line = line_for(first.accepted.request)
    seed = first.values.seed
    expected = parse_line("a “fox” -- and --no cat --count 2 --style ink --size 512x512 --private")
    assert parse_line(line, CHAT) == replace(expected, template="text-to-image", seed=seed)


async def test_what_is_forgotten_cannot_be_asked_again(bot: Bot) -> None:
    first = await bot.ask("a fox")
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_over(first.accepted.request.id)
    bot.clock.wall += 40 * DAY_MS
    await bot.service.housekeeping.round()
    with pytest.raises(NotFound, match="not kept any more"):
        await again_by(bot, first.accepted.request.id, "alice", "press-1")
    with pytest.raises(NotFound, match="no request"):
        await again_by(bot, RequestId("nosuch"), "alice", "press-2")


async def test_what_was_accepted_stays_accepted_when_its_answer_was_lost(bot: Bot) -> None:
    """A shell or a platform that asks again is not refused for what has been closed since."""
    usecases = bot.service.usecases
    ask = parse_line("a fox --seed 1-3", SHELL)
    first = await usecases.imagine(ask, asker("alice"), origin("event-1"))
    await bot.service.operator.drain("shell:root")
    again = await usecases.imagine(ask, asker("alice"), origin("event-1"))
    assert [one.accepted.request.id for one in again] == [one.accepted.request.id for one in first]
    assert [[job.id for job in one.accepted.jobs] for one in again] == [
        [job.id for job in one.accepted.jobs] for one in first
    ]
    assert not any(one.accepted.fresh for one in again)
    assert [one.values.seed for one in again] == [1, 2, 3]
    with pytest.raises(NotAccepting):
        await usecases.imagine(ask, asker("alice"), origin("event-2"))
    with pytest.raises(NotAccepting):
        await usecases.imagine(ask, asker("mallory"), origin("event-1"))
