"""What a reply in Discord shows: unfinished pictures, hidden ones, long words."""

from __future__ import annotations

import asyncio
import io
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.domain.events import Previewed, Progressed
from bot.domain.ids import NodeId
from tests.support.discord import Reply, permissions
from tests.support.discord_bot import Scene, move, says, scene, shows_picture, until
from tests.support.fake_server import FakeRun
from tests.support.service import Bot
from tests.support.templates import WORKFLOWS


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as found:
        yield found


def unfinished(colour: str, size: int = 256) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(content, "JPEG")
    return content.getvalue()


def moving(first: str) -> bytes:
    content = io.BytesIO()
    more = [Image.new("RGB", (64, 64), "black")]
    Image.new("RGB", (64, 64), first).save(content, "WEBP", save_all=True, append_images=more, lossless=True)
    return content.getvalue()


def step(run: FakeRun, number: int) -> None:
    assert run.on_event is not None
    run.on_event(Progressed(number / 20, NodeId("5"), f"Step{number}", number, 20))


def preview(run: FakeRun, content: bytes) -> None:
    assert run.on_event is not None
    run.on_event(Previewed(content, "image/jpeg"))


async def running(here: Scene, prompt: str = "a fox", **options: Any) -> tuple[Reply, FakeRun]:
    reply = await here.imagine(prompt, **options)
    await here.server.until_waiting(1)
    return reply, here.server.start()


async def come_to(bot: Bot, reply: Reply, run: FakeRun, number: int) -> None:
    """Wait until the card shows that step."""
    step(run, number)
    await says(reply, f"Step{number}", bot=bot, step=0.5)


def names(reply: Reply) -> list[str]:
    return [file.filename for file in reply.attachments]


def colour(reply: Reply) -> str:
    """Of the only file."""
    (file,) = reply.attachments
    assert file.content is not None
    with Image.open(io.BytesIO(file.content)) as image:
        red, green, blue = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    return max((red, "red"), (green, "green"), (blue, "blue"))[1]


class TestPreviews:
    async def test_the_newest_is_shown_stays_and_gives_way_to_the_picture(self, here: Scene) -> None:
        async with here.bot() as bot:
            reply, run = await running(here)
            preview(run, unfinished("red"))
            await until(lambda: names(reply) == ["preview.jpg"], bot=bot, step=0.5)
            first = reply.attachments
            assert colour(reply) == "red"
            await come_to(bot, reply, run, 7)
            assert [file.id for file in reply.attachments] == [file.id for file in first], "words leave it"
            preview(run, unfinished("lime"))
            await until(lambda: reply.attachments[0].id != first[0].id, bot=bot, step=0.5)
            assert names(reply) == ["preview.jpg"]
            assert colour(reply) == "green"
            here.server.finish()
            await until(lambda: reply.attachments and names(reply) != ["preview.jpg"])
            assert len(reply.attachments) == 1

    async def test_they_are_sent_every_eight_seconds_at_most(self, here: Scene) -> None:
        async with here.bot() as bot:
            _, run = await running(here)
            for number in range(40):
                preview(run, unfinished("red", 100 + number))
                step(run, number)
                move(bot, 1.0)
                await asyncio.sleep(0.03)
            uploads = [call for call in here.world.calls() if call.files]
            assert 2 <= len(uploads) <= 6

    async def test_they_can_be_switched_off(self, here: Scene) -> None:
        async with here.bot(discord={"previews": False}) as bot:
            reply, run = await running(here)
            preview(run, unfinished("red"))
            await come_to(bot, reply, run, 7)
            move(bot, 20)
            await come_to(bot, reply, run, 8)
            assert not any(look.files for look in reply.history)

    async def test_one_that_moves_is_shown_as_its_first_picture(self, here: Scene) -> None:
        async with here.bot() as bot:
            reply, run = await running(here)
            preview(run, moving("blue"))
            await until(lambda: names(reply), bot=bot, step=0.5)
            assert colour(reply) == "blue"

    async def test_what_is_no_picture_is_left_out(self, here: Scene) -> None:
        async with here.bot() as bot:
            reply, run = await running(here)
            preview(run, b"no picture at all")
            await come_to(bot, reply, run, 7)
            assert not names(reply)

    @pytest.mark.parametrize("status", [500, 413, 400])
    async def test_words_go_on_where_uploads_fail(self, here: Scene, status: int) -> None:
        def has_files(path: str) -> bool:
            return bool(here.world.calls()[-1].files) and "/messages/" in path

        async with here.bot() as bot:
            reply, run = await running(here)
            fault = here.world.faults.fail("update_webhook_message", status, times=None)
            fault.where = has_files
            preview(run, unfinished("red"))
            await come_to(bot, reply, run, 7)
            await come_to(bot, reply, run, 8)
            assert not names(reply)

    async def test_an_upload_that_hangs_is_given_up(
        self, here: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.chat.discord.screen.PREVIEW_SECONDS", 0.2)
        async with here.bot() as bot:
            reply, run = await running(here)
            held = here.world.faults.hold("update_webhook_message", times=1)
            preview(run, unfinished("red"))
            step(run, 7)
            await until(lambda: held.arrived, bot=bot, step=0.5)
            await says(reply, "Step7", bot=bot, step=0.5)
            held.release()

    async def test_a_job_that_goes_back_in_line_shows_none(self, here: Scene) -> None:
        async with here.bot() as bot:
            reply, run = await running(here)
            preview(run, unfinished("red"))
            await until(lambda: names(reply), bot=bot, step=0.5)
            here.server.restart()
            await until(lambda: not names(reply), bot=bot, step=0.5)

    async def test_old_messages_get_none(self, here: Scene) -> None:
        async with here.bot() as bot:
            reply, run = await running(here)
            await come_to(bot, reply, run, 6)
            bot.clock.advance(2 * 3600)
            preview(run, unfinished("red"))
            await come_to(bot, reply, run, 7)
            move(bot, 20)
            await come_to(bot, reply, run, 8)
            assert not names(reply)

    async def test_after_its_token_a_message_still_gets_them(self, here: Scene) -> None:
        async with here.bot() as bot:
            reply, run = await running(here)
            bot.clock.advance(20 * 60)
            preview(run, unfinished("red"))
            await until(lambda: names(reply) == ["preview.jpg"], bot=bot, step=0.5)
            assert here.world.calls("update_message")[-1].files


def adult_templates(folder: Path) -> str:
    """The workflows that come along, of which one more paints for adults."""
    made = folder / "workflows"
    shutil.copytree(WORKFLOWS, made)
    shutil.copy(made / "text-to-image.json", made / "act.json")
    (made / "act.toml").write_text('title = "Act"\nnsfw = true\n', encoding="utf-8")
    return str(made)


class TestNsfw:
    async def test_neither_the_picture_nor_what_is_half_done_is_seen(
        self, here: Scene, tmp_path: Path
    ) -> None:
        async with here.bot(workflows_dir=adult_templates(tmp_path)) as bot:
            reply, run = await running(here, "a fox", template="act", seed="7")
            preview(run, unfinished("red"))
            await come_to(bot, reply, run, 7)
            move(bot, 20)
            await come_to(bot, reply, run, 8)
            here.server.finish()
            await shows_picture(reply)
            (file,) = reply.attachments
            assert file.filename.startswith("SPOILER_")
            assert (file.description or "") == "Spoiler: a fox"
            assert {look.files for look in reply.history} == {(), tuple(reply.attachments)}

    async def test_an_overview_is_hidden_too_and_so_are_long_words(self, here: Scene, tmp_path: Path) -> None:
        async with here.bot(workflows_dir=adult_templates(tmp_path)):
            reply = await here.imagine("fox " * 900, template="act", count=2)
            for _ in range(2):
                await here.server.until_waiting(1)
                here.server.finish()
            await shows_picture(reply, count=3)
            assert all(name.startswith("SPOILER_") for name in names(reply))
            assert names(reply)[0].endswith("overview.jpg")
            assert names(reply)[-1].endswith(".txt")

    async def test_what_is_made_from_such_a_picture_is_hidden_and_refused_alike(
        self, here: Scene, tmp_path: Path
    ) -> None:
        folder = adult_templates(tmp_path)
        async with here.bot(workflows_dir=folder):
            reply, _ = await running(here, template="act")
            here.server.finish()
            await shows_picture(reply)
            for button in ("Upscale", "Vary", "Re-roll"):
                more = await here.alice.press(reply.button(button))
                await here.server.until_waiting(1)
                here.server.finish()
                await shows_picture(more)
                assert names(more)[0].startswith("SPOILER_")
        async with here.bot(workflows_dir=folder, moderation={"nsfw": "block"}) as bot:
            await says(await here.alice.press(reply.button("Upscale")), "for adults", bot=bot)

    async def test_only_age_restricted_channels_where_the_operator_says_so(
        self, here: Scene, tmp_path: Path
    ) -> None:
        sections = {"workflows_dir": adult_templates(tmp_path), "moderation": {"nsfw": "nsfw-channels"}}
        async with here.bot(**sections) as bot:
            refused = await here.imagine(template="act")
            await says(refused, "age-restricted", bot=bot)
            here.channel = here.guild.channel("adults", nsfw=True)
            reply, _ = await running(here, template="act")
            here.server.finish()
            await shows_picture(reply)
            assert not names(reply)[0].startswith("SPOILER_")

    async def test_a_stricter_rule_changes_nothing_of_what_was_accepted(
        self, here: Scene, tmp_path: Path
    ) -> None:
        folder = adult_templates(tmp_path)
        async with here.bot(workflows_dir=folder, moderation={"nsfw": "allow"}):
            reply, _ = await running(here, template="act")
        async with here.bot(workflows_dir=folder, moderation={"nsfw": "spoiler"}) as bot:
            here.server.finish()
            await shows_picture(reply, bot=bot, step=0.5)
            assert not names(reply)[0].startswith("SPOILER_")


class TestWords:
    async def test_six_thousand_characters_are_shortened_and_come_as_a_file(self, here: Scene) -> None:
        prompt = ("*a* `fox` [in](https://x.test) @everyone <@1> ||snow|| \\_ # - " * 100)[:6000]
        async with here.bot():
            reply, _ = await running(here, prompt)
            here.server.finish()
            await shows_picture(reply)
            (embed,) = reply.embeds
            assert len(embed["description"]) <= 4096
            assert "…" in embed["description"]
            file = reply.attachments[1]
            assert file.filename.endswith(".txt")
            assert (file.content or b"").decode() == prompt.strip()
            assert not reply.shown.pinged

    async def test_words_that_fit_come_as_no_file(self, here: Scene) -> None:
        async with here.bot():
            reply, _ = await running(here, "a  fox\u200b  in the snow, " * 40)
            here.server.finish()
            await shows_picture(reply)
            assert len(reply.attachments) == 1

    async def test_where_embeds_are_not_taken_the_card_is_text(
        self, here: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "bot.chat")
        async with here.bot() as bot:
            reply, run = await running(here, "a fox https://x.test/y")
            await come_to(bot, reply, run, 6)
            bot.clock.advance(20 * 60)
            here.channel.deny(here.world.bot, permissions.EMBED_LINKS)
            for number in (7, 8, 9):
                step(run, number)
                await until(lambda n=number: f"Step{n}" in reply.content, bot=bot, step=0.5)  # type: ignore[misc]
            assert not reply.embeds
            assert "x.test" not in reply.content
            assert len([call for call in here.world.calls() if call.status == 403]) == 1
            assert len([line for line in caplog.messages if "shown as text" in line]) == 1
            here.channel.allow(here.world.bot, permissions.EMBED_LINKS)
