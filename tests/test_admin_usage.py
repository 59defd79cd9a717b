"""``/admin usage``: the numbers in words and as a picture, on both platforms, for operators alone."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.errors import NotAllowed
from bot.presentation.card_plain import plain
from bot.service.charts import Drawn
from tests.admin_support import ADA, ANN, BOB, Office, office
from tests.support import discord_bot, telegram_bot
from tests.support.telegram import FloodLimits

PNG = b"\x89PNG"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as found:
        yield found


async def painted(here: Office) -> None:
    for line, asker, seconds in (("a fox", ANN, 2.0), ("an owl --count 2", BOB, 5.0)):
        receipt = await here.ask(line, asker)
        for _ in receipt.accepted.jobs:
            await here.bot.server.until_waiting(1)
            here.bot.server.finish(seconds=seconds)
        await here.bot.until_over(receipt.accepted.request.id)


@pytest.mark.parametrize(("by", "names"), [("user", ["Bob", "Ann"]), ("template", ["text-to-image"])])
async def test_the_chart_says_what_the_table_says(here: Office, by: str, names: list[str]) -> None:
    await painted(here)
    told = await here.tell("usage", by=by, days="7")
    assert "3 pictures, 12 s of GPU time." in plain(told.card)
    assert isinstance(told.drawing, Drawn)
    used, waited = told.drawing.charts
    assert [str(series.name.words) for series in used.series] == names
    assert math.fsum(series.total for series in used.series) == 12.0
    assert [label.short for label in used.labels][-1] == "01-15"
    assert len(used.labels) == 7
    assert {str(label.words) for label in waited.labels} == {"Ann", "Bob"}
    assert "owl" not in str(told.drawing.charts)


async def test_by_day_is_stacked_by_user(here: Office) -> None:
    await painted(here)
    told = await here.tell("usage", by="day")
    assert told.drawing is not None
    assert [str(series.name.words) for series in told.drawing.charts[0].series] == ["Bob", "Ann"]


async def test_nothing_used_is_a_sentence(here: Office) -> None:
    told = await here.tell("usage")
    assert "Nothing was asked for" in plain(told.card)
    assert told.drawing is None
    await here.ask("a fox", ANN)  # it waits, and has used nothing
    assert (await here.tell("usage")).drawing is None


async def test_discord_shows_the_picture_in_the_card_to_the_operator_alone(tmp_path: Path) -> None:
    async with discord_bot.scene(tmp_path) as there:
        boss = there.guild.member("boss", admin=True)
        async with there.bot(discord={"admin_ids": [boss.id]}):
            empty = await (await boss.slash(there.channel, "admin usage")).filled()
            assert empty.shown.attachments == []
            painting = await there.imagine()
            await there.server.until_waiting(1)
            there.server.finish(seconds=3.0)
            await discord_bot.shows_picture(painting)
            reply = await (await boss.slash(there.channel, "admin usage")).filled()
            assert reply.ephemeral
            (file,) = reply.shown.raw.files
            assert file.content.startswith(PNG)
            assert "3 s in all" in (file.description or "")
            assert reply.shown.raw.embeds[0]["image"]["url"]
            assert "3 s of GPU time" in reply.text


async def test_discord_shows_the_words_where_it_takes_no_picture(tmp_path: Path) -> None:
    async with discord_bot.scene(tmp_path) as there:
        boss = there.guild.member("boss", admin=True)
        async with there.bot(discord={"admin_ids": [boss.id]}):
            painting = await there.imagine()
            await there.server.until_waiting(1)
            there.server.finish(seconds=3.0)
            await discord_bot.shows_picture(painting)
            there.world.faults.fail("update_original_webhook_message", 403, code=50013)
            reply = await (await boss.slash(there.channel, "admin usage")).filled()
            assert "3 s of GPU time" in reply.text
            assert reply.shown.raw.files == []


async def test_telegram_shows_the_picture_to_the_operator_alone(tmp_path: Path) -> None:
    async with telegram_bot.scene(tmp_path, limits=FloodLimits.off()) as there:
        boss = there.world.user("Boss")
        chat = there.world.private(boss)
        group = there.world.supergroup("Painters", there.alice, boss, bot=True)
        async with there.bot(telegram={"admin_ids": [boss.id]}) as bot:
            await boss.says(chat, "/start")
            await there.alice.says(there.chat, "/imagine a fox")
            await telegram_bot.painted(bot, there.chat)
            said = len(group.by_bot)
            await boss.says(group, "/admin usage")
            await telegram_bot.until(bot, lambda: bool(telegram_bot.photos(chat)))
            (shown,) = telegram_bot.photos(chat)
            assert "of GPU time" in shown.text
            assert len(group.by_bot) == said


async def test_telegram_takes_it_as_a_file_where_it_takes_no_photo(tmp_path: Path) -> None:
    async with telegram_bot.scene(tmp_path, limits=FloodLimits.off()) as there:
        boss = there.world.user("Boss")
        chat = there.world.private(boss)
        async with there.bot(telegram={"admin_ids": [boss.id]}) as bot:
            await there.alice.says(there.chat, "/imagine a fox")
            await telegram_bot.painted(bot, there.chat)
            there.world.faults.fail("sendPhoto", 400, description="Bad Request: IMAGE_PROCESS_FAILED")
            await boss.says(chat, "/admin usage")
            await telegram_bot.until(bot, lambda: any(each.document for each in chat.by_bot))
            (shown,) = [each for each in chat.by_bot if each.document]
            assert "of GPU time" in shown.text


async def test_telegram_says_what_does_not_fit_below_a_picture_before_it(tmp_path: Path) -> None:
    async with telegram_bot.scene(tmp_path, limits=FloodLimits.off()) as there:
        boss = there.world.user("Boss")
        chat = there.world.private(boss)
        async with there.bot(telegram={"admin_ids": [boss.id]}) as bot:
            for number in range(16):
                name = f"{number} " + "Somebody with a name that is as long as a name can be"
                receipt = await bot.ask("a fox", f"{number}")
                await bot.service.accounts.person(receipt.accepted.request.identity, name)
                await there.server.until_waiting(1)
                there.server.finish(seconds=1.0)
                await bot.until_over(receipt.accepted.request.id)
            await boss.says(chat, "/admin usage")
            await telegram_bot.until(bot, lambda: bool(telegram_bot.photos(chat)))
            words, picture = chat.by_bot[-2:]
            assert words.text.count("Somebody") == 15
            assert "and 1 more" in words.text
            assert "16 s in all" in picture.text
            assert len(picture.text) < 1024


async def test_only_operators_see_it(here: Office) -> None:
    with pytest.raises(NotAllowed):
        await here.tell("usage", ANN)
    assert (await here.tell("usage", ADA)).card.private
